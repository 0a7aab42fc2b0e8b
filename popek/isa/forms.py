"""One form: an encoding, its operands, and the clause for one choice of contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from popek.isa import bits, encodings, expressions, ir, rows, statements, tables
from popek.isa.clause import Clause
from popek.isa.errors import fail, unknown
from popek.isa.operands import OperandPlace, OperandPlan
from popek.isa.scope import Scope
from popek.isa.values import RowOf, Typed, Value, Word
from popek.isa.world import World
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.instructions import Instruction


def form(
    world: World, instruction: Instruction, row: tree.FormRow, contexts: Mapping[str, int]
) -> ir.Form:
    item = instruction.item
    clause = Clause(world, "form", contexts)
    refs = _refs(world, item, row)
    layouts = {
        name: world.declarations.operands[ref.kind]
        for name, ref in refs
        if ref.kind in world.declarations.operands and world.declarations.operands[ref.kind].layout
    }
    immediates = {name: ref.kind for name, ref in refs if ref.kind in world.declarations.immediates}
    builder = encodings.Builder(clause, instruction.columns, layouts, immediates)
    encoding = builder.expand(row.encoding)
    clause.fields_key = (*sorted(encoding.fields.items()), *sorted(instruction.columns.items()))
    scope = Scope()
    for name, width in encoding.fields.items():
        scope.bind(name, Typed(ir.Field(name, width)))
    for name, width in world.prefix_fields.items():
        scope.bind(name, Typed(ir.Field(name, width)))
    for name, (number, width) in instruction.columns.items():
        if width:
            scope.bind(name, Typed(bits.const(number, width)))
    names = Scope(scope, {"mnemonic": Word(instruction.mnemonic)})
    for name, member in instruction.members.items():
        names.bind(name, RowOf(member))
    plans: list[OperandPlan | None] = []
    parts: list[tuple[ir.TemplatePart, ...]] = []
    for name, ref in refs:
        plan, value, part = _operand(clause, scope, names, name, ref)
        plans.append(plan)
        parts.append(part)
        names.bind(name, value)
    operands = tuple(
        ir.Operand(
            name,
            rows.flat_rows(plan) if plan is not None else (ir.OperandRow(bits.TRUE, (), part),),
        )
        for (name, _), plan, part in zip(refs, plans, parts, strict=True)
    )
    code = world.declarations.code
    items = rows.place_extensions(encoding, plans, code is not None and code.bytewise)
    length = rows.length(clause, items, operands, row.span)
    fields = _fields(world, encoding, plans, length)
    clause.next_address = _next(world, length)
    decode = _decode(clause, names, instruction, encoding, plans, contexts)
    outcome = statements.run(clause, Scope(names), instruction.body)
    del outcome
    text = " ".join([*(f"{c}={v}" for c, v in contexts.items()), *encoding.text])
    expect = instruction.expect
    return ir.Form(
        instruction.name,
        instruction.mnemonic,
        text,
        item.title or "",
        fields,
        items,
        operands,
        _template(clause, instruction, names, refs),
        decode,
        length,
        tuple(clause.block),
        tuple(ir.See(see.manual, see.text) for see in instruction.sees),
        ir.Expect(expect.classes, expect.why or "", expect.span) if expect else None,
        tuple(note.text for note in instruction.notes),
        row.span if len(instruction.forms) > 1 else item.span,
    )


@dataclass(frozen=True, slots=True)
class _Ref:
    """An operand of a form: its kind is a table, an immediate, a name, or a field."""

    kind: str
    args: tuple[tree.Expr, ...]
    span: Span


def _refs(world: World, item: tree.Instruction, row: tree.FormRow) -> list[tuple[str, _Ref]]:
    if len(row.kinds) != len(item.operands):
        raise fail(
            "E0403",
            f"the instruction has {len(item.operands)} operands, this form {len(row.kinds)}",
            row.span,
        )
    result = []
    for header, given in zip(item.operands, row.kinds, strict=True):
        kind = given.kind or given.name
        result.append((header.name, _Ref(kind, given.args, given.span)))
    return result


def _operand(
    clause: Clause, scope: Scope, names: Scope, name: str, ref: _Ref
) -> tuple[OperandPlan | None, Value, tuple[ir.TemplatePart, ...]]:
    """An operand's table, its value in the clause, and what it prints as without a table."""
    found = clause.world.declarations
    if ref.kind in found.operands:
        kind = found.operands[ref.kind]
        args: list[Value] = [expressions.value(clause, names, arg) for arg in ref.args]
        plan = tables.plan(clause, scope, kind, args, name, ref.span)
        return plan, OperandPlace(plan), ()
    field_value = scope.get(ref.kind)
    if ref.kind in found.immediates and field_value is None:
        raise fail("E0403", f"the encoding does not hold the immediate `{ref.kind}`", ref.span)
    if isinstance(field_value, Typed) and isinstance(field_value.expr, ir.Field):
        return None, field_value, (ir.TemplateField(field_value.expr.name),)
    if clause.world.lookup(ref.kind) is None:
        known = [*found.operands, *found.immediates, *scope, *clause.world.names]
        raise unknown("operand, immediate, field or register", ref.kind, ref.span, known, "E0403")
    value = expressions.denote(clause, clause.scope(), tree.Name(ref.kind, span=ref.span))
    return None, value, (ir.TemplateText(ref.kind.lower()),)


