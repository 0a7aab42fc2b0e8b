"""Conditions over fields and decode context: their value as far as it is known, and solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from popek.isa import ir
from popek.isa.footprint import fields as mentioned
from popek.isa.ir import Op
from popek.semantics.ints import Ints

#: The values of the components that say how code is read; 0 where it is silent.
Context = Mapping[str, int]

#: The value of an expression, or None where it depends on a field that is not given.
Reading = Callable[[Mapping[str, int], Context], int | None]

#: The values to try for a field of a width, in this order.
Values = Callable[[str, int], Iterable[int]]

_INTS = Ints({})

#: Steps after which a search gives up.
SEARCH_LIMIT = 20_000


def reading(expr: ir.Expr) -> Reading:
    """How to find the value of an expression over fields and components.

    `Form.decode`, `Form.length` and the conditions of operand rows are such expressions; of others
    this raises TypeError.
    """
    match expr:
        case ir.Const(value=constant):
            return lambda fields, context: constant
        case ir.Field(name=name):
            return lambda fields, context: fields.get(name)
        case ir.Read(component=component, width=width):
            mask = (1 << width) - 1
            return lambda fields, context: context.get(component, 0) & mask
        case ir.Extract(value=inner, low=low, width=width):
            return _extract(reading(inner), low, (1 << width) - 1)
        case ir.Operation(op=Op.ITE, args=(condition, then, otherwise)):
            return _ite(reading(condition), reading(then), reading(otherwise))
        case ir.Operation(op=Op.NOT, args=(inner,), width=1):
            return _not(reading(inner))
        case ir.Operation(op=Op.EQ, args=(left, right)):
            return _equal(reading(left), reading(right))
        case ir.Operation(op=Op.AND, width=1):
            return _deciding(0, [reading(part) for part in _flat(expr)])
        case ir.Operation(op=Op.OR, width=1):
            return _deciding(1, [reading(part) for part in _flat(expr)])
        case ir.Operation(op=op, args=args, width=width):
            return _operation(op, [reading(a) for a in args], [a.width for a in args], width)
        case ir.Local() | ir.ReadElement() | ir.Input() | ir.Apply():
            raise TypeError(f"a condition on code is over fields and components, not {expr}")


def _flat(expr: ir.Operation) -> Iterator[ir.Expr]:
    for arg in expr.args:
        if isinstance(arg, ir.Operation) and arg.op is expr.op:
            yield from _flat(arg)
        else:
            yield arg


def _extract(inner: Reading, low: int, mask: int) -> Reading:
    def read(fields: Mapping[str, int], context: Context) -> int | None:
        value = inner(fields, context)
        return None if value is None else value >> low & mask

    return read


def _ite(condition: Reading, then: Reading, otherwise: Reading) -> Reading:
    def read(fields: Mapping[str, int], context: Context) -> int | None:
        match condition(fields, context):
            case None:
                value = then(fields, context)
                return value if value == otherwise(fields, context) else None
            case 0:
                return otherwise(fields, context)
            case _:
                return then(fields, context)

    return read


def _not(inner: Reading) -> Reading:
    def read(fields: Mapping[str, int], context: Context) -> int | None:
        value = inner(fields, context)
        return None if value is None else value ^ 1

    return read


def _equal(left: Reading, right: Reading) -> Reading:
    def read(fields: Mapping[str, int], context: Context) -> int | None:
        a, b = left(fields, context), right(fields, context)
        return None if a is None or b is None else int(a == b)

    return read


def _deciding(decisive: int, parts: list[Reading]) -> Reading:
    """The junction of conditions of which one with the value `decisive` decides."""

    def read(fields: Mapping[str, int], context: Context) -> int | None:
        result: int | None = 1 - decisive
        for part in parts:
            value = part(fields, context)
            if value == decisive:
                return value
            if value is None:
                result = None
        return result

    return read


def _operation(op: Op, args: list[Reading], widths: list[int], width: int) -> Reading:
    def read(fields: Mapping[str, int], context: Context) -> int | None:
        values: list[int] = []
        for arg in args:
            value = arg(fields, context)
            if value is None:
                return None
            values.append(value)
        return _INTS.operation(op, values, widths, width)

    return read


# ---------------------------------------------------------------- solutions


@dataclass(frozen=True, slots=True)
class Goal:
    """A condition to be met, and the fields that it depends on.

    `forces` is the field that only one value meets the goal of, and that value, if it is as simple
    as that.
    """

    holds: Reading
    fields: frozenset[str]
    forces: tuple[str, Reading] | None

    @classmethod
    def all_of(cls, conditions: Iterable[ir.Expr]) -> tuple[Goal, ...]:
        """The goals that all of these conditions come to."""
        parts = [part for condition in conditions for part in _conjuncts(condition)]
        return tuple(cls(reading(part), mentioned(part), _forced(part)) for part in parts)


def negation(condition: ir.Expr) -> ir.Expr:
    """The condition that holds where this one does not."""
    return ir.Operation(Op.NOT, (condition,), 1)


def _conjuncts(condition: ir.Expr) -> Iterator[ir.Expr]:
    """The conditions that this one is the conjunction of."""
    match condition:
        case ir.Operation(op=Op.AND, args=args, width=1):
            for arg in args:
                yield from _conjuncts(arg)
        case ir.Operation(op=Op.NOT, args=(ir.Operation(op=Op.OR, args=args, width=1),)):
            for arg in args:
                yield from _conjuncts(negation(arg))
        case _:
            yield condition


def _forced(condition: ir.Expr) -> tuple[str, Reading] | None:
    match condition:
        case ir.Field(name=name, width=1):
            return name, reading(ir.Const(1, 1))
        case ir.Operation(op=Op.NOT, args=(ir.Field(name=name, width=1),)):
            return name, reading(ir.Const(0, 1))
        case ir.Operation(op=Op.EQ, args=(ir.Field(name=name), other)):
            return name, reading(other)
        case ir.Operation(op=Op.EQ, args=(other, ir.Field(name=name))):
            return name, reading(other)
        case _:
            return None


def solutions(
    goals: Iterable[Goal],
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

    def search(open_goals: Iterable[Goal], found: dict[str, int]) -> Iterator[dict[str, int]]:
        nonlocal steps
        steps += 1
        if steps > SEARCH_LIMIT:
            return
        left: list[Goal] = []
        for goal in open_goals:
            value = goal.holds(found, context)
            if value == 0:
                return
            if value is None:
                left.append(goal)
        if not left:
            yield {name: found[name] for name in free if name in found}
            return
        for goal in left:
            if goal.forces is not None and goal.forces[0] in free:
                name, wanted = goal.forces
                value = wanted(found, context)
                if name not in found and value is not None:
                    yield from search(left, {**found, name: value})
                    return
        open_fields = frozenset().union(*(goal.fields for goal in left))
        chosen = next((n for n in free if n in open_fields and n not in found), None)
        if chosen is not None:
            for value in values(chosen, free[chosen]):
                yield from search(left, {**found, chosen: value})

    yield from search(goals, dict(given))
