"""A form and its fields as a line of assembly."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from popek.guest.encoding import EncodingError
from popek.isa import ir
from popek.isa.ir import Op


def parts_of(form: ir.Form, rows: Sequence[int | None]) -> Iterator[ir.TemplatePart]:
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


def signed_fields(form: ir.Form) -> frozenset[str]:
    """The fields that are written with a sign: so declared, or sign-extended by the clause."""
    parts = [*form.template, *(p for o in form.operands for row in o.rows for p in row.template)]
    declared = {p.field for p in parts if isinstance(p, ir.TemplateField) and p.signed}
    extended = {
        arg.name
        for stmt in ir.statements(form.body)
        for expr in ir.expressions(stmt)
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Operation) and node.op is Op.SEXT
        for arg in node.args
        if isinstance(arg, ir.Field)
    }
    return frozenset(declared | extended)


def render(
    form: ir.Form,
    fields: Mapping[str, int],
    rows: Sequence[int | None],
    signed: Container[str],
) -> str:
    """The assembly text of a form: mnemonic and operands as the spec's templates print them.

    Fields with names are words.  Other numbers are decimal if the field is narrow, the number has
    one digit or stands against a word (`d3`), else hexadecimal.  `signed` are the fields that have
    negative values; a `+` before one is left out.
    """
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
