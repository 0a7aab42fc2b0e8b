"""A check seen in one of the three readings: its classes, and the theorems in that reading.

The classes are the theory's; so are the theorems, which are asked once more of the classes of the
reading (definitions.md: popek names the reading beside every verdict, and never mixes them).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from popek.report.code import Code
from popek.report.sensitivity import reason_in, witness_in
from popek.theory.check import Check
from popek.theory.theorems import Theorem, hybrid, recursive, vmm
from popek.theory.verdict import Class, FormVerdict, Sensitivity, Witness, worst

Reading = Literal["direct", "general", "pg74"]

#: The order in which classes are shown.
SHOWN = (Class.INNOCUOUS, Class.PRIVILEGED, Class.GUARDED, Class.CRITICAL, Class.UNDECIDED)


@dataclass(frozen=True, slots=True)
class Row:
    """A form with its class in the reading, and why.  `user`: in the least privileged level too."""

    verdict: FormVerdict
    kind: Class
    reason: str
    user: bool | None
    witness: Witness | None

    @property
    def mnemonic(self) -> str:
        return self.verdict.form.mnemonic


@dataclass(frozen=True)
class View:
    """What is shown of a check."""

    check: Check
    reading: Reading

    @cached_property
    def code(self) -> Code:
        """Writes the instructions of witnesses."""
        return Code(self.check.isa)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All forms, in the order of the spec."""
        return tuple(_row(v, self.reading) for v in self.check.verdicts)

    def of(self, kind: Class) -> list[Row]:
        """The forms of a class."""
        return [row for row in self.rows if row.kind is kind]

    @property
    def summary(self) -> dict[str, int]:
        """How many forms there are, and of each class."""
        return {"forms": len(self.rows), **{k.value: len(self.of(k)) for k in SHOWN}}

    @cached_property
    def mnemonics(self) -> dict[str, Class]:
        """Each mnemonic with the worst class of its forms."""
        found: dict[str, list[Class]] = {}
        for row in self.rows:
            found.setdefault(row.mnemonic, []).append(row.kind)
        return {name: worst(kinds) for name, kinds in found.items()}

    def mnemonics_of(self, kind: Class) -> list[str]:
        """The mnemonics whose worst class this is."""
        return [name for name, its in self.mnemonics.items() if its is kind]

    @cached_property
    def theorems(self) -> dict[str, Theorem]:
        """The three theorems by their name in JSON."""
        check = self.check
        if self.reading == "direct" or check.interrupted:
            one, two, three = check.vmm, check.recursive, check.hybrid
        else:
            one, two, three = self._decided()
        return {"vmm": one, "recursive": two, "hybrid": three}

    @property
    def contract_matters(self) -> bool:
        """Whether Theorem 3 rests on the spec's contract for user mode."""
        check = self.check
        return self.reading == "direct" and (
            check.hybrid.verdict is not check.hybrid_without_contract.verdict
        )

    def _decided(self) -> tuple[Theorem, Theorem, Theorem]:
        """1974 to the letter: no host's choice, and timing exempt or not."""
        seen = [replace(r.verdict, kind=r.kind, user=r.user) for r in self.rows]
        one = vmm(seen, True)
        timed = [
            replace(v, kind=Class.CRITICAL) if v.shows_clock and v.kind is Class.INNOCUOUS else v
            for v in seen
        ]
        clocks = [v.form.mnemonic for v in seen if v.shows_clock]
        two = recursive(one, vmm(timed, True), clocks)
        failing = [v for v in seen if v.kind is Class.CRITICAL and v.user is True]
        undecided = [
            v for v in seen if v.kind in (Class.CRITICAL, Class.UNDECIDED) and v.user is None
        ]
        return one, two, hybrid(failing, undecided)


def _row(verdict: FormVerdict, reading: Reading) -> Row:
    if reading == "direct":
        return Row(verdict, verdict.kind, verdict.reason, verdict.user, verdict.witness)
    found = sensitivity_in(verdict, reading)
    return Row(verdict, found.kind, reason_in(found), found.user, witness_in(found))


def sensitivity_in(verdict: FormVerdict, reading: Reading) -> Sensitivity:
    """The properties of a form in `general` or `pg74`."""
    return verdict.general if reading == "general" else verdict.pg74


def view(check: Check, reading: Reading) -> View:
    """The check in a reading; raises ValueError if there is none of this name."""
    if reading not in get_args(Reading):
        raise ValueError(f"there is no reading {reading}; {', '.join(get_args(Reading))}")
    return View(check, reading)
