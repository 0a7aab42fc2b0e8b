"""Terms as one Python function: each node a line, evaluated once, whatever the number of roots.

A second evaluator of terms, for tests that need hundreds of thousands of values; it is held to
`popek.terms.evaluate` by `test_compiled.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from popek.terms import ArrayValue, FunctionValue, Term, Value
from popek.terms.integers import MEANING
from popek.terms.term import Op
from popek.terms.traversal import bottom_up

Result: TypeAlias = int | ArrayValue

#: The values of the roots where the names have these values.
Evaluator: TypeAlias = Callable[[Mapping[str, Value]], Sequence[Result]]

_INFIX = {Op.AND: " & ", Op.OR: " | ", Op.XOR: " ^ "}


def compile_terms(roots: Sequence[Term]) -> Evaluator:
    """A function from the values of the names to those of the roots, in order."""
    names: dict[Term, str] = {}
    lines: list[str] = []
    for term in bottom_up(roots):
        if term.op is Op.CONST:
            names[term] = str(term.payload)
            continue
        names[term] = f"v{len(names)}"
        lines.append(f"    {names[term]} = {_source(term, [names[a] for a in term.args])}\n")
    body = "".join(lines)
    results = "".join(f"{names[root]}, " for root in roots)
    text = f"def evaluate(env):\n{body}    return ({results})\n"
    scope: dict[str, object] = {
        "ArrayValue": ArrayValue,
        "apply": _apply,
        **{f"mean_{op.name}": meaning for op, meaning in MEANING.items()},
    }
    exec(compile(text, "<terms>", "exec"), scope)
    return cast(Evaluator, scope["evaluate"])


def _source(term: Term, args: list[str]) -> str:
    """The Python expression of one node."""
    ones = (1 << term.width) - 1
    match term.op:
        case Op.VAR:
            return f"env[{term.payload!r}]"
        case Op.AND | Op.OR | Op.XOR:
            return _INFIX[term.op].join(args)
        case Op.NOT:
            return f"{args[0]} ^ {ones}"
        case Op.ADD:
            return f"({' + '.join(args)}) & {ones}"
        case Op.EQ:
            return f"1 if {args[0]} == {args[1]} else 0"
        case Op.ULT:
            return f"1 if {args[0]} < {args[1]} else 0"
        case Op.ITE:
            return f"{args[1]} if {args[0]} else {args[2]}"
        case Op.EXTRACT:
            high, low = term.payload
            return f"{args[0]} >> {low} & {(1 << (high - low + 1)) - 1}"
        case Op.CONCAT:
            text = args[0]
            for arg, part in zip(args[1:], term.args[1:], strict=True):
                text = f"({text}) << {part.width} | {arg}"
            return text
        case Op.SELECT:
            return f"{args[0]}.select({args[1]})"
        case Op.STORE:
            return f"{args[0]}.store({args[1]}, {args[2]})"
        case Op.CONST_ARRAY:
            return f"ArrayValue({args[0]})"
        case Op.APPLY:
            return f"apply(env[{term.payload[0]!r}], {', '.join(args)})"
        case _:
            widths = [a.width for a in term.args]
            return f"mean_{term.op.name}({widths}, [{', '.join(args)}], {term.payload!r})"


def _apply(function: Value, *args: int) -> int:
    assert isinstance(function, FunctionValue)
    return function(*args)
