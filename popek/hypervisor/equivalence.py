"""Equivalence: a guest cannot tell the hypervisor from the bare machine.

definitions.md, section 5: with alpha, each step of the guest under the design is that of the bare
machine, and ends in the same state of the guest's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from popek.hypervisor.virtual_step import VIRTUAL, Beside, Case, beside
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import DeviceEvent, ShutDown, Step, Trapped
from popek.source import Span
from popek.theory.direct import BARE, DIRECT, components_differ
from popek.theory.obligation import Fault, Guards, Obligation, Violation, any_of


def equivalent(case: Case, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where the step of a guest under the design is not that of the bare machine."""
    pair = beside(case, algebra)
    runs = {BARE: pair.bare, VIRTUAL: pair.virtual.step}
    states = {BARE: pair.guest, VIRTUAL: pair.guest}
    if pair.virtual.direct is not None:
        runs[DIRECT], states[DIRECT] = pair.virtual.direct, pair.host
    violations = tuple(unlike(pair, algebra))
    return Obligation(pair.premises, violations, runs, states, pair.fields)


def unlike(pair: Beside[V, B], algebra: Algebra[V, B]) -> Iterator[Violation[V]]:
    """How the guest's step under the design is not that of the bare machine."""
    bare, virtual, isa = pair.bare, pair.virtual.step, pair.alpha.design.isa
    # What the bare machine leaves open may be whatever the guest sees; that it keeps to its own is
    # for control.
    opened = Guards(algebra, bare).left_open().values()
    settled = [e.guard for e in opened if not e.beyond_privilege] + pair.virtual.handled.bare
    decided = algebra.negation(any_of(algebra, settled))
    for violation in (
        *_states(isa, algebra, bare, virtual),
        *_events(algebra, bare.events, virtual.events),
        *_traps(isa, algebra, bare, virtual),
        *_other_ends(algebra, bare, virtual),
    ):
        yield violation.within(algebra, decided)
    for one in pair.virtual.handled.alike:
        for violation in differences(isa, algebra, one.guest, pair.alpha.virtual(one.state)):
            yield violation.within(algebra, one.guard)


def _unequal(algebra: Algebra[V, B], a: V, b: V) -> V:
    return algebra.negation(algebra.equal(a, b, 1))


def _arguments_differ(
    algebra: Algebra[V, B],
    a: Trapped[V, B] | DeviceEvent[V],
    b: Trapped[V, B] | DeviceEvent[V],
) -> Iterator[V]:
    """Of two traps, or events, of one name: for each argument whether it differs."""
    for x, y, width in zip(a.args, b.args, a.widths, strict=True):
        yield algebra.negation(algebra.equal(x, y, width))


def _states(
    isa: ir.Isa, algebra: Algebra[V, B], bare: Step[V, B], virtual: Step[V, B]
) -> Iterator[Violation[V]]:
    """Where both go on: what the guest sees then."""
    both = algebra.both(bare.completes, virtual.completes)
    if algebra.is_false(both):
        return
    for violation in differences(isa, algebra, bare.state, virtual.state):
        yield violation.within(algebra, both)
    one_waits = _unequal(algebra, bare.waits, virtual.waits)
    yield Violation(Fault.WAITS, algebra.both(both, one_waits), VIRTUAL)


def differences(
    isa: ir.Isa,
    algebra: Algebra[V, B],
    first: Mapping[str, V | B],
    second: Mapping[str, V | B],
) -> Iterator[Violation[V]]:
    """Where two states of the guest's differ."""
    for component in isa.components.values():
        a, b = first[component.name], second[component.name]
        if a is not b:
            differ = components_differ(algebra, component, a, b)
            yield Violation(Fault.DIFFERS, differ, VIRTUAL, component.name)
    for memory in isa.memories.values():
        a, b = first[memory.name], second[memory.name]
        if a is not b:
            shape = (f"index.{memory.name}", memory.index_width, memory.width)
            differ = algebra.banks_differ(a, b, *shape)  # type: ignore[arg-type]
            yield Violation(Fault.DIFFERS, differ, VIRTUAL, memory.name)


