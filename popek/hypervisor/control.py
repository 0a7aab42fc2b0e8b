"""Resource control: the host keeps what is its own, whatever the guest does.

definitions.md, section 5: the guest stays demoted, what the design requires holds again whenever
the guest goes on, nothing of the host's changes while the guest runs, no device is told
anything, and of memory only the guest's own piece is read or written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from popek.hypervisor.abstraction import Abstraction, Left
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
        *required(pair.alpha, pair.virtual.left),
    ]
    if direct is not None:
        violations += _frame(case.design, algebra, pair, direct)
    return Obligation(pair.premises, tuple(violations), runs, states, pair.fields)


def _outside(design: Design, algebra: Algebra[V, B], pair: Beside[V, B]) -> Iterator[Violation[V]]:
    """Cells that are not the guest's."""
    for touched in pair.virtual.handled.touched:
        memory = design.isa.memories[touched.memory]
        piece = pair.pieces[touched.memory]
        strange = outside(algebra, piece, touched.cell, memory.index_width)
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
