"""Expressions: what they denote, their values, and how open values get a width."""

from __future__ import annotations

from collections.abc import Sequence

from popek.diagnostics import did_you_mean
from popek.isa import (
    bits,
    branches,
    calls,
    elements,
    fields,
    ir,
    namespaces,
    naming,
    operands,
    operators,
    places,
)
from popek.isa.clause import Clause
from popek.isa.errors import Poisoned, fail
from popek.isa.scope import Scope
from popek.isa.values import (
    Flex,
    Plain,
    Poison,
    Static,
    Tuple,
    Typed,
    Value,
    Varying,
    describe,
    materialize,
)
from popek.source import Span
from popek.syntax import tree


def denote(clause: Clause, scope: Scope, node: tree.Expr) -> Value:
    """A place, if the expression is one, else its value."""
    if (found := namespaces.qualified(clause, scope, node)) is not None:
        return found
    match node:
        case tree.Name():
            return naming.name(clause, scope, node)
        case tree.Int():
            return Static(node.value, node.digits)
        case tree.Undefined():
            return Flex("undefined", (), node.span, clause.site("undefined"))
        case tree.TupleExpr():
            return Tuple(tuple(values(clause, scope, node.items)))
        case tree.Call():
            return calls.call(clause, scope, node)
        case tree.Get():
            return fields.get(clause, scope, node)
        case tree.GetSet():
            return fields.get_set(clause, scope, node)
        case tree.Index():
            return elements.index(clause, scope, node)
        case tree.Slice():
            return elements.slice_of(clause, scope, node)
        case tree.Unary():
            return operators.unary(clause, scope, node)
        case tree.Binary():
            return operators.binary(clause, scope, node)
        case tree.Member():
            return operators.member(clause, scope, node)
        case tree.Ite():
            return branches.conditional(clause, scope, node)
        case tree.With():
            return _with(clause, scope, node)


def read(clause: Clause, value: Value) -> Plain:
    """The value of a place; other values are themselves."""
    if isinstance(value, operands.OperandPlace):
        return value.value(clause)
    if isinstance(value, places.Place):
        return value.read(clause)
    if isinstance(value, Poison):
        raise Poisoned
    return value


def value(clause: Clause, scope: Scope, node: tree.Expr) -> Plain:
    """The value of an expression."""
    return read(clause, denote(clause, scope, node))


def values(clause: Clause, scope: Scope, nodes: Sequence[tree.Expr]) -> list[Plain]:
    """Several values, left to right: the effects of later ones do not change earlier ones."""
    found: list[Value] = []
    for node in nodes:
        start = len(clause.block)
        now = value(clause, scope, node)
        if found and len(clause.block) > start:
            found = clause.settle(found, start, node.span)
        found.append(now)
    return [item for item in found if not isinstance(item, places.Place)]


def settled(clause: Clause, found: Value, span: Span) -> Typed:
    """A typed value, or an error."""
    plain = read(clause, found)
    if isinstance(plain, Typed):
        return plain
    context = None
    if isinstance(plain, Varying):
        context = plain.context
    if context is not None:
        raise clause.need(context, span)
    if isinstance(plain, Flex | Static):
        raise fail(
            "E0304",
            "nothing here determines a width",
            span,
            label=describe(plain),
            hint="give it one: `zext(e, 32)`, or a `let` with a type",
        )
    raise fail("E0310", "a value is needed here", span, label=describe(plain))


def coerce(clause: Clause, found: Value, width: int, span: Span, what: str) -> ir.Expr:
    """The value at a width that is given, or an error."""
    plain = read(clause, found)
    expr = materialize(plain, width, span, clause.case)
    if expr is not None:
        return expr
    if isinstance(plain, Typed):
        if plain.context:
            raise clause.need(plain.context, span)
        raise fail(
            "E0302",
            f"this {what} is a u{plain.width}, but a u{width} is needed",
            span,
            label=f"u{plain.width}",
            hint=_hint(plain.width, width),
        )
    raise fail("E0310", f"a u{width} is needed here", span, label=describe(plain))


