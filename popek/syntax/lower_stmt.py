"""Reductions of statements."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.syntax import tree
from popek.syntax.lower_base import Part, strings, text_of, value_of
from popek.syntax.lower_expr import Expressions

Body = tuple[tree.Stmt, ...]


class Statements(Expressions):
    """One method per alternative of the statement rules."""

    def block(self, *symbols: Any) -> Body:
        return symbols[2:-1]

    def simple_line(self, statement: Any, end: Token) -> tree.Stmt:
        node: tree.Stmt = statement
        return node

    def let(
        self, let: Token, name: Token, colon: Any, type_: Any, equals: Any, value: Any
    ) -> tree.Let:
        self.declare(name)
        return tree.Let((name.value,), type_, value, span=self.around(let, value))

    def let_tuple(
        self, let: Token, opening: Any, names: Any, closing: Any, equals: Any, value: Any
    ) -> tree.Let:
        self.declare(*names)
        return tree.Let(strings(names), None, value, span=self.around(let, value))

    def assign(self, target: Any, equals: Token, value: Any) -> tree.Assign:
        self._check_place(target)
        return tree.Assign(target, value, span=self.around(target, value))

    def lasting(self, word: Token, target: Any, equals: Token, value: Any) -> tree.Assign:
        self._check_place(target)
        return tree.Assign(target, value, lasting=True, span=self.around(word, value))

    def _check_place(self, target: tree.Expr) -> None:
        todo = [target]
        while todo:
            place = todo.pop()
            match place:
                case tree.Binary(op="@", left=left, right=right):
                    todo += [left, right]
                case tree.TupleExpr(items=items):
                    todo += items
                case tree.Name() | tree.Get() | tree.GetSet() | tree.Index():
                    pass
                case tree.Slice() | tree.Call() | tree.Ite():
                    pass
                case _:
                    self.found.add(
                        "E0205",
                        "this is no place that can be assigned to",
                        place.span,
                        hint="places are names, fields, elements, slices, and these joined by `@`",
                    )

    def call_stmt(self, call: Any) -> tree.Do:
        if isinstance(call, tree.Name) and call.id == "else":
            self.found.add(
                "E0101",
                "this `else` follows no `if`",
                call.span,
                hint="an `else` stands in the column of its `if`",
            )
        elif not isinstance(call, tree.Call):
            self.found.add(
                "E0101",
                "this expression does nothing as a statement",
                call.span,
                hint="write `place = value`, a call, or `require`",
            )
        return tree.Do(call, span=call.span)

    def raise_(self, word: Token, trap: Token, opening: Any, args: Any, closing: Any) -> tree.Raise:
        return tree.Raise(trap.value, args or (), span=self.around(word, trap, closing))

    def require(self, word: Token, condition: Any, else_: Token, otherwise: Any) -> tree.Require:
        return tree.Require(condition, otherwise, span=self.around(word, otherwise))

    def host_stmt(self, word: Token, condition: Any, why: Token | None) -> tree.HostRequire:
        return tree.HostRequire(condition, text_of(why), span=self.around(word, condition, why))

    def check(self, word: Token, access: Token, place: Any) -> tree.Check:
        return tree.Check(access.value, place, span=self.around(word, place))

    def jump(self, word: Token, target: Any) -> tree.Jump:
        return tree.Jump(target, span=self.around(word, target))

    def return_stmt(self, word: Token, value: Any) -> tree.Return:
        return tree.Return(value, span=self.around(word, value))

    def unpredictable(
        self, word: Token, beyond: Any, privilege: Any, why: Token | None
    ) -> tree.Unpredictable:
        span = self.around(word, privilege, why)
        return tree.Unpredictable(beyond is not None, text_of(why), span=span)

    def unmodelled(self, word: Token, what: Token) -> tree.Unmodelled:
        return tree.Unmodelled(text_of(what) or "", span=self.around(word, what))

    def wait(self, word: Token) -> tree.Wait:
        return tree.Wait(span=self.place(word))

    def shutdown(self, word: Token) -> tree.Shutdown:
        return tree.Shutdown(span=self.place(word))

    def skip(self, word: Token) -> tree.Skip:
        return tree.Skip(span=self.place(word))

    # ------------------------------------------------------------ if, match, for

    def if_line(
        self, if_: Token, condition: Any, then: Any, first: Any, else_: Any, second: Any, end: Any
    ) -> tree.If:
        otherwise = () if second is None else (second,)
        span = self.around(if_, first, second)
        return tree.If(condition, (first,), otherwise, True, span=span)

    def if_line_else(
        self, if_: Token, condition: Any, then: Any, first: Any, end: Any, otherwise: Part
    ) -> tree.If:
        span = self.around(if_, otherwise)
        return tree.If(condition, (first,), otherwise.value, True, span=span)

    def if_block(self, if_: Token, condition: Any, body: Body, otherwise: Part | None) -> tree.If:
        span = self.around(if_, body, otherwise)
        return tree.If(condition, body, value_of(otherwise) or (), False, span=span)

    def else_block(self, else_: Token, body: Body) -> Part:
        return Part(body, self.around(else_, body))

    def else_simple(self, else_: Token, statement: Any, end: Any) -> Part:
        return Part((statement,), self.around(else_, statement))

    def else_if(self, else_: Token, statement: Any) -> Part:
        return Part((statement,), self.around(else_, statement))

    def arm_line(self, arrow: Token, statement: Any, end: Any) -> Part:
        return Part(((statement,), True), self.around(arrow, statement))

    def arm_if(self, arrow: Token, statement: Any) -> Part:
        return Part(((statement,), True), self.around(arrow, statement))

    def arm_block(self, arrow: Token, body: Body) -> Part:
        return Part((body, False), self.around(arrow, body))

    def arm(self, patterns: tuple[Any, ...], part: Part) -> tree.Arm:
        body, inline = part.value
        return tree.Arm(patterns, body, inline, span=self.around(patterns[0], part))

    def arm_any(self, wildcard: Token, part: Part) -> tree.Arm:
        body, inline = part.value
        return tree.Arm((), body, inline, span=self.around(wildcard, part))

    def match(self, match: Token, value: Any, *symbols: Any) -> tree.Match:
        arms = symbols[2:-1]
        return tree.Match(value, arms, span=self.around(match, arms))

    def for_loop(
        self, for_: Token, name: Token, in_: Any, first: Any, dots: Any, last: Any, body: Body
    ) -> tree.For:
        self.declare(name)
        return tree.For(name.value, first, last, body, span=self.around(for_, body))
