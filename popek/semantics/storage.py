"""Memory as a step reaches it: the real translation, or the abstract one of the proofs.

`Walk` runs the spec's `translate` bodies unit by unit.  `Coupled` replaces them by free functions
`permits` and `cell`: an ordinary access of the two states of a proof, made with the same
arguments while what the translation reads is as it was, is permitted alike and reaches the same
cell (the assumption `coherent-translation`, definitions.md section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from popek.isa import ir
from popek.isa.footprint import raised_behind, reads, remembered
from popek.isa.system import ACCESS_WIDTH, SIZE_WIDTH
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Accessed, Exit, Trapped
from popek.semantics.step import Run
from popek.source import Span

#: The name of the trap that stands for any memory trap under the abstract translation.
MEMORY_TRAP = "memory trap"

#: How the names of the free functions begin that say whether an access is permitted.
PERMITS = "permits."

#: And of those that say which cell it reaches.
CELL = "cell."


def memory_of(isa: ir.Isa, space: str) -> ir.Memory:
    """The memory at the end of a chain of translations."""
    while (memory := isa.memories.get(space)) is None:
        space = isa.translations[space].target
    return memory


def argument_widths(isa: ir.Isa, space: str) -> tuple[int, ...]:
    if (memory := isa.memories.get(space)) is not None:
        return (memory.index_width,)
    return tuple(p.width for p in isa.translations[space].params)


def advance(algebra: Algebra[V, B], args: Sequence[V], width: int, by: int) -> tuple[V, ...]:
    """The arguments of the unit `by` units further on."""
    if by == 0:
        return tuple(args)
    step = algebra.const(by, width)
    return (*args[:-1], algebra.operation(ir.Op.ADD, [args[-1], step], [width, width], width))


def join(isa: ir.Isa, algebra: Algebra[V, B], units: Sequence[V], width: int) -> V:
    """The value whose units lie at rising addresses."""
    if len(units) == 1:
        return units[0]
    ordered = list(units) if isa.endian == "big" else list(reversed(units))
    return algebra.operation(ir.Op.CONCAT, ordered, [width] * len(ordered), width * len(ordered))


def split(isa: ir.Isa, algebra: Algebra[V, B], value: V, units: int, width: int) -> list[V]:
    """The units of a value, at rising addresses."""
    if units == 1:
        return [value]
    parts = [
        algebra.extract(value, (i + 1) * width - 1, i * width, units * width) for i in range(units)
    ]
    return parts[::-1] if isa.endian == "big" else parts


class Walk(Generic[V, B]):
    """The translation as the spec declares it, walked for real."""

    def load(self, run: Run[V, B], space: str, args: Sequence[V], units: int, span: Span) -> V:
        return self._read(run, ir.Access.READ, space, args, units, span)

    def fetch(self, run: Run[V, B], space: str, args: Sequence[V], units: int, span: Span) -> V:
        """As `load`, for code."""
        return self._read(run, ir.Access.FETCH, space, args, units, span)

    def _read(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> V:
        memory = memory_of(run.isa, space)
        cells = self._cells(run, access, space, args, units, span)
        bank = run.state[memory.name]
        values = [
            run.algebra.select(bank, cell, memory.index_width, memory.width)  # type: ignore[arg-type]
            for cell in cells
        ]
        return join(run.isa, run.algebra, values, memory.width)

    def store(
        self, run: Run[V, B], space: str, args: Sequence[V], units: int, value: V, span: Span
    ) -> None:
        memory = memory_of(run.isa, space)
        cells = self._cells(run, ir.Access.WRITE, space, args, units, span)
        for cell, part in zip(
            cells, split(run.isa, run.algebra, value, units, memory.width), strict=True
        ):
            run.store_cell(memory.name, memory, cell, part, span)

    def check(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> None:
        if (translation := run.isa.translations.get(space)) is not None:
            for i in range(units):
                at = advance(run.algebra, args, translation.params[-1].width, i)
                if access is ir.Access.FETCH:
                    # Of a jump: the target is fetched, through all stages, by the next step.
                    self._translate(run, translation, access, at, args[-1], units)
                else:
                    self._cell(run, space, access, at, args[-1], units)

    def _cells(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> list[V]:
        widths = argument_widths(run.isa, space)
        if run.translating is None:
            run.accesses.append(
                Accessed(run.path, space, access.value, units, tuple(args), widths, span, run.site)
            )
        return [
            self._cell(
                run, space, access, advance(run.algebra, args, widths[-1], i), args[-1], units
            )
            for i in range(units)
        ]

    def _cell(
        self,
        run: Run[V, B],
        space: str,
        access: ir.Access,
        args: Sequence[V],
        start: V,
        units: int,
    ) -> V:
        while (translation := run.isa.translations.get(space)) is not None:
            args = (self._translate(run, translation, access, args, start, units),)
            start = args[0]
            space = translation.target
        return args[0]

    def _translate(
        self,
        run: Run[V, B],
        translation: ir.Translation,
        access: ir.Access,
        args: Sequence[V],
        start: V,
        units: int,
    ) -> V:
        algebra = run.algebra
        kind = algebra.const(list(ir.Access).index(access), ACCESS_WIDTH)
        size = algebra.const(units, SIZE_WIDTH)
        return self._translated(run, translation, args, start, kind, size)

    def _translated(
        self,
        run: Run[V, B],
        translation: ir.Translation,
        args: Sequence[V],
        start: V,
        access: V,
        size: V,
    ) -> V:
        """Where a translation leads; the kind of access and its size need not be constants."""
        algebra = run.algebra
        given = {
            **{param.name: value for param, value in zip(translation.params, args, strict=True)},
            "access": access,
            "size": size,
            "start": start,
        }
        result = translation.result
        outer, run.translating = run.translating, translation
        with run.scope(given):
            run.run(translation.body)
            # Where the translation trapped, nothing uses the index.
            index = run.locals.get(result.name, algebra.const(0, result.width))
        run.translating = outer
        return index


@dataclass(frozen=True)
class Coupled(Generic[V, B]):
    """The abstract translation.

    `memory` names the state entry that ordinary accesses reach, `own` the one that the
    processor's own and untranslated accesses reach, both by the memory's name.  `side` marks free
    functions that are this side's alone, "" where the two sides share them.  `permitted` guards an
    ordinary access: given (run, space, access, units, args, widths), whether the translation
    permits it; None where memory traps are left out (all are permitted).  `flat`: cells are the
    last argument itself and everything is permitted, a special case in which witnesses are sought.
    Without `coherent` nothing couples the two sides' ordinary accesses.  `probe` marks what permits
    the processor's own accesses where the two sides may differ in permissions alone.
    """

    isa: ir.Isa
    memory: Callable[[str], str]
    own: Callable[[str], str]
    side: str
    permitted: Callable[[Run[V, B], str, str, Sequence[V], Sequence[int]], V] | None
    flat: bool
    coherent: bool = True
    probe: str = ""

    def load(self, run: Run[V, B], space: str, args: Sequence[V], units: int, span: Span) -> V:
        memory = memory_of(self.isa, space)
        self._access(run, ir.Access.READ, space, args, units, span)
        bank = run.state[self._entry(space, memory)]
        values = [
            run.algebra.select(bank, cell, memory.index_width, memory.width)  # type: ignore[arg-type]
            for cell in self._cells(run, space, memory, args, units)
        ]
        return join(self.isa, run.algebra, values, memory.width)

    def store(
        self, run: Run[V, B], space: str, args: Sequence[V], units: int, value: V, span: Span
    ) -> None:
        memory = memory_of(self.isa, space)
        self._access(run, ir.Access.WRITE, space, args, units, span)
        entry = self._entry(space, memory)
        parts = split(self.isa, run.algebra, value, units, memory.width)
        for cell, part in zip(self._cells(run, space, memory, args, units), parts, strict=True):
            run.store_cell(entry, memory, cell, part, span)

    def check(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> None:
        self._access(run, access, space, args, units, span)

    def _ordinary(self, space: str) -> bool:
        translation = self.isa.translations.get(space)
        return translation is not None and not translation.processor

    def _entry(self, space: str, memory: ir.Memory) -> str:
        return self.memory(memory.name) if self._ordinary(space) else self.own(memory.name)

    def _changed(self, run: Run[V, B], space: str) -> V:
        """Whether anything that the translation reads has changed since the step began, other than
        what it takes as an argument.
        """
        algebra = run.algebra
        changed = algebra.const(0 if self.coherent else 1, 1)
        for name in translation_reads(self.isa, space) - registers_read(self.isa, space).keys():
            before, now = run.before[name], run.state[name]
            if before is now:
                continue
            for a, b in self._elements(algebra, name, before, now):
                same = algebra.equal(a, b, self.isa.components[name].width)
                changed = algebra.either(changed, algebra.negation(same))
        return changed

    def _elements(
        self, algebra: Algebra[V, B], name: str, before: V | B, now: V | B
    ) -> Iterator[tuple[V, V]]:
        """The scalar, or each element of the bank, before and now.

        Element by element: the answer is used both ways, so one free index would not do.
        """
        component = self.isa.components[name]
        if component.size is None:
            yield before, now  # type: ignore[misc]
            return
        for i in range(component.size):
            index = algebra.const(i, component.index_width)
            a, b = (
                algebra.select(bank, index, component.index_width, component.width)  # type: ignore[arg-type]
                for bank in (before, now)
            )
            yield a, b

    def _access(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> None:
        widths = argument_widths(self.isa, space)
        run.accesses.append(
            Accessed(run.path, space, access.value, units, tuple(args), widths, span, run.site)
        )
        if space in self.isa.memories or self.flat:
            return
        ordinary = self._ordinary(space)
        if ordinary and self.permitted is None:
            return
        name = f"{space}.{access.value}.{units}"
        seen, seen_widths = self._seen(run, space, args, widths)
        if ordinary and self.permitted is not None:
            permitted = self.permitted(run, name, self.side, seen, seen_widths)
            changed = self._changed(run, space)
            if not run.algebra.is_false(changed):
                after = run.algebra.uninterpreted(
                    f"{PERMITS}{name}.after{self.side}", seen, seen_widths, 1
                )
                permitted = run.algebra.ite(changed, after, permitted, 1)
        else:
            permitted = run.algebra.uninterpreted(
                f"{PERMITS}{name}{self.side}{self.probe}", seen, seen_widths, 1
            )

        def trapped(kind: ir.TrapKind, guard: V) -> Exit[V, B]:
            return Trapped(
                guard,
                MEMORY_TRAP,
                tuple(args),
                widths,
                ordinary,
                not ordinary,
                not kind.undoes or run.lasted,
                run.left(kind),
                span,
            )

        first, *others = _trap_kinds(self.isa, space)
        if run.lasted and not first.undoes and any(kind.undoes for kind in others):
            # What lasts is not all that an abort leaves: which it is may be either.
            undone = run.algebra.uninterpreted(f"{PERMITS}{name}.undone", seen, seen_widths, 1)
            kept = run.algebra.either(permitted, run.algebra.negation(undone))
            run.require(kept, lambda guard: trapped(ir.TrapKind.FAULT, guard))
        run.require(permitted, lambda guard: trapped(first, guard))

    def _cells(
        self, run: Run[V, B], space: str, memory: ir.Memory, args: Sequence[V], units: int
    ) -> list[V]:
        algebra = run.algebra
        widths = argument_widths(self.isa, space)
        places = [advance(algebra, args, widths[-1], i) for i in range(units)]
        if space in self.isa.memories:
            return [place[0] for place in places]
        if self.flat:
            return [self._resized(algebra, p[-1], widths[-1], memory.index_width) for p in places]
        width = memory.index_width
        seen = [self._seen(run, space, place, widths) for place in places]

        def cells(function: str) -> list[V]:
            return [algebra.uninterpreted(function, *given, width) for given in seen]

        if not self._ordinary(space):
            return cells(f"{CELL}{space}{self.side}")
        coherent = cells(f"{CELL}{space}")
        changed = self._changed(run, space)
        if algebra.is_false(changed):
            return coherent
        after = cells(f"{CELL}{space}.after{self.side}")
        return [algebra.ite(changed, a, c, width) for a, c in zip(after, coherent, strict=True)]

    def _seen(
        self, run: Run[V, B], space: str, args: Sequence[V], widths: Sequence[int]
    ) -> tuple[list[V], list[int]]:
        """What the translation of an access is a function of: its arguments, and what programs may
        set by themselves, as it is now.
        """
        registers = registers_read(self.isa, space)
        values: list[V] = [run.state[name] for name in registers]  # type: ignore[misc]
        return [*args, *values], [*widths, *registers.values()]

    @staticmethod
    def _resized(algebra: Algebra[V, B], value: V, width: int, to: int) -> V:
        if width > to:
            return algebra.extract(value, to - 1, 0, width)
        if width < to:
            return algebra.operation(ir.Op.ZEXT, [value], [width], to)
        return value


def translation_reads(isa: ir.Isa, space: str) -> frozenset[str]:
    """The components other than memory that a space's translation reads, its chain included."""
    return _translation_reads(isa).get(space, frozenset())


