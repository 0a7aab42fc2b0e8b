"""Encodings: bits, fields, immediates, and the operands' rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from popek.diagnostics import did_you_mean
from popek.isa import bits, ir
from popek.isa.clause import Clause
from popek.isa.errors import fail, unknown
from popek.isa.widths import check_width
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


FIELD_WIDTH_OF_SUM = 3


_BYTE = re.compile(r"[0-9A-Fa-f]{2}\Z")


_BITS = re.compile(r"[01.]+\Z")


@dataclass(slots=True)
class Encoding:
    """An encoding being put together."""

    items: list[ir.EncodingItem] = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)
    conditions: list[ir.Expr] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    slices: dict[str, int] = field(default_factory=dict)
    token_ends: list[tuple[frozenset[str], int]] = field(default_factory=list)

    def add_field(self, name: str, width: int, span: Span) -> None:
        """A field of the form; an error if it is there with another width or twice."""
        if name in self.fields:
            raise fail("E0403", f"the field `{name}` is in this encoding twice", span)
        self.fields[name] = width

    def width(self) -> int:
        """Bits of all items except extensions."""
        return sum(item_width(item) for item in self.items)


def item_width(item: ir.EncodingItem) -> int:
    """The bits of an item; an extension's depend on its row."""
    match item:
        case ir.FixedBits(width=width) | ir.ImmediateBits(width=width):
            return width
        case ir.FieldBits(high=high, low=low):
            return high - low + 1
        case ir.Extension():
            return 0


