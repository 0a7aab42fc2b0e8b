"""Operands' addresses: rows that differ only there are one access."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from popek.isa import bits, expressions, ir, operands, places
from popek.isa.clause import Clause
from popek.isa.errors import fail
from popek.isa.values import Tuple, Typed, Value
from popek.source import Span


@dataclass(slots=True)
class Group:
    """Rows whose values are alike but for their address."""

    condition: ir.Expr
    value: Value


def truth(holds: bool) -> ir.Const:
    return bits.TRUE if holds else bits.FALSE


def is_alike(value: Value) -> bool:
    """Whether a value holds nothing that belongs to one clause: locals, inputs."""
    match value:
        case Tuple(items=items):
            return all(is_alike(item) for item in items)
        case Typed(expr=expr):
            return not any(
                isinstance(node, ir.Local | ir.Input) for node in ir.subexpressions(expr)
            )
        case _:
            return False


def emitter(clause: Clause, block: list[ir.Stmt]) -> Callable[[], None]:
    def action() -> None:
        for stmt in block:
            clause.emit(stmt)

    return action


def evaluate(clause: Clause, row: operands.RowPlan) -> Value:
    """A row's location, or the pair `segment : offset`."""
    for plan in row.nested:
        if plan.place is not None:
            plan.place.touch(clause)
    if row.row.address is not None:
        pair = expressions.values(clause, row.scope, (row.row.value, row.row.address))
        return Tuple(tuple(pair))
    value = expressions.denote(clause, row.scope, row.row.value)
    if isinstance(value, operands.OperandPlace):
        groups = value.latched(clause)
        if len(groups) == 1:
            return groups[0].value
    return value


def widened(clause: Clause, found: list[Value], spans: list[Span]) -> list[Value]:
    """Open values of rows take their width from the other rows, if one has a width."""
    width = next((v.width for v in found if isinstance(v, Typed)), None)
    arity = {len(v.items) for v in found if isinstance(v, Tuple)}
    if len(arity) > 1:
        raise fail("E0309", "rows of an operand have tuples of different sizes", spans[0])
    widths = [
        next(
            (
                item.width
                for value in found
                if isinstance(value, Tuple) and isinstance(item := value.items[position], Typed)
            ),
            None,
        )
        for position in range(max(arity, default=0))
    ]

    def widen(value: Value, wanted: int | None, span: Span) -> Value:
        if wanted is None or isinstance(value, Typed):
            return value
        return Typed(expressions.coerce(clause, value, wanted, span, "value"))

    result: list[Value] = []
    for value, span in zip(found, spans, strict=True):
        if isinstance(value, Tuple):
            items = zip(value.items, widths, strict=True)
            result.append(Tuple(tuple(widen(item, wanted, span) for item, wanted in items)))
        elif isinstance(value, places.Place):
            result.append(value)
        else:
            result.append(widen(value, width, span))
    return result


def decompose(value: Value) -> tuple[object, tuple[ir.Expr, ...]]:
    """What rows must share to be one group, and the parts in which they may differ."""
    match value:
        case Tuple(items=items):
            exprs = tuple(item.expr for item in items if isinstance(item, Typed))
            if len(exprs) < len(items):
                return ("open", id(value)), ()
            return ("tuple", tuple(expr.width for expr in exprs)), exprs
        case places.MemoryCell():
            return ("memory", value.space, value.units), value.args
        case places.BankElement() if not value.hardwired:
            return ("bank", value.component, value.index.width), (value.index,)
        case places.Slice():
            shape, parts = decompose(value.base)
            return ("slice", value.high, value.low, shape), parts
        case places.Place():
            return ("place", id(value)), ()
        case Typed():
            return ("value", value.width), (value.expr,)
        case _:
            return ("open", id(value)), ()


def rebuild(sample: Value, parts: tuple[ir.Expr, ...]) -> Value:
    match sample:
        case Tuple() if parts:
            return Tuple(tuple(Typed(part) for part in parts))
        case places.MemoryCell():
            return places.MemoryCell(
                sample.width, sample.layout, sample.span, sample.space, parts, sample.units
            )
        case places.BankElement() if not sample.hardwired:
            return places.BankElement(
                sample.width, sample.layout, sample.span, sample.component, parts[0]
            )
        case places.Slice():
            base = rebuild(sample.base, parts)
            assert isinstance(base, places.Place)
            return places.Slice(
                sample.width, sample.layout, sample.span, base, sample.high, sample.low
            )
        case Typed():
            return Typed(parts[0], sample.layout)
        case _:
            return sample


def disjoint(left: ir.Expr, right: ir.Expr) -> bool:
    """Whether two conjunctions ask different values of the same field."""
    wanted = dict(_equalities(left))
    return any(name in wanted and wanted[name] != value for name, value in _equalities(right))


def _equalities(expr: ir.Expr) -> Iterable[tuple[ir.Expr, int]]:
    match expr:
        case ir.Operation(op=ir.Op.AND, args=args) if expr.width == 1:
            for arg in args:
                yield from _equalities(arg)
        case ir.Operation(op=ir.Op.EQ, args=(inner, ir.Const(value=value))):
            yield inner, value
        case ir.Operation(op=ir.Op.NOT, args=(inner,)) if expr.width == 1:
            yield inner, 0
        case ir.Field(width=1):
            yield expr, 1
        case _:
            pass
