"""Which rule of a design is for a form, and in which states.

Of the rules that fit a form the first whose condition holds counts.  That each state has a rule,
and that what is said to trap does, is proved here: a design where it is not so is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from popek.diagnostics import Collector, Note
from popek.hypervisor.design import Design, Disposition, Rule, kept
from popek.hypervisor.equivalence import equivalent
from popek.hypervisor.placing import Reach
from popek.hypervisor.proof import selected
from popek.hypervisor.virtual_step import Case, beside
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import reads_of
from popek.theory.direct import DIRECT
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.prover import Prover
from popek.theory.verdict import Class, Refuted, Undecided

#: What to do about an instruction that does not trap in every state.
HINTS: Mapping[str, str] = {
    "E1006": "write `run`: the machine then decides what traps",
    "E1009": "nothing brings the host back before it: in states like these interpret "
    "everything, or have it `replaced`",
}


@dataclass(frozen=True)
class Ruled:
    """A case, and its rule."""

    case: Case
    rule: Rule


@dataclass(frozen=True)
class Rules:
    """The rules of a design, and the classes that they speak of."""

    design: Design
    prover: Prover
    classes: Mapping[tuple[str, str], Class]
    reach: Reach

    def of(self, form: ir.Form) -> tuple[Rule, ...]:
        """The rules that fit a form, up to one without a condition."""
        found: list[Rule] = []
        for rule in self.design.rules:
            if selected(self.design.isa, form, rule.names, self.classes[form.key]):
                found.append(rule)
                if rule.condition is None:
                    break
        return tuple(found)

    def cases(self, form: ir.Form, level: ir.Level) -> Iterator[Ruled]:
        """What becomes of a form at a level; some of the cases may not arise."""
        others: tuple[ir.Predicate, ...] = ()
        for rule in self.of(form):
            disposition = self._disposition(form, rule)
            case = Case(self.design, form, level, disposition, rule.condition, others, self.reach)
            yield Ruled(case, rule)
            if rule.condition is not None:
                others = (*others, rule.condition)

    def arises(self, case: Case) -> bool | None:
        """Whether some state is one of the case; None if that is not decided."""
        absent = case.disposition is Disposition.ABSENT
        alike = replace(case, disposition=Disposition.RUN) if absent else case

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return equivalent(alike, algebra).without_violations(algebra)

        return self.prover.satisfiable(f"{case.title} arises", case.form.body, build, case.form)

    def check(self, levels: Sequence[ir.Level]) -> None:
        """Raises PopekError with each form that has no rule, in some state at one of the levels, or
        does not always trap though it is said to.
        """
        collector = Collector()
        for form in self.design.isa.forms:
            rules = self.of(form)
            if not rules:
                self._without_rule(form, collector)
            for level in levels:
                if rules and rules[-1].condition is not None:
                    self._gap(form, level, rules, collector)
                for ruled in self.cases(form, level):
                    if ruled.rule.disposition is Disposition.TRAP:
                        self._traps(ruled, collector)
                    elif not self._reached(ruled.rule):
                        self._traps(ruled, collector, code="E1009")
        collector.check()

    def _reached(self, rule: Rule) -> bool:
        """Whether the host is in control where it does what the rule is about: in all states like
        these it does, or it has written other code there.
        """
        if rule.disposition not in {Disposition.INTERPRET, Disposition.TRANSLATE}:
            return True
        beside = [r for r in self.design.rules if r.condition == rule.condition]
        if any(r.disposition.runs and r.disposition is not rule.disposition for r in beside):
            return False
        # The host sees when the guest gets into such states: only handlers change what it keeps.
        design = self.design
        own = {kept(c) for c in design.isa.components if design.stored(c)}
        own |= design.parameters.keys() | design.extras.keys()
        return rule.condition is None or reads_of(rule.condition) <= own

    def _disposition(self, form: ir.Form, rule: Rule) -> Disposition:
        """What is innocuous is its own translation."""
        innocuous = self.classes[form.key] is Class.INNOCUOUS
        if rule.disposition is Disposition.TRANSLATE and innocuous:
            return Disposition.RUN
        return rule.disposition

    def _without_rule(self, form: ir.Form, collector: Collector) -> None:
        collector.add(
            "E1005",
            f"no rule says what becomes of {form.mnemonic} [{form.text}]",
            self.design.span,
            notes=[Note(form.span, "the instruction")],
            hint="a last rule for `everything` leaves nothing out",
        )

    def _gap(
        self, form: ir.Form, level: ir.Level, rules: Sequence[Rule], collector: Collector
    ) -> None:
        """Where all rules have conditions, none of which may hold."""
        conditions = tuple(r.condition for r in rules if r.condition is not None)
        nowhere = Case(self.design, form, level, Disposition.RUN, None, conditions, self.reach)
        if self.arises(nowhere) is not False:
            collector.add(
                "E1005",
                f"at {level.name} there are states without a rule for {form.mnemonic} "
                f"[{form.text}]",
                rules[-1].span,
                hint="a last rule without a condition leaves nothing out",
            )

    def _traps(self, ruled: Ruled, collector: Collector, code: str = "E1006") -> None:
        """That the real machine, running it, never goes on by itself."""
        case = replace(ruled.case, disposition=Disposition.RUN)

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            pair = beside(case, algebra)
            assert pair.virtual.direct is not None
            silent = Guards(algebra, pair.virtual.direct).no_trap
            runs, states = {DIRECT: pair.virtual.direct}, {DIRECT: pair.host}
            violation = Violation(Fault.COMPLETES, silent, DIRECT)
            return Obligation(pair.premises, (violation,), runs, states, pair.fields)

        form = case.form
        match self.prover.find(f"{case.title} does not trap", form.body, build, form):
            case Refuted():
                how = "does not trap in every state"
            case Undecided():
                how = "is not proved to trap in every state"
            case _:
                return
        collector.add(
            code,
            f"{form.mnemonic} [{form.text}] {how} at {case.level.name}",
            ruled.rule.span,
            notes=[Note(form.span, "the instruction")],
            hint=HINTS[code],
        )
