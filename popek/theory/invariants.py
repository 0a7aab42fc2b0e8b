"""Which invariants are proved, and which are assumptions; and where traps lead.

`invariant E` restricts states only if it is proved inductive over reset, every step and every
delivery; otherwise it is an assumption, and printed (definitions.md, section 1).

One about what a delivery leaves changed for the delivery of a second trap holds between steps
alone: no delivery may rely on it, each that completes has to bring it about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, Step, Trapped
from popek.semantics.step import Run, step
from popek.semantics.storage import Coupled
from popek.theory.anatomy import reads_of
from popek.theory.direct import inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.prover import Build, Prover
from popek.theory.raising import left_by, left_by_deliveries
from popek.theory.states import Own, StateBuilder, arguments_of, fields_of, no_inputs
from popek.theory.subject import some
from popek.theory.verdict import Finding, Proved

SIDE = "@any"


def _storage(isa: ir.Isa, flat: bool) -> Coupled[V, B]:
    return Coupled(isa, memory=str, own=str, side="", permitted=None, flat=flat)


def _any_state(
    isa: ir.Isa, algebra: Algebra[V, B], flat: bool, invariants: Iterable[ir.Predicate]
) -> StateBuilder[V, B]:
    builder: StateBuilder[V, B] = StateBuilder(isa, algebra, SIDE, _storage(isa, flat))
    builder.supply(lambda component: Own())
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    kept = {invariant.text for invariant in invariants}
    builder.invariants(but=frozenset(i.text for i in isa.invariants if i.text not in kept))
    return builder


def _between_steps(isa: ir.Isa, invariant: ir.Predicate) -> bool:
    """Whether it says nothing of the states in which traps are delivered.

    What stores a trap leaves done is not followed: one about memory holds there, too.
    """
    about = reads_of(invariant)
    return about <= isa.components.keys() and not about.isdisjoint(left_by_deliveries(isa))


def _before(isa: ir.Isa, trap: ir.Trap) -> list[ir.Predicate]:
    """The invariants that hold where the trap is delivered: those that hold between steps alone if
    the trap leaves all that they are about as it was then.
    """
    left = left_by(isa)[trap.name] | {isa.pc}
    return [i for i in isa.invariants if not _between_steps(isa, i) or reads_of(i).isdisjoint(left)]


def _broken(
    isa: ir.Isa,
    algebra: Algebra[V, B],
    flat: bool,
    run: Step[V, B],
    invariant: ir.Predicate,
) -> Violation[V]:
    """The invariant fails in a state that is reached: where the step completes, where a trap that
    keeps its effects leaves it (unless it holds between steps alone), and where what the spec
    leaves open may write what it is about.
    """

    def fails(state: Mapping[str, V | B], guard: V) -> V:
        after = Run(isa, algebra, _storage(isa, flat), state, {}, no_inputs)
        after.run(invariant.setup)
        return algebra.both(guard, algebra.negation(after.value(invariant.condition)))

    between = _between_steps(isa, invariant)
    condition = fails(run.state, run.completes)
    for e in run.exits:
        match e:
            case Trapped(keeps=True, guard=guard, state=state) if not between:
                condition = algebra.either(condition, fails(state, guard))
            case LeftOpen(unmodelled="", beyond_privilege=beyond, guard=guard):
                if beyond or _within_reach(isa, invariant):
                    condition = algebra.either(condition, guard)
            case _:
                # What is not modelled is an assumption of its own.
                pass
    return Violation(Fault.CHANGES, condition, SIDE, "", invariant.span)


def _within_reach(isa: ir.Isa, invariant: ir.Predicate) -> bool:
    """Whether the invariant is about something that programs may write themselves."""
    own = {ir.Role.REGISTER, ir.Role.PC, ir.Role.LOADABLE}
    return any(
        (component := isa.components.get(name)) is None or component.role in own
        for name in reads_of(invariant)
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """One invariant, and why it holds in every reachable state, if it does."""

    invariant: ir.Predicate
    findings: tuple[Finding, ...]

    @property
    def inductive(self) -> bool | None:
        broken = some(self.findings)
        return None if broken is None else not broken


@dataclass(frozen=True)
class _Case:
    """A body that an invariant has to survive.  `form`: whose clause it is; otherwise it has
    `params`, and no encoding.  It starts where the invariants of `before` hold.  `parts` are cases
    that together cover this one.
    """

    name: str
    body: tuple[ir.Stmt, ...]
    before: Sequence[ir.Predicate]
    params: Sequence[ir.Local] = ()
    form: ir.Form | None = None
    parts: tuple[_Case, ...] = ()


def induct(prover: Prover) -> tuple[Kept, ...]:
    """Reset, every step, every delivery and every interrupt, for each invariant; one that is broken
    is not asked about again.
    """
    isa = prover.isa
    findings: dict[str, list[Finding]] = {i.text: [] for i in isa.invariants}
    for case in _cases(isa):
        for invariant in isa.invariants:
            known = findings[invariant.text]
            if all(isinstance(finding, Proved) for finding in known):
                known += _kept(prover, case, invariant)
    return tuple(Kept(i, tuple(findings[i.text])) for i in isa.invariants)


def _kept(prover: Prover, case: _Case, invariant: ir.Predicate) -> list[Finding]:
    """The case in one piece, or else its parts up to the first that breaks the invariant."""
    build = _after(prover.isa, invariant, case)
    finding = prover.find(f"{case.name} keeps {invariant.text}", case.body, build, case.form)
    if isinstance(finding, Proved) or not case.parts:
        return [finding]
    found: list[Finding] = []
    for part in case.parts:
        found += _kept(prover, part, invariant)
        if not isinstance(found[-1], Proved):
            break
    return found


def _cases(isa: ir.Isa) -> Iterator[_Case]:
    yield _Case("reset", isa.reset, ())
    for by in {trap.by.name: trap.by for trap in isa.traps.values()}.values():
        traps = tuple(
            _Case(f"delivery of {trap.name}", trap.delivery, _before(isa, trap), trap.params)
            for trap in isa.traps.values()
            if trap.by is by
        )
        always = [i for i in isa.invariants if all(i in trap.before for trap in traps)]
        yield _Case(f"delivery {by.name}", by.body, always, by.params, parts=traps)
    for interrupt in isa.interrupts:
        body = (*interrupt.setup, *interrupt.body)
        yield _Case(f"interrupt {interrupt.name}", body, isa.invariants)
    for form in isa.forms:
        yield _Case(f"{form.name} [{form.text}]", form.body, isa.invariants, form=form)


def _after(isa: ir.Isa, invariant: ir.Predicate, case: _Case) -> Build:
    """That the invariant does not hold after the case."""

    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        done = algebra.once((SIDE, case.name, flat), lambda: _done(isa, case, algebra, flat))
        return done.with_violations(_broken(isa, algebra, flat, done.runs[SIDE], invariant))

    return build


def _done(isa: ir.Isa, case: _Case, algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
    """The case from any state that the invariants before it allow."""
    builder: StateBuilder[V, B] = _any_state(isa, algebra, flat, case.before)
    inputs = inputs_of(algebra, SIDE, clocks_shared=True)
    if case.form is not None:
        fields = fields_of(case.form, algebra)
        done = step(isa, case.form, algebra, builder.storage, builder.state, fields, inputs)
        premises = (*builder.premises, builder.decode(case.form, fields))
        return Obligation(premises, (), {SIDE: done}, {SIDE: builder.state}, fields)
    run: Run[V, B] = Run(isa, algebra, builder.storage, builder.state, {}, inputs)
    run.locals.update(arguments_of(case.params, algebra))
    run.run(case.body)
    return Obligation(tuple(builder.premises), (), {SIDE: run.finish()}, {SIDE: builder.state})
