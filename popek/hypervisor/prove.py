"""`popek prove`: the proofs about a design, form by form and level by level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from popek.diagnostics import PopekError
from popek.hypervisor.control import in_control, promoted
from popek.hypervisor.cost import Expense, Way, Ways, expenses, ways_of
from popek.hypervisor.delivering import delivered_in_control
from popek.hypervisor.design import Design, Disposition, Property
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
from popek.hypervisor.proof import FormProof, InterruptProof, Proof, PropertyProof
from popek.hypervisor.relocation import astray, relocatable
from popek.hypervisor.resting import candidates, standing
from popek.hypervisor.rules import Ruled, Rules
from popek.hypervisor.starting import check_start
from popek.hypervisor.virtual_step import Case
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy
from popek.theory.assumptions import Assumed
from popek.theory.invariants import Kept as Invariant
from popek.theory.obligation import Obligation
from popek.theory.prover import Prover
from popek.theory.verdict import Class, Finding, Proved, Undecided

#: Told (what, done, total) as the proofs advance.
Progress = Callable[[str, int, int], None]


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


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
    """One run of the proofs about a design.

    `classes`: of all forms, by `popek check`.  `top`: the guest's highest level.  `partial`: the
    design's ISA has only some of its forms.  `invariants`: those of the ISA, and whether they are
    proved.
    """

    design: Design
    prover: Prover
    classes: Mapping[tuple[str, str], Class]
    top: str | None = None
    partial: bool = False
    invariants: tuple[Invariant, ...] = ()
    progress: Progress = no_progress
    _forms: list[tuple[Property, FormProof]] = field(default_factory=list)
    _interrupts: list[tuple[Property, InterruptProof]] = field(default_factory=list)

    def prove(self) -> Proof:
        """All of it.  Ctrl-C leaves what was decided so far.

        Raises PopekError where the design's rules leave something out, or a guest cannot start.
        """
        try:
            found = self.verdicts()
            costs, assumed = self._expenses(found), self._assumptions(found)
        except KeyboardInterrupt:
            return self._proof(interrupted=True)
        return replace(found, expenses=costs, assumptions=assumed)

    def verdicts(self) -> Proof:
        """The verdicts alone: at what price, and on what they rest, is not asked."""
        self.rules.check(self.levels)
        check_start(self.design, self.prover, self.levels[0])
        self._run()
        return self._proof(interrupted=False)

    @property
    def rules(self) -> Rules:
        """The rules of the design."""
        return Rules(self.design, self.prover, self.classes, self.reach)

    @property
    def levels(self) -> tuple[ir.Level, ...]:
        """The guest's own levels."""
        return Anatomy(self.design.isa, self.top).levels

    def _run(self) -> None:
        forms = self.design.isa.forms
        for i, form in enumerate(forms):
            self.progress("proving", i, len(forms))
            for level in self.levels:
                self._forms += self._form(form, level)
        for level in self.levels:
            self._interrupts += self._between(level)

    def _proof(self, *, interrupted: bool) -> Proof:
        known = injected(self.design)
        lost = tuple(i.name for i in self.design.isa.interrupts if i.name not in known)
        properties = {
            p: PropertyProof(
                p,
                tuple(one for about, one in self._forms if about is p),
                tuple(one for about, one in self._interrupts if about is p),
                lost if p is Property.EQUIVALENCE else (),
                complete=not interrupted,
            )
            for p in Property
        }
        return Proof(
            self.design,
            self.classes,
            properties,
            self.prover.stats,
            partial=self.partial,
            interrupted=interrupted,
        )

    # ------------------------------------------------------------ at what price

    def _expenses(self, proof: Proof) -> tuple[Expense, ...]:
        """What the cost model, if there is one, makes of the forms."""
        cost = self.design.cost
        if cost is None:
            return ()
        quick = {
            one.case.key
            for one in proof.properties[Property.EFFICIENCY].forms
            if isinstance(one.finding, Proved)
        }
        cases = [one.case for one in proof.properties[Property.EQUIVALENCE].forms]
        found = []
        for i, case in enumerate(cases):
            self.progress("counting", i, len(cases))
            # That it runs was asked at the level in which guests run.
            direct = case.key in quick and case.level == self.levels[-1]
            found.append(Ways(case, (Way.RUNS,)) if direct else ways_of(case, self.prover))
        return expenses(cost, found, self.classes)

    def _assumptions(self, proof: Proof) -> tuple[Assumed, ...]:
        """Each is dropped in turn, and stays so if all that was proved still is."""
        needed: list[Assumed] = []
        design = self.design
        tried: set[Assumed] = set()
        while True:
            left = [(a, d) for a, d in candidates(design, self.invariants) if a not in tried]
            if not left:
                break
            (assumed, weaker), *_ = left
            tried.add(assumed)
            self.progress(f"dropping {assumed.id}", len(tried), len(tried) + len(left))
            if self._needed(weaker, proof):
                needed.append(assumed)
            else:
                design = weaker
        return tuple(dict.fromkeys((*needed, *standing(self.design))))

    def _needed(self, weaker: Design, proof: Proof) -> bool:
        """Whether something that was proved is not, of a design with an assumption less."""
        before = [(p, one) for p, found in proof.properties.items() for one in found.forms]
        failing = {
            (p, one.form.key, one.level) for p, one in before if not isinstance(one.finding, Proved)
        }
        fresh = Prover(
            weaker.isa,
            self.prover.solver,
            self.prover.budget,
            self.prover.simplify,
            stats=self.prover.stats,
        )
        again = Proving(weaker, fresh, self.classes, self.top, self.partial)
        try:
            again.rules.check(self.levels)
        except PopekError:
            return True  # without it no rule is for some instruction
        for form in self.design.isa.forms:
            for level in self.levels:
                for about, one in again._form(form, level):
                    key = about, one.form.key, one.level
                    if key not in failing and not isinstance(one.finding, Proved):
                        return True
        between = [(p, one) for p, found in proof.properties.items() for one in found.interrupts]
        astray = {(p, i.title, i.level) for p, i in between if not isinstance(i.finding, Proved)}
        return any(
            (about, one.title, level) not in astray and not isinstance(one.finding, Proved)
            for level in self.levels
            for about, one in again._between(level)
        )

    def _between(self, level: ir.Level) -> Iterator[tuple[Property, InterruptProof]]:
        """What is found between instructions, at one level of the guest's."""
        yield from self._arrivals(level)
        if self.design.runs_directly:
            yield Property.CONTROL, self._demoted(level)
        for name, finding in self._deliveries.items():
            title = f"traps are delivered by {name}"
            failing = "what is not the guest's is reached, or what is required does not hold then"
            yield Property.CONTROL, InterruptProof(title, level, None, finding, failing)
        title = cause = ""
        if self.reach is Reach.ASSUMED:
            title = "the host's tables permit what the guest's do"
            cause = "no rules of the design's are proved to keep them so"
        elif self.reach is Reach.WALKED and self.design.runs_directly:
            title = "code is fetched where the guest has it"
            cause = "relocation is not proved of all accesses"
        if title:
            for about in (Property.EQUIVALENCE, Property.CONTROL):
                yield about, InterruptProof(title, level, None, Undecided(title, cause))

    def _demoted(self, level: ir.Level) -> InterruptProof:
        """That the real machine is at its least privileged level while the guest runs."""

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return promoted(self.design, level, self.reach, algebra)

        title = "the guest is demoted"
        finding = self.prover.find(f"{title} at {level.name}", (), build)
        failing = "the real machine is at a more privileged level"
        return InterruptProof(title, level, None, finding, failing)

    @cached_property
    def _deliveries(self) -> Mapping[str, Finding]:
        """What is found of each way in which traps are delivered to a guest at any level."""
        every = {trap.by.name: trap.by for trap in self.design.isa.traps.values()}

        def find(by: ir.Delivery) -> Finding:
            def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
                return delivered_in_control(self.design, by, self.reach, algebra)

            return self.prover.find(f"delivery {by.name}", by.body, build)

        return {name: find(by) for name, by in every.items()}

    @cached_property
    def reach(self) -> Reach:
        """How translations are treated: abstract only where relocation is proved, or assumed."""
        if self.design.shadowed:
            return Reach.ASSUMED
        spaces = self.design.isa.translations
        proved = relocatable(self.design) and all(map(self._relocated, spaces))
        return Reach.RELOCATED if proved else Reach.WALKED

    def _relocated(self, space: str) -> bool:
        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return astray(self.design, space, algebra)

        body = self.design.isa.translations[space].body
        return isinstance(self.prover.find(f"accesses to {space}", body, build), Proved)

    def _arrivals(self, level: ir.Level) -> Iterator[tuple[Property, InterruptProof]]:
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

                name = f"{interrupt.name} at {level.name} {about}"
                finding = self.prover.find(name, interrupt.body, build)
                yield about, InterruptProof(f"{interrupt.name} comes", level, arrival, finding)
        if self.design.isa.interrupts:

            def again(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
                return regained(self.design, level, self.reach, algebra)

            name = f"the host runs again at {level.name}"
            finding = self.prover.find(name, (), again)
            failing = "in some state no interrupt can come"
            title = "the host runs again"
            yield Property.CONTROL, InterruptProof(title, level, None, finding, failing)

    def _form(self, form: ir.Form, level: ir.Level) -> list[tuple[Property, FormProof]]:
        """What is found of a form at a level, whichever of the rules is for it."""
        found: list[tuple[Property, FormProof]] = []
        ruled = list(self.rules.cases(form, level))
        arising = [(one, self.rules.arises(one.case)) for one in ruled]
        for one, arises in arising:
            if one.case.disposition is Disposition.ABSENT or arises is False:
                continue
            for about in self._asked(form):
                for case in _ways(one.case, about):
                    finding = self._find(case, about)
                    if arises is None and isinstance(finding, Proved):
                        finding = Undecided(finding.query, "whether there is such a state")
                    found.append((about, FormProof(case, one.rule, finding)))
        if all(arises is False for _, arises in arising):
            found += self._vacuous(ruled[0])
        return found

    def _vacuous(self, ruled: Ruled) -> Iterator[tuple[Property, FormProof]]:
        """Where there is no state to prove anything of, nothing is proved."""
        level = ruled.case.level.name
        cause = f"no state at the level {level} has this instruction next under the design"
        for about in self._asked(ruled.case.form):
            finding = Undecided(f"{ruled.case.title} {about}", cause)
            yield about, FormProof(ruled.case, ruled.rule, finding)

    def _asked(self, form: ir.Form) -> tuple[Property, ...]:
        """The properties that are about a form: that it runs is asked of what may be innocuous."""
        if self.classes[form.key] in (Class.INNOCUOUS, Class.UNDECIDED):
            return tuple(Property)
        return Property.EQUIVALENCE, Property.CONTROL

    def _find(self, case: Case, property: Property) -> Finding:
        claim = CLAIMS[property]
        undecided = self.classes[case.form.key] is Class.UNDECIDED
        if property is Property.EFFICIENCY and undecided:
            return Undecided(f"{case.title} {property}", "whether it is innocuous is not decided")

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return claim(case, algebra)

        return self.prover.find(f"{case.title} {property}", case.form.body, build, case.form)


def _ways(case: Case, about: Property) -> tuple[Case, ...]:
    """A case; and, as control is of every guest, also what a port replaces by it."""
    if case.disposition is Disposition.REPLACED and about is Property.CONTROL:
        return case, replace(case, disposition=Disposition.RUN)
    return (case,)
