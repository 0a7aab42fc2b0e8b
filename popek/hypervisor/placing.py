"""Where the guest's memory is in the real one, and which real cells a step touches.

The real translation is walked on both sides: that relocation is coherent is proved, not assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.semantics.storage import Walk, memory_of
from popek.source import Span


@dataclass(frozen=True, slots=True)
class Touched(Generic[V]):
    """A real cell that is read or written behind `guard`."""

    guard: V
    memory: str
    cell: V
    span: Span


@dataclass(frozen=True, slots=True)
class Piece(Generic[V]):
    """The piece of a real memory that a guest has: `size` cells from `base` on."""

    base: V
    size: V


class Watched(Walk[V, B]):
    """The real machine's memory; `touched` are the cells that were reached."""

    def __init__(self) -> None:
        self.touched: list[Touched[V]] = []

    def _real(self, run: Run[V, B], memory: ir.Memory, cell: V) -> V:
        """The real cell of one that the machine on this storage reaches."""
        return cell

    def _cells(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> list[V]:
        memory = memory_of(run.isa, space)
        found = super()._cells(run, access, space, args, units, span)
        cells = [self._real(run, memory, cell) for cell in found]
        self.touched += [Touched(run.path, memory.name, cell, span) for cell in cells]
        return cells


class Placed(Watched[V, B]):
    """A guest's memory, in its piece of the real one."""

    def __init__(self, pieces: Mapping[str, Piece[V]]) -> None:
        super().__init__()
        self._pieces = pieces

    def _real(self, run: Run[V, B], memory: ir.Memory, cell: V) -> V:
        widths = [memory.index_width, memory.index_width]
        base = self._pieces[memory.name].base
        return run.algebra.operation(ir.Op.ADD, [base, cell], widths, memory.index_width)


def outside(algebra: Algebra[V, B], piece: Piece[V], cell: V, width: int) -> V:
    """Whether a real cell is not the guest's."""
    place = algebra.operation(ir.Op.SUB, [cell, piece.base], [width, width], width)
    inside = algebra.operation(ir.Op.ULT, [place, piece.size], [width, width], 1)
    return algebra.negation(inside)
