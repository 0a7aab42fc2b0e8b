"""What a term denotes: a bit-vector, or an array from bit-vectors to bit-vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias


class SortError(TypeError):
    """Terms were combined whose widths or sorts do not fit; always a mistake of the caller."""


@dataclass(frozen=True, slots=True)
class BitVec:
    """Bit-vectors of `width` bits, at least one. The Booleans are the bit-vectors of width 1."""

    width: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SortError(f"a bit-vector has at least one bit, not {self.width}")


@dataclass(frozen=True, slots=True)
class Array:
    """Total maps from bit-vectors of `index` bits to bit-vectors of `element` bits."""

    index: int
    element: int

    def __post_init__(self) -> None:
        if self.index < 1 or self.element < 1:
            raise SortError(f"an array's widths are at least 1, not {self.index}, {self.element}")


Sort: TypeAlias = BitVec | Array


@cache
def bit_vector(width: int) -> BitVec:
    """The one `BitVec` of this width, so that making a term allocates no sort."""
    return BitVec(width)


@cache
def array_of(index: int, element: int) -> Array:
    """The one `Array` of these widths."""
    return Array(index, element)
