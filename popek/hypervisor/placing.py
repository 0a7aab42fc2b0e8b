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
    """Real cells, `units` from `cell` on, that are read or written behind `guard`; `virtual`: by
    the virtual machine.
    """

    guard: V
    memory: str
    cell: V
    units: int
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

    def outside(self, algebra: Algebra[V, B], touched: Touched[V], width: int) -> V:
        """Whether some of these real cells are not the guest's."""
        widths = [width, width]
        place = algebra.operation(ir.Op.SUB, [touched.cell, self.base], widths, width)
        inside = algebra.operation(ir.Op.ULT, [place, self.size], widths, 1)
        if touched.units > 1:
            behind = algebra.operation(ir.Op.SUB, [self.size, place], widths, width)
            others = algebra.const(touched.units - 1, width)
            fits = algebra.operation(ir.Op.ULT, [others, behind], widths, 1)
            inside = algebra.both(inside, fits)
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
        found = super()._cells(run, access, space, args, units, span)
        memory = memory_of(run.isa, space)
        cells = [self._real(run, memory, cell) for cell in found]
        if space in run.isa.memories:
            self._touch(run, memory, cells[0], span, units)
        else:
            for cell in cells:
                self._touch(run, memory, cell, span)
        return cells

    def unit(
        self, run: Run[V, B], space: str, args: Sequence[V], start: V, access: V, size: V
    ) -> V:
        """The real cell of one unit of any access through a translation."""
        span = run.isa.translations[space].span
        while (translation := run.isa.translations.get(space)) is not None:
            args = (self._translated(run, translation, args, start, access, size),)
            start = args[0]
            space = translation.target
        memory = run.isa.memories[space]
        cell = self._real(run, memory, args[0])
        self._touch(run, memory, cell, span)
        return cell

    def _real(self, run: Run[V, B], memory: ir.Memory, cell: V) -> V:
        """The real cell of one of this machine's."""
        if self._pieces is None:
            return cell
        return self._pieces[memory.name].cell(run.algebra, cell, memory.index_width)

    def _touch(
        self, run: Run[V, B], memory: ir.Memory, cell: V, span: Span, units: int = 1
    ) -> None:
        virtual = self._pieces is not None
        self.touched.append(Touched(run.path, memory.name, cell, units, virtual, span))


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
            cell = self._cells(run, space, self.isa.memories[space], args, 1)[0]
            touched = Touched(run.path, space, cell, units, self.virtual, span)
            self.touched.append(touched)

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
