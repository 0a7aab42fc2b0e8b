"""Where the guest's memory is in the real one, and how both machines of a proof reach it.

A state of the host's has the real memory.  The guest's is a piece of it: what the virtual machine
calls cell i is the real cell `base` + i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.semantics.storage import PERMITS, Coupled, Walk, memory_of
from popek.source import Span
from popek.theory.direct import HOST, host_memory


class Reach(StrEnum):
    """How the translations of the two machines are treated in the proofs of forms.

    `walked`: both as the spec has them.  `relocated`: by free functions, alike on both sides; that
    the real machine permits what the virtual one does, and leads to the same cell of the guest's,
    is proved once (`popek.hypervisor.relocation`).  `assumed`: the same, but the real machine may
    refuse more (shadow tables); that what it permits is right is an open obligation.
    """

    WALKED = "walked"
    RELOCATED = "relocated"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Touched(Generic[V]):
    """A real cell that is read or written behind `guard`; `virtual`: by the virtual machine."""

    guard: V
    memory: str
    cell: V
    virtual: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Piece(Generic[V]):
    """The piece of a real memory that a guest has: `size` cells from `base` on."""

    base: V
    size: V

    def cell(self, algebra: Algebra[V, B], index: V, width: int) -> V:
        """The real cell of the guest's cell at an index."""
        return algebra.operation(ir.Op.ADD, [self.base, index], [width, width], width)

    def outside(self, algebra: Algebra[V, B], cell: V, width: int) -> V:
        """Whether a real cell is not the guest's."""
        place = algebra.operation(ir.Op.SUB, [cell, self.base], [width, width], width)
        inside = algebra.operation(ir.Op.ULT, [place, self.size], [width, width], 1)
        return algebra.negation(inside)


class Watched(Walk[V, B]):
    """The translation as it is, walked; `touched` are the real cells that were reached.

    With `pieces` it is the virtual machine's, whose memories these are.
    """

    def __init__(self, pieces: Mapping[str, Piece[V]] | None = None) -> None:
        self.touched: list[Touched[V]] = []
        self._pieces = pieces

    def _cells(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> list[V]:
        cells = super()._cells(run, access, space, args, units, span)
        return [self._reached(run, space, cell, span) for cell in cells]

    def unit(
        self,
        run: Run[V, B],
        space: str,
        access: ir.Access,
        args: Sequence[V],
        start: V,
        units: int,
    ) -> V:
        """The real cell of one unit of an access that has `units` from `start` on."""
        cell = self._cell(run, space, access, args, start, units)
        return self._reached(run, space, cell, run.isa.translations[space].span)

    def _reached(self, run: Run[V, B], space: str, cell: V, span: Span) -> V:
        """The real cell of one of this machine's."""
        memory = memory_of(run.isa, space)
        if self._pieces is not None:
            cell = self._pieces[memory.name].cell(run.algebra, cell, memory.index_width)
        virtual = self._pieces is not None
        self.touched.append(Touched(run.path, memory.name, cell, virtual, span))
        return cell


@dataclass(frozen=True)
class Mapped(Coupled[V, B]):
    """The abstract translation of one of the machines.

    Ordinary accesses lead into the guest's pieces on both; `touched` are the real cells that were
    reached without a translation.  Tables that the real machine reads on its own behalf are in
    memory of the host's.
    """

    pieces: Mapping[str, Piece[V]] = field(default_factory=dict)
    virtual: bool = False
    touched: list[Touched[V]] = field(default_factory=list)

    def _entry(self, space: str, memory: ir.Memory) -> str:
        hosts = not self.virtual and space in self.isa.translations and not self._ordinary(space)
        return host_memory(memory.name) if hosts else memory.name

    def _access(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> None:
        super()._access(run, access, space, args, units, span)
        if space in self.isa.memories:
            memory = self.isa.memories[space]
            self.touched.extend(
                Touched(run.path, space, cell, self.virtual, span)
                for cell in self._cells(run, space, memory, args, units)
            )

    def _cells(
        self, run: Run[V, B], space: str, memory: ir.Memory, args: Sequence[V], units: int
    ) -> list[V]:
        cells = super()._cells(run, space, memory, args, units)
        if not (self.virtual or self._ordinary(space)):
            return cells
        piece = self.pieces[memory.name]
        return [piece.cell(run.algebra, cell, memory.index_width) for cell in cells]


#: The storage of either machine.
Memories = Watched[V, B] | Mapped[V, B]


def storage_of(
    reach: Reach,
    isa: ir.Isa,
    algebra: Algebra[V, B],
    pieces: Mapping[str, Piece[V]],
    *,
    virtual: bool,
    coherent: bool = True,
) -> Memories[V, B]:
    """The storage of the virtual machine, or of the real one.

    `coherent`: the virtual machine is, as far as its translation goes, as it was when the guest's
    step began.
    """
    if reach is Reach.WALKED:
        return Watched(pieces if virtual else None)

    def permitted(
        run: Run[V, B], name: str, at: str, args: Sequence[V], widths: Sequence[int]
    ) -> V:
        in_both = algebra.uninterpreted(f"{PERMITS}{name}", args, widths, 1)
        if reach is Reach.RELOCATED or not virtual:
            return in_both
        more = algebra.uninterpreted(f"{PERMITS}{name}.more", args, widths, 1)
        return algebra.either(in_both, more)

    return Mapped(
        isa,
        memory=str,
        own=str,
        side=("" if coherent else "@again") if virtual else HOST,
        permitted=permitted,
        flat=False,
        coherent=coherent,
        pieces=pieces,
        virtual=virtual,
    )