def _fields(
    world: World,
    encoding: encodings.Encoding,
    plans: list[OperandPlan | None],
    length: ir.Expr,
) -> dict[str, int]:
    fields = dict(encoding.fields)
    fields.update(world.prefix_fields)
    for plan in plans:
        for row in rows.flat_rows(plan) if plan is not None else ():
            for item in row.extension:
                match item:
                    case ir.FieldBits(field=name, high=high):
                        fields[name] = max(fields.get(name, 0), high + 1)
                    case ir.ImmediateBits(field=name, width=width):
                        fields[name] = width
                    case _:
                        pass
    if not isinstance(length, ir.Const):
        name, width = rows.LENGTH_FIELD
        fields[name] = width
    return fields


def _next(world: World, length: ir.Expr) -> ir.Expr:
    """The address of the next instruction."""
    size = length if isinstance(length, ir.Const) else ir.Field(*rows.LENGTH_FIELD)
    pc = ir.Read(world.pc, world.pc_width)
    return bits.binary(ir.Op.ADD, pc, bits.resize(size, world.pc_width))


def _decode(
    clause: Clause,
    names: Scope,
    instruction: Instruction,
    encoding: encodings.Encoding,
    plans: list[OperandPlan | None],
    contexts: Mapping[str, int],
) -> ir.Expr:
    fixed = [clause.case(name, value) for name, value in contexts.items()]
    fixed += encoding.conditions
    conditions = [plan.matches() for plan in plans if plan is not None]
    for valid in instruction.valid:
        start = len(clause.block)
        test = expressions.condition(clause, names, valid.condition)
        if len(clause.block) > start:
            raise fail("E0310", "`valid when` is about fields and the decode context", valid.span)
        clause.world.decides_decoding(test.expr, "`valid when`", valid.span)
        conditions.append(test.expr)
    simplified = clause.world.simplified(bits.and_(*conditions))
    for plan in plans:
        if plan is not None:
            plan.restrict(simplified)
    return bits.and_(*fixed, simplified)


def _template(
    clause: Clause,
    instruction: Instruction,
    names: Scope,
    refs: list[tuple[str, _Ref]],
) -> tuple[ir.TemplatePart | int, ...]:
    numbers = {name: position for position, (name, _) in enumerate(refs)}
    if instruction.syntax is None:
        word = instruction.mnemonic.lower()
        if instruction.suffix:
            word += f".{instruction.suffix.lower()}"
        parts: list[ir.TemplatePart | int] = [ir.TemplateText(word)]
        for position in range(len(refs)):
            parts.append(ir.TemplateText(" " if position == 0 else ", "))
            parts.append(position)
        return tuple(parts)

    def look(name: str) -> tables.Hole:
        if name in numbers:
            return numbers[name]
        if name == "mnemonic":
            return instruction.mnemonic.lower()
        if name in instruction.members:
            return instruction.members[name].row.name.lower()
        return names.get(name)

    found = tables.parse_template(clause, instruction.syntax.text, instruction.syntax.span, look)
    return tuple(part for part in found if not isinstance(part, OperandPlan))
