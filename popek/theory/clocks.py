"""What a clock shows, its settable offset included (definitions.md, sections 1 and 2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import Any

from popek.isa import ir
from popek.isa.footprint import remembered
from popek.source import Span


def clock_readings(body: tuple[ir.Stmt, ...]) -> list[ir.Input]:
    """The readings of clocks in a body."""
    return [
        part
        for stmt in ir.statements(body)
        for expr in ir.expressions(stmt)
        for part in ir.subexpressions(expr)
        if isinstance(part, ir.Input) and part.kind is ir.InputKind.CLOCK
    ]


@remembered(4096)
def without_offsets(body: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...]:
    """The body for a proof in which timing is exempt: a clock that is read once stands for its sum
    with an offset, for as the reading may be anything, so may the sum be.
    """
    uses = Counter(reading.site for reading in clock_readings(body))
    once = frozenset(site for site, times in uses.items() if times == 1)
    changed: tuple[ir.Stmt, ...] = _without_offsets(body, once) if once else body
    return changed


def _without_offsets(part: Any, clocks: frozenset[str]) -> Any:
    """A part of a body, with the sums of these clocks replaced by the clocks."""
    match part:
        case ir.Operation(
            op=ir.Op.ADD | ir.Op.SUB,
            args=(ir.Input(site=site) as clock, _) | (_, ir.Input(site=site) as clock),
        ) if site in clocks:
            return clock
        case tuple():
            return tuple(_without_offsets(p, clocks) for p in part)
        case Span():
            return part
        case _ if is_dataclass(part) and not isinstance(part, type):
            inside = {f.name: _without_offsets(getattr(part, f.name), clocks) for f in fields(part)}
            return replace(part, **inside)
        case _:
            return part
