"""z3's models as plain values."""

from __future__ import annotations

from typing import Any

import z3

from popek.smt.model import Model
from popek.terms import Array, ArrayValue, Function, FunctionValue, Symbol, Value


class UnreadableModel(Exception):
    """z3 described a value in a form that is not a finite table."""


def read_model(model: Any, symbols: tuple[Symbol, ...]) -> Model:
    """The values of `symbols` in a `z3.ModelRef`, zero where it has none.

    Raises UnreadableModel.
    """
    declared = {d.name(): d for d in model.decls()}
    values: dict[str, Value] = {}
    for symbol in symbols:
        found = declared.get(symbol.name)
        if found is None:
            continue
        interpretation = model[found]
        if isinstance(symbol, Function):
            values[symbol.name] = _function(interpretation, len(symbol.arguments))
        elif isinstance(symbol.sort, Array):
            values[symbol.name] = _array(model, interpretation)
        else:
            values[symbol.name] = _number(interpretation)
    return Model(values).completed(symbols)


def _number(value: Any) -> int:
    if z3.is_bv_value(value):
        return int(value.as_long())
    if z3.is_true(value) or z3.is_false(value):
        return int(z3.is_true(value))
    raise UnreadableModel(f"{value} is not a number")


def _array(model: Any, value: Any) -> ArrayValue:
    entries: dict[int, int] = {}
    while z3.is_store(value):
        array, index, element = value.children()
        entries.setdefault(_number(index), _number(element))  # the outermost store is the last
        value = array
    if z3.is_const_array(value):
        base = ArrayValue(_number(value.arg(0)))
    elif z3.is_as_array(value):
        table = _function(model[z3.get_as_array_func(value)], 1)
        base = ArrayValue(table.default, {i: v for (i,), v in table.entries.items()})
    elif z3.is_quantifier(value) and value.is_lambda() and value.num_vars() == 1:
        table = _cases(value.body(), 1)
        base = ArrayValue(table.default, {i: v for (i,), v in table.entries.items()})
    else:
        raise UnreadableModel(f"{value} is not an array")
    return ArrayValue(base.default, {**base.entries, **entries})


def _function(value: Any, arity: int) -> FunctionValue:
    if not isinstance(value, z3.FuncInterp):
        raise UnreadableModel(f"{value} is not a function")
    rest = value.else_value()
    otherwise = FunctionValue() if rest is None else _cases(rest, arity)
    entries = {**otherwise.entries}
    for i in range(value.num_entries()):
        entry = value.entry(i)
        key = tuple(_number(entry.arg_value(j)) for j in range(arity))
        entries[key] = _number(entry.value())
    return FunctionValue(otherwise.default, entries)


def _cases(body: Any, arity: int) -> FunctionValue:
    """The table of `ite (x = 1 and y = 2) 3 (ite ...)`, which is how z3 writes one as a term."""
    entries: dict[tuple[int, ...], int] = {}
    while z3.is_app_of(body, z3.Z3_OP_ITE):
        condition, value, body = body.children()
        entries.setdefault(_key(condition, arity), _number(value))  # the first case wins
    return FunctionValue(_number(body), entries)


def _key(condition: Any, arity: int) -> tuple[int, ...]:
    """The one argument tuple for which a conjunction of equations holds."""
    found: dict[int, int] = {}
    for equation in condition.children() if z3.is_and(condition) else [condition]:
        if not z3.is_eq(equation):
            raise UnreadableModel(f"{condition} is not one case")
        sides = equation.children()
        variable, number = sides if z3.is_var(sides[0]) else reversed(sides)
        if not z3.is_var(variable):
            raise UnreadableModel(f"{condition} is not one case")
        found[arity - 1 - z3.get_var_index(variable)] = _number(number)
    if len(found) != arity:
        raise UnreadableModel(f"{condition} is not one case")
    return tuple(found[i] for i in range(arity))
