"""`popek prove`: the verdicts on a design, form by form and level by level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from popek.hypervisor.control import in_control
from popek.hypervisor.delivering import Delivery, delivered_in_control
from popek.hypervisor.design import Design, Disposition, Expectation, Property, Rule
from popek.hypervisor.efficiency import slowed
from popek.hypervisor.equivalence import equivalent
from popek.hypervisor.interrupts import (
    Arrival,
    injected,
    kept_in_control,
    regained,
    unnoticed,
)
from popek.hypervisor.placing import Reach
from popek.hypervisor.relocation import astray, relocatable
from popek.hypervisor.virtual_step import Case
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy
from popek.theory.obligation import Obligation
from popek.theory.prover import Prover, Stats
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class, Finding, Proved, Refuted, Undecided


class Kind(StrEnum):
    """What a design is, in Smith and Nair's words."""

    TRUE = "true hypervisor"
    HYBRID = "hybrid"
    INEFFICIENT = "hypervisor, not efficient"
    NONE = "not a hypervisor"


@dataclass(frozen=True, slots=True)
class FormProof:
    """What was found of one form at one level, under one rule."""

    form: ir.Form
    level: ir.Level
    disposition: Disposition
    finding: Finding


@dataclass(frozen=True, slots=True)
class InterruptProof:
    """What was found of an interrupt of the real machine's that comes at one level, or, with an
    empty name, of the host's getting control again.
    """

    interrupt: str
    level: ir.Level
    finding: Finding


@dataclass(frozen=True, slots=True)
class DeliveryProof:
    """What was found of one way in which traps are delivered to the guest."""

    delivery: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class PropertyProof:
    """One property over all forms."""

    of: Property
    forms: tuple[FormProof, ...]
    interrupts: tuple[InterruptProof, ...]
    #: Interrupts of the guest's that no handler injects.
    lost: tuple[str, ...] = ()
    deliveries: tuple[DeliveryProof, ...] = ()

    @property
    def verdict(self) -> Verdict:
        findings = [one.finding for one in self.forms]
        findings += [one.finding for one in self.interrupts]
        findings += [one.finding for one in self.deliveries]
        if self.lost:
            return Verdict.REFUTED
        if any(isinstance(f, Refuted) for f in findings):
            return Verdict.REFUTED
        if any(isinstance(f, Undecided) for f in findings):
            return Verdict.UNDECIDED
        return Verdict.PROVED

    @property
    def refuted_interrupts(self) -> tuple[InterruptProof, ...]:
        """Where it fails between instructions."""
        return tuple(i for i in self.interrupts if isinstance(i.finding, Refuted))

    @property
    def refuted(self) -> tuple[ir.Form, ...]:
        """The forms at which it fails, each once."""
        found = {p.form.key: p.form for p in self.forms if isinstance(p.finding, Refuted)}
        return tuple(found.values())


@dataclass(frozen=True)
class Proof:
    """All that `popek prove` finds out about one design."""

    design: Design
    classes: Mapping[tuple[str, str], Class]
    properties: Mapping[Property, PropertyProof]
    stats: Stats

    @property
    def kind(self) -> Kind:
        proved = {p for p, found in self.properties.items() if found.verdict is Verdict.PROVED}
        if not {Property.EQUIVALENCE, Property.CONTROL} <= proved:
            return Kind.NONE
        if Property.EFFICIENCY in proved:
            critical = Class.CRITICAL in self.classes.values()
            return Kind.HYBRID if critical else Kind.TRUE
        return Kind.HYBRID if any(r.condition for r in self.design.rules) else Kind.INEFFICIENT

    def met(self, expectation: Expectation) -> bool:
        """Whether the property is refuted at exactly the forms that are named."""
        found = self.properties.get(expectation.property)
        if found is None:
            return False
        named = {f.key for f in self.design.isa.forms if self._named(f, expectation.names)}
        return {f.key for f in found.refuted} == named

    def _named(self, form: ir.Form, names: tuple[str, ...]) -> bool:
        return selected(self.design.isa, form, names, self.classes[form.key])


def selected(isa: ir.Isa, form: ir.Form, names: tuple[str, ...], kind: Class) -> bool:
    """Whether a list of instructions, groups and classes has the form."""
    own = {form.name, form.mnemonic, kind.value, "everything"}
    own |= {group for group, members in isa.groups.items() if own & set(members)}
    return bool(own & set(names))


class Claim(Protocol):
    """The obligation of one property of a case."""

    def __call__(self, case: Case, algebra: Algebra[V, B]) -> Obligation[V, B]: ...


class ArrivalClaim(Protocol):
    """And of an interrupt that comes."""

    def __call__(self, arrival: Arrival, algebra: Algebra[V, B]) -> Obligation[V, B]: ...


CLAIMS: Mapping[Property, Claim] = {
    Property.EQUIVALENCE: equivalent,
    Property.CONTROL: in_control,
    Property.EFFICIENCY: slowed,
}


