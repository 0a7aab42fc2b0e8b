"""Theorems 1, 2 and 3 of 1974, as premises that popek decides (definitions.md, section 4).

They are sufficient conditions: a premise that fails says nothing of other constructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from popek.theory.verdict import Class, FormVerdict


class Verdict(StrEnum):
    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Theorem:
    """`because`: the mnemonics at which the premise fails, or is undecided."""

    verdict: Verdict
    because: tuple[str, ...]
    says: str


def _mnemonics(verdicts: Iterable[FormVerdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v.form.mnemonic for v in verdicts))


def vmm(verdicts: Sequence[FormVerdict], admissible: bool) -> Theorem:
    """Theorem 1: no critical and no undecided form, under an admissible choice."""
    critical = [v for v in verdicts if v.kind is Class.CRITICAL]
    undecided = [v for v in verdicts if v.kind is Class.UNDECIDED]
    if critical:
        names = _mnemonics(critical)
        return Theorem(
            Verdict.REFUTED,
            names,
            f"the premise fails at {count(len(critical), 'critical form')} "
            f"of {count(len(names), 'mnemonic')}",
        )
    if undecided or not admissible:
        return Theorem(Verdict.UNDECIDED, _mnemonics(undecided), "the premise is not decided")
    return Theorem(
        Verdict.PROVED,
        (),
        "a trap-and-emulate hypervisor exists that is equivalent, in control and efficient",
    )


def recursive(plain: Theorem, timed: Theorem, clocks: Sequence[str]) -> Theorem:
    """Theorem 2: Theorem 1 once more, with every clock in role `resource`."""
    if plain.verdict is not Verdict.PROVED:
        return Theorem(plain.verdict, plain.because, "rests on Theorem 1")
    if timed.verdict is Verdict.PROVED:
        return Theorem(Verdict.PROVED, (), "the hypervisor runs under itself, to any depth")
    if timed.verdict is Verdict.REFUTED and set(timed.because) <= set(clocks):
        names = ", ".join(timed.because)
        return Theorem(
            Verdict.REFUTED, timed.because, f"recursive, timing exempt: {names} show a clock"
        )
    return Theorem(timed.verdict, timed.because, timed.says)


def hybrid(failing: Sequence[FormVerdict], undecided: Sequence[FormVerdict]) -> Theorem:
    """Theorem 3: DX holds for every form when v is in virtual user mode.

    `failing` and `undecided` are the forms for which it does not, or is not decided.
    """
    if failing:
        names = _mnemonics(failing)
        return Theorem(Verdict.REFUTED, names, f"fails in user mode at {', '.join(names)}")
    if undecided:
        return Theorem(Verdict.UNDECIDED, _mnemonics(undecided), "the premise is not decided")
    return Theorem(
        Verdict.PROVED,
        (),
        "a hybrid VM exists: virtual supervisor mode is interpreted whole, user mode runs direct",
    )


def count(n: int, what: str) -> str:
    """`1 form`, `2 forms`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
