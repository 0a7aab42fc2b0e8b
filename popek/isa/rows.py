"""What operands add to an encoding: rows spread out, where they stand, and the length."""

from __future__ import annotations

from collections.abc import Sequence

from popek.isa import bits, encodings, ir
from popek.isa.clause import Clause
from popek.isa.errors import fail
from popek.isa.operands import OperandPlan
from popek.source import Span

LENGTH_FIELD = ("length", 4)
"""Where the length varies, the decoder's finding is a field of the form: at most 15 units."""

FIXED_LIMIT = 255
"""Units of an instruction whose length does not vary."""


def place_extensions(
    encoding: encodings.Encoding, plans: Sequence[OperandPlan | None], bytewise: bool
) -> tuple[ir.EncodingItem, ...]:
    """The items with an extension for each operand that has one, where the rules put it."""
    items: list[tuple[int, int, ir.EncodingItem]] = [
        (position, 0, item) for position, item in enumerate(encoding.items)
    ]
    for number, plan in enumerate(plans):
        if plan is None or not any(row for row in flat_rows(plan) if row.extension):
            continue
        where = len(encoding.items)
        if bytewise:
            used = _fields_of(plan)
            for names, end in encoding.token_ends:
                if names & used:
                    where = end
                    break
        items.append(
            (where, -1 if where < len(encoding.items) else number + 1, ir.Extension(number))
        )
    items.sort(key=lambda entry: (entry[0], entry[1]))
    return tuple(item for _, _, item in items)


def _fields_of(plan: OperandPlan) -> frozenset[str]:
    found: set[str] = set()
    for row in plan.rows:
        for node in ir.subexpressions(row.matches()):
            if isinstance(node, ir.Field):
                found.add(node.name)
    return frozenset(found)


def flat_rows(plan: OperandPlan) -> tuple[ir.OperandRow, ...]:
    """The rows with operands inside them spread out."""
    rows: list[ir.OperandRow] = []
    for row in plan.rows:
        choices: list[dict[int, ir.OperandRow]] = [{}]
        for inner in row.nested:
            options = flat_rows(inner)
            choices = [{**c, id(inner): option} for c in choices for option in options]
        for choice in choices:
            extension: list[ir.EncodingItem] = []
            for item in row.extension:
                if isinstance(item, OperandPlan):
                    extension.extend(choice[id(item)].extension)
                else:
                    extension.append(item)
            template: list[ir.TemplatePart] = []
            for part in row.template:
                if isinstance(part, OperandPlan):
                    template.extend(choice[id(part)].template)
                else:
                    template.append(part)
            condition = bits.and_(row.condition, *(o.condition for o in choice.values()))
            rows.append(ir.OperandRow(condition, tuple(extension), tuple(template)))
    return tuple(rows)


def length(
    clause: Clause,
    items: Sequence[ir.EncodingItem],
    operands: Sequence[ir.Operand],
    span: Span,
) -> ir.Expr:
    """Units of the memory that code is fetched from, 8 bits wide."""
    world = clause.world
    unit = world.fetch_unit
    fixed = sum(encodings.item_width(item) for item in items)
    code = world.unit
    if fixed % code or fixed == 0:
        raise fail(
            "E0402", f"this encoding has {fixed} bits, which is not a multiple of {code}", span
        )
    total: ir.Expr = bits.const(fixed // unit, 8)
    least = fixed // unit
    for item in items:
        if not isinstance(item, ir.Extension):
            continue
        rows = operands[item.operand].rows
        sizes: list[tuple[ir.Expr, ir.Const]] = []
        for row in rows:
            width = sum(encodings.item_width(part) for part in row.extension)
            if width % code:
                raise fail("E0402", f"a row of an operand adds {width} bits", span)
            sizes.append((row.condition, bits.const(width // unit, 8)))
        least += min(size.value for _, size in sizes)
        added = bits.chain(sizes[:-1], sizes[-1][1])
        total = bits.binary(ir.Op.ADD, total, added)
    for name, width in world.prefix_fields.items():
        absent = bits.eq(ir.Field(name, width), bits.const(0, width))
        one = bits.ite(absent, bits.const(0, 8), bits.const(code // unit, 8))
        total = bits.binary(ir.Op.ADD, total, one)
    varies = not isinstance(total, ir.Const)
    most = (1 << LENGTH_FIELD[1]) - 1 if varies else FIXED_LIMIT
    if least > most:
        raise fail(
            "E0408",
            f"this encoding is at least {least} units long",
            span,
            hint=f"the limit is {most}{', because its length varies' if varies else ''}",
        )
    return total
