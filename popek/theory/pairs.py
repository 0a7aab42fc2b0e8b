"""Two runs of one machine from states that differ in a few components: the 2-safety of 1974.

The readings `general` and `pg74` compare such runs.  Memory is seen through one coherent
translation: it holds the same contents for both, and memory traps of ordinary accesses are left
out (definitions.md, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from popek.isa import ir
from popek.isa.footprint import writes
from popek.isa.ir import Component, Isa
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Accessed, ShutDown, Step, Trapped
from popek.semantics.step import Run, step
from popek.semantics.storage import Coupled
from popek.theory.anatomy import Anatomy
from popek.theory.direct import components_differ, inputs_of
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.states import (
    Own,
    Shared,
    StateBuilder,
    Supply,
    fields_of,
    level_position,
    no_inputs,
)

FIRST = "@first"
SECOND = "@second"


@dataclass(frozen=True)
class Comparison:
    """Two states at the given levels, equal but for `varied` (and what they tie).

    `probing`: what permits the processor's own accesses may differ too, and so may what lies in
    storage by its real address: the relocation is another, and the contents are moved along.
    `dropped`: invariants to do without, by their text.
    """

    anatomy: Anatomy
    first: ir.Level
    second: ir.Level
    varied: frozenset[str] = frozenset()
    flat: bool = False
    probing: bool = False
    dropped: frozenset[str] = frozenset()

    @property
    def isa(self) -> Isa:
        return self.anatomy.isa

    @property
    def same_mode(self) -> bool:
        return self.first == self.second


def one_step(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The first run alone: every state of its level."""
    return algebra.once(
        ("one_step", comparison, form.key), lambda: _one_step(comparison, form, algebra)
    )


