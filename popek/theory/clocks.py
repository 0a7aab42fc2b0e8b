"""What a clock shows, its settable offset included (definitions.md, sections 1 and 2)."""

from __future__ import annotations

from collections import Counter

from popek.isa import ir
from popek.isa.footprint import remembered


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
def offset_clocks(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """The sites of readings that are used once.

    As such a reading may be anything, so may its sum with an offset be, whatever the offset: where
    timing is exempt the reading stands for the sum.
    """
    uses = Counter(reading.site for reading in clock_readings(body))
    return frozenset(site for site, times in uses.items() if times == 1)
