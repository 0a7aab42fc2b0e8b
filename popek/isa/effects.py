"""What the text of a block does, before it is elaborated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from popek.isa.definitions import Device
from popek.isa.values import Tuple
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


class Never(Tuple):
    """The value of a call that does not come back."""


@lru_cache(maxsize=4096)
def _names(node: object) -> frozenset[str]:
    found: set[str] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, tree.Name):
            found.add(current.id)
        elif isinstance(current, tuple):
            stack.extend(current)
        elif dataclasses.is_dataclass(current) and not isinstance(current, type):
            for item in dataclasses.fields(current):
                if item.name != "span":
                    stack.append(getattr(current, item.name))
    return frozenset(found)


def names_in(*nodes: object) -> frozenset[str]:
    """All names that occur in trees."""
    return _names(nodes)


@lru_cache(maxsize=4096)
def has_return(body: tuple[tree.Stmt, ...]) -> bool:
    """Whether some path through the block returns."""
    return any(isinstance(stmt, tree.Return) for stmt in all_statements(body))


def all_statements(body: tuple[tree.Stmt, ...]) -> Iterator[tree.Stmt]:
    """The statements of a block, those in branches included."""
    for stmt in body:
        yield stmt
        match stmt:
            case tree.If():
                yield from all_statements(stmt.then)
                yield from all_statements(stmt.otherwise)
            case tree.Match():
                for arm in stmt.arms:
                    yield from all_statements(arm.body)
            case tree.For():
                yield from all_statements(stmt.body)
            case _:
                pass


@lru_cache(maxsize=4096)
def assigned_in(body: tuple[tree.Stmt, ...]) -> frozenset[str]:
    """The names at the root of assigned places, and those passed on to calls."""
    found: set[str] = set()
    for stmt in all_statements(body):
        if isinstance(stmt, tree.Assign):
            found |= names_in(stmt.target)
        elif isinstance(stmt, tree.Do) and isinstance(stmt.call, tree.Call):
            found |= {arg.id for arg in stmt.call.args if isinstance(arg, tree.Name)}
    return frozenset(found)


def has_effects(world: World, body: tuple[tree.Stmt, ...]) -> bool:
    """Whether the block may assign state, directly or through functions that it calls."""
    return _effects(world, body, frozenset())


def _effects(world: World, body: tuple[tree.Stmt, ...], seen: frozenset[str]) -> bool:
    for stmt in all_statements(body):
        if isinstance(stmt, tree.Assign | tree.Do):
            return True
    for name in names_in(body):
        found = world.lookup(name)
        if isinstance(found, Device):
            return True
        if isinstance(found, tree.Function) and name not in seen:
            if _effects(world, found.body, seen | {name}):
                return True
    return False
