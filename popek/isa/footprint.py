"""What a body reads and writes: the names of components, spaces and devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TypeVar

from popek.isa import ir

_T = TypeVar("_T")
_R = TypeVar("_R")


def remembered(limit: int) -> Callable[[Callable[[_T], _R]], Callable[[_T], _R]]:
    """Computes a function once for each object (an immutable one) that it is asked about.

    By identity, because the hash of a body walks all of it.  What is kept, at most `limit` results,
    keeps its object alive, so that no other can have its identity.
    """

    def decorate(function: Callable[[_T], _R]) -> Callable[[_T], _R]:
        known: dict[int, tuple[_T, _R]] = {}

        @wraps(function)
        def once(about: _T) -> _R:
            found = known.get(id(about))
            if found is None:
                if len(known) >= limit:
                    known.clear()
                found = known[id(about)] = (about, function(about))
            return found[1]

        return once

    return decorate


def expression_reads(expr: ir.Expr) -> frozenset[str]:
    """The components that the expression reads."""
    return frozenset(
        node.component
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Read | ir.ReadElement)
    )


def expression_locals(expr: ir.Expr) -> frozenset[str]:
    """The locals that the expression mentions."""
    return frozenset(node.name for node in ir.subexpressions(expr) if isinstance(node, ir.Local))


@remembered(4096)
def reads(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """The components, spaces and devices that the body itself reads.

    What a translation reads on the way is not included; `spaces` names where to look on.
    """
    found: set[str] = set()
    for stmt in ir.statements(body):
        for expr in ir.expressions(stmt):
            found |= expression_reads(expr)
        match stmt:
            case ir.Load(space=space) | ir.Check(space=space):
                found.add(space)
            case ir.DeviceInput(device=device):
                found.add(device)
            case _:
                pass
    return frozenset(found)


@remembered(4096)
def writes(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """The components, spaces and devices that the body itself writes; a jump is no write."""
    found: set[str] = set()
    for stmt in ir.statements(body):
        match stmt:
            case ir.Write(component=component) | ir.WriteElement(component=component):
                found.add(component)
            case ir.Store(space=space):
                found.add(space)
            case ir.DeviceInput(device=device) | ir.DeviceOutput(device=device):
                found.add(device)
            case _:
                pass
    return frozenset(found)


def bound_locals(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """The locals that the body binds."""
    return frozenset(
        stmt.local
        for stmt in ir.statements(body)
        if isinstance(stmt, ir.Set | ir.Load | ir.DeviceInput)
    )


def spaces(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """The memories and translations that the body goes through."""
    return frozenset(
        stmt.space
        for stmt in ir.statements(body)
        if isinstance(stmt, ir.Load | ir.Store | ir.Check)
    )


def translations_behind(isa: ir.Isa, names: Iterable[str]) -> list[tuple[ir.Stmt, ...]]:
    """The bodies of the translations behind accesses to these spaces, and behind theirs in turn."""
    return [t.body for t in passed_through(isa.translations, names)]


def raised_behind(isa: ir.Isa, names: Iterable[str]) -> frozenset[str]:
    """The traps that accesses to these spaces may raise, on any stage of their translation."""
    return frozenset(
        stmt.trap
        for body in translations_behind(isa, names)
        for stmt in ir.statements(body)
        if isinstance(stmt, ir.Require)
    )


def passed_through(
    translations: Mapping[str, ir.Translation], names: Iterable[str]
) -> list[ir.Translation]:
    """The translations of these spaces, and those that they go through in turn."""
    found: dict[str, ir.Translation] = {}
    waiting = list(names)
    while waiting:
        space = waiting.pop()
        if space in translations and space not in found:
            found[space] = translations[space]
            waiting += [found[space].target, *spaces(found[space].body)]
    return list(found.values())


def fields(*exprs: ir.Expr) -> frozenset[str]:
    """The encoding fields that the expressions mention."""
    return frozenset(
        node.name
        for expr in exprs
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Field)
    )
