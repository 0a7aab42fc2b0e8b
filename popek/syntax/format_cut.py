"""A sentence of one line, cut into cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from lark import Token

from popek.syntax.format_space import CLOSING, OPENING, spaced


class Span(Enum):
    """How far alignment reaches."""

    NONE = "nowhere"
    RUN = "adjacent lines"
    BLOCK = "the lines of the block"


@dataclass
class Cells:
    """The cells of a line, their distances, and what they are aligned with."""

    texts: list[str]
    gaps: list[int]
    span: Span = Span.NONE
    group: str = ""
    limit: int = 1000
    """In a run, the first cells differ by no more than this."""
    tail: str = ""
    """A title at the end."""
    tail_group: str = ""
    keyword: bool = False
    """Whether the first cell is a keyword that is padded to others of its paragraph."""
    pads: list[int] = field(default_factory=list)


def cut(tokens: Sequence[Token], keyword: str, starts: Sequence[int]) -> list[str]:
    """The texts between the given positions; a position of -1 is an absent, empty cell."""
    texts = spaced(tokens, keyword)
    bounds = [start for start in starts if start >= 0] + [len(tokens)]
    out: list[str] = []
    used = 0
    for start in starts:
        if start < 0:
            out.append("")
            continue
        used += 1
        out.append("".join(texts[start : bounds[used]]).strip())
    return out


def find(tokens: Sequence[Token], *types: str, start: int = 0) -> int:
    """The first token of one of these types outside brackets, or -1."""
    depth = 0
    for i, token in enumerate(tokens):
        if token.type in CLOSING:
            depth -= 1
        if i >= start and depth == 0 and token.type in types:
            return i
        if token.type in OPENING:
            depth += 1
    return -1


def without_title(tokens: Sequence[Token]) -> tuple[Sequence[Token], str]:
    """The sentence without its title, and the title."""
    if len(tokens) > 1 and tokens[-1].type == "STRING":
        return tokens[:-1], str(tokens[-1])
    return tokens, ""
