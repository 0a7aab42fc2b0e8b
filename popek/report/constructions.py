"""Which hypervisors remain for an ISA, and what each costs.

The theorems are sufficient conditions: where a premise fails, that construction loses its proof,
and the others stand as they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from popek.report.view import View
from popek.theory.theorems import Theorem, Verdict, count
from popek.theory.verdict import Class


class Standing(StrEnum):
    """What the verdicts say of a construction."""

    EXISTS = "exists"
    NO_PROOF = "no proof"
    UNDECIDED = "undecided"
    POSSIBLE = "possible"
    NEEDLESS = "not needed"


@dataclass(frozen=True, slots=True)
class Construction:
    """One way to build a hypervisor; `says` is the reason, and the price."""

    name: str
    standing: Standing
    says: str


def constructions(view: View) -> tuple[Construction, ...]:
    """Those that the literature knows, in the order of their price."""
    return (
        _trap_and_emulate(view),
        _hybrid(view),
        _patching(view),
        Construction(
            "full virtualization",
            Standing.POSSIBLE,
            "interpret or translate every instruction: needs no theorem, and gives up running "
            "innocuous instructions unchanged on the processor",
        ),
        _paravirtualization(view),
        _assistance(view),
    )


def _standing(theorem: Theorem) -> Standing:
    match theorem.verdict:
        case Verdict.PROVED:
            return Standing.EXISTS
        case Verdict.REFUTED:
            return Standing.NO_PROOF
        case Verdict.UNDECIDED:
            return Standing.UNDECIDED


def some_of(names: Sequence[str], most: int = 6) -> str:
    """`POPF, PUSHF, SGDT and 14 more`."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _trap_and_emulate(view: View) -> Construction:
    theorem = view.theorems["vmm"]
    match theorem.verdict:
        case Verdict.PROVED:
            says = "Theorem 1: every form that would go wrong traps; nothing else slows down"
        case Verdict.REFUTED:
            says = f"the premise of Theorem 1 fails at {some_of(theorem.because)}"
        case Verdict.UNDECIDED:
            at = f" at {some_of(theorem.because)}" if theorem.because else ""
            says = f"the premise of Theorem 1 is not decided{at}"
    return Construction("trap-and-emulate", _standing(theorem), says)


def _hybrid(view: View) -> Construction:
    theorem = view.theorems["hybrid"]
    lowest = view.check.isa.mode.levels[-1].name
    match theorem.verdict:
        case Verdict.PROVED:
            says = (
                "Theorem 3: no form goes wrong in virtual user mode, which runs directly; virtual "
                "supervisor mode is interpreted whole"
            )
            if view.contract_matters:
                says += "; only under the spec's contract for user mode"
        case Verdict.REFUTED:
            says = (
                f"the premise of Theorem 3 fails: {some_of(theorem.because)} "
                f"{'goes' if len(theorem.because) == 1 else 'go'} wrong in virtual user mode too "
                f"(level {lowest})"
            )
        case Verdict.UNDECIDED:
            at = f" at {some_of(theorem.because)}" if theorem.because else ""
            says = f"the premise of Theorem 3 is not decided{at}"
    return Construction("hybrid", _standing(theorem), says)


def _critical(view: View) -> tuple[list[str], int]:
    """The critical mnemonics, and how many forms they are."""
    rows = view.of(Class.CRITICAL)
    return list(dict.fromkeys(row.mnemonic for row in rows)), len(rows)


def _and_undecided(view: View) -> str:
    undecided = view.of(Class.UNDECIDED)
    return f", and the {count(len(undecided), 'undecided form')}" if undecided else ""


def _patching(view: View) -> Construction:
    mnemonics, forms = _critical(view)
    if not forms:
        return Construction("code patching", *_nothing_critical(view))
    what = f"{count(forms, 'critical form')} of {count(len(mnemonics), 'mnemonic')}"
    if len(mnemonics) == 1:
        what = f"{'critical form' if forms == 1 else f'{forms} critical forms'} of {mnemonics[0]}"
    return Construction(
        "code patching",
        Standing.POSSIBLE,
        f"replace the {what}{_and_undecided(view)} by traps; the price is to scan all code before "
        "it is executed, and again when it changes",
    )


def _nothing_critical(view: View) -> tuple[Standing, str]:
    if view.of(Class.UNDECIDED):
        return Standing.UNDECIDED, "no form is critical so far; some are undecided"
    return Standing.NEEDLESS, "no form is critical"


def _paravirtualization(view: View) -> Construction:
    mnemonics, forms = _critical(view)
    if not forms:
        return Construction("paravirtualization", *_nothing_critical(view))
    return Construction(
        "paravirtualization",
        Standing.POSSIBLE,
        f"the guest calls the hypervisor in place of {some_of(mnemonics)}; the price is a guest "
        "that is changed at its source",
    )


def _assistance(view: View) -> Construction:
    mnemonics, forms = _critical(view)
    if not forms:
        return Construction("hardware assistance", *_nothing_critical(view))
    return Construction(
        "hardware assistance",
        Standing.POSSIBLE,
        f"a processor on which {some_of(mnemonics)} {'traps' if len(mnemonics) == 1 else 'trap'} "
        "in the guest, or that has the state in question twice; that is another ISA, with a check "
        "of its own",
    )


def single_critical(view: View) -> str | None:
    """Whether one critical instruction already rules out an efficient hypervisor.

    The question of the textbooks, answered where an ISA has exactly one.
    """
    mnemonics, forms = _critical(view)
    if len(mnemonics) != 1 or view.of(Class.UNDECIDED):
        return None
    name = mnemonics[0]
    hybrid = view.theorems["hybrid"]
    answer = (
        f"{name} alone is critical. Does one critical instruction already rule out an efficient "
        "hypervisor? In the sense of Smith and Nair, yes: a true, efficient hypervisor runs every "
        "innocuous instruction directly and sees every sensitive one trap, and this one does not. "
    )
    match hybrid.verdict:
        case Verdict.PROVED:
            answer += (
                f"But {name} goes wrong in virtual supervisor mode only, so a hybrid hypervisor "
                "exists (Theorem 3)"
            )
        case Verdict.REFUTED:
            answer += f"{name} goes wrong in virtual user mode too, so Theorem 3 gives no hybrid"
        case Verdict.UNDECIDED:
            answer += "Whether Theorem 3 gives a hybrid is not decided"
    return f"{answer}. Patching has {count(forms, 'form')} to find in all code before it runs."
