"""The plain values of terms: ints for bit-vectors, finite tables with a default for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ArrayValue:
    """The array that maps each key of `entries` to its value and every other index to `default`.

    Entries equal to the default are dropped on construction, so that equality of values is equality
    of the arrays (unless the entries cover every index).
    """

    default: int = 0
    entries: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {i: v for i, v in self.entries.items() if v != self.default}
        object.__setattr__(self, "entries", kept)

    def select(self, index: int) -> int:
        """The element at `index`."""
        return self.entries.get(index, self.default)

    def store(self, index: int, value: int) -> ArrayValue:
        """The same array but for `value` at `index`."""
        return ArrayValue(self.default, {**self.entries, index: value})


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """The function that maps each key of `entries` to its value, other arguments to `default`."""

    default: int = 0
    entries: Mapping[tuple[int, ...], int] = field(default_factory=dict)

    def __call__(self, *args: int) -> int:
        """The function's value at `args`, all without sign."""
        return self.entries.get(args, self.default)


Value: TypeAlias = int | ArrayValue | FunctionValue