def _hint(have: int, need: int) -> str:
    return "write zext(..) or sext(..)" if have < need else "write trunc(..) or a slice"


def coerced(clause: Clause, scope: Scope, node: tree.Expr, width: int, what: str) -> ir.Expr:
    """The value of an expression at a given width."""
    return coerce(clause, denote(clause, scope, node), width, node.span, what)


def condition(clause: Clause, scope: Scope, node: tree.Expr) -> Typed:
    """The value of a condition: one bit."""
    plain = value(clause, scope, node)
    match plain:
        case Typed(expr=expr) if expr.width == 1:
            return plain
        case Static(value=number) if number in (0, 1):
            return Typed(bits.const(number, 1))
        case Varying(context=context, cases=cases) if all(n in (0, 1) for _, n in cases):
            found = materialize(plain, 1, node.span, clause.case)
            assert found is not None
            return Typed(found, None, context)
        case Flex():
            found = materialize(plain, 1, node.span, clause.case)
            if found is not None:
                return Typed(found)
        case _:
            pass
    raise fail(
        "E0306",
        "a condition is one bit wide",
        node.span,
        label=describe(plain),
        hint="compare it with something: `... != 0`",
    )


# ---------------------------------------------------------------- numbers


def number(clause: Clause, scope: Scope, node: tree.Expr) -> int:
    """A number that has to be known now."""
    return as_number(clause, value(clause, scope, node), node.span)


def as_number(clause: Clause, found: Value, span: Span) -> int:
    """A value as a number that has to be known now."""
    plain = read(clause, found)
    known = known_number(clause, plain, span)
    if known is not None:
        return known
    raise fail(
        "E0312",
        "a number that is known when the spec is read is needed here",
        span,
        label=describe(plain),
    )


def known_number(clause: Clause, plain: Plain, span: Span) -> int | None:
    """The number that a value is, if it is known now; a context's is asked for."""
    match plain:
        case Static(value=found):
            return found
        case Typed(expr=ir.Const(value=found)):
            return found
        case Typed(context=context) if context is not None:
            raise clause.need(context, span)
        case Varying(context=context):
            raise clause.need(context, span)
        case Flex(op="ite", args=(Typed(context=context), *_)) if context is not None:
            raise clause.need(context, span)
        case _:
            return None


def width_of(clause: Clause, found: Value, span: Span) -> int:
    """The width of a place or value."""
    if isinstance(found, operands.OperandPlace):
        return found.width_in(clause)
    if isinstance(found, places.Place):
        if isinstance(found, fields.RegisterFile):
            found.read(clause)
        return found.width
    return settled(clause, found, span).width


# ---------------------------------------------------------------- updates


def _with(clause: Clause, scope: Scope, node: tree.With) -> Value:
    start = len(clause.block)
    base = settled(clause, denote(clause, scope, node.base), node.base.span)
    if base.layout is None:
        raise fail("E0310", "`with` needs a value with fields", node.base.span)
    layout = base.layout
    current: Value = base
    for wanted, given in node.updates:
        entry = layout.fields.get(wanted)
        if entry is None:
            raise fields.no_field(layout.name, wanted, layout.fields, node.span)
        part = coerced(clause, scope, given, entry.width, f"value of `{wanted}`")
        current = clause.settle([current], start, node.span)[0]
        start = len(clause.block)
        assert isinstance(current, Typed)
        current = Typed(
            bits.splice(current.expr, entry.high, entry.low, part), layout, base.context
        )
    return current


def unknown_field(
    owner: str, wanted: str, known: Sequence[str], span: Span, what: str = "field"
) -> Exception:
    """The error for a part that is not there."""
    return fail(
        "E0202", f"`{owner}` has no {what} `{wanted}`", span, hint=did_you_mean(wanted, known)
    )
