"""Interrupts under a design: the real ones reach the host, the guest's own reach the guest.

definitions.md, section 5.  An interrupt is a step of its own between instructions.  One of the real
machine's leaves the guest as it was, but for what its handler injects: an injected interrupt is a
step of the bare machine's, taken where that could take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from popek.hypervisor.abstraction import Abstraction, Left, State
from popek.hypervisor.control import required, stale
from popek.hypervisor.design import Design
from popek.hypervisor.equivalence import differences
from popek.hypervisor.handling import EXPECTED, Handled, answered, expected
from popek.hypervisor.machines import inputs_at
from popek.hypervisor.placing import Reach, storage_of
from popek.hypervisor.virtual_step import VIRTUAL, host_state
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Step, Trapped
from popek.semantics.step import Run
from popek.theory.direct import BARE, DIRECT, inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.states import Premise


@dataclass(frozen=True)
class Arrival:
    """A real interrupt that comes while the guest is at a level of its own."""

    design: Design
    interrupt: ir.Interrupt
    level: ir.Level
    reach: Reach


def injected(design: Design) -> frozenset[str]:
    """The interrupts of the virtual machine that some handler injects."""
    return frozenset(
        name
        for handler in design.handlers.values()
        for stmt in ir.statements(handler.body)
        if isinstance(stmt, ir.Inject)
        for name in stmt.interrupts
    )


def unnoticed(arrival: Arrival, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where a real interrupt changes what the guest sees, or the guest does not go on."""
    isa = arrival.design.isa
    premises, host, alpha, step, handled = arrived(arrival, algebra)
    violations: list[Violation[V]] = []
    silent = {**host, **step.state}
    for v in _unlike_own(arrival, alpha, host, alpha.virtual(silent)):
        violations.append(v.within(algebra, step.completes))
    for e in step.exits:
        if not isinstance(e, Trapped) or e.name not in arrival.design.handlers:
            name = e.name if isinstance(e, Trapped) else ""
            violations.append(Violation(Fault.COMPLETES, e.guard, BARE, name, e.span))
    for resumed in (*handled.injected, *handled.resumed):
        wanted = {
            name.removeprefix(EXPECTED): value
            for name, value in resumed.state.items()
            if name.startswith(EXPECTED)
        }
        for v in differences(isa, algebra, wanted, alpha.virtual(resumed.state)):
            violations.append(v.within(algebra, resumed.guard))
    for stopped in handled.stopped:
        violations.append(
            Violation(Fault.COMPLETES, stopped.guard, BARE, stopped.why, stopped.span)
        )
    for left in handled.exits:
        # The bare machine does nothing here by itself: what is the guest's to take is injected.
        span = left.span
        violations.append(Violation(Fault.TRAPS, left.guard, VIRTUAL, "", span))
    runs = {DIRECT: step}
    return Obligation(premises, tuple(violations), runs, {DIRECT: host})


def _unlike_own(
    arrival: Arrival,
    alpha: Abstraction[V, B],
    host: State[V, B],
    after: State[V, B],
) -> Iterator[Violation[V]]:
    """Where a silent interrupt that changes the guest is not the virtual machine's own."""
    isa, algebra = alpha.design.isa, alpha.algebra
    guest = alpha.virtual(host)
    found = differences(isa, algebra, guest, after)
    changes = list(found)
    if not changes:
        return
    storage = storage_of(alpha.reach, isa, algebra, alpha.pieces(host), virtual=True)
    own = Run(isa, algebra, storage, guest, {}, inputs_at(alpha, DIRECT))
    due = _due(own, arrival.interrupt)
    own.run(arrival.interrupt.body)
    step = own.finish()
    taken = algebra.both(due, step.completes)
    for v in changes:
        yield v.within(algebra, algebra.negation(taken))
    # Not only where it was changed: of a bank, that may be another element.
    for v in differences(isa, algebra, step.state, after):
        yield v.within(algebra, taken)


def kept_in_control(arrival: Arrival, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where a real interrupt leaves the host without what the design requires."""
    premises, host, alpha, step, handled = arrived(arrival, algebra)
    silent: State[V, B] = {**host, **step.state}
    by_itself: Left[V, B] = Left(step.completes, silent)
    left: list[Left[V, B]] = [by_itself]
    left += [Left(r.guard, r.state) for r in handled.resumed]
    violations = [*required(alpha, left), *stale(alpha, by_itself)]
    return Obligation(premises, tuple(violations), {DIRECT: step}, {DIRECT: host})


def regained(
    design: Design, level: ir.Level, reach: Reach, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """States in which no interrupt of the real machine's can come: the host would not run again."""
    alpha, host, premises, _ = host_state(design, algebra, level, reach)
    none = algebra.const(1, 1)
    for interrupt in design.isa.interrupts:
        none = algebra.both(none, algebra.negation(_due(_machine(alpha, host), interrupt)))
    run = alpha.run(host).finish()
    violation = Violation(Fault.COMPLETES, none, DIRECT)
    return Obligation(premises, (violation,), {DIRECT: run}, {DIRECT: host})


def _due(run: Run[V, B], interrupt: ir.Interrupt) -> V:
    """Whether an interrupt can come, where the run is."""
    run.run(interrupt.setup)
    return run.value(interrupt.condition)


def _machine(alpha: Abstraction[V, B], host: Mapping[str, V | B]) -> Run[V, B]:
    """The real machine between two instructions."""
    isa, algebra = alpha.design.isa, alpha.algebra
    storage = storage_of(alpha.reach, isa, algebra, alpha.pieces(host), virtual=False)
    inputs = inputs_of(algebra, DIRECT, clocks_shared=True)
    return Run(isa, algebra, storage, alpha.machine(host), {}, inputs)


def arrived(
    arrival: Arrival, algebra: Algebra[V, B]
) -> tuple[tuple[Premise[V], ...], State[V, B], Abstraction[V, B], Step[V, B], Handled[V, B]]:
    """The interrupt's own step on the real machine, and what its handlers do."""
    design, interrupt = arrival.design, arrival.interrupt
    alpha, host, premises, _ = host_state(design, algebra, arrival.level, arrival.reach)
    run = _machine(alpha, host)
    due = Premise("the interrupt comes", _due(run, interrupt))
    run.run(interrupt.body)
    step = run.finish()
    every: Handled[V, B] = Handled()
    for left in step.exits:
        if isinstance(left, Trapped):
            state = {**host, **left.state}
            state |= expected(alpha.virtual(state))
            every.extend(answered(alpha, state, left, None))
    return (*premises, due), host, alpha, step, every
