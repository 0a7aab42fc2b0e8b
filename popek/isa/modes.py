"""The mode, its levels, and registers of which each level has its own copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.diagnostics import Note
from popek.isa import bits, components, expressions, ir
from popek.isa.clause import Clause
from popek.isa.definitions import Element, Known, Part, Register
from popek.isa.errors import fail
from popek.isa.scope import Scope
from popek.isa.values import Typed
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


def mode(world: World) -> None:
    modes = [item for item in world.declarations.state if isinstance(item, tree.Mode)]
    for extra in modes[1:]:
        world.collector.add(
            "E0506", "a second `mode`", extra.span, notes=[Note(modes[0].span, "the first one")]
        )
    if modes:
        components.guard(world, _one_mode, modes[0])


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
        components.component(world, item.name, ir.Role.MODE, width, None, item.span, item.title)
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
    for entry, row in zip(levels, item.levels, strict=True):
        if entry.value >> width:
            raise fail("E0505", f"the level `{entry.name}` does not fit {width} bits", row.span)
        if not entry.name.isdigit():
            known = Known(Typed(bits.const(entry.value, width)), row.span)
            world.declare(entry.name, known, row.span)
    world.mode = ir.Mode(item.name, level_expr, tuple(levels))


def banked(world: World, item: tree.Banked) -> None:
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
    components.component(
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
