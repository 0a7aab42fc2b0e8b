"""Layouts: which bits of a value are which field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from popek.diagnostics import Note
from popek.isa.errors import fail
from popek.source import Span
from popek.syntax import tree


@dataclass(frozen=True, slots=True)
class FieldBits:
    """One field, bit 0 the least significant."""

    name: str
    high: int
    low: int
    layout: Layout | None
    span: Span = field(compare=False, repr=False)

    @property
    def width(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True, slots=True)
class Layout:
    """A named value with fields.  `fixed` are (high, low, value); other bits are zero."""

    name: str
    width: int
    fields: Mapping[str, FieldBits]
    fixed: tuple[tuple[int, int, int], ...]
    span: Span = field(compare=False, repr=False)


def position(first: int, last: int, width: int, from_left: bool) -> tuple[int, int]:
    """(high, low) counted from the least significant bit, of bits as the spec numbers them."""
    if from_left:
        return width - 1 - first, width - 1 - last
    return first, last


def row_position(
    row: tree.FieldRow | tree.FixedRow, width: int, from_left: bool
) -> tuple[int, int]:
    """The bits of a row, checked against the width of its register."""
    first = row.first if row.first is not None else 0
    last = row.last if row.last is not None else first
    if from_left or first >= last:
        high, low = position(first, last, width, from_left)
    else:
        high, low = first, last
    if high < low or high >= width or low < 0:
        order = "from the left" if from_left else "most significant first"
        raise fail(
            "E0503",
            f"bits {first}..{last} are not bits of a u{width}",
            row.span,
            hint=f"bits run from 0 to {width - 1}, {order}",
        )
    return high, low


def check_overlap(parts: Iterable[tuple[int, int, Span]]) -> None:
    """No bit twice, or an error at both rows."""
    taken: dict[int, Span] = {}
    for high, low, span in parts:
        for bit in range(low, high + 1):
            if bit in taken:
                raise fail(
                    "E0502",
                    f"bit {bit} belongs to two fields",
                    span,
                    notes=[Note(taken[bit], "the other one")],
                )
        for bit in range(low, high + 1):
            taken[bit] = span
