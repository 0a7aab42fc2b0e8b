"""Registers: components, fields, elements, and declarations that are merged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from popek.diagnostics import Note, PopekError
from popek.isa import components, ir
from popek.isa.definitions import Clock, Element, Part, Register
from popek.isa.errors import fail, unknown
from popek.isa.layouts import Layout
from popek.isa.values import literal
from popek.isa.widths import check_width
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


def merged(world: World) -> list[tree.State]:
    """The declarations of registers, later ones of the same name merged into the first."""
    result: dict[tuple[str, ...], tree.State] = {}
    owners: dict[str, tuple[str, ...]] = {}
    for item in world.declarations.state:
        if not isinstance(item, tree.State):
            continue
        key = item.names
        first = result.get(key)
        if first is None:
            clash = next((name for name in key if name in owners), None)
            if clash is not None:
                world.collector.add(
                    "E0203",
                    f"`{clash}` is declared twice",
                    item.span,
                    notes=[Note(result[owners[clash]].span, "the first one")],
                )
                continue
            result[key] = item
            owners.update(dict.fromkeys(key, key))
            continue
        try:
            result[key] = _merge(world, first, item)
        except PopekError as error:
            world.collector.extend(error)
    return list(result.values())


def _merge(world: World, first: tree.State, again: tree.State) -> tree.State:
    notes = [Note(first.span, "the first declaration")]
    name = first.names[0]
    if not again.rows or not first.rows:
        raise fail("E0203", f"`{name}` is declared twice", again.span, notes=notes)
    if again.type is not None and first.type is not None:
        if world.width_of(again.type) != world.width_of(first.type):
            raise fail("E0705", f"`{name}` has another width here", again.span, notes=notes)
    elif (again.type is None) != (first.type is None):
        raise fail("E0705", f"`{name}` has another type here", again.span, notes=notes)
    role = None if again.role == first.role else again.role
    rows = tuple(
        tree.FieldRow(
            row.first,
            row.last,
            row.name,
            row.type,
            row.role or role,
            row.host,
            row.title,
            span=row.span,
        )
        if isinstance(row, tree.FieldRow)
        else row
        for row in again.rows
    )
    return tree.State(
        first.role,
        first.names,
        first.size,
        first.type,
        first.elements,
        first.host,
        first.title,
        (*first.rows, *rows),
        span=first.span,
    )


def _role(word: str, span: Span) -> ir.Role:
    try:
        return ir.Role(word)
    except ValueError:
        raise unknown("role", word, span, [role.value for role in ir.Role], "E0501") from None


def state(world: World, item: tree.State) -> None:
    if item.role == "clock":
        if item.type is None or item.rows or item.size is not None:
            raise fail("E0501", "a `clock` has a type and no rows", item.span)
        width = world.width_of(item.type)
        for name in item.names:
            world.declare(name, Clock(name, width, item.span), item.span)
        return
    role = _role(item.role, item.span)
    size = None
    if item.size is not None:
        size = world.number(item.size)
        if size <= 0 or size > 1 << 20:
            raise fail("E0307", f"a register file of {size} elements", item.size.span)
    for name in item.names:
        _register(world, item, name, role, size)
    if item.elements:
        if size is None or len(item.elements) != size:
            raise fail(
                "E0510",
                f"{len(item.elements)} names for {size or 1} elements of `{item.names[0]}`",
                item.span,
            )
        for index, element in enumerate(item.elements):
            world.declare(element, Element(item.names[0], index, item.span), item.span)


def _register(world: World, item: tree.State, name: str, role: ir.Role, size: int | None) -> None:
    fields = [row for row in item.rows if isinstance(row, tree.FieldRow)]
    fixed = [row for row in item.rows if isinstance(row, tree.FixedRow)]
    wired = [row for row in item.rows if isinstance(row, tree.HardwiredRow)]
    if item.type is None and not fields:
        raise fail(
            "E0304",
            f"`{name}` has neither a type nor fields",
            item.span,
            hint=f"write `{item.role} {name} : u32`",
        )
    if not fields and not fixed:
        assert item.type is not None
        width, layout = world.type_of(item.type)
        part = Part(name, width, layout)
        components.component(world, name, role, width, size, item.span, item.title)
        register = Register(name, role, size, part, {}, layout, item.span)
        world.declare(name, register, item.span)
        _host(world, name, width, item.host)
    else:
        if item.type is not None:
            width, _ = world.type_of(item.type)
            layout = world.layout(name, width, item.rows, item.span)
        else:
            layout = _record(world, name, fields)
        parts: dict[str, Part] = {}
        register = Register(name, role, size, None, parts, layout, item.span)
        world.declare(name, register, item.span)
        world.layouts[name] = layout
        for row in fields:
            bits_of = layout.fields[row.name]
            component = f"{name}.{row.name}"
            parts[row.name] = Part(component, bits_of.width, bits_of.layout)
            own = _role(row.role, row.span) if row.role else role
            if own is ir.Role.PC and row.role is None:
                own = ir.Role.REGISTER
            components.component(world, component, own, bits_of.width, size, row.span, row.title)
            _host(world, component, bits_of.width, row.host or item.host)
    for wire in wired:
        _hardwire(world, name, size, wire)


def _record(world: World, name: str, rows: list[tree.FieldRow]) -> Layout:
    """The layout of fields without positions: the first is the most significant."""
    placed = []
    total = 0
    for row in rows:
        if row.type is None or row.first is not None:
            raise fail(
                "E0304", f"`{name}` has no type, so its fields need one and no position", row.span
            )
        total = check_width(total + world.width_of(row.type), row.span)
    top = total
    for row in rows:
        assert row.type is not None
        width = world.width_of(row.type)
        first, last = top - 1, top - width
        if world.from_left:
            first, last = total - top, total - top + width - 1
        placed.append(
            tree.FieldRow(
                first, last, row.name, row.type, row.role, row.host, row.title, span=row.span
            )
        )
        top -= width
    return world.layout(name, total, tuple(placed), rows[0].span)


def _host(world: World, component: str, width: int, host: tree.Expr | None) -> None:
    if host is None:
        return
    if world.components[component].role in (ir.Role.REGISTER, ir.Role.PC, ir.Role.PARAMETER):
        raise fail(
            "E0603",
            f"`{component}` has the role {world.components[component].role}, which a host does "
            "not choose",
            host.span,
            hint="`host` goes with resource, control, loadable, hidden and mode",
        )
    world.host_clauses.append((component, width, host))


def _hardwire(world: World, name: str, size: int | None, row: tree.HardwiredRow) -> None:
    register = world.values[name]
    assert isinstance(register, Register)
    match row.place:
        case tree.Index(base=tree.Name(id=base), args=(index,)) if base == name and size:
            number = world.number(index)
            if number >= size:
                raise fail("E0311", f"`{name}` has no element {number}", index.span)
            parts = [register.whole] if register.whole else list(register.parts.values())
            value = world.number(row.value)
            if register.whole is None and value:
                raise fail("E0508", "a register with fields can only be hardwired to 0", row.span)
            for part in parts:
                part.hardwired[number] = literal(value, part.width, row.value.span).value
                world.components[part.component] = replace(
                    world.components[part.component], hardwired=tuple(part.hardwired.items())
                )
        case _:
            raise fail("E0501", f"`fixed` names an element: `fixed {name}[0] = 0`", row.span)
