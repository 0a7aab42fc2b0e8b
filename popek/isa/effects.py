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


CACHE_LIMIT = 50_000


class Never(Tuple):
    """The value of a call that does not come back."""


#: A name in a tree, and the field taken of it, if one is.
Use = tuple[str, str | None]

_uses: dict[int, tuple[object, frozenset[Use]]] = {}


def _uses_of(node: object) -> frozenset[Use]:
    """The uses in a tree; remembered by the node's identity, for hashing a tree walks it."""
    known = _uses.get(id(node))
    if known is not None:
        return known[1]
    found: set[Use] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, tree.Name):
            found.add((current.id, None))
        elif isinstance(current, tree.Get) and isinstance(current.base, tree.Name):
            found.add((current.base.id, current.field))
        elif isinstance(current, tuple):
            stack.extend(current)
        elif dataclasses.is_dataclass(current) and not isinstance(current, type):
            for item in _children(type(current)):
                stack.append(getattr(current, item))
    result = frozenset(found)
    if len(_uses) > CACHE_LIMIT:
        _uses.clear()
    _uses[id(node)] = (node, result)
    return result


@lru_cache(maxsize=256)
def _children(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind) if item.name != "span")


def uses_in(*nodes: object) -> frozenset[Use]:
    """All uses of names that occur in trees."""
    return frozenset[Use]().union(*(_uses_of(node) for node in nodes))


def names_in(*nodes: object) -> frozenset[str]:
    """All names that occur in trees."""
    return frozenset(name for name, _ in uses_in(*nodes))


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


def assigned_in(body: tuple[tree.Stmt, ...]) -> frozenset[str]:
    """The names at the root of assigned places, and those passed on to calls."""
    found: set[str] = set()
    for stmt in all_statements(body):
        if isinstance(stmt, tree.Assign):
            found |= names_in(stmt.target)
        elif isinstance(stmt, tree.Do) and isinstance(stmt.call, tree.Call):
            found |= {arg.id for arg in stmt.call.args if isinstance(arg, tree.Name)}
    return frozenset(found)


def is_effectful(world: World, function: tree.Function) -> bool:
    """Whether a function may assign state, itself or through others."""
    known = world.effectful.get(function.name)
    if known is None:
        known = _effects(world, function, frozenset({function.name}))
        world.effectful[function.name] = known
    return known


def _effects(world: World, function: tree.Function, seen: frozenset[str]) -> bool:
    for stmt in all_statements(function.body):
        if isinstance(stmt, tree.Assign | tree.Do):
            return True
    for name in names_in(function.body, function.expression):
        found = world.lookup(name)
        if isinstance(found, Device):
            return True
        if isinstance(found, tree.Function) and name not in seen:
            if _effects(world, found, seen | {name}):
                return True
    return False
