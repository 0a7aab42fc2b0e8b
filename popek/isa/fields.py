"""Registers as places, and their fields."""

from __future__ import annotations

from collections.abc import Iterable

from popek.diagnostics import did_you_mean
from popek.isa import bits, expressions, ir, modes, operands, places
from popek.isa.clause import Clause
from popek.isa.definitions import (
    Part,
    Register,
)
from popek.isa.errors import fail
from popek.isa.layouts import FieldBits, Layout
from popek.isa.scope import Scope
from popek.isa.values import Typed, Value
from popek.source import Span
from popek.syntax import tree


def index_width(whole: Register) -> int:
    assert whole.size is not None
    return max(1, (whole.size - 1).bit_length())


def register(clause: Clause, found: Register, index: ir.Expr | None, span: Span) -> Value:
    """A register, or an element of a register file, as a place."""
    if found.banked is not None and index is None:
        mode = clause.world.mode
        assert mode is not None
        index = modes.bank_index(mode, index_width(found))
    if found.size is not None and index is None:
        return RegisterFile(found)
    if found.whole is not None:
        return _part(found.whole, index, span)
    return _divided(found, index, span)


class RegisterFile(places.Place):
    """A register file by itself: only its elements are values."""

    def __init__(self, definition: Register):
        super().__init__(0, None, definition.span)
        self.definition = definition

    def read(self, clause: Clause) -> Typed:
        raise fail(
            "E0205",
            f"`{self.definition.name}` is several registers",
            self.span,
            hint=f"name one: `{self.definition.name}[n]`",
        )

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        self.read(clause)


def _part(part: Part, index: ir.Expr | None, span: Span) -> places.Place:
    if index is None:
        return places.Component(part.width, part.layout, span, part.component)
    if isinstance(index, ir.Const) and index.value in part.hardwired:
        return places.Constant(part.width, part.layout, span, part.hardwired[index.value])
    return places.BankElement(part.width, part.layout, span, part.component, index, part.hardwired)


def _divided(found: Register, index: ir.Expr | None, span: Span) -> places.Place:
    """All bits of a register with fields: its parts, its fixed bits, and zeros between."""
    layout = found.layout
    assert layout is not None
    rows: list[tuple[int, int, places.Place]] = [
        (field.high, field.low, _part(found.parts[field.name], index, span))
        for field in layout.fields.values()
        if field.name in found.parts
    ]
    rows += [
        (high, low, places.Constant(high - low + 1, None, span, value))
        for high, low, value in layout.fixed
    ]
    parts: list[places.Place] = []
    top = layout.width
    for high, low, place in sorted(rows, key=lambda row: -row[0]):
        if high < top - 1:
            parts.append(places.Constant(top - 1 - high, None, span, 0))
        parts.append(place)
        top = low
    if top:
        parts.append(places.Constant(top, None, span, 0))
    return DividedRegister(layout.width, layout, span, tuple(parts), (), found, index)


class DividedRegister(places.Joined):
    """A register with fields: its fields are components of their own."""

    def __init__(
        self,
        width: int,
        layout: Layout | None,
        span: Span,
        parts: tuple[places.Place, ...],
        names: tuple[str, ...],
        definition: Register,
        index: ir.Expr | None,
    ):
        super().__init__(width, layout, span, parts, names)
        self.definition = definition
        self.index = index

    def field(self, wanted: str, span: Span) -> places.Place:
        """One field as a place."""
        part = self.definition.parts.get(wanted)
        if part is None:
            raise no_field(self.definition.name, wanted, self.definition.parts, span)
        return _part(part, self.index, span)

    def latch(self, clause: Clause) -> places.Place:
        if self.index is None or clause.is_stable(self.index):
            return self
        index = clause.bind("index", self.index, self.span)
        return _divided(self.definition, index, self.span)


def no_field(owner: str, wanted: str, known: Iterable[str], span: Span) -> Exception:
    """The error for a field that is not there."""
    names = list(known)
    hint = did_you_mean(wanted, names)
    if not hint and names:
        hint = f"its fields are {', '.join(names)}"
    return fail("E0202", f"`{owner}` has no field `{wanted}`", span, hint=hint)


def get(clause: Clause, scope: Scope, node: tree.Get) -> Value:
    """`base.field`."""
    base = expressions.denote(clause, scope, node.base)
    return field_of(clause, base, node.field, node.span)


def field_of(clause: Clause, base: Value, wanted: str, span: Span) -> Value:
    """A field of a place or a value."""
    if isinstance(base, operands.OperandPlace):
        inner = base.field(wanted)
        if inner is not None:
            return inner
    if isinstance(base, DividedRegister):
        return base.field(wanted, span)
    if isinstance(base, places.Choice):
        then = field_of(clause, base.then, wanted, span)
        otherwise = field_of(clause, base.otherwise, wanted, span)
        assert isinstance(then, places.Place)
        assert isinstance(otherwise, places.Place)
        return places.Choice(then.width, then.layout, span, base.condition, then, otherwise)
    plain = base if not isinstance(base, places.Place) else None
    layout = base.layout if isinstance(base, places.Place | Typed) else None
    if layout is None:
        if plain is None and isinstance(base, RegisterFile):
            base.read(clause)
        raise fail(
            "E0310",
            f"this value has no fields, so no `{wanted}`",
            span,
            hint="a value has fields if its type is a register or a layout",
        )
    found = layout.fields.get(wanted)
    if found is None:
        raise no_field(layout.name, wanted, layout.fields, span)
    return _bits_of(base, found, span)


def _bits_of(base: Value, found: FieldBits, span: Span) -> Value:
    if isinstance(base, places.Place):
        return places.Slice(found.width, found.layout, span, base, found.high, found.low)
    assert isinstance(base, Typed)
    return Typed(bits.extract(base.expr, found.high, found.low), found.layout, base.context)


def get_set(clause: Clause, scope: Scope, node: tree.GetSet) -> Value:
    """`base.{F, G}`: fields side by side."""
    base = expressions.denote(clause, scope, node.base)
    if not isinstance(base, places.Place):
        base = expressions.settled(clause, base, node.span)
    parts = [field_of(clause, base, wanted, node.span) for wanted in node.fields]
    if all(isinstance(part, places.Place) for part in parts):
        cells = tuple(part for part in parts if isinstance(part, places.Place))
        width = sum(part.width for part in cells)
        return places.Joined(width, None, node.span, cells, node.fields)
    exprs = [part.expr for part in parts if isinstance(part, Typed)]
    return Typed(bits.concat(exprs))
