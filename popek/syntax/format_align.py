"""Alignment: of cells in tables and runs, of keywords, titles and comments in paragraphs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from popek.syntax.format_cut import Cells, Span

if TYPE_CHECKING:
    from popek.syntax.format import Line

TITLE_LIMIT = 60
"""Longer lines do not push the titles of the others away."""

COMMENT_LIMIT = 80
"""Nor the comments."""

APART = 2


def align(lines: Sequence[Line]) -> list[str]:
    """The text of each line."""
    for line in lines:
        if line.cells is not None:
            line.cells.pads = [0] * len(line.cells.texts)
            if line.cells.span is Span.NONE:
                _columns([line.cells])
    _tables(lines)
    _runs(lines)
    paragraphs = _paragraphs(lines)
    for paragraph in paragraphs:
        _keywords(paragraph)
    texts = {id(line): line.content for line in lines}
    for paragraph in paragraphs:
        _titles(paragraph, texts)
        _comments(paragraph, texts)
    return [texts[id(line)] for line in lines]


def _paragraphs(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines with no blank line between them."""
    paragraphs: list[list[Line]] = []
    for line in lines:
        if line.blank or not paragraphs:
            paragraphs.append([])
        paragraphs[-1].append(line)
    return paragraphs


def _tables(lines: Iterable[Line]) -> None:
    tables: dict[tuple[int, str], list[Cells]] = {}
    for line in lines:
        if line.cells is not None and line.cells.span is Span.BLOCK:
            tables.setdefault((line.block, line.cells.group), []).append(line.cells)
    for table in tables.values():
        if table[0].group == "forms":
            _same_length(table)
        _columns(table)


def _same_length(table: Sequence[Cells]) -> None:
    """Forms may have fewer operands than others: the encodings stay in one column."""
    length = max(len(cells.texts) for cells in table)
    for cells in table:
        missing = length - len(cells.texts)
        cells.texts[-1:-1] = [""] * missing
        cells.gaps += [1] * missing
        cells.pads += [0] * missing


def _columns(rows: Sequence[Cells]) -> None:
    """Make each column as wide as its widest cell that has something behind it."""
    for i in range(max(len(cells.texts) for cells in rows)):
        having = [cells for cells in rows if i < len(cells.texts)]
        width = max(
            (len(cells.texts[i]) for cells in having if any(cells.texts[i + 1 :])), default=0
        )
        empty = not any(cells.texts[i] for cells in having)
        for cells in having:
            cells.pads[i] = width
            if empty or not (cells.texts[i] or any(cells.texts[i:])):
                cells.gaps[i] = 0


def _runs(lines: Sequence[Line]) -> None:
    run: list[Line] = []
    for line in lines:
        if run and not _joins(run, line):
            _close(run)
            run = []
        if line.cells is not None:
            if line.cells.span is Span.RUN:
                run.append(line)
            else:
                _close(run)
                run = []
    _close(run)


def _joins(run: Sequence[Line], line: Line) -> bool:
    last, cells = run[-1], line.cells
    if cells is None or line.blank or last.cells is None or cells.span is not Span.RUN:
        return False
    if (line.indent, line.block, cells.group) != (last.indent, last.block, last.cells.group):
        return False
    widths = [_head(member.cells) for member in run if member.cells is not None]
    widths.append(_head(cells))
    return max(widths) - min(widths) <= cells.limit


def _head(cells: Cells) -> int:
    """The width of what the alignment waits for: the name of an item, the left of a sentence."""
    return len(cells.texts[1] if cells.group.startswith("item ") else cells.texts[0])


def _close(run: Sequence[Line]) -> None:
    if run:
        _columns([line.cells for line in run if line.cells is not None])


def _keywords(paragraph: Iterable[Line]) -> None:
    """`pc` and `register` take the same room if they stand together."""
    having = [line.cells for line in paragraph if line.cells is not None and line.cells.keyword]
    width = max((len(cells.texts[0]) for cells in having), default=0)
    for cells in having:
        cells.pads[0] = width


def _titles(paragraph: Iterable[Line], texts: dict[int, str]) -> None:
    groups: dict[str, list[Line]] = {}
    for line in paragraph:
        if line.cells is not None and line.cells.tail:
            groups.setdefault(line.cells.tail_group or f"alone {id(line)}", []).append(line)
    for group in groups.values():
        _behind(group, texts, TITLE_LIMIT, lambda line: line.cells.tail if line.cells else "")


def _comments(paragraph: Iterable[Line], texts: dict[int, str]) -> None:
    for line in paragraph:
        if line.cells is None:
            texts[id(line)] = " " * line.indent + line.comment
    group = [line for line in paragraph if line.cells is not None and line.comment]
    _behind(group, texts, COMMENT_LIMIT, lambda line: line.comment)


def _behind(
    group: Iterable[Line], texts: dict[int, str], limit: int, what: Callable[[Line], str]
) -> None:
    """Put something behind each line, in one column as far as the lines are not too long."""
    group = list(group)
    column = max((len(texts[id(m)]) for m in group if len(texts[id(m)]) <= limit), default=0)
    for line in group:
        texts[id(line)] = f"{texts[id(line)]:<{column}}{'':{APART}}{what(line)}"
