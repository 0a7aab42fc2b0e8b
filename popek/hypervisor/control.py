"""Resource control: the host keeps what is its own, whatever the guest does.

definitions.md, section 5: the guest stays demoted, what the design requires holds again whenever
the guest goes on, nothing of the host's changes while the guest runs, no device is told
anything, and of memory only the guest's own piece is read or written.
"""

from __future__ import annotations

from collections.abc import Iterator

from popek.hypervisor.design import Design, Direct
from popek.hypervisor.placing import outside
from popek.hypervisor.virtual_step import VIRTUAL, Beside, Case, beside
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, ShutDown, Step
from popek.theory.direct import DIRECT, components_differ
from popek.theory.obligation import Fault, Obligation, Violation


def in_control(case: Case, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where a step of a guest under the design escapes the host."""
    pair = beside(case, algebra)
    direct = pair.virtual.direct
    runs = {VIRTUAL: pair.virtual.step}
    states = {VIRTUAL: pair.guest}
    if direct is not None:
        runs[DIRECT], states[DIRECT] = direct, pair.host
    violations = [
        *_outside(case.design, algebra, pair),
        *_required(case.design, algebra, pair),
    ]
    if direct is not None:
        violations += _frame(case.design, algebra, pair, direct)
    return Obligation(pair.premises, tuple(violations), runs, states, pair.fields)


def _outside(design: Design, algebra: Algebra[V, B], pair: Beside[V, B]) -> Iterator[Violation[V]]:
    """Cells that are not the guest's."""
    for touched in pair.virtual.touched:
        memory = design.isa.memories[touched.memory]
        piece = pair.pieces[touched.memory]
        strange = outside(algebra, piece, touched.cell, memory.index_width)
        condition = algebra.both(touched.guard, strange)
        yield Violation(Fault.STORAGE, condition, VIRTUAL, touched.memory, touched.span)


def _required(design: Design, algebra: Algebra[V, B], pair: Beside[V, B]) -> Iterator[Violation[V]]:
    """What the design requires holds, and registers are as its rows say, where the guest goes on.

    A row without a real value lets the host have any.
    """
    for guard, reached in pair.virtual.left:
        for predicate in design.requirements:
            broken = algebra.negation(pair.alpha.holds(predicate, reached))
            condition = algebra.both(guard, broken)
            yield Violation(Fault.CHANGES, condition, VIRTUAL, "", predicate.span)


def _frame(
    design: Design, algebra: Algebra[V, B], pair: Beside[V, B], direct: Step[V, B]
) -> Iterator[Violation[V]]:
    """What the machine does by itself, while the guest runs on it."""
    for component in design.isa.components.values():
        name = component.name
        if isinstance(design.rows[name], Direct) or direct.state[name] is pair.host[name]:
            continue
        changed = components_differ(algebra, component, pair.host[name], direct.state[name])
        condition = algebra.both(direct.completes, changed)
        yield Violation(Fault.CHANGES, condition, DIRECT, name)
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