@dataclass(slots=True)
class Builder:
    """Expands the items of an encoding for one form."""

    clause: Clause
    columns: Mapping[str, tuple[int, int]]
    layouts: Mapping[str, tree.Operand]
    immediates: Mapping[str, str]
    encoding: Encoding = field(default_factory=Encoding)

    @property
    def world(self) -> World:
        """Everything declared."""
        return self.clause.world

    def expand(self, items: Sequence[tree.EncItem]) -> Encoding:
        """All items in order."""
        for item in items:
            self._item(item)
        for name, width in self.encoding.slices.items():
            self.encoding.fields[name] = width
            self._zero_gaps(name, width)
        return self.encoding

    def _zero_gaps(self, name: str, width: int) -> None:
        """Bits of a spread field that the encoding does not hold are zero."""
        held = {
            bit
            for item in self.encoding.items
            if isinstance(item, ir.FieldBits) and item.field == name
            for bit in range(item.low, item.high + 1)
        }
        for bit in range(width):
            if bit not in held:
                value = bits.extract(ir.Field(name, width), bit, bit)
                self.encoding.conditions.append(bits.not_(value))

    def _item(self, item: tree.EncItem) -> None:
        encoding = self.encoding
        match item:
            case tree.EncLiteral(text=text):
                encoding.items.append(literal(text, self.world, item.span))
                encoding.text.append(text)
            case tree.EncSum():
                self._sum(item)
            case tree.EncField(name=name, width=width):
                check_width(width, item.span)
                encoding.add_field(name, width, item.span)
                encoding.items.append(ir.FieldBits(name, width - 1, 0))
                encoding.text.append(f"{name}:{width}")
            case tree.EncSlice():
                self._slice(item)
            case tree.EncEqual():
                encoding.conditions.append(self._equal(item))
                encoding.text.append(f"{item.name}={item.value}")
            case tree.EncFormat():
                self._format(item)
            case tree.EncSlash():
                self._slash(item)
            case tree.EncName():
                self._name(item)

    # ------------------------------------------------------------ items

    def _sum(self, item: tree.EncSum) -> None:
        base = int(item.base, 16)
        if item.name in self.columns:
            value, _ = self.columns[item.name]
            total = base + item.scale * value
            if total > 0xFF:
                raise fail("E0407", f"{item.base}+{item.scale}*{value} is no byte", item.span)
            self.encoding.items.append(ir.FixedBits(total, 0xFF, 8))
            self.encoding.text.append(f"{total:02X}")
            return
        width = FIELD_WIDTH_OF_SUM
        if item.scale != 1 or base & ((1 << width) - 1):
            raise fail(
                "E0407",
                f"`{item.name}` is no column of a family, and {item.base} has no room for a field",
                item.span,
            )
        self.encoding.add_field(item.name, width, item.span)
        self.encoding.items.append(ir.FixedBits(base >> width, 0xFF >> width, 8 - width))
        self.encoding.items.append(ir.FieldBits(item.name, width - 1, 0))
        self.encoding.token_ends.append((frozenset({item.name}), len(self.encoding.items)))
        self.encoding.text.append(f"{item.base}+{item.name}")

    def _slice(self, item: tree.EncSlice) -> None:
        high, low = max(item.first, item.last), min(item.first, item.last)
        if item.name in self.encoding.fields:
            raise fail("E0403", f"the field `{item.name}` is in this encoding twice", item.span)
        known = self.encoding.slices.get(item.name, 0)
        self.encoding.slices[item.name] = max(known, high + 1)
        self.encoding.items.append(ir.FieldBits(item.name, high, low))
        text = f"{item.first}..{item.last}" if item.first != item.last else f"{item.first}"
        self.encoding.text.append(f"{item.name}[{text}]")

    def _equal(self, item: tree.EncEqual) -> ir.Expr:
        context = self.world.context(item.name)
        if context is not None:
            wanted = number_text(item.value, None, item.span)
            if wanted not in context.values:
                raise fail("E0404", f"`{item.name}` is never {wanted}", item.span)
            if item.name in self.clause.contexts:
                return bits.TRUE if self.clause.contexts[item.name] == wanted else bits.FALSE
            return self.clause.case(item.name, wanted)
        width = self.encoding.fields.get(item.name, self.world.prefix_fields.get(item.name))
        if width is None:
            known = [*self.encoding.fields, *self.world.prefix_fields]
            raise unknown("field in this encoding", item.name, item.span, known, "E0403")
        value = number_text(item.value, width, item.span)
        return bits.eq(ir.Field(item.name, width), bits.const(value, width))

    def _format(self, item: tree.EncFormat) -> None:
        formats = self.world.declarations.formats
        found = formats.get(item.name)
        if found is None:
            raise unknown("format", item.name, item.span, formats)
        given = {value.name: value for value in item.values}
        for part in found.items:
            if isinstance(part, tree.EncField) and part.name in given:
                value = given.pop(part.name)
                self._given(value, part.width)
            elif isinstance(part, tree.EncName) and part.name in given:
                raise fail("E0407", f"`{part.name}` has no width in `{item.name}`", part.span)
            else:
                self._item(part)
        for name, value in given.items():
            fields = [part.name for part in found.items if isinstance(part, tree.EncField)]
            raise fail(
                "E0403",
                f"the format `{item.name}` has no field `{name}`",
                value.span,
                hint=did_you_mean(name, fields),
            )

    def _given(self, value: tree.EncEqual, width: int) -> None:
        text = value.value
        if value.value in self.columns:
            number, given = self.columns[value.value]
            if given > width:
                raise fail("E0407", f"`{value.value}` has {given} bits, not {width}", value.span)
        elif width == 8 and _BYTE.match(text):
            number = int(text, 16)
        else:
            number = number_text(text, width, value.span)
        self.encoding.items.append(ir.FixedBits(number, (1 << width) - 1, width))
        shown = f"{number:02X}" if width == 8 else f"{number:0{width}b}"
        self.encoding.text.append(shown)

    def _slash(self, item: tree.EncSlash) -> None:
        token = self.world.declarations.tokens.get("modrm")
        if token is None:
            raise unknown("token", "modrm", item.span, self.world.declarations.tokens)
        what = item.what.lstrip("/")
        fixed: int | None = None
        if what.isdigit():
            fixed = int(what)
        elif what in self.columns:
            fixed = self.columns[what][0]
        elif what != "r":
            raise unknown("column", what, item.span, self.columns, "E0403")
        names: set[str] = set()
        for part in token.items:
            if not isinstance(part, tree.EncField):
                self._item(part)
                self.encoding.text.pop()
                continue
            if part.name == "reg" and fixed is not None:
                if fixed >> part.width:
                    raise fail("E0407", f"/{fixed} does not fit {part.width} bits", item.span)
                mask = (1 << part.width) - 1
                self.encoding.items.append(ir.FixedBits(fixed, mask, part.width))
                continue
            self.encoding.add_field(part.name, part.width, item.span)
            self.encoding.items.append(ir.FieldBits(part.name, part.width - 1, 0))
            names.add(part.name)
        self.encoding.token_ends.append((frozenset(names), len(self.encoding.items)))
        self.encoding.text.append(f"/{fixed if fixed is not None else 'r'}")

    def _name(self, item: tree.EncName) -> None:
        encoding, name = self.encoding, item.name
        if name in self.columns:
            value, width = self.columns[name]
            if width == 0:
                raise fail("E0407", f"the column `{name}` needs a type here", item.span)
            encoding.items.append(ir.FixedBits(value, (1 << width) - 1, width))
            encoding.text.append(f"{value:0{width}b}")
            return
        if name in self.layouts:
            for part in self.layouts[name].layout:
                if not isinstance(part, tree.EncField):
                    raise fail("E0407", "`over` lists fields: mode:3 reg:3", part.span)
                encoding.add_field(f"{name}.{part.name}", part.width, item.span)
                encoding.items.append(ir.FieldBits(f"{name}.{part.name}", part.width - 1, 0))
            encoding.text.append(name)
            return
        name = self.immediates.get(name, name)
        if name in self.world.declarations.immediates:
            width = immediate_width(self.clause, name)
            encoding.add_field(name, width, item.span)
            encoding.items.append(ir.ImmediateBits(name, width))
            encoding.text.append(name)
            return
        token = self.world.declarations.tokens.get(name)
        if token is not None:
            names: set[str] = set()
            for part in token.items:
                self._item(part)
                encoding.text.pop()
                if isinstance(part, tree.EncField):
                    names.add(part.name)
            encoding.token_ends.append((frozenset(names), len(encoding.items)))
            encoding.text.append(name)
            return
        known = [
            *self.columns,
            *self.layouts,
            *self.world.declarations.immediates,
            *self.world.declarations.tokens,
        ]
        raise unknown("token, immediate, column or operand", name, item.span, known, "E0403")


