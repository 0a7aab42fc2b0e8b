"""Expressions as text, with the brackets they need and no others."""

from __future__ import annotations

from typing import assert_never

from popek.syntax import tree

LEVELS = {
    "or": 2,
    "and": 3,
    "not": 4,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">=", "<s", "<=s", ">s", ">=s"], 5),
    "|": 6,
    "^": 7,
    "&": 8,
    **dict.fromkeys(["<<", ">>", ">>s"], 9),
    "@": 10,
    **dict.fromkeys(["+", "-"], 11),
    **dict.fromkeys(["*", "*s", "/", "/s", "%", "%s"], 12),
    "~": 13,
    "**": 14,
}
"""How tightly the operators bind; `if` is 0, `with` is 1, what needs no brackets 15."""

ITE, WITH, NOT, COMPARISON, CONCAT, SIGN, POSTFIX = 0, 1, 4, 5, 10, 13, 15


def show(expr: tree.Expr | tree.Range, level: int = 0) -> str:
    """`expr` where something of at least `level` can stand."""
    text, own = _show(expr)
    return text if own >= level else f"({text})"


def show_type(type_: tree.TypeRef) -> str:
    """`u32`, `bits(opsize)`."""
    return type_.name if type_.size is None else f"{type_.name}({show(type_.size)})"


def _show(expr: tree.Expr | tree.Range) -> tuple[str, int]:
    """The text, and how tightly it binds."""
    match expr:
        case tree.Name(id=name):
            return name, POSTFIX
        case tree.Int(text=text):
            return text, POSTFIX
        case tree.Undefined():
            return "undefined", POSTFIX
        case tree.TupleExpr(items=items):
            return f"({_list(items)})", POSTFIX
        case tree.Call(function=function, args=args):
            return f"{show(function, POSTFIX)}({_list(args)})", POSTFIX
        case tree.Get(base=base, field=field):
            return f"{show(base, POSTFIX)}.{field}", POSTFIX
        case tree.GetSet(base=base, fields=fields):
            return f"{show(base, POSTFIX)}.{{{', '.join(fields)}}}", POSTFIX
        case tree.Index(base=base, args=args):
            return f"{show(base, POSTFIX)}[{_list(args)}]", POSTFIX
        case tree.Slice(base=base, first=first, last=last):
            return f"{show(base, POSTFIX)}[{show(first)}..{show(last)}]", POSTFIX
        case tree.Range(first=first, last=last):
            return f"{show(first)}..{show(last)}", POSTFIX
        case tree.Unary(op="not", operand=operand):
            return f"not {show(operand, NOT)}", NOT
        case tree.Unary(op=op, operand=operand):
            return f"{op}{show(operand, SIGN)}", SIGN
        case tree.Binary():
            return _binary(expr)
        case tree.Member(value=value, items=items, negated=negated):
            word = "not in" if negated else "in"
            return f"{show(value, COMPARISON + 1)} {word} {{{_list(items)}}}", COMPARISON
        case tree.Ite(condition=condition, then=then, otherwise=otherwise):
            return f"if {show(condition)} then {show(then)} else {show(otherwise)}", ITE
        case tree.With(base=base, updates=updates):
            parts = ", ".join(f"{name} = {show(value)}" for name, value in updates)
            return f"{show(base, WITH)} with {{{parts}}}", WITH
        case _:
            assert_never(expr)


def _binary(expr: tree.Binary) -> tuple[str, int]:
    own = LEVELS[expr.op]
    if expr.op == "**":
        return f"{show(expr.left, POSTFIX)}**{show(expr.right, SIGN)}", own
    # Comparisons do not chain; all others group to the left.
    left = own + 1 if own == COMPARISON else own
    return f"{show(expr.left, left)} {expr.op} {show(expr.right, own + 1)}", own


def _list(items: tuple[tree.Expr | tree.Range, ...]) -> str:
    return ", ".join(show(item) for item in items)
