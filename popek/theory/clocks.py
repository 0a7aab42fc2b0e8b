"""What a clock shows, its settable offset included (definitions.md, sections 1 and 2)."""

from __future__ import annotations

from collections import Counter

from popek.isa import ir
from popek.isa.footprint import remembered
from popek.isa.rewriting import rewritten


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

    def clock_of(part: object) -> ir.Expr | None:
        match part:
            case ir.Operation(
                op=ir.Op.ADD | ir.Op.SUB,
                args=(ir.Input(site=site) as clock, _) | (_, ir.Input(site=site) as clock),
            ) if site in once:
                return clock
            case _:
                return None

    return rewritten(body, clock_of) if once else body
