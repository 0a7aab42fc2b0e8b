"""The concrete algebra over values drawn at random, remembered by name.

Whatever is asked for is drawn once, boundary values often; `model` is then an interpretation at
which the symbolic reading of the same text can be evaluated, or the concrete one repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from popek.isa.ir import AbstractFunction
from popek.semantics.ints import Interpretation, Ints
from popek.terms import ArrayValue, FunctionValue


class Sampled(Ints):
    """Ints whose free symbols are drawn from `random` when first used; `given` come first."""

    def __init__(self, random: Random, given: Interpretation | None = None) -> None:
        self.drawn: dict[str, int | ArrayValue] = {}
        self._functions: dict[str, dict[tuple[int, ...], int]] = {}
        self._random = random
        self._given = dict(given or {})
        super().__init__({})

    @property
    def model(self) -> Interpretation:
        """Everything that was drawn."""
        functions = {n: FunctionValue(0, entries) for n, entries in self._functions.items()}
        return {**self._given, **self.drawn, **functions}

    def _draw(self, width: int) -> int:
        """A value: often a boundary or a small one."""
        ones = (1 << width) - 1
        match self._random.randrange(4):
            case 0:
                return self._random.choice((0, 1, ones, ones >> 1, 1 << (width - 1))) & ones
            case 1:
                return self._random.randrange(16) & ones
            case _:
                return self._random.getrandbits(width)

    def variable(self, name: str, width: int) -> int:
        if name in self._given:
            value = self._given[name]
            assert isinstance(value, int)
            return value
        found = self.drawn.get(name)
        if found is None:
            found = self.drawn[name] = self._draw(width)
        assert isinstance(found, int)
        return found

    def bank_variable(self, name: str, index_width: int, width: int) -> ArrayValue:
        found = self._given.get(name, self.drawn.get(name))
        if found is None:
            count = min(1 << index_width, 32)
            entries = {self._draw(index_width): self._draw(width) for _ in range(count)}
            found = self.drawn[name] = ArrayValue(self._draw(width), entries)
        assert isinstance(found, ArrayValue)
        return found

    def uninterpreted(
        self, name: str, args: Sequence[int], widths: Sequence[int], width: int
    ) -> int:
        entries = self._functions.setdefault(name, {})
        key = tuple(args)
        if key not in entries:
            entries[key] = self._draw(width)
        return entries[key]

    def interprets(self, function: AbstractFunction) -> bool:
        return True

    def abstract(self, function: AbstractFunction, args: Sequence[int], width: int) -> int:
        return self.uninterpreted(function.name, args, [], width)
