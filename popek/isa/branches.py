"""Branches: `if` as an expression, `and`/`or`, and joining what two branches give."""

from __future__ import annotations

from typing import TypeAlias

from popek.diagnostics import Note
from popek.isa import bits, expressions, ir, operands, places
from popek.isa.clause import Clause
from popek.isa.errors import fail
from popek.isa.scope import Scope
from popek.isa.values import (
    Flex,
    Plain,
    RowOf,
    Static,
    Tuple,
    Typed,
    Value,
    Varying,
    Word,
    context_of,
    describe,
    materialize,
)
from popek.source import Span
from popek.syntax import tree

#: What a branch gives: its statements, and its value (None if it ended the step).
Branch: TypeAlias = "tuple[list[ir.Stmt], Value | None]"


def conditional(clause: Clause, scope: Scope, node: tree.Ite) -> Value:
    """`if c then a else b`."""
    test = expressions.condition(clause, scope, node.condition)
    if isinstance(test.expr, ir.Const):
        chosen = node.then if test.expr.value else node.otherwise
        return expressions.denote(clause, scope, chosen)
    operands.touch(clause, scope, (node.then, node.otherwise))
    with clause.capture() as yes:
        then = expressions.denote(clause, scope, node.then)
    with clause.capture() as no:
        otherwise = expressions.denote(clause, scope, node.otherwise)
    if not yes and not no and isinstance(then, places.Place):
        if isinstance(otherwise, places.Place) and _plain_place(then) and _plain_place(otherwise):
            if then.width == otherwise.width:
                return places.Choice(then.width, then.layout, node.span, test.expr, then, otherwise)
    with clause.capture() as more:
        then = expressions.read(clause, then)
    yes += more
    with clause.capture() as more:
        otherwise = expressions.read(clause, otherwise)
    no += more
    sides = (node.then, node.otherwise)
    joined = join(clause, test, (yes, then), (no, otherwise), node.span, sides)
    assert joined is not None
    return joined


def _plain_place(place: places.Place) -> bool:
    return not isinstance(place, operands.OperandPlace) or place.is_location


def short_circuit(clause: Clause, scope: Scope, node: tree.Binary) -> Value:
    """`a and b`, `a or b`: the right side's effects happen only if it counts."""
    left = expressions.condition(clause, scope, node.left)
    is_and = node.op == "and"
    if isinstance(left.expr, ir.Const):
        if bool(left.expr.value) != is_and:
            return left
        return expressions.condition(clause, scope, node.right)
    operands.touch(clause, scope, (node.right,))
    with clause.capture() as block:
        right = expressions.condition(clause, scope, node.right)
    context = left.context or right.context
    if not block:
        combine = bits.and_ if is_and else bits.or_
        return Typed(combine(left.expr, right.expr), None, context)
    local = ir.Local(clause.fresh("both" if is_and else "either"), 1)
    block.append(ir.Set(local.name, right.expr, node.span))
    other = (ir.Set(local.name, bits.FALSE if is_and else bits.TRUE, node.span),)
    then, otherwise = (tuple(block), other) if is_and else (other, tuple(block))
    clause.emit(ir.If(left.expr, then, otherwise, node.span))
    return Typed(local)


def join(
    clause: Clause,
    test: Typed,
    yes: Branch,
    no: Branch,
    span: Span,
    sides: tuple[tree.Expr, tree.Expr] | None = None,
) -> Value | None:
    """The value after two branches; emits an If where they have statements."""
    (then_block, then), (else_block, otherwise) = yes, no
    if not then_block and not else_block and then is not None and otherwise is not None:
        return choose(clause, test, _plain(clause, then), _plain(clause, otherwise), span, sides)
    result: Value | None
    if then is None or otherwise is None:
        result = then if then is not None else otherwise
    else:
        with clause.capture() as late:
            then, otherwise = _plain(clause, then), _plain(clause, otherwise)
        assert not late
        result = _merged(clause, test, (then_block, then), (else_block, otherwise), span, sides)
    clause.emit(ir.If(test.expr, tuple(then_block), tuple(else_block), span))
    return result


def _plain(clause: Clause, value: Value) -> Plain:
    return expressions.read(clause, value)


