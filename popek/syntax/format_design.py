"""How the rows of a design fall into cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lark import Token

from popek.syntax.format_cut import Cells, Span, cut, find, without_title


def _held_row(tokens: Sequence[Token]) -> Cells:
    """`parameter size : word  "title"`, `require E  "title"`, `M = user`."""
    tokens, title = without_title(tokens)
    keyword = str(tokens[0])
    if tokens[0].type == "PARAMETER":
        texts = cut(tokens, keyword, [0, 1, find(tokens, "COLON")])
        return Cells(texts, [0, 1, 1], Span.BLOCK, "parameter", tail=title, tail_group="parameter")
    if tokens[0].type == "REQUIRE":
        return Cells(cut(tokens, keyword, [0]), [0], tail=title)
    texts = cut(tokens, "", [0, find(tokens, "EQUAL")])
    return Cells(texts, [0, 1], Span.BLOCK, "setting", tail=title, tail_group="setting")


def _vcpu_row(tokens: Sequence[Token]) -> Cells:
    tokens, title = without_title(tokens)
    texts = cut(tokens, "", [0, find(tokens, "COLON")])
    return Cells(texts, [0, 1], Span.BLOCK, "vcpu", tail=title, tail_group="vcpu")


def _state_row(tokens: Sequence[Token]) -> Cells:
    """`R.l  virtual = E  real = E  "title"`."""
    tokens, title = without_title(tokens)
    kept = find(tokens, "DIRECT", "LOADED", "SHADOWED", "VIRTUAL")
    texts = cut(tokens, "", [0, kept, find(tokens, "REAL", start=kept)])
    return Cells(texts, [0, 2, 2], Span.BLOCK, "state", tail=title)


def _rule(tokens: Sequence[Token]) -> Cells:
    """`POPF, LAR  when E  interpret  "title"`."""
    tokens, title = without_title(tokens)
    texts = cut(tokens, "", [0, find(tokens, "WHEN"), len(tokens) - 1])
    return Cells(texts, [0, 2, 2], Span.BLOCK, "rule", tail=title)


def _cost_row(tokens: Sequence[Token]) -> Cells:
    tokens, title = without_title(tokens)
    texts = cut(tokens, "", [0, find(tokens, "EQUAL")])
    return Cells(texts, [0, 1], Span.BLOCK, "cost", tail=title, tail_group="cost")


#: The layout of the rows below each of a design's own blocks.
DESIGN_TABLES: Mapping[str, Callable[[Sequence[Token]], Cells]] = {
    "host": _held_row,
    "vcpu": _vcpu_row,
    "state": _state_row,
    "instructions": _rule,
    "cost": _cost_row,
}
