"""alpha, the map from the host's states to the guest's (Popek and Goldberg, section 3: f).

A state of the host's has the components of the real machine under their names, and beside them the
virtual CPU's.  Of a guest's state it has all; what is `Direct` is in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

from popek.hypervisor.design import Design, Direct, Kept, Selected, kept
from popek.hypervisor.placing import Piece, Reach
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.semantics.storage import Walk
from popek.theory.direct import components_differ, host_memory
from popek.theory.states import level_position, no_inputs

#: Entries by name; memories are among them.
State = dict[str, V | B]


@dataclass(frozen=True, slots=True)
class Left(Generic[V, B]):
    """A state of the host's in which the guest goes on, behind `guard`."""

    guard: V
    state: Mapping[str, V | B]


@dataclass(frozen=True)
class Abstraction(Generic[V, B]):
    """The rows of a design, over an algebra."""

    design: Design
    algebra: Algebra[V, B]
    reach: Reach

    def run(self, state: Mapping[str, V | B]) -> Run[V, B]:
        """An evaluation over the host's state."""
        walk: Walk[V, B] = Walk()
        return Run(self.design.machine, self.algebra, walk, state, {}, no_inputs)

    def value(self, expr: ir.Expr, state: Mapping[str, V | B]) -> V:
        return self.run(state).value(expr)

    def holds(self, predicate: ir.Predicate, state: Mapping[str, V | B]) -> V:
        run = self.run(state)
        run.run(predicate.setup)
        return run.value(predicate.condition)

    def machine(self, state: Mapping[str, V | B]) -> State[V, B]:
        """The real machine's part of the host's state."""
        isa = self.design.isa
        hosts = [entry for m in isa.memories if (entry := host_memory(m)) in state]
        return {name: state[name] for name in (*isa.components, *isa.memories, *hosts)}

    def virtual(self, state: Mapping[str, V | B]) -> State[V, B]:
        """alpha: the guest's state in a state of the host's."""
        found: State[V, B] = {m: state[m] for m in self.design.isa.memories}
        for name, row in self.design.rows.items():
            match row:
                case Direct():
                    found[name] = state[name]
                case Kept(value=None):
                    found[name] = state[kept(name)]
                case Kept(value=value):
                    assert value is not None
                    found[name] = self.value(value, state)
                case Selected():
                    found[name] = state[kept(name)]
        for component, widths in self._selected():
            now = self.algebra.select(state[component], self._lowest(widths[0]), *widths)  # type: ignore[arg-type]
            found[component] = self._with_current(found, component, now, widths)
        return found

    def _selected(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """The rows of banked registers, with the widths of the banks."""
        for name, row in self.design.rows.items():
            if isinstance(row, Selected):
                component = self.design.isa.components[name]
                yield name, (component.index_width, component.width)

    def _lowest(self, width: int) -> V:
        """The position of the level that guests run in."""
        return self.algebra.const(len(self.design.isa.mode.levels) - 1, width)

    def _position(self, virtual: Mapping[str, V | B], width: int) -> V:
        """The position of the guest's own level."""
        isa = self.design.isa
        run: Run[V, B] = Run(isa, self.algebra, Walk(), virtual, {}, no_inputs)
        return level_position(isa, self.algebra, run.value(isa.mode.level), width)

    def but_for_guests(self, before: V | B, now: V | B, component: ir.Component) -> B:
        """A bank of the real machine's as it was, but for the copy that guests have."""
        widths = component.index_width, component.width
        at = self._lowest(component.index_width)
        copy = self.algebra.select(now, at, *widths)  # type: ignore[arg-type]
        return self.algebra.store(before, at, copy, *widths)  # type: ignore[arg-type]

    def _with_current(
        self, virtual: Mapping[str, V | B], name: str, now: V, widths: tuple[int, int]
    ) -> B:
        """The guest's copies, that of its level being `now`."""
        algebra, at = self.algebra, self._position(virtual, widths[0])
        bank: B = virtual[name]  # type: ignore[assignment]
        if algebra.select(bank, at, *widths) is now:
            return bank
        return algebra.store(bank, at, now, *widths)

    def put(self, state: Mapping[str, V | B], virtual: Mapping[str, V | B]) -> State[V, B]:
        """The host's state with another guest's state in it."""
        changed: State[V, B] = {m: virtual[m] for m in self.design.isa.memories}
        for name, row in self.design.rows.items():
            match row:
                case Direct():
                    changed[name] = virtual[name]
                case Kept(value=None):
                    changed[kept(name)] = virtual[name]
                case Kept():
                    pass  # computed from what no step of the guest's changes
                case Selected():
                    changed[kept(name)] = virtual[name]
        for name, widths in self._selected():
            at = self._position(virtual, widths[0])
            now = self.algebra.select(virtual[name], at, *widths)  # type: ignore[arg-type]
            real: B = state[name]  # type: ignore[assignment]
            changed[name] = self.algebra.store(real, self._lowest(widths[0]), now, *widths)
        return {**state, **changed}

    def forgotten(
        self, state: Mapping[str, V | B], guest: Mapping[str, V | B]
    ) -> Iterator[tuple[str, V]]:
        """Of each row that computes a value, whether that is another than in a state of the guest's
        for which this state of the host's was made.
        """
        seen = self.virtual(state)
        for name, row in self.design.rows.items():
            if isinstance(row, Kept) and row.value is not None:
                component = self.design.isa.components[name]
                apart = components_differ(self.algebra, component, guest[name], seen[name])
                yield name, apart

    def loaded(self, state: Mapping[str, V | B]) -> State[V, B]:
        """The host's state with the machine's registers as the rows say: what `resume` does."""
        result = dict(state)
        for name, row in self.design.rows.items():
            if isinstance(row, Kept) and row.real is not None:
                result[name] = self.value(row.real, result)
        return result

    def pieces(self, state: Mapping[str, V | B]) -> dict[str, Piece[V]]:
        """Where the guest's memories are."""
        return {
            name: Piece(self.value(p.base, state), self.value(p.size, state))
            for name, p in self.design.placements.items()
        }

    def chosen(
        self, guard: V, then: Mapping[str, V | B], otherwise: Mapping[str, V | B]
    ) -> State[V, B]:
        """The state `then` where `guard` holds, else the other."""
        algebra = self.algebra
        result: State[V, B] = {}
        for name, value in then.items():
            other = otherwise[name]
            component = self.design.isa.components.get(name)
            if value is other:
                result[name] = value
            elif component is None or component.size is not None:
                result[name] = algebra.bank_ite(guard, value, other)  # type: ignore[arg-type]
            else:
                result[name] = algebra.ite(guard, value, other, component.width)  # type: ignore[arg-type]
        return result
