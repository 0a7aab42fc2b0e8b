"""The lines of a file as the formatter sees them: sentences, comments, blank lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lark import Token

from popek.source import Source


@dataclass
class Row:
    """One line of a sentence; only the first unless a bracket is open."""

    tokens: list[Token] = field(default_factory=list)
    comment: str = ""


@dataclass
class Sentence:
    """What stands between two line ends, and the sentence whose block it is in."""

    depth: int
    parent: Sentence | None
    rows: list[Row]
    blank: bool
    """Whether a blank line is above it."""
    opens: bool = False
    """Whether a block follows."""

    @property
    def first(self) -> Token:
        """Its first token."""
        return self.rows[0].tokens[0]

    @property
    def tokens(self) -> list[Token]:
        """The tokens of a sentence of one line."""
        return self.rows[0].tokens


@dataclass
class Comment:
    """A line with nothing else."""

    depth: int
    text: str
    blank: bool


Entry = Sentence | Comment


class Reader:
    """Turns the recorded tokens of a parse into entries."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.entries: list[Entry] = []
        self._sentence: Sentence | None = None
        self._last: Sentence | None = None
        self._blocks: list[Sentence] = []
        self._columns = [0]
        self._pending: list[tuple[int, str, bool]] = []
        self._blank = False
        self._open = 0

    def read(self, tokens: Iterable[Token]) -> list[Entry]:
        """The entries of the file."""
        for token in tokens:
            if token.type == "_NL":
                self._line_end(token)
            elif token.type == "_INDENT":
                self._indent(token)
            elif token.type == "_DEDENT":
                self._blocks.pop()
            else:
                self._token(token)
        self._flush(0)
        return self.entries

    def _token(self, token: Token) -> None:
        if self._sentence is None:
            depth = len(self._blocks)
            self._flush(depth)
            del self._columns[depth + 1 :]
            parent = self._blocks[-1] if self._blocks else None
            self._sentence = self._last = Sentence(depth, parent, [Row()], self._blank)
            self.entries.append(self._sentence)
            self._blank = False
        self._sentence.rows[-1].tokens.append(token)
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            self._open += 1
        elif token.type in ("RPAR", "RSQB", "RBRACE"):
            self._open -= 1

    def _indent(self, token: Token) -> None:
        assert self._last is not None
        self._last.opens = True
        self._blocks.append(self._last)
        self._columns.append(len(token.value.expandtabs(8)))

    def _line_end(self, token: Token) -> None:
        first, *others = str(token).split("\n")
        if first:
            self._comment_at(first, token.start_pos or 0)
        if self._open and self._sentence is not None:
            # The bracket goes on: comments between its lines are lines of the sentence.
            for line in others[:-1]:
                if line.strip():
                    self._sentence.rows.append(Row(comment=line.strip()))
            self._sentence.rows.append(Row())
            return
        self._sentence = None
        for line in others[:-1]:
            self._whole_line(line)
        if others and "#" in others[-1]:  # the file ends in a comment
            self._whole_line(others[-1])

    def _comment_at(self, text: str, start: int) -> None:
        if self._sentence is not None and self._sentence.rows[-1].tokens:
            self._sentence.rows[-1].comment = text.rstrip()
        elif self._sentence is not None:
            self._sentence.rows.insert(-1, Row(comment=text.rstrip()))
        else:
            self._whole_line(" " * (self.source.column_of(start) - 1) + text)

    def _whole_line(self, line: str) -> None:
        text = line.strip()
        if text:
            column = len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
            self._pending.append((column, text, self._blank))
        self._blank = not text

    def _flush(self, depth: int) -> None:
        """Give the comments before a sentence of `depth` to the blocks they stand in."""
        for column, text, blank in self._pending:
            inner = len(self._columns) - 1
            while inner > depth and self._columns[inner] > column:
                inner -= 1
            self.entries.append(Comment(max(inner, depth), text, blank))
        self._pending.clear()
