"""Decode conditions: computed fast, and reduced to the fields that they depend on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import cast

from popek.isa import bits, ir
from popek.isa.ir import Op

ENUMERATION_LIMIT = 13
"""Bits of the fields that a condition may mention to be tried for all values."""

LIST_LIMIT = 12
"""A condition on one field is written as a list of at most this many values."""


def leaves(*exprs: ir.Expr) -> list[ir.Expr]:
    """The fields and components that conditions depend on, each once."""
    found: dict[ir.Expr, None] = {}
    for expr in exprs:
        for node in ir.subexpressions(expr):
            if not isinstance(node, ir.Const | ir.Operation | ir.Extract):
                found[node] = None
    return list(found)


def compiled(expr: ir.Expr, inputs: Sequence[ir.Expr]) -> Callable[..., int]:
    """A Python function from the values of `inputs` to the value of `expr`."""
    names = {leaf: f"v{number}" for number, leaf in enumerate(inputs)}
    text = f"lambda {', '.join(names.values())}: {_source(expr, names)}"
    function = eval(text, {"_fold": _fold})  # the text is made of our own operators and numbers
    return cast(Callable[..., int], function)


def _source(expr: ir.Expr, names: dict[ir.Expr, str]) -> str:
    match expr:
        case ir.Const(value=value):
            return str(value)
        case ir.Extract(value=inner, low=low):
            return f"({_source(inner, names)} >> {low} & {(1 << expr.width) - 1})"
        case ir.Operation(op=op, args=args, width=width):
            texts = [_source(arg, names) for arg in args]
            mask = (1 << width) - 1
            match op:
                case Op.AND | Op.OR | Op.XOR:
                    sign = {Op.AND: " & ", Op.OR: " | ", Op.XOR: " ^ "}[op]
                    return f"({sign.join(texts)})"
                case Op.NOT:
                    return f"({texts[0]} ^ {mask})"
                case Op.EQ:
                    return f"({texts[0]} == {texts[1]})"
                case Op.ULT:
                    return f"({texts[0]} < {texts[1]})"
                case Op.ULE:
                    return f"({texts[0]} <= {texts[1]})"
                case Op.ITE:
                    return f"({texts[1]} if {texts[0]} else {texts[2]})"
                case Op.ZEXT:
                    return texts[0]
                case Op.ADD | Op.SUB | Op.MUL:
                    sign = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*"}[op]
                    return f"({texts[0]} {sign} {texts[1]} & {mask})"
                case _:
                    widths = [arg.width for arg in args]
                    return f"_fold({op.value!r}, {width}, {widths}, [{', '.join(texts)}])"
        case _:
            return names[expr]


def _fold(op: str, width: int, widths: list[int], values: list[int]) -> int:
    args = [bits.const(int(value), w) for value, w in zip(values, widths, strict=True)]
    match Op(op):
        case Op.NEG:
            result = bits.neg(args[0])
        case Op.SEXT:
            result = bits.sext(args[0], width)
        case Op.CONCAT:
            result = bits.concat(args)
        case other:
            result = bits.binary(other, args[0], args[1])
    assert isinstance(result, ir.Const)
    return result.value


def simplified(condition: ir.Expr) -> ir.Expr:
    """An equal condition on fewer fields, or in fewer words; true if it always holds."""
    inputs = leaves(condition)
    if sum(leaf.width for leaf in inputs) > ENUMERATION_LIMIT:
        return condition
    function = compiled(condition, inputs)
    ranges = [range(1 << leaf.width) for leaf in inputs]
    table = {values: bool(function(*values)) for values in itertools.product(*ranges)}
    if all(table.values()):
        return bits.TRUE
    if not any(table.values()):
        return bits.FALSE
    needed = [i for i in range(len(inputs)) if _depends(table, i)]
    used = [inputs[i] for i in needed]
    allowed: dict[tuple[int, ...], None] = {}
    others: dict[tuple[int, ...], None] = {}
    for values, holds in table.items():
        (allowed if holds else others)[tuple(values[i] for i in needed)] = None
    if len(others) <= min(len(allowed), LIST_LIMIT):
        return bits.and_(*(bits.not_(_are(used, values)) for values in others))
    if len(allowed) <= LIST_LIMIT:
        return bits.or_(*(_are(used, values) for values in allowed))
    return condition


def _are(used: Sequence[ir.Expr], values: Sequence[int]) -> ir.Expr:
    return bits.and_(*(_is(leaf, value) for leaf, value in zip(used, values, strict=True)))


def _is(leaf: ir.Expr, value: int) -> ir.Expr:
    return bits.eq(leaf, bits.const(value, leaf.width))


def _depends(table: dict[tuple[int, ...], bool], position: int) -> bool:
    return any(
        holds != table[(*values[:position], 0, *values[position + 1 :])]
        for values, holds in table.items()
    )


def terms(condition: ir.Expr) -> frozenset[ir.Expr]:
    """The conditions that a conjunction consists of."""
    found: set[ir.Expr] = set()
    stack = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, ir.Operation) and node.op is Op.AND and node.width == 1:
            stack.extend(node.args)
        else:
            found.add(node)
    return frozenset(found)


def contradict(one: frozenset[ir.Expr], other: frozenset[ir.Expr]) -> bool:
    """Whether one conjunction has a term that the other one has negated."""
    return any(bits.not_(term) in other for term in one)