def immediate_width(clause: Clause, name: str) -> int:
    """The width of an immediate; one that depends on a context asks for it."""
    param = clause.world.declarations.immediates[name]
    if param.type is None:
        raise fail("E0304", f"the immediate `{name}` needs a type", param.span)
    return clause.world.type_of(param.type, clause)[0]


def token_items(
    world: World, token: tree.Token, named: Callable[[str], str]
) -> tuple[ir.FixedBits | ir.FieldBits, ...]:
    """The bits of a token; `named` gives its fields their names in the form."""
    result: list[ir.FixedBits | ir.FieldBits] = []
    for part in token.items:
        match part:
            case tree.EncField(name=name, width=width):
                check_width(width, part.span)
                result.append(ir.FieldBits(named(name), width - 1, 0))
            case tree.EncLiteral(text=text):
                result.append(literal(text, world, part.span))
            case _:
                raise fail("E0407", "a token consists of fields and bits", part.span)
    return tuple(result)


def literal(text: str, world: World, span: Span) -> ir.FixedBits:
    """A byte, or bits with `.` for those that do not matter."""
    if world.declarations.code is not None and world.declarations.code.bytewise:
        if _BYTE.match(text):
            return ir.FixedBits(int(text, 16), 0xFF, 8)
    if text[:2] in ("0x", "0X"):
        width = 4 * (len(text) - 2)
        return ir.FixedBits(int(text, 16), (1 << width) - 1, width)
    if not _BITS.match(text):
        raise fail("E0407", f"`{text}` is neither bits nor a byte", span)
    value = int(text.replace(".", "0"), 2)
    mask = int(text.replace("0", "1").replace(".", "0"), 2)
    return ir.FixedBits(value, mask, len(text))


def number_text(text: str, width: int | None, span: Span) -> int:
    """A value in a table: as many binary digits as bits, else decimal, or hex with 0x."""
    try:
        if width is not None and len(text) == width and set(text) <= {"0", "1"}:
            return int(text, 2)
        number = int(text.replace("_", ""), 0) if text[:2].lower() in ("0x", "0b") else int(text)
    except ValueError:
        raise fail("E0407", f"`{text}` is no number here", span) from None
    if width is not None and number >> width:
        raise fail("E0407", f"{number} does not fit {width} bits", span)
    return number
