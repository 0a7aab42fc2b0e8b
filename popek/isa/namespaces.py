"""Names of another machine with the same state: `vcpu.M` in a design.

What stands behind the dot is elaborated as if it stood alone, and then every component, space and
device in it is renamed; indices and arguments mean what they mean around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from popek.isa import expressions, ir, places
from popek.isa.clause import Clause
from popek.isa.rewriting import rewritten
from popek.isa.scope import Scope
from popek.isa.values import Typed, Value
from popek.source import Span
from popek.syntax import tree

Rename = Callable[[str], str]


def qualified(clause: Clause, scope: Scope, node: tree.Expr) -> Value | None:
    """What `node` denotes if it begins with the name of a namespace."""
    if not clause.world.namespaces:
        return None
    name = _root(node)
    rename = clause.world.namespaces.get(name) if name is not None else None
    if name is None or rename is None or scope.get(name) is not None:
        return None
    inner = Scope(scope)
    stripped = _stripped(clause, scope, inner, node, name)
    with clause.capture() as block:
        found = expressions.denote(clause, inner, stripped)
    for stmt in renamed(tuple(block), rename):
        clause.emit(stmt)
    match found:
        case places.Place():
            return Qualified(found.width, found.layout, node.span, found, rename)
        case Typed(expr=expr):
            return replace(found, expr=renamed((expr,), rename)[0])
        case _:
            return found


def _root(node: tree.Expr) -> str | None:
    """The name in front of the first dot."""
    while True:
        match node:
            case tree.Get(base=tree.Name(id=name)):
                return name
            case tree.Get(base=base) | tree.GetSet(base=base):
                node = base
            case tree.Index(base=base) | tree.Slice(base=base) | tree.Call(function=base):
                node = base
            case _:
                return None


def _stripped(clause: Clause, scope: Scope, inner: Scope, node: tree.Expr, name: str) -> tree.Expr:
    """The expression without the namespace; what stands in brackets is bound in `inner`."""

    def bound(args: tuple[tree.Expr, ...]) -> tuple[tree.Expr, ...]:
        values = expressions.values(clause, scope, args)
        names = []
        for value, arg in zip(values, args, strict=True):
            local = f"{name}[{len(inner.names)}]"
            inner.bind(local, clause.keep(value, "argument", arg.span))
            names.append(tree.Name(local, span=arg.span))
        return tuple(names)

    def strip(node: tree.Expr) -> tree.Expr:
        match node:
            case tree.Get(base=tree.Name(id=first), field=field) if first == name:
                return tree.Name(_own(clause, name, field), span=node.span)
            case tree.Get(base=base) | tree.GetSet(base=base):
                return replace(node, base=strip(base))
            case tree.Slice(base=base):
                return replace(node, base=strip(base))
            case tree.Index(base=base, args=args):
                return replace(node, base=strip(base), args=bound(args))
            case tree.Call(function=function, args=args):
                return replace(node, function=strip(function), args=bound(args))
            case _:
                raise AssertionError(f"no namespace in {node}")

    return strip(node)


def _own(clause: Clause, name: str, field: str) -> str:
    """What only the namespace has is declared under its whole name."""
    whole = f"{name}.{field}"
    return whole if clause.world.lookup(whole) is not None else field


def renamed(part: tuple[ir.Expr, ...] | tuple[ir.Stmt, ...], rename: Rename) -> tuple[Any, ...]:
    """Expressions or statements with other components, spaces and devices."""

    def change(node: object) -> object | None:
        match node:
            case ir.Read(component=name):
                return replace(node, component=rename(name))
            case ir.ReadElement(component=name, index=index):
                return replace(node, component=rename(name), index=rewritten(index, change))
            case ir.Write(component=name, value=value):
                return replace(node, component=rename(name), value=rewritten(value, change))
            case ir.WriteElement(component=name, index=index, value=value):
                index, value = rewritten((index, value), change)
                return replace(node, component=rename(name), index=index, value=value)
            case ir.Load(space=name, args=args) | ir.Check(space=name, args=args):
                return replace(node, space=rename(name), args=rewritten(args, change))
            case ir.Store(space=name, args=args, value=value):
                args, value = rewritten((args, value), change)
                return replace(node, space=rename(name), args=args, value=value)
            case ir.DeviceInput(device=name, args=args) | ir.DeviceOutput(device=name, args=args):
                return replace(node, device=rename(name), args=rewritten(args, change))
            case _:
                return None

    return rewritten(part, change)


@dataclass(slots=True)
class Qualified(places.Place):
    """A place of the other machine."""

    base: places.Place
    rename: Rename

    def read(self, clause: Clause) -> Typed:
        with clause.capture() as block:
            value = self.base.read(clause)
        self._emit(clause, block)
        return self.typed(renamed((value.expr,), self.rename)[0])

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        # The value is of the machine around: only a local is not renamed.
        kept = clause.bind("value", value, span)
        with clause.capture() as block:
            self.base.write(clause, kept, span)
        self._emit(clause, block)

    def _emit(self, clause: Clause, block: list[ir.Stmt]) -> None:
        for stmt in renamed(tuple(block), self.rename):
            clause.emit(stmt)
