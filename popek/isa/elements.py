"""Elements, bits and slices: what stands in square brackets."""

from __future__ import annotations

from popek.isa import bits, expressions, fields, ir, places, spaces, views
from popek.isa.clause import Clause
from popek.isa.definitions import (
    Device,
    Register,
    Space,
)
from popek.isa.errors import fail
from popek.isa.scope import Scope
from popek.isa.values import Plain, Static, Typed, Value
from popek.source import Span
from popek.syntax import tree


def index(clause: Clause, scope: Scope, node: tree.Index) -> Value:
    """`base[i]`: an element, a bit, a cell of memory."""
    if isinstance(node.base, tree.Name) and scope.get(node.base.id) is None:
        found = clause.world.lookup(node.base.id)
        match found:
            case Space():
                return spaces.cell(clause, scope, found, node)
            case Device():
                return spaces.port(clause, scope, found, node)
            case tree.Bank():
                args = expressions.values(clause, scope, node.args)
                return views.bank(clause, found, args, node.span)
            case tree.Alias() if found.params is not None:
                args = expressions.values(clause, scope, node.args)
                return views.alias(clause, found, args, node.span)
            case _:
                pass
    start = len(clause.block)
    base = expressions.denote(clause, scope, node.base)
    if len(node.args) != 1:
        raise fail("E0206", f"one index is expected here, not {len(node.args)}", node.span)
    if isinstance(base, fields.RegisterFile):
        return element(clause, scope, base.definition, node)
    position = expressions.value(clause, scope, node.args[0])
    if not isinstance(base, places.Place):
        base = clause.settle([base], start, node.span)[0]
    return bit(clause, base, position, node)


def element(clause: Clause, scope: Scope, found: Register, node: tree.Index) -> Value:
    """An element of a register file."""
    assert found.size is not None
    width = fields.index_width(found)
    position = expressions.value(clause, scope, node.args[0])
    span = node.args[0].span
    if isinstance(position, Static):
        if not 0 <= position.value < found.size:
            raise fail(
                "E0311",
                f"`{found.name}` has no element {position.value}",
                span,
                hint=f"its elements are 0 to {found.size - 1}",
            )
    if isinstance(position, Typed):
        narrow = position.expr
        if position.width > width:
            if not isinstance(narrow, ir.Const) or narrow.value >= found.size:
                raise fail(
                    "E0311",
                    f"an index of {position.width} bits into the {found.size} elements of "
                    f"`{found.name}`",
                    span,
                    label=f"u{position.width}",
                    hint=f"an index of {width} bits is enough: use a slice",
                )
            narrow = bits.const(narrow.value, width)
        return fields.register(clause, found, bits.zext(narrow, width), node.span)
    expr = expressions.coerce(clause, position, width, span, "index")
    return fields.register(clause, found, expr, node.span)


def bit(clause: Clause, base: Value, position: Plain, node: tree.Index) -> Value:
    """One bit of a value or place."""
    width = expressions.width_of(clause, base, node.base.span)
    where = expressions.known_number(clause, position, node.args[0].span)
    if where is not None:
        if not 0 <= where < width:
            raise fail("E0305", f"a u{width} has no bit {where}", node.args[0].span)
        low = width - 1 - where if clause.world.from_left else where
        return _slice(base, low, low, node.span)
    if isinstance(position, Typed):
        amount = position.expr
    else:
        needed = max(1, width.bit_length())
        amount = expressions.coerce(clause, position, needed, node.span, "position")
    if clause.world.from_left:
        needed = max(amount.width, width.bit_length())
        amount = bits.binary(ir.Op.SUB, bits.const(width - 1, needed), bits.zext(amount, needed))
    if isinstance(base, places.Place):
        return places.DynamicBit(1, None, node.span, base, amount)
    assert isinstance(base, Typed)
    return Typed(bits.extract(bits.shift(ir.Op.LSHR, base.expr, amount), 0, 0))


def slice_of(clause: Clause, scope: Scope, node: tree.Slice) -> Value:
    """`base[high..low]`."""
    base = expressions.denote(clause, scope, node.base)
    first = expressions.number(clause, scope, node.first)
    last = expressions.number(clause, scope, node.last)
    if isinstance(base, Static):
        base = Typed(bits.const(base.value, max(first, last) + 1))
    width = expressions.width_of(clause, base, node.base.span)
    if clause.world.from_left:
        high, low = width - 1 - first, width - 1 - last
    else:
        high, low = first, last
    if low < 0 or high >= width or high < low:
        reverse = high < low and high >= 0 and low < width
        raise fail(
            "E0305",
            f"bits {first}..{last} of a u{width}",
            node.span,
            label=f"u{width}",
            hint=f"write [{last}..{first}]" if reverse else f"its bits are 0 to {width - 1}",
        )
    return _slice(base, high, low, node.span)


def _slice(base: Value, high: int, low: int, span: Span) -> Value:
    width = high - low + 1
    if isinstance(base, fields.DividedRegister) and base.definition.layout is not None:
        for entry in base.definition.layout.fields.values():
            if (entry.high, entry.low) == (high, low) and entry.name in base.definition.parts:
                return base.field(entry.name, span)
    if isinstance(base, places.Place):
        return places.Slice(width, None, span, base, high, low)
    assert isinstance(base, Typed)
    return Typed(bits.extract(base.expr, high, low), None, base.context)
