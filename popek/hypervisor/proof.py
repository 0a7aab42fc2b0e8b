"""What `popek prove` finds out about a design: the verdicts, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from popek.hypervisor.cost import Expense
from popek.hypervisor.design import Design, Disposition, Expectation, Property, Rule
from popek.hypervisor.interrupts import Arrival
from popek.hypervisor.virtual_step import Case
from popek.isa import ir
from popek.theory.assumptions import Assumed
from popek.theory.prover import Stats
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class, Finding, Refuted, Undecided


class Kind(StrEnum):
    """What a design is, in Smith and Nair's words."""

    TRUE = "true hypervisor"
    HYBRID = "hybrid"
    INEFFICIENT = "hypervisor, not efficient"
    NONE = "not a hypervisor"


def selected(isa: ir.Isa, form: ir.Form, names: Iterable[str], kind: Class) -> bool:
    """Whether a list of instructions, groups and classes has the form."""
    own = {form.name, form.mnemonic, kind.value, "everything"}
    own |= {group for group, members in isa.groups.items() if own & set(members)}
    return bool(own & set(names))


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """What several findings come to."""
    kinds = {type(finding) for finding in findings}
    if Refuted in kinds:
        return Verdict.REFUTED
    return Verdict.UNDECIDED if Undecided in kinds else Verdict.PROVED


@dataclass(frozen=True, slots=True)
class FormProof:
    """What was found of one form at one level, under one rule."""

    case: Case
    rule: Rule
    finding: Finding

    @property
    def form(self) -> ir.Form:
        return self.case.form

    @property
    def level(self) -> ir.Level:
        return self.case.level

    @property
    def disposition(self) -> Disposition:
        """The rule's, but for what is its own translation."""
        return self.case.disposition


@dataclass(frozen=True, slots=True)
class InterruptProof:
    """What was found of something between instructions, at one level of the guest's.

    `arrival` is an interrupt of the real machine's that comes; None: `title` says what it is, and
    `failing` what is so where it fails.
    """

    title: str
    level: ir.Level
    arrival: Arrival | None
    finding: Finding
    failing: str = ""

    @property
    def interrupt(self) -> str:
        """The interrupt's name, or nothing."""
        return "" if self.arrival is None else self.arrival.interrupt.name


@dataclass(frozen=True, slots=True)
class PropertyProof:
    """One property over all forms.  `complete`: all of them were reached."""

    of: Property
    forms: tuple[FormProof, ...]
    interrupts: tuple[InterruptProof, ...]
    #: Interrupts of the guest's that no handler injects.
    lost: tuple[str, ...] = ()
    complete: bool = True

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of forms, then those between instructions."""
        return (*(f.finding for f in self.forms), *(i.finding for i in self.interrupts))

    @property
    def verdict(self) -> Verdict:
        found = verdict_of(self.findings)
        if self.lost:
            return Verdict.REFUTED
        if not self.complete and found is Verdict.PROVED:
            return Verdict.UNDECIDED
        return found

    @property
    def refuted_interrupts(self) -> tuple[InterruptProof, ...]:
        """Where it fails between instructions."""
        return tuple(i for i in self.interrupts if isinstance(i.finding, Refuted))

    @property
    def refuted(self) -> tuple[ir.Form, ...]:
        """The forms at which it fails, each once."""
        found = {p.form.key: p.form for p in self.forms if isinstance(p.finding, Refuted)}
        return tuple(found.values())

    @property
    def open(self) -> bool:
        """Whether something is not decided."""
        return not self.complete or any(isinstance(f, Undecided) for f in self.findings)


@dataclass(frozen=True)
class Proof:
    """All that `popek prove` finds out about one design.  `partial`: of some forms alone."""

    design: Design
    classes: Mapping[tuple[str, str], Class]
    properties: Mapping[Property, PropertyProof]
    stats: Stats
    assumptions: tuple[Assumed, ...] = ()
    expenses: tuple[Expense, ...] = ()
    partial: bool = False
    interrupted: bool = False

    @property
    def kind(self) -> Kind | None:
        """None where a property that it depends on is undecided."""
        verdicts = {p: found.verdict for p, found in self.properties.items()}
        base = [verdicts[Property.EQUIVALENCE], verdicts[Property.CONTROL]]
        if Verdict.REFUTED in base:
            return Kind.NONE
        if Verdict.UNDECIDED in (*base, verdicts[Property.EFFICIENCY]):
            return None
        if verdicts[Property.EFFICIENCY] is Verdict.PROVED:
            critical = Class.CRITICAL in self.classes.values()
            return Kind.HYBRID if critical else Kind.TRUE
        return Kind.HYBRID if any(r.condition for r in self.design.rules) else Kind.INEFFICIENT

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """Those about a form that was asked about."""
        every = self.design.expectations
        return tuple(e for e in every if not self.partial or self._named(e))

    def met(self, expectation: Expectation) -> bool | None:
        """Whether the property is refuted at exactly the forms that are named, by this expectation
        and others of the same property; None if that is not decided.
        """
        about = self.properties[expectation.property]
        same = [e for e in self.expectations if e.property is expectation.property]
        named = frozenset(key for e in same for key in self._named(e))
        refuted = {form.key for form in about.refuted}
        if refuted - named or about.refuted_interrupts or about.lost:
            return False
        if about.open:
            return None
        return bool(self._named(expectation)) and refuted == named

    def holds(self, property: Property) -> bool | None:
        """Whether a property is as the design says: refuted where a counterexample is expected, and
        proved otherwise; None if that is not decided.
        """
        same = [e for e in self.expectations if e.property is property]
        if same:
            answers = [self.met(e) for e in same]
            return False if False in answers else None if None in answers else True
        match self.properties[property].verdict:
            case Verdict.PROVED:
                return True
            case Verdict.REFUTED:
                return False
            case Verdict.UNDECIDED:
                return None

    @property
    def claims(self) -> Mapping[Property, bool | None]:
        """What the design says of itself, and whether it is so."""
        about = dict.fromkeys((*self.design.proves, *(e.property for e in self.expectations)))
        return {property: self.holds(property) for property in about}

    def _named(self, expectation: Expectation) -> frozenset[tuple[str, str]]:
        isa, names = self.design.isa, expectation.names
        return frozenset(
            form.key for form in isa.forms if selected(isa, form, names, self.classes[form.key])
        )
