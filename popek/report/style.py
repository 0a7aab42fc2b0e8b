"""Colours and consoles.  No markup: the text of a spec may hold brackets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from popek.theory.theorems import Verdict
from popek.theory.verdict import Class

CLASS_STYLE: Final = {
    Class.INNOCUOUS: "green",
    Class.PRIVILEGED: "cyan",
    Class.GUARDED: "blue",
    Class.CRITICAL: "bold red",
    Class.UNDECIDED: "bold magenta",
}
VERDICT_STYLE: Final = {
    Verdict.PROVED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.UNDECIDED: "bold magenta",
}
UNDECIDED_STYLE: Final = CLASS_STYLE[Class.UNDECIDED]
HEADING: Final = "bold"
QUIET: Final = "dim"

#: Reports are not wider than this, however wide the terminal, nor laid out for less.
WIDEST: Final = 100
NARROWEST: Final = 60
_ANY_WIDTH: Final = 10_000


def for_stdout(parts: RenderableType) -> str:
    """The text as it goes to stdout: in colour on a terminal, unless NO_COLOR says otherwise."""
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    console.width = min(max(console.width, NARROWEST), WIDEST)
    with console.capture() as capture:
        console.print(parts, crop=False)
    return trimmed(capture.get())


def plain_text(parts: RenderableType, width: int) -> str:
    """The text without colours."""
    out = StringIO()
    console = Console(
        file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False
    )
    console.print(parts, crop=False)
    return trimmed(out.getvalue())


def trimmed(text: str) -> str:
    """Without blanks at the ends of lines."""
    return "".join(f"{line.rstrip(' ')}\n" for line in text.splitlines())


def heading(text: str) -> Text:
    """The title of a section."""
    return Text(text, style=HEADING)


def indented(part: RenderableType, by: int = 2) -> Padding:
    """Moved to the right."""
    return Padding(part, (0, 0, 0, by))


def section(title: str, *body: RenderableType) -> Group:
    """A title, and its body below; an empty line before it."""
    return Group(
        Text(),
        heading(title),
        *(part if isinstance(part, Whole) else indented(part) for part in body),
    )


def grid(rows: Iterable[Iterable[RenderableType]], *, gap: int = 2) -> Table:
    """Rows in columns without lines; the last column wraps, the others do not."""
    kept = [list(row) for row in rows]
    table = Table.grid(padding=(0, gap, 0, 0))
    columns = len(kept[0]) if kept else 0
    for number in range(columns):
        last = number == columns - 1
        table.add_column(no_wrap=not last, overflow="fold")
    for row in kept:
        table.add_row(*row)
    return table


@dataclass(frozen=True, slots=True)
class Whole:
    """A table in a section that is as wide as it has to be: a value that is cut is another one."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        part = indented(self.table)
        width = Measurement.get(console, options.update(max_width=_ANY_WIDTH), part).maximum
        yield from console.render(part, options.update(width=width, max_width=width))


def class_word(kind: Class) -> Text:
    """The name of a class in its colour."""
    return Text(kind.value, style=CLASS_STYLE[kind])


def three_valued(value: bool | None) -> Text:
    """yes, no, or undecided: never a blank."""
    if value is None:
        return Text("undecided", style=UNDECIDED_STYLE)
    return Text("yes" if value else "no", style="" if value else QUIET)