@dataclass
class Proving:
    """One run of the proofs about a design.  `classes`: of all forms, by `popek check`."""

    design: Design
    prover: Prover
    classes: Mapping[tuple[str, str], Class]
    top: str | None = None

    def prove(self) -> Proof:
        forms: dict[Property, list[FormProof]] = {p: [] for p in Property}
        for form in self.design.isa.forms:
            for case in self.cases(form):
                for about, finding in self._findings(case):
                    proof = FormProof(form, case.level, case.disposition, finding)
                    forms[about].append(proof)
        interrupts: dict[Property, list[InterruptProof]] = {p: [] for p in Property}
        for level in self.levels:
            for about, name, finding in self._arrivals(level):
                interrupts[about].append(InterruptProof(name, level, finding))
        known = injected(self.design)
        lost = tuple(i.name for i in self.design.isa.interrupts if i.name not in known)
        deliveries = tuple(self._deliveries())
        properties = {
            p: PropertyProof(
                p,
                tuple(forms[p]),
                tuple(interrupts[p]),
                lost if p is Property.EQUIVALENCE else (),
                deliveries if p is Property.CONTROL else (),
            )
            for p in Property
        }
        return Proof(self.design, self.classes, properties, self.prover.stats)

    @property
    def levels(self) -> tuple[ir.Level, ...]:
        """The guest's own levels."""
        return Anatomy(self.design.isa, self.top).levels

    def _arrivals(self, level: ir.Level) -> Iterator[tuple[Property, str, Finding]]:
        """Each interrupt of the real machine's at one level, and that there is one."""
        for interrupt in self.design.isa.interrupts:
            arrival = Arrival(self.design, interrupt, level, self.reach)
            for about, claim in (
                (Property.EQUIVALENCE, unnoticed),
                (Property.CONTROL, kept_in_control),
            ):

                def build(
                    algebra: Algebra[V, B],
                    flat: bool,
                    claim: ArrivalClaim = claim,
                    arrival: Arrival = arrival,
                ) -> Obligation[V, B]:
                    return claim(arrival, algebra)

                title = f"{interrupt.name} at {level.name} {about}"
                yield about, interrupt.name, self.prover.find(title, interrupt.body, build)
        if self.design.isa.interrupts:

            def again(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
                return regained(self.design, level, self.reach, algebra)

            title = f"the host runs again at {level.name}"
            yield Property.CONTROL, "", self.prover.find(title, (), again)

    def _deliveries(self) -> Iterator[DeliveryProof]:
        """Each way in which traps are delivered to the guest."""
        for by in {trap.by.name: trap.by for trap in self.design.isa.traps.values()}.values():
            delivery = Delivery(self.design, by, self.reach)

            def build(
                algebra: Algebra[V, B], flat: bool, delivery: Delivery = delivery
            ) -> Obligation[V, B]:
                return delivered_in_control(delivery, algebra)

            found = self.prover.find(f"delivery {by.name}", by.body, build)
            yield DeliveryProof(by.name, found)

    @cached_property
    def reach(self) -> Reach:
        """How translations are treated: abstract only where relocation is proved, or assumed."""
        if self.design.coherence_assumed:
            return Reach.ASSUMED
        spaces = self.design.isa.translations
        proved = relocatable(self.design) and all(map(self._relocated, spaces))
        return Reach.RELOCATED if proved else Reach.WALKED

    def _relocated(self, space: str) -> bool:
        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return astray(self.design, space, algebra)

        body = self.design.isa.translations[space].body
        return isinstance(self.prover.find(f"accesses to {space}", body, build), Proved)

    def cases(self, form: ir.Form) -> Iterator[Case]:
        """What becomes of a form, level by level."""
        for level in self.levels:
            others: tuple[ir.Predicate, ...] = ()
            for rule in self.design.rules:
                if not selected(self.design.isa, form, rule.names, self.classes[form.key]):
                    continue
                disposition = self._disposition(form, rule)
                yield Case(
                    self.design, form, level, disposition, rule.condition, others, self.reach
                )
                if rule.condition is None:
                    break
                others = (*others, rule.condition)

    def _disposition(self, form: ir.Form, rule: Rule) -> Disposition:
        """What is innocuous is its own translation."""
        innocuous = self.classes[form.key] is Class.INNOCUOUS
        if rule.disposition is Disposition.TRANSLATE and innocuous:
            return Disposition.RUN
        return rule.disposition

    def _findings(self, case: Case) -> Iterator[tuple[Property, Finding]]:
        if case.disposition is Disposition.ABSENT or not self._arises(case):
            return
        yield Property.EQUIVALENCE, self._find(case, Property.EQUIVALENCE)
        yield Property.CONTROL, self._find(case, Property.CONTROL)
        if self.classes[case.form.key] is Class.INNOCUOUS:
            yield Property.EFFICIENCY, self._find(case, Property.EFFICIENCY)

    def _arises(self, case: Case) -> bool:
        """Whether some state is one of the case: a rule for another level is not."""

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return equivalent(case, algebra).without_violations(algebra)

        title = f"{self._title(case)} arises"
        finding = self.prover.find(title, case.form.body, build, case.form)
        return not isinstance(finding, Proved)

    def _find(self, case: Case, property: Property) -> Finding:
        claim = CLAIMS[property]

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return claim(case, algebra)

        title = f"{self._title(case)} {property}"
        return self.prover.find(title, case.form.body, build, case.form)

    def _title(self, case: Case) -> str:
        return f"{case.form.name} [{case.form.text}] at {case.level.name} {case.disposition}"
