"""Which invariants are proved, and which are assumptions; and where traps lead.

`invariant E` restricts states only if it is proved inductive over reset, every step and every
delivery; otherwise it is an assumption, and printed (definitions.md, section 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from popek.theory.states import Own, StateBuilder, fields_of, no_inputs
from popek.theory.subject import some
from popek.theory.verdict import Finding, Proved

SIDE = "@any"


def _storage(isa: ir.Isa, flat: bool) -> Coupled[V, B]:
    return Coupled(isa, memory=str, own=str, side="", permitted=None, flat=flat)


def _any_state(
    isa: ir.Isa, algebra: Algebra[V, B], flat: bool, *, with_invariants: bool = True
) -> StateBuilder[V, B]:
    builder: StateBuilder[V, B] = StateBuilder(isa, algebra, SIDE, _storage(isa, flat))
    builder.supply(lambda component: Own())
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    if with_invariants:
        builder.invariants()
    return builder


def _broken(
    isa: ir.Isa,
    algebra: Algebra[V, B],
    flat: bool,
    run: Step[V, B],
    invariant: ir.Predicate,
) -> Violation[V]:
    """The invariant fails in a state that is reached: where the step completes, where a trap that
    keeps its effects leaves it, and where what the spec leaves open may write what it is about.
    """

    def fails(state: Mapping[str, V | B], guard: V) -> V:
        after = Run(isa, algebra, _storage(isa, flat), state, {}, no_inputs)
        after.run(invariant.setup)
        return algebra.both(guard, algebra.negation(after.value(invariant.condition)))

    condition = fails(run.state, run.completes)
    for e in run.exits:
        match e:
            case Trapped(keeps=True, guard=guard, state=state):
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


def induct(prover: Prover, invariant: ir.Predicate) -> Kept:
    """Reset, every step, every delivery and every interrupt; stops at the first that breaks it."""
    isa = prover.isa
    findings: list[Finding] = []
    for name, body, build in _cases(isa, invariant):
        finding = prover.find(f"{name} keeps {invariant.text}", body, build)
        findings.append(finding)
        if not isinstance(finding, Proved):
            break
    return Kept(invariant, tuple(findings))


def _cases(
    isa: ir.Isa, invariant: ir.Predicate
) -> Iterator[tuple[str, tuple[ir.Stmt, ...], Build]]:
    yield "reset", isa.reset, _after(isa, invariant, isa.reset, (), with_invariants=False)
    for trap in isa.traps.values():
        build = _after(isa, invariant, trap.delivery, trap.params)
        yield f"delivery of {trap.name}", trap.delivery, build
    for interrupt in isa.interrupts:
        body = (*interrupt.setup, *interrupt.body)
        yield f"interrupt {interrupt.name}", body, _after(isa, invariant, body, ())
    for form in isa.forms:
        yield f"{form.name} [{form.text}]", form.body, _after_step(isa, invariant, form)


def _after(
    isa: ir.Isa,
    invariant: ir.Predicate,
    body: tuple[ir.Stmt, ...],
    params: Sequence[ir.Local],
    *,
    with_invariants: bool = True,
) -> Build:
    """A body that is no clause: it has parameters, and no encoding."""

    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        builder: StateBuilder[V, B] = _any_state(
            isa, algebra, flat, with_invariants=with_invariants
        )
        inputs = inputs_of(algebra, SIDE, clocks_shared=True)
        run: Run[V, B] = Run(isa, algebra, builder.storage, builder.state, {}, inputs)
        for param in params:
            run.locals[param.name] = algebra.variable(f"argument.{param.name}", param.width)
        run.run(body)
        done = run.finish()
        violation = _broken(isa, algebra, flat, done, invariant)
        return Obligation(
            tuple(builder.premises), (violation,), {SIDE: done}, {SIDE: builder.state}
        )

    return build


def _after_step(isa: ir.Isa, invariant: ir.Predicate, form: ir.Form) -> Build:
    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        fields = fields_of(form, algebra)
        builder: StateBuilder[V, B] = _any_state(isa, algebra, flat)
        inputs = inputs_of(algebra, SIDE, clocks_shared=True)
        run = step(isa, form, algebra, builder.storage, builder.state, fields, inputs)
        premises = (*builder.premises, builder.decode(form, fields))
        violation = _broken(isa, algebra, flat, run, invariant)
        return Obligation(premises, (violation,), {SIDE: run}, {SIDE: builder.state}, fields)

    return build
