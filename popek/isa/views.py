"""Aliases and banks: other names for places."""

from __future__ import annotations

from collections.abc import Sequence

from popek.diagnostics import Note
from popek.isa import bits, calls, expressions, ir, places, statements
from popek.isa.clause import Clause
from popek.isa.errors import fail
from popek.isa.layouts import Layout
from popek.isa.scope import Scope
from popek.isa.values import (
    Typed,
    Value,
)
from popek.source import Span
from popek.syntax import tree


def alias(clause: Clause, found: tree.Alias, args: Sequence[Value], span: Span) -> Value:
    """What an alias stands for."""
    params = found.params or ()
    calls.check_arity(found.name, params, len(args), span, found.span)
    scope = calls.bind(clause, params, args, [span] * len(args), kept=False)
    with calls.inlining(clause, found.name, span):
        return expressions.denote(clause, scope, found.value)


def bank(clause: Clause, found: tree.Bank, args: Sequence[Value], span: Span) -> Value:
    """An element of a bank of views."""
    calls.check_arity(found.name, found.params, len(args), span, found.span)
    scope = calls.bind(clause, found.params, list(args), [span] * len(args), kept=False)
    width, layout = clause.world.type_of(found.type)
    if found.rows:
        index = scope.get(found.params[0].name)
        if not isinstance(index, Typed):
            raise fail("E0304", f"`{found.params[0].name}` needs a type", found.params[0].span)
        return View(width, layout, span, found, index, scope)
    return Accessors(width, layout, span, found, scope)


class View(places.Place):
    """An element of a bank with numbered rows."""

    def __init__(
        self,
        width: int,
        layout: Layout | None,
        span: Span,
        bank: tree.Bank,
        index: Typed,
        scope: Scope,
    ):
        super().__init__(width, layout, span)
        self.bank, self.index, self.scope = bank, index, scope

    def _row(self, clause: Clause, row: tree.BankRow) -> Value:
        node = row.value if row.value is not None else tree.Name(row.name, span=row.span)
        scope = self.scope if row.value is not None else clause.scope()
        return expressions.denote(clause, scope, node)

    def _cases(self) -> list[tuple[ir.Expr, tree.BankRow]]:
        width = self.index.width
        return [
            (bits.eq(self.index.expr, bits.const(row.number, width)), row)
            for row in self.bank.rows
            if row.number >> width == 0
        ]

    def read(self, clause: Clause) -> Typed:
        result: ir.Expr = bits.const(0, self.width)
        for condition, row in reversed(self._cases()):
            if condition == bits.FALSE:
                continue
            with clause.capture() as block:
                found = expressions.coerce(
                    clause, self._row(clause, row), self.width, row.span, "row"
                )
            if block:
                if condition == bits.TRUE:
                    for stmt in block:
                        clause.emit(stmt)
                else:
                    raise fail("E0310", "reading this row has effects", row.span)
            result = bits.ite(condition, found, result)
        return self.typed(result)

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        if not clause.is_stable(value):
            value = clause.bind("value", value, span)
        otherwise: tuple[ir.Stmt, ...] = ()
        for condition, row in reversed(self._cases()):
            if condition == bits.FALSE:
                continue
            place = self._row(clause, row)
            if not isinstance(place, places.Place):
                raise fail(
                    "E0507",
                    f"`{row.name}` of `{self.bank.name}` is no place",
                    span,
                    notes=[Note(row.span, "this row")],
                )
            if place.width != self.width:
                raise fail("E0302", f"this row is a u{place.width}", row.span)
            with clause.capture() as block:
                place.write(clause, value, span)
            if condition == bits.TRUE:
                otherwise = tuple(block)
            elif block or otherwise:
                otherwise = (ir.If(condition, tuple(block), otherwise, span),)
        for stmt in otherwise:
            clause.emit(stmt)

    def latch(self, clause: Clause) -> places.Place:
        if clause.is_stable(self.index.expr):
            return self
        index = Typed(clause.bind("index", self.index.expr, self.span))
        scope = Scope(self.scope, {self.bank.params[0].name: index})
        return View(self.width, self.layout, self.span, self.bank, index, scope)


class Accessors(places.Place):
    """An element of a bank with `read` and `write` blocks."""

    def __init__(
        self, width: int, layout: Layout | None, span: Span, bank: tree.Bank, scope: Scope
    ):
        super().__init__(width, layout, span)
        self.bank, self.scope = bank, scope

    def read(self, clause: Clause) -> Typed:
        if self.bank.read is None:
            raise fail("E0205", f"`{self.bank.name}` cannot be read", self.span)
        with calls.inlining(clause, f"{self.bank.name} (read)", self.span):
            outcome = statements.run(
                clause,
                Scope(self.scope),
                self.bank.read,
                returns=statements.Returns(self.bank.type, self.bank.name),
            )
        if isinstance(outcome, statements.Returned):
            return self.typed(
                expressions.coerce(clause, outcome.value, self.width, self.span, "result")
            )
        return self.typed(bits.const(0, self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        if self.bank.write is None:
            raise fail("E0507", f"`{self.bank.name}` cannot be assigned", span)
        name, body = self.bank.write
        if not clause.is_stable(value):
            value = clause.bind(name, value, span)
        scope = Scope(self.scope, {name: Typed(value, self.layout)})
        with calls.inlining(clause, f"{self.bank.name} (write)", span):
            statements.run(clause, scope, body, returns=statements.Returns(None, self.bank.name))

    def latch(self, clause: Clause) -> places.Place:
        scope = clause.scope()
        for param in self.bank.params:
            value = self.scope.get(param.name)
            assert value is not None
            scope.bind(param.name, clause.keep(value, param.name, self.span))
        return Accessors(self.width, self.layout, self.span, self.bank, scope)
