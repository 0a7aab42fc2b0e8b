"""Reductions of expressions."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.source import Span
from popek.syntax import tree
from popek.syntax.lower_base import Base, Part, strings


class Expressions(Base):
    """One method per alternative of the expression rules."""

    def name(self, token: Token) -> tree.Name:
        return tree.Name(token.value, span=self.place(token))

    def literal(self, token: Token) -> tree.Int:
        text = token.value
        digits = None
        if text[:2] == "0x":
            digits = 4 * len(text[2:].replace("_", ""))
        elif text[:2] == "0b":
            digits = len(text[2:].replace("_", ""))
        return tree.Int(self.number(token), digits, text, span=self.place(token))

    def undefined(self, token: Token) -> tree.Undefined:
        return tree.Undefined(span=self.place(token))

    def args(self, *symbols: Any) -> tuple[tree.Expr, ...]:
        return symbols[::2]

    def parenthesized(self, opening: Token, args: tuple[Any, ...], closing: Token) -> tree.Expr:
        span = self.around(opening, closing)
        if len(args) > 1:
            return tree.TupleExpr(args, span=span)
        # The brackets are part of what a message underlines.  The node is new and nobody else's.
        (inner,) = args
        object.__setattr__(inner, "span", span)
        node: tree.Expr = inner
        return node

    def call(self, function: Any, opening: Token, args: Any, closing: Token) -> tree.Call:
        return tree.Call(function, args or (), span=self.around(function, closing))

    def get(self, base: Any, dot: Token, name: Token) -> tree.Get:
        return tree.Get(base, name.value, span=self.around(base, name))

    def get_set(
        self, base: Any, dot: Token, opening: Token, names: Any, closing: Token
    ) -> tree.GetSet:
        return tree.GetSet(base, strings(names), span=self.around(base, closing))

    def index(self, base: Any, opening: Token, args: Any, closing: Token) -> tree.Index:
        return tree.Index(base, args, span=self.around(base, closing))

    def bits(
        self, base: Any, opening: Token, first: Any, dots: Token, last: Any, closing: Token
    ) -> tree.Slice:
        return tree.Slice(base, first, last, span=self.around(base, closing))

    def unary(self, op: Token, operand: Any) -> tree.Unary:
        return tree.Unary(op.value, operand, span=self.around(op, operand))

    def binary(self, left: Any, op: Token, right: Any) -> tree.Binary:
        span = Span(self.source, left.span.start, right.span.end)
        return tree.Binary(op.value, left, right, span=span)

    def interval(self, first: Any, dots: Token, last: Any) -> tree.Range:
        return tree.Range(first, last, span=self.around(first, last))

    def members(self, opening: Token, *symbols: Any) -> Part:
        return Part(symbols[:-1:2], self.around(opening, symbols[-1]))

    def member(self, value: Any, in_: Token, items: Part) -> tree.Member:
        return tree.Member(value, items.value, False, span=self.around(value, items))

    def not_member(self, value: Any, not_: Token, in_: Token, items: Part) -> tree.Member:
        return tree.Member(value, items.value, True, span=self.around(value, items))

    def ite(
        self, if_: Token, condition: Any, then: Token, first: Any, else_: Token, second: Any
    ) -> tree.Ite:
        return tree.Ite(condition, first, second, span=self.around(if_, second))

    def update(self, name: Token, equals: Token, value: Any) -> tuple[str, tree.Expr]:
        return name.value, value

    def updates(self, *symbols: Any) -> tuple[tuple[str, tree.Expr], ...]:
        return symbols[::2]

    def with_(
        self, base: Any, with_: Token, opening: Token, updates: Any, closing: Token
    ) -> tree.With:
        return tree.With(base, updates, span=self.around(base, closing))
