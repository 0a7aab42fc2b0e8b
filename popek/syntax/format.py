"""The canonical layout of an `.isa` file: `popek fmt`.

The author's lines stay lines; what stands in columns is aligned, indentation is two blanks a
block, and at most one blank line separates two sentences.  Nothing else changes: the result is
read again, and its tree has to be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from popek.diagnostics import PopekError
from popek.source import Source
from popek.syntax.format_align import align
from popek.syntax.format_cells import cells_of
from popek.syntax.format_cut import Cells
from popek.syntax.format_read import Comment, Entry, Reader, Row, Sentence
from popek.syntax.format_space import CLOSING, OPENING, spaced
from popek.syntax.parser import DESIGN, ISA, Language, parse_with_tokens

INDENT = 2


@dataclass
class Line:
    """A line of the result while it is laid out."""

    indent: int
    cells: Cells | None
    comment: str
    blank: bool
    """Whether a blank line stands above."""
    block: int
    """Which block it is in: alignment of tables does not reach beyond."""

    @property
    def content(self) -> str:
        """The text so far, without title and comment."""
        if self.cells is None:
            return ""
        cells = self.cells
        out = " " * self.indent
        for text, gap, pad in zip(cells.texts, cells.gaps, cells.pads, strict=True):
            out += " " * gap + text.ljust(pad)
        return out.rstrip()


def format_file(source: Source) -> str:
    """The text of `source` in the canonical layout; raises PopekError if it does not parse."""
    language = language_of(source)
    tree, tokens = parse_with_tokens(source, language)
    entries = Reader(source).read(tokens)
    text = _render(entries)
    try:
        same = parse_with_tokens(Source(source.path, text), language)[0] == tree
    except PopekError as error:
        raise AssertionError(f"formatting broke {source.path}: {error}") from None
    if not same:
        raise AssertionError(f"formatting changed the meaning of {source.path}")
    return text


def language_of(source: Source) -> Language:
    """Designs end in `.hv`; everything else is read as a spec."""
    return DESIGN if source.path.endswith(".hv") else ISA


def _render(entries: list[Entry]) -> str:
    lines: list[Line] = []
    for entry in entries:
        lines += _lines(entry)
    for above, line in pairwise(lines):
        # No blank line between a sentence and its block.
        if above.cells is not None and above.indent < line.indent:
            line.blank = False
    out: list[str] = []
    for line, text in zip(lines, align(lines), strict=True):
        if line.blank and out:
            out.append("")
        out.append(text)
    return "".join(f"{text}\n" for text in out)


def _lines(entry: Entry) -> list[Line]:
    indent = INDENT * entry.depth
    if isinstance(entry, Comment):
        return [Line(indent, None, entry.text, entry.blank, -1)]
    block = id(entry.parent) if entry.parent is not None else 0
    if len(entry.rows) == 1:
        cells = cells_of(entry)
        return [Line(indent, cells, entry.rows[0].comment, entry.blank, block)]
    return _broken(entry, indent, block)


def _broken(sentence: Sentence, indent: int, block: int) -> list[Line]:
    """A sentence over several lines, kept where the author broke it."""
    every = [token for row in sentence.rows for token in row.tokens]
    texts = spaced(every, str(sentence.first))
    step = INDENT * (2 if sentence.opens else 1)
    lines: list[Line] = []
    at = depth = 0
    for i, row in enumerate(sentence.rows):
        outer = depth
        for token in row.tokens:
            if token.type not in CLOSING:
                break
            outer -= 1
        text = "".join(texts[at : at + len(row.tokens)]).strip()
        at += len(row.tokens)
        depth += sum((t.type in OPENING) - (t.type in CLOSING) for t in row.tokens)
        cells = Cells([text], [0]) if row.tokens else None
        if not _is_empty(row):
            margin = indent + step * max(outer, 0)
            lines.append(Line(margin, cells, row.comment, sentence.blank and i == 0, block))
    return lines


def _is_empty(row: Row) -> bool:
    return not row.tokens and not row.comment
