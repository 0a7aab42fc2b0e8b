"""Resource control: the host keeps what is its own, whatever the guest does.

definitions.md, section 5: the guest stays demoted, what the design requires holds again whenever
the guest goes on, nothing of the host's changes while the guest runs, no device is told
anything, and of memory only the guest's own piece is read or written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from popek.hypervisor.abstraction import Abstraction, Left
from popek.hypervisor.design import Design, Direct, Kept, Selected
from popek.hypervisor.placing import Piece, Reach, Touched
from popek.hypervisor.virtual_step import VIRTUAL, Beside, Case, beside, host_state
from popek.isa import ir
from popek.isa.footprint import expression_reads
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, ShutDown, Step
from popek.semantics.step import Run
from popek.semantics.storage import Walk
from popek.theory.direct import DIRECT, components_differ, host_memory
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.states import no_inputs


def in_control(case: Case, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where a step of a guest under the design escapes the host."""
    pair = beside(case, algebra)
    direct = pair.virtual.direct
    runs = {VIRTUAL: pair.virtual.step}
    states = {VIRTUAL: pair.guest}
    if direct is not None:
        runs[DIRECT], states[DIRECT] = direct, pair.host
    violations = [
        *escapes(case.design, algebra, pair.pieces, pair.virtual.handled.touched),
        *required(pair.alpha, pair.virtual.left),
    ]
    if direct is not None:
        violations += _frame(case.design, algebra, pair, direct)
        by_itself: Left[V, B] = Left(direct.completes, {**pair.host, **direct.state})
        violations += stale(pair.alpha, by_itself)
    return Obligation(pair.premises, tuple(violations), runs, states, pair.fields)


def promoted(
    design: Design, level: ir.Level, reach: Reach, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """States in which the guest runs, and the real machine is not at its least privileged level.

    Not asked where the guest has the real machine's own mode, as in a guest mode.
    """
    isa = design.isa
    alpha, host, premises, _ = host_state(design, algebra, level, reach)
    run: Run[V, B] = Run(isa, algebra, Walk(), alpha.machine(host), {}, no_inputs)
    asked, lowest = isa.mode.level, isa.mode.levels[-1]
    there = algebra.equal(run.value(asked), algebra.const(lowest.value, asked.width), asked.width)
    own = all(isinstance(design.rows[name], Direct) for name in expression_reads(asked))
    wrong = algebra.const(0, 1) if own else algebra.negation(there)
    violation = Violation(Fault.CHANGES, wrong, DIRECT, isa.mode.name)
    return Obligation(premises, (violation,), {DIRECT: run.finish()}, {DIRECT: host})


def escapes(
    design: Design,
    algebra: Algebra[V, B],
    pieces: Mapping[str, Piece[V]],
    every: Sequence[Touched[V]],
) -> Iterator[Violation[V]]:
    """Cells that are not the guest's."""
    for touched in every:
        if touched.virtual and design.same_storage:
            continue
        memory = design.isa.memories[touched.memory]
        strange = pieces[touched.memory].outside(algebra, touched, memory.index_width)
        condition = algebra.both(touched.guard, strange)
        yield Violation(Fault.STORAGE, condition, VIRTUAL, touched.memory, touched.span)


def required(alpha: Abstraction[V, B], left: Sequence[Left[V, B]]) -> Iterator[Violation[V]]:
    """Where the guest goes on without what the design requires."""
    algebra = alpha.algebra
    for one in left:
        for predicate in alpha.design.requirements:
            broken = algebra.negation(alpha.holds(predicate, one.state))
            condition = algebra.both(one.guard, broken)
            yield Violation(Fault.CHANGES, condition, VIRTUAL, "", predicate.span)


def stale(alpha: Abstraction[V, B], left: Left[V, B]) -> Iterator[Violation[V]]:
    """Where the guest goes on by itself, and the machine does not hold what the rows say: nothing
    was loaded.
    """
    algebra, loaded = alpha.algebra, alpha.loaded(left.state)
    for name, row in alpha.design.rows.items():
        if isinstance(row, Kept) and row.real is not None:
            component = alpha.design.isa.components[name]
            other = components_differ(algebra, component, left.state[name], loaded[name])
            yield Violation(Fault.CHANGES, algebra.both(left.guard, other), DIRECT, name)


def _frame(
    design: Design, algebra: Algebra[V, B], pair: Beside[V, B], direct: Step[V, B]
) -> Iterator[Violation[V]]:
    """What the machine does by itself, while the guest runs on it."""
    kept = [t for t in direct.traps if t.memory and t.keeps]
    for guard, state in ((direct.completes, direct.state), *((t.guard, t.state) for t in kept)):
        for component in design.isa.components.values():
            name = component.name
            before, now = pair.host[name], state[name]
            if isinstance(design.rows[name], Direct) or now is before:
                continue
            if isinstance(design.rows[name], Selected):
                before = pair.alpha.but_for_guests(before, now, component)
            changed = components_differ(algebra, component, before, now)
            yield Violation(Fault.CHANGES, algebra.both(guard, changed), DIRECT, name)
        for memory in design.isa.memories.values():
            name = host_memory(memory.name)
            if name in pair.host and state[name] is not pair.host[name]:
                shape = (f"index.{memory.name}", memory.index_width, memory.width)
                changed = algebra.banks_differ(pair.host[name], state[name], *shape)  # type: ignore[arg-type]
                yield Violation(Fault.STORAGE, algebra.both(guard, changed), DIRECT, memory.name)
    for event in direct.events:
        yield Violation(Fault.DEVICE, event.guard, DIRECT, event.device, event.span)
    for e in direct.exits:
        match e:
            case ShutDown():
                yield Violation(Fault.SHUTS_DOWN, e.guard, DIRECT, "", e.span)
            case LeftOpen(beyond_privilege=True):
                yield Violation(Fault.LEFT_OPEN, e.guard, DIRECT, e.unmodelled, e.span)
            case _:
                pass
