"""Components come to be one at a time; an error in one does not hide those in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from popek.diagnostics import Note, PopekError
from popek.isa import ir
from popek.isa.errors import Poisoned, fail
from popek.source import Span

if TYPE_CHECKING:
    from popek.isa.world import World


_Item = TypeVar("_Item")


def guard(world: World, action: Callable[[World, _Item], None], item: _Item) -> None:
    try:
        action(world, item)
    except PopekError as error:
        world.collector.extend(error)
    except Poisoned:
        pass


def component(
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
