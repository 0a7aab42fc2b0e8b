"""A form and the values of its fields become machine code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from popek.guest.conditions import Context
from popek.guest.patterns import Pattern, Rows
from popek.guest.units import Units
from popek.isa import ir


class EncodingError(ValueError):
    """No code has these field values: one is unknown or too large, or an operand has no row."""


def items_of(form: ir.Form, rows: Rows) -> Iterator[ir.EncodingItem]:
    """The encoding with each operand's extension in its place.

    Raises EncodingError if an operand whose extension has a place has no row.
    """
    for item in form.encoding:
        if isinstance(item, ir.Extension):
            row = rows[item.operand]
            operand = form.operands[item.operand]
            if row is None:
                raise EncodingError(
                    f"{form.name} {form.text}: no row of {operand.name} fits these fields"
                )
            yield from operand.rows[row].extension
        else:
            yield item


def fields_in(isa: ir.Isa, form: ir.Form, rows: Rows) -> frozenset[str]:
    """The fields that code with these operand rows holds; the form's other fields say nothing."""
    names = {group.field for group in isa.prefixes}
    for item in items_of(form, rows):
        if isinstance(item, ir.FieldBits | ir.ImmediateBits):
            names.add(item.field)
    return frozenset(names & form.fields.keys())


def complete(form: ir.Form, fields: Mapping[str, int]) -> dict[str, int]:
    """All fields of the form, 0 where `fields` is silent.

    Raises EncodingError for a field that the form does not have, or a value that does not fit.
    """
    for name, value in fields.items():
        width = form.fields.get(name)
        if width is None:
            raise EncodingError(f"{form.name} {form.text} has no field {name}")
        if not 0 <= value < 1 << width:
            raise EncodingError(f"{name} = {value} does not fit {width} bits")
    return {name: fields.get(name, 0) for name in form.fields}


def encode(
    isa: ir.Isa,
    form: ir.Form,
    fields: Mapping[str, int],
    context: Context | None = None,
) -> bytes:
    """The machine code of a form with these field values, in this decode context.

    A field that is not given is 0, which for a prefix means absent.  Fields that the code does not
    hold, such as the displacement of a register operand, are ignored, and so is `length`.  Whether
    the code means this form is for `decode` to say: `Form.decode` is not looked at.  Raises
    EncodingError if a field or value does not exist, or no row of an operand fits.
    """
    units = Units.of(isa)
    values = complete(form, fields)
    rows = Pattern.of(form).rows(values, context or {})
    bits, width = 0, 0
    for group in isa.prefixes:
        if position := values.get(group.field, 0):
            if position > len(group.codes):
                raise EncodingError(f"{group.field} = {position} is no prefix")
            bits = bits << units.bits | group.codes[position - 1]
            width += units.bits
    for item in items_of(form, rows):
        match item:
            case ir.FixedBits(value=value, mask=mask, width=more):
                part = value & mask
            case ir.FieldBits(field=name, high=high, low=low):
                more = high - low + 1
                part = values[name] >> low & ((1 << more) - 1)
            case ir.ImmediateBits(field=name, width=more):
                part = units.immediate(values[name] & ((1 << more) - 1), more)
            case ir.Extension():
                raise AssertionError("an extension holds no extension")
        bits = bits << more | part
        width += more
    return units.pack(bits, width)
