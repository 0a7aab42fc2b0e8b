"""The statements of a body by number, and which of them are copies of one line of the spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from popek.isa import ir
from popek.isa.footprint import remembered
from popek.source import Span

#: A statement that stands in a body more often than this, by unrolled loops and inlined functions,
#: is repeated: its copies are not combined with each other.
COPIES = 6


@dataclass(frozen=True)
class Sites:
    """Numbers count the statements of the body in the order of the text, branches included."""

    spans: tuple[Span, ...]
    _numbers: Mapping[int, int]
    _copies: tuple[int, ...]
    _first: tuple[int, ...]

    def number(self, identity: int) -> int:
        """Of a statement, by its identity (`Run.site`); -1 if it is of an abstract function."""
        return self._numbers.get(identity, -1)

    def repeated(self, site: int) -> bool:
        """Whether it is one of many copies."""
        return site < 0 or self._copies[site] > COPIES

    def first(self, site: int) -> int:
        """Of repeated statements, the first copy; else the statement itself."""
        return self._first[site] if site >= 0 and self.repeated(site) else site


@remembered(4096)
def sites_of(body: tuple[ir.Stmt, ...]) -> Sites:
    """The sites of a body."""
    numbers: dict[int, int] = {}
    spans: list[Span] = []
    for stmt in ir.statements(body):
        numbers.setdefault(id(stmt), len(spans))
        spans.append(stmt.span)
    places = [(span.source.path, span.start, span.end) for span in spans]
    copies = Counter(places)
    first: dict[tuple[str, int, int], int] = {}
    for i, place in enumerate(places):
        first.setdefault(place, i)
    return Sites(
        tuple(spans),
        numbers,
        tuple(copies[place] for place in places),
        tuple(first[place] for place in places),
    )


@remembered(65536)
def raises(body: tuple[ir.Stmt, ...]) -> str:
    """The trap in which the body always ends, "" if none: what an `if` that leads there raises."""
    match body:
        case (*_, ir.Require(condition=ir.Const(value=0), trap=trap)):
            return trap
        case _:
            return ""