def registers_read(isa: ir.Isa, space: str) -> dict[str, int]:
    """The registers of programs that a space's translation reads, with their widths."""
    return _registers_read(isa).get(space, {})


#: Kinds of trap, those that leave most of a step first.
LEAVING = (
    ir.TrapKind.ABORTS,
    ir.TrapKind.COMPLETES,
    ir.TrapKind.INTERRUPT,
    ir.TrapKind.SUPPRESSES,
    ir.TrapKind.FAULT,
)


def _trap_kinds(isa: ir.Isa, space: str) -> list[ir.TrapKind]:
    """The kinds of the traps that a space's translation raises, in the order of `LEAVING`."""
    return _all_trap_kinds(isa).get(space, [ir.TrapKind.FAULT])


@remembered(16)
def _all_trap_kinds(isa: ir.Isa) -> dict[str, list[ir.TrapKind]]:
    found: dict[str, list[ir.TrapKind]] = {}
    for space in isa.translations:
        kinds = {isa.traps[name].kind for name in raised_behind(isa, [space])}
        found[space] = [kind for kind in LEAVING if kind in kinds] or [ir.TrapKind.FAULT]
    return found


@remembered(16)
def _registers_read(isa: ir.Isa) -> dict[str, dict[str, int]]:
    def scalars(names: frozenset[str]) -> dict[str, int]:
        found = (isa.components[name] for name in sorted(names))
        return {c.name: c.width for c in found if c.role is ir.Role.REGISTER and c.size is None}

    return {space: scalars(names) for space, names in _translation_reads(isa).items()}


@remembered(16)
def _translation_reads(isa: ir.Isa) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for space in isa.translations:
        names: set[str] = set()
        target = space
        while (translation := isa.translations.get(target)) is not None:
            names |= reads(translation.body)
            target = translation.target
        found[space] = frozenset(names & isa.components.keys())
    return found
