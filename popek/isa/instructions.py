"""Instructions: families times forms times decode contexts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from popek.diagnostics import PopekError, did_you_mean
from popek.isa import bits, encodings, expressions, ir, statements, tables
from popek.isa.clause import Clause
from popek.isa.declarations import amended, group_members
from popek.isa.definitions import FamilyMember
from popek.isa.errors import NeedContext, Poisoned, fail, unknown
from popek.isa.operands import OperandPlace, OperandPlan
from popek.isa.scope import Scope
from popek.isa.values import RowOf, Typed, Value, Word
from popek.isa.world import World
from popek.source import Span
from popek.syntax import tree

CLASSES = ("innocuous", "privileged", "guarded", "critical", "sensitive")
FORM_LIMIT = 20_000
LENGTH_FIELD = ("length", 4)

Only = Callable[[str, str], bool]


@dataclass(slots=True)
class _Instruction:
    """An instruction with its amendments applied."""

    item: tree.Instruction
    name: str
    mnemonic: str
    suffix: str
    members: dict[str, FamilyMember]
    columns: dict[str, tuple[int, int]]
    body: tuple[tree.Stmt, ...]
    sees: list[tree.See] = field(default_factory=list)
    notes: list[tree.Note] = field(default_factory=list)
    valid: list[tree.Valid] = field(default_factory=list)
    expect: tree.Expect | None = None
    syntax: tree.Syntax | None = None
    forms: list[tree.FormRow] = field(default_factory=list)


def elaborate(world: World, only: Only | None) -> tuple[ir.Form, ...]:
    """All forms, in the order of the spec."""
    forms: list[ir.Form] = []
    removed = group_members(
        world.declarations,
        [name for item in world.declarations.removes for name in item.targets],
    )
    changes = [
        (group_members(world.declarations, amend.targets), amend)
        for amend in world.declarations.amends
    ]
    for item in world.declarations.instructions:
        try:
            for instruction in _expand(world, item):
                if instruction.name in removed or instruction.mnemonic in removed:
                    continue
                if only is not None and not only(instruction.mnemonic, instruction.name):
                    continue
                _amend(instruction, changes)
                _check_properties(world, instruction)
                for row in instruction.forms:
                    forms.extend(_forms(world, instruction, row))
                if len(forms) > FORM_LIMIT:
                    raise fail("E0803", f"more than {FORM_LIMIT} forms", item.span)
        except PopekError as error:
            world.collector.extend(error)
        except Poisoned:
            pass
    return tuple(forms)


# ---------------------------------------------------------------- families


def _expand(world: World, item: tree.Instruction) -> Iterator[_Instruction]:
    """One instruction per combination of rows of its families."""
    families = world.declarations.families
    choices: list[list[FamilyMember | str]] = []
    for position, word in enumerate(item.words):
        if word in families:
            choices.append(list(members(world, families[word])))
        elif position == 0 or not did_you_mean(word, families):
            choices.append([word])
        else:
            raise unknown("family", word, item.span, families)
    for combination in itertools.product(*choices):
        first = combination[0]
        mnemonic = first if isinstance(first, str) else first.row.name
        found = [member for member in combination if isinstance(member, FamilyMember)]
        columns: dict[str, tuple[int, int]] = {}
        for member in found:
            columns.update(member.columns)
        suffix = ".".join(
            word if isinstance(word, str) else word.row.name for word in combination[1:]
        )
        yield _Instruction(
            item,
            item.name or mnemonic,
            mnemonic,
            suffix,
            {member.family.name: member for member in found},
            columns,
            item.body,
        )


def members(world: World, family: tree.Family) -> tuple[FamilyMember, ...]:
    """The rows of a family with their columns read."""
    return world.once("family", family.name, family.span, lambda: _members(world, family))


def _members(world: World, family: tree.Family) -> tuple[FamilyMember, ...]:
    result: list[FamilyMember] = []
    for row in family.rows:
        if any(row.name == other.row.name for other in result):
            raise fail("E0404", f"`{family.name}` has two rows `{row.name}`", row.span)
        if len(row.columns) != len(family.columns):
            raise fail(
                "E0404",
                f"this row has {len(row.columns)} columns, `{family.name}` has "
                f"{len(family.columns)}",
                row.span,
            )
        columns: dict[str, tuple[int, int]] = {}
        for param, text in zip(family.columns, row.columns, strict=True):
            width = world.width_of(param.type) if param.type is not None else 0
            columns[param.name] = (encodings.number_text(text, width or None, row.span), width)
        result.append(FamilyMember(family, row, columns))
    return tuple(result)


# ---------------------------------------------------------------- properties


def _amend(instruction: _Instruction, changes: list[tuple[frozenset[str], tree.Amend]]) -> None:
    item = instruction.item
    _properties(instruction, item.properties)
    names = {instruction.name, instruction.mnemonic, item.words[0], ".".join(item.words)}
    for targets, amend in changes:
        if targets & names:
            instruction.body = amended(instruction.body, amend.changes)
            _properties(instruction, amend.properties, fresh=True)


def _properties(
    instruction: _Instruction, properties: tuple[tree.Property, ...], *, fresh: bool = False
) -> None:
    if fresh:  # new properties replace the old ones of their kind
        for kind, name in ((tree.See, "sees"), (tree.Note, "notes"), (tree.Valid, "valid")):
            if any(isinstance(item, kind) for item in properties):
                setattr(instruction, name, [])
        if any(isinstance(item, tree.Encoding | tree.Forms) for item in properties):
            instruction.forms = []
    for item in properties:
        match item:
            case tree.See():
                instruction.sees.append(item)
            case tree.Note():
                instruction.notes.append(item)
            case tree.Valid():
                instruction.valid.append(item)
            case tree.Expect():
                instruction.expect = item
            case tree.Syntax():
                instruction.syntax = item
            case tree.Encoding():
                kinds = instruction.item.operands
                instruction.forms.append(tree.FormRow(kinds, item.items, span=item.span))
            case tree.Forms():
                instruction.forms.extend(item.rows)


def _check_properties(world: World, instruction: _Instruction) -> None:
    manuals = world.declarations.manuals
    for see in instruction.sees:
        if see.manual not in manuals:
            world.collector.add(
                "E0609",
                f"the manual `{see.manual}` is not declared",
                see.span,
                hint=did_you_mean(see.manual, manuals) or 'declare it: manual NAME = "title"',
            )
    if instruction.expect is not None:
        expect = instruction.expect
        for word in expect.classes:
            if word not in CLASSES:
                world.collector.add(
                    "E0608",
                    f"`{word}` is no class",
                    expect.span,
                    hint=did_you_mean(word, CLASSES) or f"one of {', '.join(CLASSES)}",
                )
        if len({word for word in expect.classes if word != "sensitive"}) > 1:
            world.collector.add("E0608", "a form has one class, not two", expect.span)
    if not instruction.forms:
        raise fail("E0407", f"`{instruction.name}` has no encoding", instruction.item.span)


# ---------------------------------------------------------------- forms


def _forms(world: World, instruction: _Instruction, row: tree.FormRow) -> Iterator[ir.Form]:
    pending: list[Mapping[str, int]] = [{}]
    while pending:
        contexts = pending.pop(0)
        try:
            form = _form(world, instruction, row, contexts)
        except NeedContext as need:
            item = world.context(need.context)
            if item is None or need.context in contexts:
                raise fail("E0312", f"this depends on `{need.context}`", need.span) from None
            split = [{**contexts, need.context: value} for value in item.values]
            pending[:0] = split
            continue
        except PopekError as error:
            world.collector.extend(error)
            continue
        except Poisoned:
            continue
        if form.decode != bits.FALSE:
            yield form


def _form(
    world: World, instruction: _Instruction, row: tree.FormRow, contexts: Mapping[str, int]
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
    clause.fields_key = tuple(sorted(encoding.fields.items()))
    scope = Scope()
    for name, width in encoding.fields.items():
        scope.bind(name, Typed(ir.Field(name, width)))
    for name, width in world.prefix_fields.items():
        scope.bind(name, Typed(ir.Field(name, width)))
    for name, (value, width) in instruction.columns.items():
        if width:
            scope.bind(name, Typed(bits.const(value, width)))
    names = Scope(scope, {"mnemonic": Word(instruction.mnemonic)})
    for name, member in instruction.members.items():
        names.bind(name, RowOf(member))
    plans: list[OperandPlan | None] = []
    parts: list[tuple[ir.TemplatePart, ...]] = []
    for name, ref in refs:
        plan, value, part = _operand(clause, scope, names, name, ref)
        if plan is not None:
            plan.lenient = bool(instruction.valid)
        plans.append(plan)
        parts.append(part)
        names.bind(name, value)
    operands = tuple(
        ir.Operand(
            name,
            encodings.flat_rows(plan)
            if plan is not None
            else (ir.OperandRow(bits.TRUE, (), part),),
        )
        for (name, _), plan, part in zip(refs, plans, parts, strict=True)
    )
    code = world.declarations.code
    items = encodings.place_extensions(encoding, plans, code is not None and code.bytewise)
    length = encodings.length(clause, items, operands, row.span)
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
        for row in encodings.flat_rows(plan) if plan is not None else ():
            for item in row.extension:
                match item:
                    case ir.FieldBits(field=name, high=high):
                        fields[name] = max(fields.get(name, 0), high + 1)
                    case ir.ImmediateBits(field=name, width=width):
                        fields[name] = width
                    case _:
                        pass
    if not isinstance(length, ir.Const):
        name, width = LENGTH_FIELD
        fields[name] = width
    return fields


def _next(world: World, length: ir.Expr) -> ir.Expr:
    """The address of the next instruction."""
    size = length if isinstance(length, ir.Const) else ir.Field(*LENGTH_FIELD)
    pc = ir.Read(world.pc, world.pc_width)
    return bits.binary(ir.Op.ADD, pc, bits.resize(size, world.pc_width))


def _decode(
    clause: Clause,
    names: Scope,
    instruction: _Instruction,
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
        conditions.append(test.expr)
    return bits.and_(*fixed, clause.world.simplified(bits.and_(*conditions)))


def _template(
    clause: Clause,
    instruction: _Instruction,
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

    def look(name: str) -> Value | int | None:
        if name in numbers:
            return numbers[name]
        if name == "mnemonic":
            return instruction.mnemonic.lower()  # type: ignore[return-value]
        if name in instruction.members:
            return instruction.members[name].row.name.lower()  # type: ignore[return-value]
        return names.get(name)

    found = tables.parse_template(clause, instruction.syntax.text, instruction.syntax.span, look)
    return tuple(part for part in found if not isinstance(part, OperandPlan))
