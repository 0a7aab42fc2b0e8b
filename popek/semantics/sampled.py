"""The concrete algebra over values drawn at random, remembered by name.

Whatever is asked for is drawn once, boundary values often; `model` is then an interpretation at
which the symbolic reading of the same text can be evaluated, or the concrete one repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from popek.isa.ir import AbstractFunction
from popek.semantics.ints import Interpretation, Ints
from popek.semantics.storage import PERMITS
from popek.terms import ArrayValue, FunctionValue


class Drawn(ArrayValue):
    """A bank whose elements are drawn when they are first read; `drawn` is shared by all its
    descendants, `entries` are what was stored since.
    """

    __slots__ = ("drawn", "width")

    def __init__(self, default: int, drawn: dict[int, int], entries: dict[int, int], width: int):
        object.__setattr__(self, "default", default)
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "drawn", drawn)
        object.__setattr__(self, "width", width)

    drawn: dict[int, int]
    width: int

    def settled(self) -> ArrayValue:
        """The bank, with the default for what nobody has read."""
        return ArrayValue(self.default, {**self.drawn, **self.entries})


class Sampled(Ints):
    """Ints whose free symbols are drawn from `random` when first used; `given` come first.

    `permissive`: the translation permits every access, so that clauses of hundreds get through.
    """

    def __init__(
        self, random: Random, given: Interpretation | None = None, *, permissive: bool = False
    ) -> None:
        self.drawn: dict[str, int | Drawn] = {}
        self._functions: dict[str, dict[tuple[int, ...], int]] = {}
        self._bits = random.getrandbits
        self._given = dict(given or {})
        self._permissive = permissive
        super().__init__({})

    @property
    def model(self) -> Interpretation:
        """Everything that was drawn."""
        functions = {n: FunctionValue(0, entries) for n, entries in self._functions.items()}
        settled = {n: v.settled() if isinstance(v, Drawn) else v for n, v in self.drawn.items()}
        return {**self._given, **settled, **functions}

    def _draw(self, width: int) -> int:
        """A value: often a boundary or a small one."""
        bits = self._bits(width + 5)
        value = bits >> 5
        match bits & 3:
            case 0:
                return (0, 0, 1, 1, 1 << width - 1, (1 << width - 1) - 1, -1, -1)[bits >> 2 & 7] & (
                    (1 << width) - 1
                )
            case 1:
                return value & 15
            case _:
                return value

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
        if (given := self._given.get(name)) is not None:
            assert isinstance(given, ArrayValue)
            return given
        found = self.drawn.get(name)
        if found is None:
            found = self.drawn[name] = Drawn(self._draw(width), {}, {}, width)
        assert isinstance(found, Drawn)
        return found

    def select(self, bank: ArrayValue, index: int, index_width: int, width: int) -> int:
        if isinstance(bank, Drawn) and index not in bank.entries:
            if index not in bank.drawn:
                bank.drawn[index] = self._draw(bank.width)
            return bank.drawn[index]
        return super().select(bank, index, index_width, width)

    def store(
        self, bank: ArrayValue, index: int, value: int, index_width: int, width: int
    ) -> ArrayValue:
        if isinstance(bank, Drawn):
            return Drawn(bank.default, bank.drawn, {**bank.entries, index: value}, bank.width)
        return super().store(bank, index, value, index_width, width)

    def banks_differ(
        self, a: ArrayValue, b: ArrayValue, name: str, index_width: int, width: int
    ) -> int:
        if isinstance(a, Drawn) and isinstance(b, Drawn) and a.drawn is b.drawn:
            if a.entries is b.entries:
                return 0
            for i in a.entries.keys() | b.entries.keys():
                if self.select(a, i, index_width, width) != self.select(b, i, index_width, width):
                    return 1
            return 0
        return super().banks_differ(settled(a), settled(b), name, index_width, width)

    def uninterpreted(
        self, name: str, args: Sequence[int], widths: Sequence[int], width: int
    ) -> int:
        entries = self._functions.setdefault(name, {})
        key = tuple(args)
        if key not in entries:
            # Mostly permitted: a step that goes on shows more.
            entries[key] = int(self._bits(3) != 0) if width == 1 else self._draw(width)
            if self._permissive and name.startswith(PERMITS):
                entries[key] = 1
        return entries[key]

    def interprets(self, function: AbstractFunction) -> bool:
        return True

    def abstract(self, function: AbstractFunction, args: Sequence[int], width: int) -> int:
        return self.uninterpreted(function.name, args, [], width)


def settled(bank: ArrayValue) -> ArrayValue:
    """The bank as a plain value."""
    return bank.settled() if isinstance(bank, Drawn) else bank
