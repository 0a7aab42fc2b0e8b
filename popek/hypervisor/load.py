"""Reading a design: its file, the spec that it is for, and the whole elaboration."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from popek.diagnostics import Collector, Diagnostic, Note, PopekError
from popek.hypervisor.design import (
    VCPU,
    Cost,
    Design,
    Direct,
    Disposition,
    Expectation,
    Handler,
    Kept,
    Placement,
    Property,
    Row,
    Rule,
    kept,
)
from popek.isa import effects, expressions, fields, ir, places, statements
from popek.isa.assumptions import REGISTRY
from popek.isa.clause import Clause
from popek.isa.definitions import Device, Part, Register, Space
from popek.isa.errors import NeedContext, Poisoned, TooLarge, fail, unknown
from popek.isa.layouts import Layout
from popek.isa.load import Elaborated, elaborate
from popek.isa.scope import Scope
from popek.isa.values import Typed
from popek.isa.world import World
from popek.resources import shown_path, spec_path
from popek.source import Source, Span
from popek.syntax import design_tree, tree
from popek.syntax.parser import parse_design

_T = TypeVar("_T")

#: The items that are blocks of rows.
BLOCKS = (
    design_tree.Held,
    design_tree.Vcpu,
    design_tree.Arrangement,
    design_tree.Policy,
    design_tree.Cost,
)

#: What a rule can name beside instructions: the proved classes, and all of them.
CLASSES = ("innocuous", "privileged", "guarded", "critical", "everything")


def load_design(path: Path) -> Design:
    """The design that a file describes; raises PopekError with everything that is wrong."""
    return _read(Source.read(path, shown=shown_path(path)), path.parent)


def load_design_source(text: str, name: str = "design.hv", directory: Path | str = ".") -> Design:
    """As `load_design`, for a text; a spec that it names by a path is sought from `directory`."""
    return _read(Source(name, text), Path(directory))


def _read(source: Source, folder: Path) -> Design:
    file = parse_design(source)
    headers = [item for item in file.items if isinstance(item, design_tree.Header)]
    if not headers:
        message = 'a design starts with `hypervisor "title" for "spec"`'
        raise PopekError(
            Diagnostic("E0006" if not file.items else "E0109", message, source.span(0, 0))
        )
    for again in headers[1:]:
        notes = [Note(headers[0].span, "the first one")]
        raise fail("E0203", "`hypervisor` is there twice", again.span, notes=notes)
    collector = Collector()
    found = elaborate(_spec_of(headers[0], folder), collector)
    digest = hashlib.sha256(f"{found.isa.sha256}\0{source.text}".encode()).hexdigest()
    reading = _Reading(found, collector, file.items)
    try:
        return reading.design(headers[0], source.path, digest)
    except TooLarge as error:
        raise PopekError([error.diagnostic]) from None


def _spec_of(header: design_tree.Header, folder: Path) -> Path:
    """A path relative to the design, or the name of a bundled spec."""
    name = header.spec
    if os.path.isabs(name) or "\0" in name:
        raise fail("E0009", f"`{name}` is an absolute path", header.span)
    beside = folder / name
    if beside.suffix == ".isa" and beside.is_file():
        return beside
    try:
        return spec_path(name)
    except PopekError as error:
        first = error.diagnostics[0]
        raise fail(first.code, first.message, header.span, hint=first.hint) from None


class _Reading:
    """One elaboration: the names of the spec, and those that the design adds to them."""

    def __init__(
        self, found: Elaborated, collector: Collector, items: tuple[design_tree.Item, ...]
    ) -> None:
        self.isa = found.isa
        self.world: World = found.world
        self.collector = collector
        self.items = items
        self.rows: dict[str, Row] = {}
        self.where: dict[str, Span] = {}
        self.placements: dict[str, Placement] = {}
        self.devices: set[str] = set()
        self.parameters: dict[str, ir.Component] = {}
        self.extras: dict[str, ir.Component] = {}

    def design(self, header: design_tree.Header, path: str, digest: str) -> Design:
        """The design, or PopekError."""
        world = self.world
        world.assigned_names |= frozenset(_assigned(self.items))
        for row in self._rows(design_tree.HeldParameter):
            self._try(self._parameter, row)
        for extra in self._rows(design_tree.VcpuRow):
            self._try(self._extra, extra)
        self._try(self._direct_rows)
        self.collector.check()
        world.namespaces[VCPU] = self._entry
        self._try(self._kept_rows)
        self._try(self._settings)
        self._complete(header.span)
        requirements = self._all(
            self._rows(design_tree.Requirement),
            lambda row: self._predicate(row.condition, row.title, row.span),
        )
        rules = self._all(self._rows(design_tree.Rule), self._rule)
        handlers = self._handlers()
        claims = [i for i in self.items if isinstance(i, design_tree.Prove)]
        proves = self._all(claims, self._prove)
        expected = self._all(
            [i for i in self.items if isinstance(i, design_tree.ExpectCounterexample)],
            self._expectation,
        )
        cost = self._try(self._cost)
        assumptions, contracts = self._assumptions()
        self.collector.check()
        return Design(
            title=header.title,
            path=path,
            sha256=digest,
            isa=self.isa,
            parameters=self.parameters,
            requirements=tuple(requirements),
            extras=self.extras,
            rows={name: self.rows[name] for name in self.isa.components},
            placements=self.placements,
            devices=frozenset(self.devices),
            rules=tuple(rules),
            handlers=handlers,
            cost=cost or Cost(),
            assumptions=assumptions,
            contracts=contracts,
            proves=tuple(p for found in proves for p in found) or tuple(Property),
            expectations=tuple(expected),
        )

    # ------------------------------------------------------------ going on after a mistake

    def _try(self, action: Callable[..., _T], *args: object) -> _T | None:
        try:
            return action(*args)
        except PopekError as error:
            self.collector.extend(error)
        except NeedContext as need:
            message = f"`{need.context}` is known only inside an instruction"
            self.collector.add("E0312", message, need.span)
        except Poisoned:
            pass
        return None

    def _all(self, items: Iterable[_S], make: Callable[[_S], _T]) -> list[_T]:
        made = [self._try(make, item) for item in items]
        return [one for one in made if one is not None]

    def _rows(self, kind: type[_S]) -> list[_S]:
        """The rows of one kind, of all blocks."""
        return [
            row
            for item in self.items
            if isinstance(item, BLOCKS)
            for row in item.rows
            if isinstance(row, kind)
        ]

    # ------------------------------------------------------------ names

    def _entry(self, name: str) -> str:
        """Where the guest's own `name` is: a direct component is the machine's."""
        if name.startswith(f"{VCPU}.") or isinstance(self.rows.get(name), Direct):
            return name
        return kept(name)

    def _parameter(self, row: design_tree.HeldParameter) -> None:
        width = self.world.width_of(row.type)
        component = ir.Component(
            row.name, ir.Role.PARAMETER, width, None, row.span, row.title or ""
        )
        item = tree.Parameter(row.name, row.type, None, row.title, span=row.span)
        self.world.declare(row.name, item, row.span)
        self.parameters[row.name] = component

    def _extra(self, row: design_tree.VcpuRow) -> None:
        name = kept(row.name)
        width, layout = self.world.type_of(row.type)
        size = None if row.size is None else self.world.number(row.size)
        if size is not None and not 0 < size <= 1 << 20:
            raise fail("E0307", f"{size} elements", row.span)
        component = ir.Component(name, ir.Role.RESOURCE, width, size, row.span, row.title or "")
        part = Part(name, width, layout)
        register = Register(name, ir.Role.RESOURCE, size, part, {}, layout, row.span)
        self.world.declare(name, register, row.span)
        self.world.components[name] = component
        self.extras[name] = component

    # ------------------------------------------------------------ the map

    def _direct_rows(self) -> None:
        for row in self._rows(design_tree.Direct):
            for place in row.places:
                if row.at is not None:
                    self._try(self._placed, place, row)
                    continue
                for name in self._try(self._components, place) or ():
                    self._arrange(name, Direct(), row.span)
        for loaded in self._rows(design_tree.Loaded):
            for place in loaded.places:
                for name in self._try(self._components, place) or ():
                    self._arrange(name, Direct(), loaded.span)

    def _kept_rows(self) -> None:
        for row in self._rows(design_tree.Virtual):
            for place in row.places:
                if isinstance(place, tree.Name) and isinstance(self.world.lookup(place.id), Device):
                    self.devices.add(place.id)
                    self.where[place.id] = row.span
                    continue
                for name in self._try(self._components, place) or ():
                    width = self.isa.components[name].width
                    value, real = (
                        None if node is None else self._try(self._pure, node, width)
                        for node in (row.value, row.real)
                    )
                    self._arrange(name, Kept(value, real), row.span)

    def _settings(self) -> None:
        for row in self._rows(design_tree.Setting):
            for name in self._try(self._components, row.place) or ():
                held = self.rows.get(name)
                if not isinstance(held, Kept) or held.real is not None:
                    what = "direct" if isinstance(held, Direct) else "given a real value by its row"
                    if held is not None:
                        self.collector.add("E1003", f"`{name}` is {what} already", row.span)
                    continue
                real = self._pure(row.value, self.isa.components[name].width)
                self.rows[name] = Kept(held.value, real)

    def _arrange(self, name: str, row: Row, span: Span) -> None:
        if (first := self.where.get(name)) is not None:
            notes = [Note(first, "the first one")]
            self.collector.add("E0203", f"`{name}` has two rows", span, notes=notes)
            return
        self.where[name] = span
        self.rows[name] = row

    def _placed(self, place: tree.Expr, row: design_tree.Direct) -> None:
        """`E[i] direct at E[region + i] when i < size`."""
        match place, row.at:
            case (
                tree.Index(base=tree.Name(id=memory), args=(tree.Name(id=index),)),
                tree.Index(base=tree.Name(id=target), args=(at,)),
            ) if memory == target and memory in self.world.memories:
                width = self.world.memories[memory].index_width
                local = ir.Local(index, width)
                scope = Scope(names={index: Typed(local)})
                clause = Clause(self.world)
                target_cell = expressions.coerced(clause, scope, at, width, "index")
                assert row.exists is not None
                exists = expressions.condition(clause, scope, row.exists).expr
                match target_cell, exists:
                    case (
                        ir.Operation(op=ir.Op.ADD, args=(base, last)),
                        ir.Operation(op=ir.Op.ULT, args=(first, size)),
                    ) if last == first == local and not clause.block:
                        self.placements[memory] = Placement(memory, base, size)
                        self.where[memory] = row.span
                        return
                    case _:
                        pass
            case _:
                pass
        raise fail(
            "E1002",
            "a memory of the guest's is one piece of the real one",
            row.span,
            hint="write `E[i]  direct at E[region + i] when i < size`",
        )

    def _components(self, node: tree.Expr) -> tuple[str, ...]:
        """The components that a place consists of."""
        if isinstance(node, tree.Name):
            definition = self.world.lookup(node.id)
            if isinstance(definition, tree.Parameter):
                return (node.id,)
            if isinstance(definition, Space):
                raise fail(
                    "E1002",
                    f"`{node.id}` is placed cell by cell",
                    node.span,
                    hint=f"write `{node.id}[i]  direct at {node.id}[region + i] when i < size`",
                )
        names = tuple(dict.fromkeys(_parts(expressions.denote(Clause(self.world), Scope(), node))))
        if not names:
            raise fail("E1002", "this is no part of the state", node.span)
        return names

    def _complete(self, span: Span) -> None:
        """Every part of the state has a row; parameters are the same for both by default."""
        missing = []
        for component in self.isa.components.values():
            if component.name in self.rows:
                continue
            if component.role is ir.Role.PARAMETER:
                self.rows[component.name] = Direct()
            else:
                missing.append(component.name)
        missing += [m for m in self.isa.memories if m not in self.placements]
        missing += [d for d in self.isa.devices if d not in self.devices]
        if missing:
            self.collector.add(
                "E1001",
                f"the design does not say how it keeps {', '.join(missing)}",
                span,
                hint="each part of the guest's state has a row in `state`: direct or virtual",
            )

    # ------------------------------------------------------------ expressions

    def _pure(self, node: tree.Expr, width: int) -> ir.Expr:
        """An expression over the parameters, the machine and the virtual CPU."""
        clause = Clause(self.world)
        expr = expressions.coerced(clause, Scope(), node, width, "value")
        if clause.block:
            raise fail("E1004", "this is not a value of the state alone", node.span)
        return expr

    def _predicate(self, node: tree.Expr, title: str | None, span: Span) -> ir.Predicate:
        clause = Clause(self.world)
        test = expressions.condition(clause, Scope(), node)
        return ir.Predicate(tuple(clause.block), test.expr, title or node.span.text, span)

    # ------------------------------------------------------------ rules and handlers

    def _rule(self, row: design_tree.Rule) -> Rule:
        known = {
            word
            for instruction in self.world.declarations.instructions
            for word in self.world.declarations.words_of(instruction)
        }
        known |= {*CLASSES, *self.isa.groups}
        for name in row.names:
            if name not in known:
                raise unknown("instruction, group or class", name, row.span, known)
        condition = None
        if row.condition is not None:
            condition = self._predicate(row.condition, None, row.span)
        return Rule(row.names, condition, Disposition(row.disposition), row.title or "", row.span)

    def _handlers(self) -> dict[str, Handler]:
        found: dict[str, Handler] = {}
        for item in self.items:
            if not isinstance(item, design_tree.On):
                continue
            for name in item.traps:
                handler = self._try(self._handler, item, name)
                if handler is None:
                    continue
                if name in found:
                    notes = [Note(found[name].span, "the first one")]
                    message = f"`{name}` is handled twice"
                    self.collector.add("E0203", message, item.span, notes=notes)
                found[name] = handler
        return found

    def _handler(self, item: design_tree.On, name: str) -> Handler:
        trap = self.isa.traps.get(name)
        if trap is None:
            raise unknown("trap", name, item.span, self.isa.traps)
        if item.params and len(item.params) != len(trap.params):
            raise fail(
                "E0206",
                f"`{name}` has {len(trap.params)} arguments, not {len(item.params)}",
                item.span,
                notes=[Note(trap.span, "declared here")],
            )
        clause = Clause(self.world, "handler")
        clause.handled = trap
        scope = Scope()
        for param, own in zip(item.params, trap.params, strict=False):
            local = ir.Local(statements.argument(own.name), own.width)
            scope.bind(param.name, Typed(local, _layout_of(self.world, trap.name, own.name)))
        statements.run(clause, scope, item.body)
        return Handler(name, tuple(clause.block), item.span)

    # ------------------------------------------------------------ claims

    def _property(self, name: str, span: Span) -> Property:
        try:
            return Property(name)
        except ValueError:
            raise unknown("property", name, span, [p.value for p in Property]) from None

    def _prove(self, item: design_tree.Prove) -> tuple[Property, ...]:
        return tuple(self._property(name, item.span) for name in item.properties)

    def _expectation(self, item: design_tree.ExpectCounterexample) -> Expectation:
        known = {form.mnemonic for form in self.isa.forms} | {form.name for form in self.isa.forms}
        for name in item.names:
            if name not in known | {*CLASSES, *self.isa.groups}:
                raise unknown("instruction, group or class", name, item.span, known)
        return Expectation(
            self._property(item.property, item.span), item.names, item.span.text, item.span
        )

    def _cost(self) -> Cost:
        known = [f.name for f in dataclasses.fields(Cost)]
        given = {}
        for row in self._rows(design_tree.CostRow):
            if row.name not in known:
                raise unknown("cost", row.name, row.span, known)
            given[row.name] = self.world.number(row.value)
        return Cost(**given)

    def _assumptions(self) -> tuple[tuple[ir.Assumption, ...], tuple[ir.Predicate, ...]]:
        ids: list[ir.Assumption] = []
        contracts: list[ir.Predicate] = []
        for item in self.items:
            if not isinstance(item, design_tree.Assume):
                continue
            text = item.condition.span.text
            if text in REGISTRY:
                ids.append(ir.Assumption(text, item.title or REGISTRY[text], item.span))
                continue
            made = self._try(self._predicate, item.condition, item.title, item.span)
            if made is not None:
                contracts.append(made)
        return tuple(ids), tuple(contracts)


_S = TypeVar("_S")


def _layout_of(world: World, trap: str, param: str) -> Layout | None:
    """The layout of a trap's parameter, if its type has one."""
    for declared in world.declarations.traps[trap].params:
        if declared.name == param and declared.type is not None:
            return world.type_of(declared.type)[1]
    return None


def _parts(found: object) -> Iterator[str]:
    """The components that a place is made of."""
    match found:
        case fields.RegisterFile(definition=definition):
            parts = [definition.whole] if definition.whole else definition.parts.values()
            yield from (part.component for part in parts)
        case fields.DividedRegister(definition=definition):
            yield from (part.component for part in definition.parts.values())
        case places.Component(component=name) | places.BankElement(component=name):
            yield name
        case places.Joined(parts=inner):
            for part in inner:
                yield from _parts(part)
        case _:
            return


def _assigned(items: Iterable[design_tree.Item]) -> Iterator[str]:
    """The plain names that some handler assigns."""
    for item in items:
        if isinstance(item, design_tree.On):
            for stmt in effects.all_statements(item.body):
                match stmt:
                    case tree.Assign(target=tree.Name(id=name)):
                        yield name
                    case _:
                        pass
