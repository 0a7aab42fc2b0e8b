"""Values while a clause is elaborated: numbers, typed expressions, and what is still open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from popek.isa import bits, ir
from popek.isa.errors import NeedContext, fail
from popek.source import Span

if TYPE_CHECKING:
    from popek.isa.definitions import FamilyMember
    from popek.isa.layouts import Layout
    from popek.isa.places import Place


@dataclass(frozen=True, slots=True)
class Static:
    """A number without a width; `digits` is the width of a binary or hex literal."""

    value: int
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Varying:
    """A number that depends on a decode context: `cases` are (context value, number)."""

    context: str
    cases: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A mnemonic or the name of a family's row: comparable, nothing else."""

    name: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A value of known width.  `context`: it depends on that decode context."""

    expr: ir.Expr
    layout: Layout | None = field(default=None, compare=False)
    context: str | None = field(default=None, compare=False)

    @property
    def width(self) -> int:
        return self.expr.width


@dataclass(frozen=True, slots=True)
class Flex:
    """A value whose width comes from its neighbour.

    op: `zext sext trunc` of a typed value, `undefined`, `not neg`, `ite` (typed condition first),
    or an operator of the IR on open values.
    """

    op: str
    args: tuple[Value, ...]
    span: Span
    site: str = ""


@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class RowOf:
    """A family in a clause: its row's value, or, applied, its expression."""

    member: FamilyMember


@dataclass(frozen=True, slots=True)
class Poison:
    """The value of something that was already reported."""


#: What reading a place gives.
Plain = Static | Varying | Word | Typed | Flex | Tuple | RowOf | Poison

Value: TypeAlias = "Plain | Place"

#: How a context's case is tested: (context, value) -> condition.
CaseReader = Callable[[str, int], ir.Expr]

TRUE = Typed(bits.TRUE)
FALSE = Typed(bits.FALSE)


def context_of(value: Value) -> str | None:
    """The decode context that a value depends on, if it is known to."""
    match value:
        case Varying(context=context):
            return context
        case Typed(context=context):
            return context
        case Flex(args=args) | Tuple(items=args):
            return next((found for arg in args if (found := context_of(arg))), None)
        case _:
            return None


def describe(value: Value) -> str:
    """What a value is, in the words of an error message."""
    match value:
        case Static(value=number):
            return f"the number {number}"
        case Varying(context=context):
            return f"a number that depends on `{context}`"
        case Word(name=name):
            return f"the name `{name}`"
        case Typed(expr=expr):
            return f"u{expr.width}"
        case Flex():
            return "a value without a width"
        case Tuple(items=items):
            return f"a tuple of {len(items)}"
        case RowOf(member=member):
            return f"the row `{member.row.name}` of a family"
        case _:
            return "a place"


def fits(number: int, width: int) -> bool:
    """Whether a literal may stand for a value of this width, unsigned or negative."""
    return -(1 << (width - 1)) <= number < 1 << width


def literal(number: int, width: int, span: Span) -> ir.Const:
    """A number at a width, or an error."""
    if not fits(number, width):
        raise fail(
            "E0303",
            f"{number} does not fit u{width}",
            span,
            label=f"u{width}",
            hint=f"a u{width} holds 0 to {2**width - 1}, or -{2 ** (width - 1)} and up"
            if width <= 64
            else "",
        )
    return bits.const(number, width)


def materialize(value: Value, width: int, span: Span, cases: CaseReader) -> ir.Expr | None:
    """`value` at `width`; None if it has another width or no number at all."""
    match value:
        case Static(value=number):
            return literal(number, width, span)
        case Typed(expr=expr):
            return expr if expr.width == width else None
        case Varying(context=context, cases=pairs):
            return bits.chain(
                [(cases(context, key), literal(n, width, span)) for key, n in pairs[:-1]],
                literal(pairs[-1][1], width, span),
            )
        case Flex():
            return _flex(value, width, cases)
        case _:
            return None


def _flex(value: Flex, width: int, cases: CaseReader) -> ir.Expr | None:
    span = value.span
    match value.op:
        case "undefined":
            return ir.Input(ir.InputKind.UNDEFINED, value.site, width)
        case "zext" | "sext" | "trunc":
            inner = value.args[0]
            assert isinstance(inner, Typed)
            return _extend(value.op, inner, width, span)
        case "ite":
            condition = value.args[0]
            assert isinstance(condition, Typed)
            then = materialize(value.args[1], width, span, cases)
            otherwise = materialize(value.args[2], width, span, cases)
            if then is None or otherwise is None:
                return None
            return bits.ite(condition.expr, then, otherwise)
    args = [materialize(arg, width, span, cases) for arg in value.args]
    exprs = [arg for arg in args if arg is not None]
    if len(exprs) < len(args):
        return None
    if value.op == "not":
        return bits.not_(exprs[0])
    if value.op == "neg":
        return bits.neg(exprs[0])
    return bits.binary(ir.Op(value.op), exprs[0], exprs[1])


def _extend(op: str, inner: Typed, width: int, span: Span) -> ir.Expr:
    if op == "trunc":
        if width > inner.width:
            if inner.context:
                raise NeedContext(inner.context, span)
            raise fail(
                "E0307",
                f"`trunc` of a u{inner.width} where a u{width} is needed",
                span,
                label=f"u{inner.width}",
                hint="`zext` and `sext` make a value wider",
            )
        return bits.extract(inner.expr, width - 1, 0)
    if width < inner.width:
        if inner.context:
            raise NeedContext(inner.context, span)
        raise fail(
            "E0307",
            f"`{op}` of a u{inner.width} where a u{width} is needed",
            span,
            label=f"u{inner.width}",
            hint="`trunc` or a slice makes a value narrower",
        )
    return bits.zext(inner.expr, width) if op == "zext" else bits.sext(inner.expr, width)
