"""Instructions: families times forms times decode contexts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from popek.diagnostics import PopekError, did_you_mean
from popek.isa import bits, encodings, forms, ir
from popek.isa.declarations import amended, group_members
from popek.isa.definitions import FamilyMember
from popek.isa.errors import NeedContext, Poisoned, TooLarge, fail, unknown
from popek.isa.world import World
from popek.source import Span
from popek.syntax import tree

CLASSES = ("innocuous", "privileged", "guarded", "critical", "sensitive")


FORM_LIMIT = 20_000

SPLIT_LIMIT = 1_024
"""Forms that one row of an instruction may be split into by the decode contexts."""

Only = Callable[[str, str], bool]


@dataclass(slots=True)
class Instruction:
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
    result: list[ir.Form] = []
    decoded: dict[Span, bool] = {}
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
                    made = list(_forms(world, instruction, row))
                    result.extend(made)
                    decoded[row.span] = decoded.get(row.span, False) or bool(made)
                if len(result) > FORM_LIMIT:
                    raise TooLarge("E0803", f"more than {FORM_LIMIT:,} forms", item.span)
        except PopekError as error:
            world.collector.extend(error)
        except Poisoned:
            pass
    if only is None and not world.collector.failed:
        for span, some in decoded.items():
            if not some:
                world.collector.add(
                    "E0406",
                    "this can never be decoded",
                    span,
                    hint="no bits of its fields satisfy `valid when` and its operand tables",
                )
    return tuple(result)


def _expand(world: World, item: tree.Instruction) -> Iterator[Instruction]:
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
        yield Instruction(
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


def _amend(instruction: Instruction, changes: list[tuple[frozenset[str], tree.Amend]]) -> None:
    item = instruction.item
    _properties(instruction, item.properties)
    names = {instruction.name, instruction.mnemonic, item.words[0], ".".join(item.words)}
    for targets, amend in changes:
        if targets & names:
            instruction.body = amended(instruction.body, amend.changes)
            _properties(instruction, amend.properties, fresh=True)


def _properties(
    instruction: Instruction, properties: tuple[tree.Property, ...], *, fresh: bool = False
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


def _check_properties(world: World, instruction: Instruction) -> None:
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


def _forms(world: World, instruction: Instruction, row: tree.FormRow) -> Iterator[ir.Form]:
    pending: list[Mapping[str, int]] = [{}]
    tried = 0
    while pending:
        contexts = pending.pop(0)
        tried += 1
        if tried > 2 * SPLIT_LIMIT:
            raise fail(
                "E0803",
                f"the decode contexts split this into more than {SPLIT_LIMIT:,} forms",
                row.span,
            )
        try:
            form = forms.form(world, instruction, row, contexts)
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
