"""What names, fields and elements denote: places and values."""

from __future__ import annotations

from popek.diagnostics import Note, did_you_mean
from popek.isa import bits, calls, expressions, ir, operands, places, spaces, state
from popek.isa.clause import Clause
from popek.isa.definitions import (
    Clock,
    Device,
    Element,
    FamilyMember,
    Known,
    Part,
    Register,
    Space,
)
from popek.isa.errors import Poisoned, fail, unknown
from popek.isa.layouts import FieldBits, Layout
from popek.isa.scope import Scope
from popek.isa.values import Plain, Poison, RowOf, Static, Typed, Value, Varying, Word
from popek.source import Span
from popek.syntax import tree


def name(clause: Clause, scope: Scope, node: tree.Name) -> Value:
    """What a name means here."""
    local = scope.get(node.id)
    if local is not None:
        if isinstance(local, Poison):
            raise Poisoned
        if isinstance(local, RowOf) and not local.member.family.formals:
            return calls.row_value(clause, local, node.span)
        return local
    world = clause.world
    if node.id == "pc" and world.pc:
        return Typed(ir.Read(world.pc, world.pc_width))
    if node.id == "next" and clause.next_address is not None:
        return Typed(clause.next_address)
    found = world.lookup(node.id)
    match found:
        case None:
            raise _unknown(clause, scope, node)
        case Register():
            return register(clause, found, None, node.span)
        case Element(register=owner, index=index):
            whole = world.lookup(owner)
            assert isinstance(whole, Register)
            width = world.components[owner].index_width if whole.whole else _index_width(whole)
            return register(clause, whole, bits.const(index, width), node.span)
        case Known(value=value):
            return value
        case Clock(name=clock, width=width):
            return places.ClockReading(width, None, node.span, clock)
        case tree.Constant():
            return world.constant(found)
        case tree.Parameter():
            width, layout = world.type_of(found.type)
            if clause.parameters_static and found.value is not None:
                return Typed(bits.const(world.number(found.value), width), layout)
            return places.ReadOnly(width, layout, node.span, found.name)
        case tree.Alias():
            if found.params is not None:
                raise fail(
                    "E0206",
                    f"`{node.id}` takes {len(found.params)} arguments",
                    node.span,
                    notes=[Note(found.span, "declared here")],
                )
            return calls.alias(clause, found, [], node.span)
        case tree.Mode():
            assert found.alias is not None
            return expressions.denote(clause, clause.scope(), found.alias)
        case tree.Context():
            if node.id in clause.contexts:
                return Static(clause.contexts[node.id])
            return Varying(node.id, tuple((number, number) for number in found.values))
        case tree.Function() | tree.AbstractFunction() if not found.params:
            raise fail(
                "E0205", f"`{node.id}` is a function", node.span, hint=f"call it: `{node.id}()`"
            )
        case Space() | Device() | tree.Bank():
            raise fail("E0205", f"`{node.id}` needs an index", node.span, hint=f"`{node.id}[...]`")
        case tree.Family():
            raise fail("E0205", f"`{node.id}` is not a family of this instruction", node.span)
        case _:
            raise fail("E0205", f"`{node.id}` is a function, not a value", node.span)


def _index_width(whole: Register) -> int:
    assert whole.size is not None
    return max(1, (whole.size - 1).bit_length())


def _unknown(clause: Clause, scope: Scope, node: tree.Name) -> Exception:
    found = clause.world.declarations
    if node.id in found.traps:
        return fail("E0205", f"`{node.id}` is a trap, not a value", node.span)
    if node.id in found.operands or node.id in found.immediates:
        return fail("E0403", f"this encoding has no operand `{node.id}`", node.span)
    known = [*scope, *clause.world.names, "pc", "next"]
    return unknown("name", node.id, node.span, known)


# ---------------------------------------------------------------- registers


def register(clause: Clause, found: Register, index: ir.Expr | None, span: Span) -> Value:
    """A register, or an element of a register file, as a place."""
    if found.banked is not None and index is None:
        mode = clause.world.mode
        assert mode is not None
        index = state.bank_index(mode, _index_width(found))
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
            raise no_field(self.definition.name, wanted, self.definition.parts, span, self.span)
        return _part(part, self.index, span)

    def latch(self, clause: Clause) -> places.Place:
        if self.index is None or clause.is_stable(self.index):
            return self
        index = clause.bind("index", self.index, self.span)
        return _divided(self.definition, index, self.span)


def no_field(
    owner: str, wanted: str, known: object, span: Span, declared: Span | None = None
) -> Exception:
    """The error for a field that is not there."""
    names = list(known)  # type: ignore[call-overload]
    hint = did_you_mean(wanted, names)
    if not hint and names:
        hint = f"its fields are {', '.join(names)}"
    return fail("E0202", f"`{owner}` has no field `{wanted}`", span, hint=hint)


# ---------------------------------------------------------------- fields


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
        raise no_field(layout.name, wanted, layout.fields, span, layout.span)
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


# ---------------------------------------------------------------- elements and slices


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
                return calls.bank(clause, found, args, node.span)
            case tree.Alias() if found.params is not None:
                args = expressions.values(clause, scope, node.args)
                return calls.alias(clause, found, args, node.span)
            case _:
                pass
    start = len(clause.block)
    base = expressions.denote(clause, scope, node.base)
    if len(node.args) != 1:
        raise fail("E0206", f"one index is expected here, not {len(node.args)}", node.span)
    if isinstance(base, RegisterFile):
        return element(clause, scope, base.definition, node)
    position = expressions.value(clause, scope, node.args[0])
    if not isinstance(base, places.Place):
        base = clause.settle([base], start, node.span)[0]
    return bit(clause, base, position, node)


def element(clause: Clause, scope: Scope, found: Register, node: tree.Index) -> Value:
    """An element of a register file."""
    assert found.size is not None
    width = _index_width(found)
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
        return register(clause, found, bits.zext(narrow, width), node.span)
    expr = expressions.coerce(clause, position, width, span, "index")
    return register(clause, found, expr, node.span)


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
    if isinstance(base, DividedRegister) and base.definition.layout is not None:
        for entry in base.definition.layout.fields.values():
            if (entry.high, entry.low) == (high, low) and entry.name in base.definition.parts:
                return base.field(entry.name, span)
    if isinstance(base, places.Place):
        return places.Slice(width, None, span, base, high, low)
    assert isinstance(base, Typed)
    return Typed(bits.extract(base.expr, high, low), None, base.context)


def word(clause: Clause, scope: Scope, node: tree.Name) -> Word | None:
    """A name that is meant as a mnemonic, because it is compared with one."""
    for family in clause.world.declarations.families.values():
        if any(row.name == node.id for row in family.rows):
            return Word(node.id)
    for instruction in clause.world.declarations.instructions:
        if node.id in clause.world.declarations.words_of(instruction):
            return Word(node.id)
    return None


__all__ = ["FamilyMember", "get", "get_set", "index", "name", "slice_of", "word"]
