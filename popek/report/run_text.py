"""The report of `popek run`, and the lines of its trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from popek.hypervisor.design import Design
from popek.hypervisor.running import Ran, Shown
from popek.hypervisor.running_compare import Change
from popek.isa import ir
from popek.report.style import grid, indented

#: Differing components beyond these are counted.
_SHOWN = 12


def trace_line(isa: ir.Isa, shown: Shown) -> str:
    """A step: its number, the guest's pc and level, the instruction, changes, what hosts did."""
    digits = (isa.components[isa.pc].width + 3) // 4
    head = f"{shown.number:>6}  {shown.pc:0{digits}x}  {shown.level:<10}  {shown.instruction:<24}"
    changes = ", ".join(
        f"{place(c)} = {c.second:#x}" for c in shown.changes if c.component != isa.pc
    )
    return "  ".join(part for part in (head, changes) if part).rstrip() + "".join(
        f"\n{'':8}{note}" for note in shown.notes
    )


def run_report(guest: str, designs: Sequence[Design], ran: Ran) -> RenderableType:
    """How many steps agreed, and what differs then."""
    unders = ", then ".join(f"{d.title} ({d.path})" for d in designs)
    lines: list[RenderableType] = [Text(f"{guest} under {unders}, beside the bare machine")]
    steps = f"{ran.steps} step{'' if ran.steps == 1 else 's'}"
    if ran.difference is None:
        more = f"; then {ran.ended}" if ran.ended else ""
        lines.append(Text(f"agree: {steps}{more}"))
        if ran.interrupted:
            lines.append(Text("partial: interrupted"))
        return Group(*lines)
    lines.append(Text(f"differ, after {steps} that agree: {ran.difference.why}"))
    if ran.last is not None:
        isa = designs[0].isa
        lines.append(indented(Text(trace_line(isa, ran.last))))
    if ran.difference.changes:
        lines.append(indented(_table(ran.difference.changes)))
    return Group(*lines)


def _table(changes: Sequence[Change]) -> RenderableType:
    rows: list[Iterable[RenderableType]] = [(Text(""), Text("bare"), Text("virtualized"))]
    for change in changes[:_SHOWN]:
        values = (Text(f"{change.first:#x}"), Text(f"{change.second:#x}"))
        rows.append((Text(place(change)), *values))
    table = grid(rows)
    if len(changes) <= _SHOWN:
        return table
    return Group(table, Text(f"and {len(changes) - _SHOWN} more"))


def place(change: Change) -> str:
    """A component, or an element of one."""
    return change.component if change.index is None else f"{change.component}[{change.index:#x}]"
