"""Expressions and the texts of them."""

from __future__ import annotations

from hypothesis import given, settings

from popek.source import Source
from popek.syntax import parse, tree
from popek.syntax.format import format_file
from popek.syntax.show import show, show_type
from tests.syntax.expressions import NOWHERE, expressions


def reading(text: str) -> tree.Expr:
    (item,) = parse(Source("x", f"constant C = {text}\n")).items
    assert isinstance(item, tree.Constant)
    return item.value


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_what_is_shown_reads_as_what_it_was(expr: tree.Expr) -> None:
    assert reading(show(expr)) == expr


@given(expressions)
@settings(max_examples=100, deadline=None)
def test_no_pair_of_brackets_can_go(expr: tree.Expr) -> None:
    text = show(expr)
    for i, character in enumerate(text):
        if character != "(" or (i > 0 and (text[i - 1].isalnum() or text[i - 1] in "_)]}")):
            continue
        close = _closing(text, i)
        if "," in text[i:close]:  # perhaps a tuple
            continue
        without = text[:i] + " " + text[i + 1 : close] + " " + text[close + 1 :]
        try:
            same = reading(without) == expr
        except Exception:  # noqa: BLE001  any refusal will do
            same = False
        assert not same, f"{text} says more than {without}"


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    raise AssertionError(text)


@given(expressions)
@settings(max_examples=150, deadline=None)
def test_formatting_keeps_expressions(expr: tree.Expr) -> None:
    once = format_file(Source("x", f"constant C = {show(expr)}\n"))
    assert format_file(Source("x", once)) == once


def test_types() -> None:
    assert show_type(tree.TypeRef("u8", None, span=NOWHERE)) == "u8"
    assert show_type(tree.TypeRef("bits", reading("n + 1"), span=NOWHERE)) == "bits(n + 1)"
