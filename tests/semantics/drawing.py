"""States for steps: components from a pool of a spec's own, the rest drawn as it is asked for.

What `Sampled` draws rarely lets a step through eight accesses, or finds two addresses alike; here
accesses are mostly permitted and lead to cells that memory says something about.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

from popek.guest import canonical, sample_fields
from popek.isa import ir
from popek.semantics.ints import Interpretation
from popek.semantics.sampled import Sampled
from popek.terms import ArrayValue, FunctionValue
from tests.semantics.specs import bundled_isa

#: Different values of all components and memories, shared by the forms of a spec.
POOL = 128
#: Different encodings of a form.
ENCODINGS = 8
#: Cells of a memory that differ from its rest.
CELLS = 48


class Friendly(Sampled):
    """Accesses fail rarely, and their cells are often among those that `memory.*` tells apart."""

    def __init__(self, random: Random, given: Interpretation) -> None:
        super().__init__(random, given)
        self._own = random
        self._permitting = random.choice((1.0, 0.97, 0.8))
        self._asked: dict[str, dict[tuple[int, ...], int]] = {}
        self._cells = [
            cell
            for name, bank in given.items()
            if name.startswith("memory.") and isinstance(bank, ArrayValue)
            for cell in sorted(bank.entries)
        ]

    @property
    def model(self) -> Interpretation:
        """Everything that was drawn; where a function was not asked, anything."""
        anything = {n: self._own.randrange(2) for n in self._asked}
        asked = {n: FunctionValue(anything[n], e) for n, e in self._asked.items()}
        return {**super().model, **asked}

    def uninterpreted(
        self, name: str, args: Sequence[int], widths: Sequence[int], width: int
    ) -> int:
        entries = self._asked.setdefault(name, {})
        key = tuple(args)
        if key not in entries:
            entries[key] = self._answer(name, width)
        return entries[key]

    def _answer(self, name: str, width: int) -> int:
        if name.startswith("permits."):
            return int(self._own.random() < self._permitting)
        if name.startswith("cell.") and self._own.random() < 0.8:
            return self._own.choice(self._cells)
        return draw(self._own, width)


def draw(random: Random, width: int) -> int:
    """A value: often a boundary or a small one."""
    ones = (1 << width) - 1
    match random.randrange(4):
        case 0:
            return random.choice((0, 1, ones, ones >> 1, 1 << (width - 1)))
        case 1:
            return random.randrange(16) & ones
        case _:
            return random.getrandbits(width)


def draw_bank(random: Random, index_width: int, width: int) -> ArrayValue:
    """A bank of a few values, or a memory with some cells."""
    if index_width <= 5:
        entries = {i: draw(random, width) for i in range(1 << index_width)}
    else:
        entries = {random.getrandbits(index_width): draw(random, width) for _ in range(CELLS)}
    return ArrayValue(draw(random, width), entries)


@cache
def pool(spec: str) -> tuple[Interpretation, ...]:
    """Values of all components and memories, under the names of their symbols."""
    isa = bundled_isa(spec)
    found: list[Interpretation] = []
    for number in range(POOL):
        random = Random(f"{spec}/{number}")
        values: dict[str, int | ArrayValue | FunctionValue] = {}
        for c in isa.components.values():
            values[c.name] = (
                draw(random, c.width)
                if c.size is None
                else draw_bank(random, c.index_width, c.width)
            )
        for m in isa.memories.values():
            values[f"memory.{m.name}"] = draw_bank(random, m.index_width, m.width)
        found.append(values)
    return tuple(found)


def encodings(isa: ir.Isa, form: ir.Form, random: Random) -> list[dict[str, int]]:
    """Fields and decode context that mean the form, under the names of their symbols."""
    hidden = [c for c in isa.components.values() if c.role is ir.Role.HIDDEN and c.size is None]
    found = []
    for number in range(ENCODINGS):
        context = {c.name: random.getrandbits(c.width) for c in hidden}
        fields = sample_fields(isa, form, context, random)
        if fields is None:
            continue
        if number < ENCODINGS - 1:
            # Mostly without prefixes: a LOCK, say, makes most forms trap.
            bare = {**fields, **{group.field: 0 for group in isa.prefixes}}
            fields = canonical(isa, form, bare, context) or fields
        found.append(context | {f"field.{name}": value for name, value in fields.items()})
    return found
