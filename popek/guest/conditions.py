"""Conditions over fields and decode context: their value, as far as it is known, and solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from popek.isa import ir
from popek.isa.footprint import fields as mentioned
from popek.isa.ir import Op
from popek.semantics.ints import Ints

#: The values of the components that say how code is read; 0 where it is silent.
Context = Mapping[str, int]

#: The values to try for a field of a width, in this order.
Values = Callable[[str, int], Iterable[int]]

_INTS = Ints({})

#: Steps after which a search gives up.
SEARCH_LIMIT = 20_000


def known(expr: ir.Expr, fields: Mapping[str, int], context: Context) -> int | None:
    """The value of an expression, or None where it depends on a field that is not given.

    The expression is over fields and components alone, as `Form.decode` and `Form.length` are.
    """
    match expr:
        case ir.Const(value=value):
            return value
        case ir.Field(name=name):
            return fields.get(name)
        case ir.Read(component=component, width=width):
            return context.get(component, 0) & ((1 << width) - 1)
        case ir.Extract(value=inner, high=high, low=low):
            whole = known(inner, fields, context)
            return None if whole is None else whole >> low & ((1 << (high - low + 1)) - 1)
        case ir.Operation():
            return _operation(expr, fields, context)
        case ir.Local() | ir.ReadElement() | ir.Input() | ir.Apply():
            raise TypeError(f"a condition on code is over fields and components, not {expr}")


def _operation(expr: ir.Operation, fields: Mapping[str, int], context: Context) -> int | None:
    if expr.op is Op.ITE:
        condition = known(expr.args[0], fields, context)
        if condition is not None:
            return known(expr.args[1 if condition else 2], fields, context)
        then = known(expr.args[1], fields, context)
        return then if then == known(expr.args[2], fields, context) else None
    if expr.op is Op.NOT and expr.width == 1:
        value = known(expr.args[0], fields, context)
        return None if value is None else value ^ 1
    if expr.op is Op.EQ:
        left = known(expr.args[0], fields, context)
        right = None if left is None else known(expr.args[1], fields, context)
        return None if right is None else int(left == right)
    decides = 0 if expr.op is Op.AND else (1 << expr.width) - 1 if expr.op is Op.OR else None
    values: list[int] = []
    for arg in expr.args:
        value = known(arg, fields, context)
        if value is None:
            if decides is None:
                return None
        elif value == decides:
            return value
        else:
            values.append(value)
    if len(values) < len(expr.args):
        return None
    return _INTS.operation(expr.op, values, [a.width for a in expr.args], expr.width)


def holds(expr: ir.Expr, fields: Mapping[str, int], context: Context) -> bool:
    """Whether a condition is true of these fields; a field that is not given makes it false."""
    return known(expr, fields, context) == 1


def constants(*exprs: ir.Expr) -> frozenset[int]:
    """The constants that the expressions mention."""
    return frozenset(
        node.value
        for expr in exprs
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Const)
    )


def negation(condition: ir.Expr) -> ir.Expr:
    """The condition that holds where this one does not."""
    return ir.Operation(Op.NOT, (condition,), 1)


def disjunction(conditions: Sequence[ir.Expr]) -> ir.Expr:
    """The condition that at least one of these holds."""
    if not conditions:
        return ir.Const(0, 1)
    result = conditions[0]
    for condition in conditions[1:]:
        result = ir.Operation(Op.OR, (result, condition), 1)
    return result


def conjuncts(condition: ir.Expr) -> Iterator[ir.Expr]:
    """The conditions that this one is the conjunction of."""
    match condition:
        case ir.Operation(op=Op.AND, args=args, width=1):
            for arg in args:
                yield from conjuncts(arg)
        case ir.Operation(op=Op.NOT, args=(ir.Operation(op=Op.OR, args=args, width=1),)):
            for arg in args:
                yield from conjuncts(negation(arg))
        case _:
            yield condition


def solutions(
    goals: Iterable[ir.Expr],
    given: Mapping[str, int],
    free: Mapping[str, int],
    context: Context,
    values: Values,
) -> Iterator[dict[str, int]]:
    """Values of the `free` fields (name -> width) that, with the `given` ones, meet all goals.

    Fields are tried in the order of `free`, their values in the order that `values` gives; a field
    that no goal depends on is left out of the solution.  Gives up silently after `SEARCH_LIMIT`
    steps.
    """
    steps = 0

    def search(
        open_goals: Sequence[tuple[ir.Expr, frozenset[str]]], found: dict[str, int]
    ) -> Iterator[dict[str, int]]:
        nonlocal steps
        steps += 1
        if steps > SEARCH_LIMIT:
            return
        left = []
        for goal, names in open_goals:
            value = known(goal, found, context)
            if value == 0:
                return
            if value is None:
                left.append((goal, names))
        if not left:
            yield {name: found[name] for name in free if name in found}
            return
        wanted = frozenset().union(*(names for _, names in left))
        chosen = next((n for n in free if n in wanted and n not in found), None)
        if chosen is None:
            return
        for value in values(chosen, free[chosen]):
            yield from search(left, {**found, chosen: value})

    parts = [part for goal in goals for part in conjuncts(goal)]
    yield from search([(part, mentioned(part)) for part in parts], dict(given))
