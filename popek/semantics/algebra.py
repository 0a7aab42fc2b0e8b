"""The algebra that the meaning of an instruction is written over.

One interpreter (`popek.semantics.step`) reads a clause over any algebra: Python ints (`Ints`) or
hash-consed terms (`Symbols`).  `V` is a bit-vector value, `B` a bank or a memory.  Guards and
conditions are one-bit values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

from popek.isa.ir import AbstractFunction, Op

V = TypeVar("V")
B = TypeVar("B")
T = TypeVar("T")


class Algebra(Protocol[V, B]):
    """Bit-vectors, banks (total maps from bit-vectors to bit-vectors), and free symbols."""

    def const(self, value: int, width: int) -> V: ...

    def operation(self, op: Op, args: Sequence[V], widths: Sequence[int], width: int) -> V:
        """`op` of `args`, whose widths are `widths`; the result is `width` bits."""
        ...

    def extract(self, value: V, high: int, low: int, width: int) -> V:
        """Bits `high..low` of a `width`-bit value."""
        ...

    def ite(self, condition: V, then: V, otherwise: V, width: int) -> V: ...

    def both(self, a: V, b: V) -> V:
        """Conjunction of one-bit values."""
        ...

    def either(self, a: V, b: V) -> V: ...

    def negation(self, a: V) -> V: ...

    def equal(self, a: V, b: V, width: int) -> V: ...

    def is_true(self, a: V) -> bool:
        """Whether a one-bit value is known to be 1 (False does not mean that it is 0)."""
        ...

    def is_false(self, a: V) -> bool: ...

    def select(self, bank: B, index: V, index_width: int, width: int) -> V: ...

    def store(self, bank: B, index: V, value: V, index_width: int, width: int) -> B: ...

    def bank_ite(self, condition: V, then: B, otherwise: B) -> B: ...

    def banks_differ(self, a: B, b: B, name: str, index_width: int, width: int) -> V:
        """Whether two banks differ at some index; symbolically, at the free index `name`."""
        ...

    def variable(self, name: str, width: int) -> V:
        """The free value called `name`: a variable, or its value in a model."""
        ...

    def bank_variable(self, name: str, index_width: int, width: int) -> B: ...

    def uninterpreted(self, name: str, args: Sequence[V], widths: Sequence[int], width: int) -> V:
        """A free function called `name`, applied."""
        ...

    def interprets(self, function: AbstractFunction) -> bool:
        """Whether `abstract` answers; else the function's executable definition is run."""
        ...

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """`make()`, or what it gave before for the key where that is known to be the same."""
        ...

    def abstract(self, function: AbstractFunction, args: Sequence[V], width: int) -> V:
        """A declared abstract function, applied."""
        ...
