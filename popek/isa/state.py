"""The state: components, layouts, banks of registers, the mode, memories and devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from popek.diagnostics import Note
from popek.isa import bits, components, ir, modes, registers
from popek.isa.definitions import Device, Known, Space
from popek.isa.errors import fail, unknown
from popek.isa.values import Typed, literal
from popek.isa.widths import check_width
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
            components.guard(world, _enum, enum)
    for parameter in found.state:
        if isinstance(parameter, tree.Parameter):
            components.guard(world, _parameter, parameter)
    for state in registers.merged(world):
        components.guard(world, registers.state, state)
    for place in found.state:
        match place:
            case tree.Memory():
                components.guard(world, _memory, place)
            case tree.Device():
                components.guard(world, _device, place)
            case _:
                pass
    _prefixes(world)
    modes.mode(world)
    for banked in found.state:
        if isinstance(banked, tree.Banked):
            components.guard(world, modes.banked, banked)
    for translate in found.translations.values():
        components.guard(world, _translation, translate)
    for view in found.values:
        if isinstance(view, tree.Bank) and view.rows:
            components.guard(world, _bank_rows, view)
    if not world.collector.failed:
        _check_complete(world)


def _check_complete(world: World) -> None:
    """What every instruction set needs is there."""
    needed = {
        "pc": bool(world.pc),
        "mode": world.mode is not None,
        "memory": bool(world.memories),
        "code": world.declarations.code is not None,
    }
    missing = [f"no `{name}`" for name, there in needed.items() if not there]
    if missing:
        world.collector.add("E0504", f"there is {', '.join(missing)}", _origin(world))
    code = world.declarations.code
    if code is not None:
        check_width(code.unit, code.span)
    if code is not None and world.memories and code.unit % world.fetch_unit:
        memory = next(iter(world.memories.values()))
        world.collector.add(
            "E0402",
            f"code of {code.unit} bits does not consist of whole units of `{memory.name}`, which "
            f"have {memory.width}",
            code.span,
        )


def _origin(world: World) -> Span:
    span = world.declarations.title_span
    assert span is not None
    return span


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


def _parameter(world: World, item: tree.Parameter) -> None:
    width = world.width_of(item.type)
    name, role = item.name, ir.Role.PARAMETER
    components.component(world, name, role, width, None, item.span, item.title)
    world.declare(name, item, item.span)
    if item.value is not None:
        default = literal(world.number(item.value), width, item.value.span).value
        world.components[name] = replace(world.components[name], default=default)


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


def _bank_rows(world: World, item: tree.Bank) -> None:
    """Each row has a number of its own, which the index can be."""
    rows: dict[int, tree.BankRow] = {}
    for row in item.rows:
        first = rows.setdefault(row.number, row)
        if first is not row:
            notes = [Note(first.span, "the first one")]
            raise fail("E0404", f"`{item.name}` has two rows {row.number}", row.span, notes=notes)
        if item.params[0].type is not None:
            literal(row.number, world.width_of(item.params[0].type), row.span)


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