def _merged(
    clause: Clause,
    test: Typed,
    yes: tuple[list[ir.Stmt], Plain],
    no: tuple[list[ir.Stmt], Plain],
    span: Span,
    sides: tuple[tree.Expr, tree.Expr] | None,
) -> Value:
    (then_block, then), (else_block, otherwise) = yes, no
    match then, otherwise:
        case Tuple(items=a), Tuple(items=b) if len(a) == len(b):
            return Tuple(
                tuple(
                    _merged(
                        clause,
                        test,
                        (then_block, _plain(clause, x)),
                        (else_block, _plain(clause, y)),
                        span,
                        None,
                    )
                    for x, y in zip(a, b, strict=True)
                )
            )
        case Static(value=x), Static(value=y) if x == y:
            return then
        case Word(), Word() if then == otherwise:
            return then
        case RowOf(), RowOf() if then == otherwise:
            return then
        case _:
            pass
    width = _common_width(clause, test, then, otherwise, span, sides)
    if width is None:
        raise fail(
            "E0304",
            "nothing determines the width of these branches",
            span,
            hint="give the function a result type, or a branch a width",
        )
    local = ir.Local(clause.fresh("result"), width)
    for block, value in ((then_block, then), (else_block, otherwise)):
        expr = materialize(value, width, span, clause.case)
        assert expr is not None
        block.append(ir.Set(local.name, expr, span))
    layout = next((v.layout for v in (then, otherwise) if isinstance(v, Typed) and v.layout), None)
    return Typed(local, layout, context_of(then) or context_of(otherwise))


def _common_width(
    clause: Clause,
    test: Typed,
    then: Plain,
    otherwise: Plain,
    span: Span,
    sides: tuple[tree.Expr, tree.Expr] | None,
) -> int | None:
    for value in (then, otherwise):
        if not isinstance(value, Typed | Flex | Static | Varying):
            raise fail(
                "E0309",
                "the branches do not fit together",
                span,
                label=f"{describe(then)} and {describe(otherwise)}",
            )
    if isinstance(then, Typed) and isinstance(otherwise, Typed):
        if then.width != otherwise.width:
            context = test.context or then.context or otherwise.context
            if context is not None:
                raise clause.need(context, span)
            notes = [Note(sides[1].span, f"u{otherwise.width}")] if sides else []
            raise fail(
                "E0309",
                "the branches have different widths",
                sides[0].span if sides else span,
                label=f"u{then.width}" if sides else f"u{then.width} and u{otherwise.width}",
                notes=notes,
                hint="write zext(..), sext(..) or trunc(..) in one of them",
            )
    for value in (then, otherwise):
        if isinstance(value, Typed):
            return value.width
    return None


def choose(
    clause: Clause,
    test: Typed,
    then: Plain,
    otherwise: Plain,
    span: Span,
    sides: tuple[tree.Expr, tree.Expr] | None = None,
) -> Plain:
    """The value of one of two values that have no effects."""
    match then, otherwise:
        case Tuple(items=a), Tuple(items=b) if len(a) == len(b):
            return Tuple(
                tuple(
                    choose(clause, test, _plain(clause, x), _plain(clause, y), span)
                    for x, y in zip(a, b, strict=True)
                )
            )
        case Static(value=x), Static(value=y) if x == y:
            return then
        case Static(value=x), Static(value=y) if test.context is not None:
            varying = _varying(clause, test, x, y, span)
            if varying is not None:
                return varying
        case Word(), Word() if then == otherwise:
            return then
        case RowOf(), RowOf() if then == otherwise:
            return then
        case _:
            pass
    width = _common_width(clause, test, then, otherwise, span, sides)
    if width is None:
        return Flex("ite", (test, then, otherwise), span)
    yes = materialize(then, width, span, clause.case)
    no = materialize(otherwise, width, span, clause.case)
    assert yes is not None
    assert no is not None
    layout = next((v.layout for v in (then, otherwise) if isinstance(v, Typed) and v.layout), None)
    context = test.context or context_of(then) or context_of(otherwise)
    return Typed(bits.ite(test.expr, yes, no), layout, context)


def _varying(clause: Clause, test: Typed, then: int, otherwise: int, span: Span) -> Varying | None:
    """A number by context, if the test is about that context alone."""
    assert test.context is not None
    item = clause.world.context(test.context)
    if item is None:
        return None
    cases: list[tuple[int, int]] = []
    matched = False
    for value in item.values:
        condition = clause.case(test.context, value)
        if condition == test.expr:
            matched = True
            cases.append((value, then))
        elif len(item.values) == 2 and condition == bits.not_(test.expr):
            matched = True
            cases.append((value, otherwise))
        else:
            cases.append((value, otherwise))
    return Varying(test.context, tuple(cases)) if matched else None
