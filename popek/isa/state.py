"""The state: components, layouts, banks of registers, the mode, memories and devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from popek.diagnostics import Note, PopekError
from popek.isa import bits, expressions, ir
from popek.isa.clause import Clause
from popek.isa.definitions import Clock, Device, Element, Known, Part, Register, Space
from popek.isa.errors import Poisoned, fail, unknown
from popek.isa.layouts import Layout
from popek.isa.scope import Scope
from popek.isa.values import Typed, literal
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


def build(world: World) -> None:
    """Declare everything that is state, and the names of all other items."""
    found = world.declarations
    for name, value in (("false", 0), ("true", 1)):
        world.values[name] = Known(Typed(bits.const(value, 1)), _origin(world))
    for item in found.values:
        if not isinstance(item, tree.Translate):
            world.declare(item.name, item, item.span)
    for enum in found.state:
        if isinstance(enum, tree.EnumDef):
            _guard(world, lambda enum=enum: _enum(world, enum))  # type: ignore[misc]
    for parameter in found.state:
        if isinstance(parameter, tree.Parameter):
            _guard(world, lambda p=parameter: _parameter(world, p))  # type: ignore[misc]
    for state in _merged(world):
        _guard(world, lambda s=state: _state(world, s))  # type: ignore[misc]
    for item in found.state:
        match item:
            case tree.Memory():
                _guard(world, lambda m=item: _memory(world, m))  # type: ignore[misc]
            case tree.Device():
                _guard(world, lambda d=item: _device(world, d))  # type: ignore[misc]
            case _:
                pass
    _prefixes(world)
    _mode(world)
    for item in found.state:
        if isinstance(item, tree.Banked):
            _guard(world, lambda b=item: _banked(world, b))  # type: ignore[misc]
    for translate in found.translations.values():
        _guard(world, lambda t=translate: _translation(world, t))  # type: ignore[misc]
    if not world.pc:
        world.collector.add("E0504", "there is no `pc`", _origin(world))
    if world.mode is None:
        world.collector.add("E0504", "there is no `mode`", _origin(world))
    if not world.memories:
        world.collector.add("E0504", "there is no `memory`", _origin(world))


def _origin(world: World) -> Span:
    span = world.declarations.title_span
    assert span is not None
    return span


def _guard(world: World, action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except PopekError as error:
        world.collector.extend(error)
    except Poisoned:
        pass


def enumerate_members(members: Iterable[tuple[str, int | None]]) -> list[tuple[str, int]]:
    """Members with their numbers: given, or one more than the member before."""
    result: list[tuple[str, int]] = []
    number = 0
    for name, given in members:
        number = number if given is None else given
        result.append((name, number))
        number += 1
    return result


def _enum(world: World, item: tree.EnumDef) -> None:
    width = world.type_of(tree.TypeRef(item.name, None, span=item.span))[0]
    for name, number in enumerate_members(item.members):
        value = Typed(literal(number, width, item.span))
        world.declare(name, Known(value, item.span), item.span)


def _component(
    world: World,
    name: str,
    role: ir.Role,
    width: int,
    size: int | None,
    span: Span,
    title: str | None,
    *,
    banked: bool = False,
) -> None:
    world.components[name] = ir.Component(name, role, width, size, span, title or "", None, banked)
    if role is ir.Role.PC:
        if world.pc:
            first = world.components[world.pc].span
            raise fail("E0504", "a second `pc`", span, notes=[Note(first, "the first one")])
        if size is not None:
            raise fail("E0501", "a `pc` is one register, not several", span)
        world.pc, world.pc_width = name, width


def _parameter(world: World, item: tree.Parameter) -> None:
    width = world.width_of(item.type)
    _component(world, item.name, ir.Role.PARAMETER, width, None, item.span, item.title)
    world.declare(item.name, item, item.span)
    if item.value is not None:
        literal(world.number(item.value), width, item.value.span)


# ---------------------------------------------------------------- registers


def _merged(world: World) -> list[tree.State]:
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
        _guard(world, lambda f=first, i=item, k=key: result.update({k: _merge(world, f, i)}))  # type: ignore[misc]
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


def _state(world: World, item: tree.State) -> None:
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
        _component(world, name, role, width, size, item.span, item.title)
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
            _component(world, component, own, bits_of.width, size, row.span, row.title)
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
        total += world.width_of(row.type)
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
        case _:
            raise fail("E0501", f"`fixed` names an element: `fixed {name}[0] = 0`", row.span)


# ---------------------------------------------------------------- mode, banked copies


def _mode(world: World) -> None:
    modes = [item for item in world.declarations.state if isinstance(item, tree.Mode)]
    for extra in modes[1:]:
        world.collector.add(
            "E0506", "a second `mode`", extra.span, notes=[Note(modes[0].span, "the first one")]
        )
    if modes:
        _guard(world, lambda: _one_mode(world, modes[0]))


def _one_mode(world: World, item: tree.Mode) -> None:
    levels: list[ir.Level] = []
    for number, level in enumerate(item.levels):
        value = level.value
        if value is None:
            value = int(level.name) if level.name.isdigit() else number
        if any(value == other.value or level.name == other.name for other in levels):
            raise fail("E0505", f"the level `{level.name}` is there twice", level.span)
        levels.append(ir.Level(level.name, value))
    if item.alias is None:
        width = max(1, max(level.value for level in levels).bit_length())
        _component(world, item.name, ir.Role.MODE, width, None, item.span, item.title)
        part = Part(item.name, width, None)
        world.declare(
            item.name, Register(item.name, ir.Role.MODE, None, part, {}, None, item.span), item.span
        )
        level_expr: ir.Expr = ir.Read(item.name, width)
    else:
        clause = Clause(world)
        value_of = expressions.value(clause, Scope(), item.alias)
        if not isinstance(value_of, Typed) or clause.block:
            raise fail("E0505", "the mode is not a value of known width", item.alias.span)
        level_expr = value_of.expr
        width = level_expr.width
        world.declare(item.name, item, item.span)
    for level, row in zip(levels, item.levels, strict=True):
        if level.value >> width:
            raise fail("E0505", f"the level `{level.name}` does not fit {width} bits", row.span)
        if not level.name.isdigit():
            known = Known(Typed(bits.const(level.value, width)), row.span)
            world.declare(level.name, known, row.span)
    world.mode = ir.Mode(item.name, level_expr, tuple(levels))


def _banked(world: World, item: tree.Banked) -> None:
    mode = world.mode
    if mode is None:
        return
    if item.mode != mode.name:
        raise fail(
            "E0509", f"`{item.mode}` is not the mode", item.span, hint=f"write `by {mode.name}`"
        )
    names = [level.name for level in mode.levels]
    given = [level for level, _ in item.rows]
    if sorted(given) != sorted(names):
        raise fail(
            "E0509", f"`{item.name}` needs one row for each level: {', '.join(names)}", item.span
        )
    width, layout = world.type_of(item.type)
    _component(
        world, item.name, ir.Role.REGISTER, width, len(names), item.span, item.title, banked=True
    )
    part = Part(item.name, width, layout)
    register = Register(item.name, ir.Role.REGISTER, len(names), part, {}, layout, item.span, item)
    world.declare(item.name, register, item.span)
    for level, copy in item.rows:
        world.declare(copy, Element(item.name, names.index(level), item.span), item.span)


def bank_index(mode: ir.Mode, width: int) -> ir.Expr:
    """The position of the current level in the list of levels."""
    level = mode.level
    if all(position == entry.value for position, entry in enumerate(mode.levels)):
        if level.width == width:
            return level
    cases = [
        (bits.eq(level, bits.const(entry.value, level.width)), bits.const(position, width))
        for position, entry in enumerate(mode.levels)
    ]
    return bits.chain(cases[:-1], cases[-1][1])


# ---------------------------------------------------------------- memories, devices, spaces


def _memory(world: World, item: tree.Memory) -> None:
    size = world.number(item.size)
    width = world.width_of(item.type)
    if size <= 0 or size > 1 << 64:
        raise fail("E0307", f"a memory of {size} units", item.size.span)
    index_width = max(1, (size - 1).bit_length())
    world.memories[item.name] = ir.Memory(item.name, index_width, width, size)
    world.declare(
        item.name, Space(item.name, (("address", index_width),), width, item.span), item.span
    )


def _device(world: World, item: tree.Device) -> None:
    size = 1 if item.size is None else world.number(item.size)
    if size <= 0 or size > 1 << 64:
        raise fail("E0307", f"a device of {size} places", item.span)
    index_width = 0 if item.size is None else max(1, (size - 1).bit_length())
    unit = None if item.type is None else world.width_of(item.type)
    operations: Mapping[str, tree.Operation] = {op.name: op for op in item.operations}
    world.devices[item.name] = ir.Device(item.name, index_width, unit or 0)
    world.declare(
        item.name,
        Device(item.name, item.size is not None, index_width, unit, operations, item.span),
        item.span,
    )


def _translation(world: World, item: tree.Translate) -> None:
    unit = _unit(world, item, [])
    params: list[tuple[str, int]] = []
    for param in item.params:
        if param.type is None:
            raise fail("E0602", f"`{param.name}` needs a type", param.span)
        params.append((param.name, world.width_of(param.type)))
    if not params:
        raise fail("E0602", f"`{item.name}` has no parameter to translate", item.span)
    world.declare(item.name, Space(item.name, tuple(params), unit, item.span), item.span)


def _unit(world: World, item: tree.Translate, seen: list[str]) -> int:
    if item.name in seen:
        raise fail("E0602", f"`{item.name}` translates through itself", item.span)
    if item.target in world.memories:
        return world.memories[item.target].width
    further = world.declarations.translations.get(item.target)
    if further is None:
        known = [*world.memories, *world.declarations.translations]
        raise unknown("memory or translation", item.target, item.span, known)
    return _unit(world, further, [*seen, item.name])


def _prefixes(world: World) -> None:
    for prefix in world.declarations.prefixes:
        for row in prefix.rows:
            width = len(row.codes).bit_length()
            world.prefix_fields[row.name] = width
            known = Known(Typed(ir.Field(row.name, width)), row.span)
            world.declare(row.name, known, row.span)
