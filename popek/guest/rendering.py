"""A form and its fields as a line of assembly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from popek.guest.encoding import EncodingError
from popek.guest.patterns import Pattern, Rows
from popek.isa import ir


def parts_of(form: ir.Form, rows: Rows) -> Iterator[ir.TemplatePart]:
    """The template with each operand's own in its place.

    Raises EncodingError if an operand that is printed has no row.
    """
    for part in form.template:
        if isinstance(part, int):
            row = rows[part]
            if row is None:
                raise EncodingError(f"{form.name} {form.text}: an operand has no row")
            yield from form.operands[part].rows[row].template
        else:
            yield part


def render(form: ir.Form, fields: Mapping[str, int], rows: Rows) -> str:
    """The assembly text of a form: mnemonic and operands as the spec's templates print them.

    Fields with names are words.  Other numbers are decimal if the field is narrow, the number has
    one digit or stands against a word (`d3`), else hexadecimal.  A `+` before a negative one is
    left out.
    """
    signed = Pattern.of(form).signed
    text = ""
    for part in parts_of(form, rows):
        match part:
            case ir.TemplateText(text=more):
                text += more
            case ir.TemplateField(field=name, names=names):
                value = fields[name]
                if value < len(names):
                    text += names[value]
                    continue
                if name in signed and value >> (form.fields[name] - 1):
                    value -= 1 << form.fields[name]
                    text = text.removesuffix("+")
                small = form.fields[name] < 6 or (value >= 0 and text[-1:].isalnum())
                text += number(value, decimal=small)
    return text


def number(value: int, *, decimal: bool) -> str:
    """A number as the assembler reads it."""
    if decimal or -10 < value < 10:
        return str(value)
    return hex(value)