def _one_step(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    fields = fields_of(form, algebra)
    builder, run = _side(comparison, form, algebra, FIRST, fields)
    premises = (*builder.premises, builder.decode(form, fields))
    return Obligation(premises, (), {FIRST: run}, {FIRST: builder.state}, fields)


def both_states(comparison: Comparison, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The two states alone."""
    first, second = (_state(comparison, algebra, side) for side in (FIRST, SECOND))
    runs = {FIRST: first.run({}).finish(), SECOND: second.run({}).finish()}
    states = {FIRST: first.state, SECOND: second.state}
    return Obligation((*first.premises, *second.premises), (), runs, states)


def two_steps(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Both runs; what counts as a difference comes on top."""
    return algebra.once(
        ("two_steps", comparison, form.key), lambda: _two_steps(comparison, form, algebra)
    )


def _two_steps(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    fields = fields_of(form, algebra)
    first, first_run = _side(comparison, form, algebra, FIRST, fields)
    second, second_run = _side(comparison, form, algebra, SECOND, fields)
    runs = {FIRST: first_run, SECOND: second_run}
    premises = (
        *first.premises,
        *second.premises,
        first.decode(form, fields),
        second.decode(form, fields),
    )
    return Obligation(premises, (), runs, {FIRST: first.state, SECOND: second.state}, fields)


def _side(
    comparison: Comparison,
    form: ir.Form,
    algebra: Algebra[V, B],
    side: str,
    fields: Mapping[str, V],
) -> tuple[StateBuilder[V, B], Step[V, B]]:
    """One side's states and its step: the same whatever other level the other side has."""

    def make() -> tuple[StateBuilder[V, B], Step[V, B]]:
        builder = _state(comparison, algebra, side)
        return builder, _run(comparison, form, algebra, builder, fields)

    level = comparison.first if side == FIRST else comparison.second
    alike = replace(comparison, first=level, second=level)
    return algebra.once((side, comparison.same_mode, alike, form.key), make)


def _state(comparison: Comparison, algebra: Algebra[V, B], side: str) -> StateBuilder[V, B]:
    isa = comparison.isa

    def own(memory: str) -> str:
        return f"{memory}{side}" if comparison.probing else memory

    storage: Coupled[V, B] = Coupled(
        isa,
        memory=str,
        own=own,
        side="",
        permitted=None,
        flat=comparison.flat,
        probe=side if comparison.probing else "",
    )
    builder = StateBuilder(isa, algebra, side, storage)

    def choose(component: Component) -> Supply:
        return Own() if component.name in comparison.varied else Shared()

    builder.supply(choose)
    for memory in isa.memories.values():
        for entry in dict.fromkeys((memory.name, own(memory.name))):
            builder.memory(entry, f"memory.{entry}", memory)
    level = comparison.first if side == FIRST else comparison.second
    builder.level(level, of_both=comparison.same_mode)
    builder.share_banked()
    builder.invariants(but=comparison.dropped)
    return builder


def _run(
    comparison: Comparison,
    form: ir.Form,
    algebra: Algebra[V, B],
    builder: StateBuilder[V, B],
    fields: Mapping[str, V],
) -> Step[V, B]:
    inputs = inputs_of(algebra, "", clocks_shared=True)
    return step(comparison.isa, form, algebra, builder.storage, builder.state, fields, inputs)


# ---------------------------------------------------------------- comparing


def changes(
    isa: Isa,
    form: ir.Form,
    algebra: Algebra[V, B],
    pair: Obligation[V, B],
    side: str,
    components: frozenset[str],
) -> Iterator[Violation[V]]:
    """Where the step of one side completes: which of `components` it changes."""
    run, before = pair.runs[side], pair.states[side]
    for name in sorted(components & writes(form.body)):
        component = isa.components[name]
        changed = components_differ(algebra, component, before[name], run.state[name])
        condition = algebra.both(run.completes, changed)
        yield Violation(Fault.CHANGES, condition, side, name)


def results_differ(
    comparison: Comparison,
    form: ir.Form,
    algebra: Algebra[V, B],
    pair: Obligation[V, B],
    *,
    within: V,
    but: frozenset[str] = frozenset(),
) -> Iterator[Violation[V]]:
    """Under `within`: differences in what the two states agreed on, other than `but`."""
    first, second = pair.runs[FIRST], pair.runs[SECOND]
    yield from _states_differ(
        comparison, form, algebra, pair, first.state, second.state, within, but
    )


def _states_differ(
    comparison: Comparison,
    form: ir.Form,
    algebra: Algebra[V, B],
    pair: Obligation[V, B],
    first: Mapping[str, V | B],
    second: Mapping[str, V | B],
    within: V,
    but: frozenset[str],
) -> Iterator[Violation[V]]:
    isa = comparison.isa
    after = (first, second)
    before = (pair.states[FIRST], pair.states[SECOND])
    for name in sorted((writes(form.body) | {isa.pc}) - but):
        component = isa.components.get(name)
        if component is None:
            continue
        a, b = after[0][name], after[1][name]
        if component.banked:
            differ = _banked_differ(comparison, algebra, component, pair, after)
        else:
            agreed = algebra.negation(
                components_differ(algebra, component, before[0][name], before[1][name])
            )
            differ = algebra.both(agreed, components_differ(algebra, component, a, b))
        yield Violation(Fault.DIFFERS, algebra.both(within, differ), "", name)
    for memory in isa.memories.values():
        a, b = after[0][memory.name], after[1][memory.name]
        differ = algebra.banks_differ(
            a,  # type: ignore[arg-type]
            b,  # type: ignore[arg-type]
            f"index.{memory.name}",
            memory.index_width,
            memory.width,
        )
        yield Violation(Fault.DIFFERS, algebra.both(within, differ), "", memory.name)


def _banked_differ(
    comparison: Comparison,
    algebra: Algebra[V, B],
    component: Component,
    pair: Obligation[V, B],
    after: tuple[Mapping[str, V | B], Mapping[str, V | B]],
) -> V:
    """The selected copies, and the copies that are a resource in both and on which they agreed."""
    isa = comparison.isa
    width, index_width = component.width, component.index_width
    name = component.name
    differ = algebra.const(0, 1)
    selected = []
    for state, side in zip(after, (FIRST, SECOND), strict=True):
        storage: Coupled[V, B] = Coupled(isa, str, str, side, None, True)
        run: Run[V, B] = Run(isa, algebra, storage, state, {}, no_inputs)
        at = level_position(isa, algebra, run.value(isa.mode.level), index_width)
        selected.append(algebra.select(state[name], at, index_width, width))  # type: ignore[arg-type]
    differ = algebra.negation(algebra.equal(selected[0], selected[1], width))
    for i, level in enumerate(isa.mode.levels):
        if level in (comparison.first, comparison.second):
            continue
        at = algebra.const(i, index_width)
        copies = [
            algebra.select(bank, at, index_width, width)  # type: ignore[arg-type]
            for bank in (
                pair.states[FIRST][name],
                pair.states[SECOND][name],
                after[0][name],
                after[1][name],
            )
        ]
        agreed = algebra.equal(copies[0], copies[1], width)
        now = algebra.negation(algebra.equal(copies[2], copies[3], width))
        differ = algebra.either(differ, algebra.both(agreed, now))
    return differ


def kinds_differ(algebra: Algebra[V, B], pair: Obligation[V, B]) -> Iterator[Violation[V]]:
    """Completed steps that end in different kinds of outcome, or leave different events."""
    first, second = pair.runs[FIRST], pair.runs[SECOND]
    in_first, in_second = Guards(algebra, first), Guards(algebra, second)

    def unequal(a: V, b: V) -> V:
        return algebra.negation(algebra.equal(a, b, 1))

    yield Violation(Fault.WAITS, unequal(first.waits, second.waits))
    for run, other, side in ((first, second, FIRST), (second, first, SECOND)):
        shut = Guards(algebra, other).any([e.guard for e in other.exits if isinstance(e, ShutDown)])
        for e in run.exits:
            if isinstance(e, ShutDown):
                alone = algebra.both(e.guard, algebra.negation(shut))
                yield Violation(Fault.SHUTS_DOWN, alone, side, "", e.span)
    open_first, open_second = in_first.left_open(), in_second.left_open()
    zero = algebra.const(0, 1)
    for site in sorted(open_first.keys() | open_second.keys()):
        here = open_first.get(site) or open_second[site]
        a = open_first[site].guard if site in open_first else zero
        b = open_second[site].guard if site in open_second else zero
        yield Violation(Fault.LEFT_OPEN, unequal(a, b), "", here.unmodelled, here.span)


def accesses_differ(
    isa: Isa, algebra: Algebra[V, B], pair: Obligation[V, B]
) -> Iterator[Violation[V]]:
    """Where both complete: different lists of ordinary accesses (address, width, kind).

    Where all guards are decided the lists are compared as they are.  Otherwise entries are matched
    by the statement that makes them; that calls too much different where two statements make the
    same access, which the re-evaluation then shows.
    """
    both = algebra.both(pair.runs[FIRST].completes, pair.runs[SECOND].completes)
    first, second = (_ordinary(isa, algebra, pair.runs[side]) for side in (FIRST, SECOND))
    matched: list[tuple[Accessed[V] | None, Accessed[V] | None]]
    if all(algebra.is_true(a.guard) for a in (*first, *second)):
        matched = list(zip_longest(first, second))
    else:
        here = {a.site: a for a in first}
        there = {a.site: a for a in second}
        matched = [(here.get(site), there.get(site)) for site in {**here, **there}]
    zero = algebra.const(0, 1)
    for a, b in matched:
        shown = a or b
        assert shown is not None
        guards = (a.guard if a else zero, b.guard if b else zero)
        differ = algebra.negation(algebra.equal(guards[0], guards[1], 1))
        if a is not None and b is not None:
            if (a.space, a.access, a.units) != (b.space, b.access, b.units):
                differ = algebra.either(differ, guards[0])
            else:
                for x, y, width in zip(a.args, b.args, a.widths, strict=True):
                    other = algebra.negation(algebra.equal(x, y, width))
                    differ = algebra.either(differ, algebra.both(guards[0], other))
        condition = algebra.both(both, differ)
        yield Violation(Fault.ACCESSES, condition, "", shown.space, shown.span)


def _ordinary(isa: Isa, algebra: Algebra[V, B], run: Step[V, B]) -> list[Accessed[V]]:
    """The accesses of the program's own, but for those that are never made."""
    return [
        access
        for access in run.accesses
        if (translation := isa.translations.get(access.space)) is not None
        and not translation.processor
        and not algebra.is_false(access.guard)
    ]


def traps_differ(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B], pair: Obligation[V, B]
) -> Iterator[Violation[V]]:
    """Both trap: by another name, with other arguments, or leaving another state."""
    first, second = pair.runs[FIRST].traps, pair.runs[SECOND].traps
    for side, mine, others in ((FIRST, first, second), (SECOND, second, first)):
        for trap in mine:
            foreign = algebra.const(0, 1)
            for other in others:
                if other.name != trap.name:
                    foreign = algebra.either(foreign, other.guard)
            condition = algebra.both(trap.guard, foreign)
            yield Violation(Fault.TRAPS_DIFFER, condition, side, trap.name, trap.span)
    for a in first:
        for b in second:
            if a.name == b.name:
                within = algebra.both(a.guard, b.guard)
                if not algebra.is_false(within):
                    yield from _one_trap_differs(comparison, form, algebra, pair, a, b, within)


def left_differ(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B], pair: Obligation[V, B]
) -> Iterator[Violation[V]]:
    """Both trap, by traps that keep effects or move the pc, and leave different states."""
    for a in pair.runs[FIRST].traps:
        for b in pair.runs[SECOND].traps:
            within = algebra.both(a.guard, b.guard)
            if _left_something(comparison.isa, a, b) and not algebra.is_false(within):
                yield from _states_differ(
                    comparison, form, algebra, pair, a.state, b.state, within, frozenset()
                )


def _left_something(isa: Isa, a: Trapped[V, B], b: Trapped[V, B]) -> bool:
    """Whether the traps keep effects: both, or a fault on one side something that lasts.

    One that suppresses saves the pc where the step leads.
    """
    kept = [
        trap.keeps
        or (trap.name in isa.traps and isa.traps[trap.name].kind is ir.TrapKind.SUPPRESSES)
        for trap in (a, b)
    ]
    return all(kept) or (a.name == b.name and any(kept))


def _one_trap_differs(
    comparison: Comparison,
    form: ir.Form,
    algebra: Algebra[V, B],
    pair: Obligation[V, B],
    a: Trapped[V, B],
    b: Trapped[V, B],
    within: V,
) -> Iterator[Violation[V]]:
    for x, y, width in zip(a.args, b.args, a.widths, strict=True):
        other = algebra.negation(algebra.equal(x, y, width))
        yield Violation(Fault.TRAPS_DIFFER, algebra.both(within, other), "", a.name, a.span)
    if _left_something(comparison.isa, a, b):
        yield from _states_differ(
            comparison, form, algebra, pair, a.state, b.state, within, frozenset()
        )
