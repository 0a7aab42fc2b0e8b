"""The concrete algebra for runs of many steps: memories that are large and change little."""

from __future__ import annotations

from collections.abc import Mapping

from popek.semantics.ints import Ints, pseudo_random
from popek.terms import ArrayValue


class Cells(ArrayValue):
    """A bank that shares `base` with those that it was made from; `entries` are what was stored
    since.

    Index i of this bank is theirs at `offset` + i, so that a piece of a memory is a memory.
    """

    __slots__ = ("base", "offset")

    def __init__(self, base: dict[int, int], entries: dict[int, int], offset: int = 0) -> None:
        object.__setattr__(self, "default", 0)
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "offset", offset)

    base: dict[int, int]
    offset: int

    def from_cell(self, first: int, index_width: int) -> Cells:
        """The same cells, counted from index `first` on."""
        offset = (self.offset + first) & ((1 << index_width) - 1)
        return Cells(self.base, dict(self.entries), offset)

    def whole(self) -> dict[int, int]:
        """All cells that were ever stored, by the index into the whole."""
        return {**self.base, **self.entries}

    def with_cells(self, cells: Mapping[int, int], first: int, index_width: int) -> Cells:
        """The same bank with these cells stored, from index `first` on."""
        start, mask = self.offset + first, (1 << index_width) - 1
        stored = {(start + i) & mask: value for i, value in cells.items()}
        return Cells(self.base, {**self.entries, **stored}, self.offset)

    def settle(self) -> Cells:
        """The same bank, with nothing stored since.  No other of this base may be used any more."""
        self.base.update(self.entries)
        return Cells(self.base, {}, self.offset)


class Running(Ints):
    """Ints over `Cells`.  What is not state is drawn: it depends on its name and on `now` alone.

    `now` is the number of the step; two machines that ask for the same in one step get the same.
    """

    def __init__(self) -> None:
        super().__init__({})
        self.now = 0

    def select(self, bank: ArrayValue, index: int, index_width: int, width: int) -> int:
        if not isinstance(bank, Cells):
            return super().select(bank, index, index_width, width)
        cell = (bank.offset + index) & ((1 << index_width) - 1)
        found = bank.entries.get(cell)
        return bank.base.get(cell, 0) if found is None else found

    def store(
        self, bank: ArrayValue, index: int, value: int, index_width: int, width: int
    ) -> ArrayValue:
        if not isinstance(bank, Cells):
            return super().store(bank, index, value, index_width, width)
        cell = (bank.offset + index) & ((1 << index_width) - 1)
        return Cells(bank.base, {**bank.entries, cell: value}, bank.offset)

    def variable(self, name: str, width: int) -> int:
        return pseudo_random(name, [self.now], width)
