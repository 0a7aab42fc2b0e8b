"""What a term is worth when its names are given values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from popek.terms.integers import MEANING
from popek.terms.term import Op, Term
from popek.terms.traversal import bottom_up
from popek.terms.values import ArrayValue, FunctionValue, Value


def evaluate(term: Term, env: Mapping[str, Value]) -> int | ArrayValue:
    """The value of `term` where `env` gives the values of its variables and functions.

    Bit-vectors are ints without sign. Raises KeyError for a name that `env` does not have,
    TypeError for a value of the wrong kind.
    """
    values = dict[Term, int | ArrayValue]()
    for node in bottom_up([term]):
        values[node] = _value(node, [values[a] for a in node.args], env)
    return values[term]


def _value(node: Term, args: list[int | ArrayValue], env: Mapping[str, Value]) -> int | ArrayValue:
    match node.op:
        case Op.CONST:
            return cast(int, node.payload)
        case Op.VAR:
            return _variable(node, env)
        case Op.SELECT:
            return cast(ArrayValue, args[0]).select(cast(int, args[1]))
        case Op.STORE:
            return cast(ArrayValue, args[0]).store(cast(int, args[1]), cast(int, args[2]))
        case Op.CONST_ARRAY:
            return ArrayValue(cast(int, args[0]))
        case Op.APPLY:
            function = env[node.payload[0]]
            if not isinstance(function, FunctionValue):
                raise TypeError(f"{node.payload[0]} is a function, not {function!r}")
            return function(*cast(list[int], args))
        case Op.ITE:
            return args[1] if args[0] else args[2]
        case _:
            widths = [a.width for a in node.args]
            return MEANING[node.op](widths, cast(list[int], args), node.payload)


def _variable(node: Term, env: Mapping[str, Value]) -> int | ArrayValue:
    value = env[node.payload]
    if isinstance(value, FunctionValue) or isinstance(value, ArrayValue) != node.is_array:
        raise TypeError(f"{node.payload} is {node.sort}, not {value!r}")
    if isinstance(value, int) and value >> node.width:
        raise TypeError(f"{node.payload} has {node.width} bits, too few for {value:#x}")
    return value
