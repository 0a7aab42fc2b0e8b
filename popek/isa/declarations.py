"""The items of a spec sorted by kind, with `amend` and `remove` applied to everything named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from popek.diagnostics import Collector, Note, did_you_mean
from popek.source import Source, Span
from popek.syntax import tree

StateItem = (
    tree.State | tree.Mode | tree.Banked | tree.Memory | tree.Device | tree.Parameter | tree.EnumDef
)
ValueItem = (
    tree.Constant
    | tree.Alias
    | tree.Bank
    | tree.Translate
    | tree.Function
    | tree.AbstractFunction
    | tree.Family
    | tree.Context
)


@dataclass(slots=True)
class Declarations:
    """Every item of the files, by kind and name."""

    title: str = ""
    title_span: Span | None = None
    extends: bool = False
    headers: dict[Source, tree.Header] = field(default_factory=dict)
    cited: dict[str, tree.Manual] = field(default_factory=dict)
    manuals: dict[str, str] = field(default_factory=dict)
    code: tree.Code | None = None
    from_left: bool = False
    types: dict[str, tree.TypeDef | tree.EnumDef] = field(default_factory=dict)
    state: list[StateItem] = field(default_factory=list)
    values: list[ValueItem] = field(default_factory=list)
    functions: dict[str, tree.Function | tree.AbstractFunction] = field(default_factory=dict)
    translations: dict[str, tree.Translate] = field(default_factory=dict)
    traps: dict[str, tree.Trap] = field(default_factory=dict)
    delivers: dict[str, tree.Deliver] = field(default_factory=dict)
    interrupts: dict[str, tree.Interrupt] = field(default_factory=dict)
    families: dict[str, tree.Family] = field(default_factory=dict)
    operands: dict[str, tree.Operand] = field(default_factory=dict)
    tokens: dict[str, tree.Token] = field(default_factory=dict)
    immediates: dict[str, tree.Param] = field(default_factory=dict)
    formats: dict[str, tree.Format] = field(default_factory=dict)
    names: dict[str, tree.Names] = field(default_factory=dict)
    contexts: dict[str, tree.Context] = field(default_factory=dict)
    prefixes: list[tree.Prefix] = field(default_factory=list)
    groups: dict[str, tree.Group] = field(default_factory=dict)
    instructions: list[tree.Instruction] = field(default_factory=list)
    amends: list[tree.Amend] = field(default_factory=list)
    removes: list[tree.Remove] = field(default_factory=list)
    invariants: list[tree.Invariant] = field(default_factory=list)
    hosts: list[tree.Host] = field(default_factory=list)
    contracts: list[tree.Contract] = field(default_factory=list)
    assumptions: list[tree.Assumption] = field(default_factory=list)
    resets: list[tree.Reset] = field(default_factory=list)
    assigned_names: frozenset[str] = frozenset()

    @property
    def unit(self) -> int:
        """Bits of a unit of code."""
        return self.code.unit if self.code else 8

    def words_of(self, instruction: tree.Instruction) -> Iterator[str]:
        """The names by which an instruction, or rows of its family, can be meant."""
        if instruction.name is not None:
            yield instruction.name
        yield ".".join(instruction.words)
        first = instruction.words[0]
        if first in self.families:
            for row in self.families[first].rows:
                yield row.name
        yield first


def declare(items: Iterable[tree.Item], collector: Collector) -> Declarations:
    """Sort the items of a spec; duplicates and bad amendments are recorded."""
    found = Declarations()
    items = tuple(items)
    for item in items:
        _sort(found, item, collector)
    found.assigned_names = frozenset(_assigned(items))
    for amend in found.amends:
        _amend(found, amend, collector)
    _check_removes(found, collector)
    _check_amended_once(found, collector)
    _check_groups(found, collector)
    return found


def _add(
    table: dict[str, object], name: str, item: object, span: Span, what: str, collector: Collector
) -> bool:
    other = table.get(name)
    if other is not None:
        collector.add(
            "E0203",
            f"the {what} `{name}` is declared twice",
            span,
            notes=[Note(other.span, "the first one")],  # type: ignore[attr-defined]
        )
        return False
    table[name] = item
    return True


def repeated(item: tree.Item, first: tree.Item, what: str, collector: Collector) -> None:
    """A sentence that a file has once is there again."""
    notes = [Note(first.span, "the first one")]
    collector.add("E0203", f"{what} is there twice", item.span, notes=notes)


def _sort(found: Declarations, item: tree.Item, collector: Collector) -> None:
    def add(table: object, what: str, name: str | None = None) -> bool:
        key = name if name is not None else item.name  # type: ignore[union-attr]
        return _add(table, key, item, item.span, what, collector)  # type: ignore[arg-type]

    match item:
        case tree.Header():
            first = found.headers.setdefault(item.span.source, item)
            if first is not item:
                repeated(item, first, "`isa`", collector)
            found.extends |= item.extends is not None
            found.title, found.title_span = item.title, item.span
        case tree.Include():
            pass
        case tree.Manual():
            if add(found.cited, "manual"):
                found.manuals[item.name] = item.text
        case tree.Code():
            if found.code is not None:
                repeated(item, found.code, "`code`", collector)
            found.code = item
        case tree.Numbering():
            found.from_left = item.side == "left"
        case tree.TypeDef():
            add(found.types, "type")
        case tree.EnumDef():
            if add(found.types, "type"):
                found.state.append(item)
        case (
            tree.State()
            | tree.Mode()
            | tree.Banked()
            | tree.Memory()
            | tree.Device()
            | tree.Parameter()
        ):
            found.state.append(item)
        case tree.Constant() | tree.Alias() | tree.Bank():
            found.values.append(item)
        case tree.Translate():
            if add(found.translations, "translation"):
                found.values.append(item)
        case tree.Function() | tree.AbstractFunction():
            if add(found.functions, "function"):
                found.values.append(item)
        case tree.Family():
            if add(found.families, "family"):
                found.values.append(item)
        case tree.Context():
            if add(found.contexts, "context"):
                found.values.append(item)
        case tree.Trap():
            add(found.traps, "trap")
        case tree.Deliver():
            add(found.delivers, "delivery")
        case tree.Interrupt():
            add(found.interrupts, "interrupt")
        case tree.Operand():
            add(found.operands, "operand")
        case tree.Token():
            add(found.tokens, "token")
        case tree.Immediate():
            for param in item.params:
                _add(
                    found.immediates,  # type: ignore[arg-type]
                    param.name,
                    param,
                    param.span,
                    "immediate",
                    collector,
                )
        case tree.Format():
            add(found.formats, "format")
        case tree.Names():
            add(found.names, "list of names")
        case tree.Group():
            add(found.groups, "group")
        case tree.Prefix():
            found.prefixes.append(item)
        case tree.Instruction():
            found.instructions.append(item)
        case tree.Amend():
            found.amends.append(item)
        case tree.Remove():
            found.removes.append(item)
        case tree.Invariant():
            found.invariants.append(item)
        case tree.Host():
            found.hosts.append(item)
        case tree.Contract():
            found.contracts.append(item)
        case tree.Assumption():
            found.assumptions.append(item)
        case tree.Reset():
            found.resets.append(item)


# ---------------------------------------------------------------- variants


def amended(
    body: tuple[tree.Stmt, ...], changes: Iterable[tree.Amendment]
) -> tuple[tree.Stmt, ...]:
    """A body with `before`, `after` and `replace` blocks applied in order."""
    for change in changes:
        match change.where:
            case "before":
                body = (*change.body, *body)
            case "after":
                body = (*body, *change.body)
            case _:
                body = change.body
    return body


def _instruction_names(found: Declarations) -> set[str]:
    return {name for item in found.instructions for name in found.words_of(item)}


def _amend(found: Declarations, amend: tree.Amend, collector: Collector) -> None:
    instructions = _instruction_names(found)
    for target in amend.targets:
        known = False
        for table in (found.functions, found.translations, found.delivers):
            if target in table:
                known = True
                _amend_body(found, table, target, amend, collector)  # type: ignore[arg-type]
        if not known and target not in instructions and target not in found.groups:
            names = {*instructions, *found.groups, *found.functions, *found.delivers}
            collector.add(
                "E0702",
                f"there is no instruction, group, function or delivery `{target}` to amend",
                amend.span,
                hint=did_you_mean(target, names | set(found.translations)),
            )


def _amend_body(
    found: Declarations,
    table: dict[str, tree.Function | tree.AbstractFunction | tree.Translate | tree.Deliver],
    target: str,
    amend: tree.Amend,
    collector: Collector,
) -> None:
    item = table[target]
    if amend.properties:
        collector.add(
            "E0109",
            f"`{target}` is no instruction and has no such properties",
            amend.properties[0].span,
        )
    if isinstance(item, tree.Function | tree.AbstractFunction) and item.expression is not None:
        value = tree.Return(item.expression, span=item.expression.span)
        new = dataclasses.replace(item, expression=None, body=amended((value,), amend.changes))
    else:
        new = dataclasses.replace(item, body=amended(item.body, amend.changes))  # type: ignore[assignment]
    table[target] = new
    found.values = [new if value is item else value for value in found.values]


def _check_removes(found: Declarations, collector: Collector) -> None:
    names = _instruction_names(found)
    for remove in found.removes:
        for target in remove.targets:
            if target not in names and target not in found.groups:
                collector.add(
                    "E0703",
                    f"there is no instruction `{target}` to remove",
                    remove.span,
                    hint=did_you_mean(target, names),
                )


def _check_amended_once(found: Declarations, collector: Collector) -> None:
    """One file replaces a clause once, and does not amend what it removes."""
    removed = {(r.span.source, name): r.span for r in found.removes for name in r.targets}
    replaced: dict[tuple[Source, str], Span] = {}
    for amend in found.amends:
        for target in amend.targets:
            key = (amend.span.source, target)
            if key in removed:
                notes = [Note(removed[key], "removed here")]
                message = f"`{target}` is amended and removed"
                collector.add("E0704", message, amend.span, notes=notes)
            if all(change.where != "replace" for change in amend.changes):
                continue
            first = replaced.setdefault(key, amend.span)
            if first is not amend.span:
                notes = [Note(first, "the first time")]
                message = f"the clause of `{target}` is replaced twice"
                collector.add("E0704", message, amend.span, notes=notes)


def _check_groups(found: Declarations, collector: Collector) -> None:
    names = _instruction_names(found) | set(found.groups)
    for group in found.groups.values():
        for name in group.members:
            if name not in names:
                collector.add(
                    "E0201",
                    f"the group `{group.name}` has `{name}`, which is no instruction",
                    group.span,
                    hint=did_you_mean(name, names),
                )


def group_members(found: Declarations, names: Iterable[str]) -> frozenset[str]:
    """Names with groups replaced by their members, groups of groups too."""
    result: set[str] = set()
    pending = list(names)
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in found.groups and name not in seen:
            seen.add(name)
            pending.extend(found.groups[name].members)
        result.add(name)
    return frozenset(result)


def _assigned(items: Iterable[tree.Item]) -> Iterator[str]:
    """The plain names that some statement assigns: among them, locals that change."""
    for item in items:
        match item:
            case tree.Operand():
                for row in item.rows:
                    yield from _assigned_in(tuple(s for s in (row.before, row.after) if s))
            case tree.Bank():
                yield from _assigned_in(item.read or ())
                yield from _assigned_in(item.write[1] if item.write else ())
            case tree.Amend():
                for change in item.changes:
                    yield from _assigned_in(change.body)
            case (
                tree.Instruction()
                | tree.Function()
                | tree.AbstractFunction()
                | tree.Translate()
                | tree.Deliver()
                | tree.Interrupt()
                | tree.Reset()
            ):
                yield from _assigned_in(item.body)
            case _:
                pass


def _assigned_in(body: tuple[tree.Stmt, ...]) -> Iterator[str]:
    for stmt in body:
        match stmt:
            case tree.Assign(target=tree.Name(id=name)):
                yield name
            case tree.Assign(target=tree.Slice(base=tree.Name(id=name))):
                yield name
            case tree.Assign(target=tree.Index(base=tree.Name(id=name))):
                yield name
            case tree.Assign(target=tree.Get(base=tree.Name(id=name))):
                yield name
            case tree.If():
                yield from _assigned_in(stmt.then)
                yield from _assigned_in(stmt.otherwise)
            case tree.Match():
                for arm in stmt.arms:
                    yield from _assigned_in(arm.body)
            case tree.For():
                yield from _assigned_in(stmt.body)
            case _:
                pass