def _traps(
    isa: ir.Isa, algebra: Algebra[V, B], bare: Step[V, B], virtual: Step[V, B]
) -> Iterator[Violation[V]]:
    """Traps of the guest's: by name, then with their arguments and what they leave."""
    for name in dict.fromkeys(t.name for t in (*bare.traps, *virtual.traps)):
        here = [t for t in bare.traps if t.name == name]
        there = [t for t in virtual.traps if t.name == name]
        if not (here and there):
            for t in (*here, *there):
                yield Violation(Fault.TRAPS_DIFFER, t.guard, VIRTUAL, name, t.span)
            continue
        guards = [any_of(algebra, [t.guard for t in traps]) for traps in (here, there)]
        differ = _unequal(algebra, guards[0], guards[1])
        yield Violation(Fault.TRAPS_DIFFER, differ, VIRTUAL, name, here[0].span)
        known = {_made(a) for a in here}
        for b in there:
            # An exit of the very same step: where the guest takes it, so does the bare machine.
            if _made(b) not in known:
                for a in here:
                    yield from _one_trap(isa, algebra, a, b)


def _made(trap: Trapped[V, B]) -> tuple[int, int, Span]:
    """What is the same of a trap and of those that were made of it with other guards."""
    return id(trap.state), id(trap.args), trap.span


def _one_trap(
    isa: ir.Isa, algebra: Algebra[V, B], a: Trapped[V, B], b: Trapped[V, B]
) -> Iterator[Violation[V]]:
    within = algebra.both(a.guard, b.guard)
    if algebra.is_false(within):
        return
    for other in _arguments_differ(algebra, a, b):
        condition = algebra.both(within, other)
        yield Violation(Fault.TRAPS_DIFFER, condition, VIRTUAL, a.name, a.span)
    for violation in differences(isa, algebra, a.state, b.state):
        yield violation.within(algebra, within)


def _other_ends(
    algebra: Algebra[V, B], bare: Step[V, B], virtual: Step[V, B]
) -> Iterator[Violation[V]]:
    """One goes on and the other does not: it is stopped, shuts down, or is left open."""
    guards = [
        any_of(algebra, [e.guard for e in run.exits if isinstance(e, ShutDown)])
        for run in (bare, virtual)
    ]
    yield Violation(Fault.SHUTS_DOWN, _unequal(algebra, guards[0], guards[1]), VIRTUAL)
    here, there = Guards(algebra, bare).left_open(), Guards(algebra, virtual).left_open()
    for site, e in there.items():
        matched = here[site].guard if site in here else algebra.const(0, 1)
        alone = algebra.both(e.guard, algebra.negation(matched))
        yield Violation(Fault.LEFT_OPEN, alone, VIRTUAL, e.unmodelled, e.span)
    stopped = algebra.both(bare.completes, algebra.negation(virtual.completes))
    yield Violation(Fault.COMPLETES, stopped, BARE)
    more = algebra.both(virtual.completes, algebra.negation(bare.completes))
    yield Violation(Fault.COMPLETES, more, VIRTUAL)


def _events(
    algebra: Algebra[V, B],
    bare: tuple[DeviceEvent[V], ...],
    virtual: tuple[DeviceEvent[V], ...],
) -> Iterator[Violation[V]]:
    """What devices are told, place by place in the clause."""
    here, there = _by_place(bare), _by_place(virtual)
    for place in {**here, **there}:
        told, heard = here.get(place, ()), there.get(place, ())
        guards = [any_of(algebra, [e.guard for e in events]) for events in (told, heard)]
        differ = _unequal(algebra, guards[0], guards[1])
        for a in told:
            for b in heard:
                others = any_of(algebra, _arguments_differ(algebra, a, b))
                both = algebra.both(a.guard, b.guard)
                differ = algebra.either(differ, algebra.both(both, others))
        for first, second in combinations(heard, 2):
            # One place tells a device something once; so several are of several ways to go on.
            differ = algebra.either(differ, algebra.both(first.guard, second.guard))
        yield Violation(Fault.DEVICE, differ, VIRTUAL, place[0], place[2])


def _by_place(
    events: tuple[DeviceEvent[V], ...],
) -> Mapping[tuple[str, str, Span], tuple[DeviceEvent[V], ...]]:
    """What devices are told, by the place in the clause that says so."""
    found: dict[tuple[str, str, Span], tuple[DeviceEvent[V], ...]] = {}
    for e in events:
        place = (e.device, e.operation, e.span)
        found[place] = (*found.get(place, ()), e)
    return found
