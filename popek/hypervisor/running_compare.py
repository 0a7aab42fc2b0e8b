"""Two states of a guest's over integers, laid beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from popek.hypervisor.running_machine import State
from popek.isa import ir
from popek.semantics.outcome import DeviceEvent
from popek.semantics.running import Cells, Running
from popek.terms import ArrayValue


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the state that is not the same in two: `index` is that of an element or cell."""

    component: str
    index: int | None
    first: int
    second: int


def changes(
    isa: ir.Isa, algebra: Running, sizes: Mapping[str, int], first: State, second: State
) -> Iterator[Change]:
    """Where two states differ; of memories, in what was stored in either since it was settled, as
    far as they have `sizes` cells.
    """
    for name in isa.components:
        a, b = first[name], second[name]
        if a is b or a == b:
            continue
        if isinstance(a, int) and isinstance(b, int):
            yield Change(name, None, a, b)
            continue
        assert isinstance(a, ArrayValue) and isinstance(b, ArrayValue)
        for i in sorted(a.entries.keys() | b.entries.keys()):
            if a.select(i) != b.select(i):
                yield Change(name, i, a.select(i), b.select(i))
    for memory in isa.memories.values():
        a, b = first[memory.name], second[memory.name]
        assert isinstance(a, Cells) and isinstance(b, Cells)
        mask = (1 << memory.index_width) - 1
        stored = {(cell - bank.offset) & mask for bank in (a, b) for cell in bank.entries}
        for i in sorted(stored):
            if i >= sizes[memory.name]:
                continue
            values = [algebra.select(k, i, memory.index_width, memory.width) for k in (a, b)]
            if values[0] != values[1]:
                yield Change(memory.name, i, *values)


def outside(
    isa: ir.Isa, sizes: Mapping[str, int], guest: State, touched: Mapping[str, Iterable[int]]
) -> Iterator[tuple[str, int]]:
    """Of real cells, by memory, those that are not the guest's."""
    for name, cells in touched.items():
        bank = guest[name]
        assert isinstance(bank, Cells)
        mask = (1 << isa.memories[name].index_width) - 1
        for cell in cells:
            if (cell - bank.offset) & mask >= sizes[name]:
                yield name, cell


def told(events: Sequence[DeviceEvent[int]]) -> list[tuple[str, str, tuple[int, ...]]]:
    """What devices were told, in order."""
    return [(e.device, e.operation, e.args) for e in events]
