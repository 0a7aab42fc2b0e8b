"""A token that the grammar does not allow, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lark import Token

from popek.diagnostics import Diagnostic
from popek.source import Source, Span
from popek.syntax.layout import Layout

LAYOUT_WORDS = {
    "_NL": "the end of the line",
    "_INDENT": "an indented line",
    "_DEDENT": "the end of the block",
    "$END": "the end of the file",
}


@dataclass
class Refusal:
    """A token that the grammar does not allow, and what surrounds it."""

    source: Source
    token: Token
    expected: frozenset[str]
    """What is allowed: words and signs as written, terminals by name."""
    stack: list[Any]
    """What the parser holds: tokens, and nodes of what is complete."""
    layout: Layout

    @property
    def found(self) -> str:
        """The token, for a message."""
        if self.token.type in LAYOUT_WORDS:
            return LAYOUT_WORDS[self.token.type]
        text = str(self.token)
        return f"`{text}`" if len(text) < 30 else "this text"

    @cached_property
    def place(self) -> int:
        """The offset of the token."""
        return min(self.token.start_pos or 0, len(self.source.text))

    @cached_property
    def span(self) -> Span:
        """Where to point: the token; for the end of a line, the character after it."""
        if self.token.type in LAYOUT_WORDS:
            text = self.source.text
            end = len(text[: self.place].rstrip()) if self.at_end else self.place
            return self.source.span(end, min(end + 1, len(text)))
        return self.source.span(self.place, self.token.end_pos)

    @cached_property
    def at_end(self) -> bool:
        """Whether nothing but blanks and comments follows."""
        if self.token.type not in LAYOUT_WORDS:
            return False
        rest = self.source.text[self.place :].splitlines()
        return all(not line.strip() or line.lstrip().startswith("#") for line in rest)

    @property
    def previous(self) -> Token | None:
        """The token before, if it is in the same sentence."""
        return self.layout.previous

    @property
    def first(self) -> Token | None:
        """The first token of the sentence at hand."""
        return self.layout.sentence

    @cached_property
    def starts_line(self) -> bool:
        """Whether the token is the first of its line."""
        line = self.source.line_text(self.source.line_of(self.place))
        return not line[: self.source.column_of(self.place) - 1].strip()

    @cached_property
    def is_first(self) -> bool:
        """Whether the token begins a sentence."""
        first = self.layout.sentence
        return first is not None and first.start_pos == self.token.start_pos

    def follows(self, *words: str) -> bool:
        """Whether the token before is one of these."""
        return self.previous is not None and str(self.previous) in words

    def begins(self, *words: str) -> bool:
        """Whether the sentence begins with one of these."""
        return self.first is not None and str(self.first) in words

    @cached_property
    def open_words(self) -> list[Token]:
        """The tokens that the parser holds of this sentence, innermost first."""
        start = (self.first.start_pos or 0) if self.first is not None else 0
        held = [x for x in self.stack if isinstance(x, Token) and x.type not in LAYOUT_WORDS]
        return [token for token in reversed(held) if (token.start_pos or 0) >= start]

    def report(
        self, message: str, label: str = "", hint: str = "", code: str = "E0101"
    ) -> Diagnostic:
        """A diagnostic at the token."""
        return Diagnostic(code, message, self.span, label, hint=hint)
