"""Calls: built-in functions, aliases, banks, rows of families, and inlining."""

from __future__ import annotations

from collections.abc import Sequence

from popek.diagnostics import Note
from popek.isa import bits, effects, expressions, ir, operands, places, spaces, statements, views
from popek.isa.clause import INLINE_LIMIT, Clause
from popek.isa.errors import TooLarge, fail, unknown
from popek.isa.scope import Scope
from popek.isa.values import (
    Flex,
    Plain,
    RowOf,
    Static,
    Tuple,
    Typed,
    Value,
    Varying,
    context_of,
    describe,
)
from popek.isa.widths import check_width
from popek.source import Span
from popek.syntax import tree

SIZE_LIMIT = 20_000
"""Operators of an argument."""

BUILTINS = ("zext", "sext", "trunc", "width")


def call(clause: Clause, scope: Scope, node: tree.Call) -> Value:
    """`f(args)`, in all its meanings."""
    target = node.function
    if isinstance(target, tree.Get):
        found = spaces.operation(clause, scope, node, target)
        if found is not None:
            return found
        raise fail("E0205", "this is not a function", target.span)
    if not isinstance(target, tree.Name):
        raise fail("E0205", "this is not a function", target.span)
    local = scope.get(target.id)
    if isinstance(local, RowOf):
        return row_value(clause, local, node.span, arguments(clause, scope, node))
    if local is not None:
        raise fail("E0205", f"`{target.id}` is a value, not a function", target.span)
    if target.id in BUILTINS:
        return _builtin(clause, scope, node, target.id)
    declared = clause.world.lookup(target.id)
    match declared:
        case tree.Function():
            args = arguments(clause, scope, node, _assigned(declared))
            return inline(clause, declared, args, node)
        case tree.AbstractFunction():
            return _apply(clause, scope, declared, node)
        case tree.Alias() if declared.params is not None:
            everything = frozenset(range(len(node.args)))
            args = arguments(clause, scope, node, everything)
            return views.alias(clause, declared, args, node.span)
        case tree.Bank():
            return views.bank(
                clause, declared, expressions.values(clause, scope, node.args), node.span
            )
        case None:
            known = [
                name
                for name, item in clause.world.values.items()
                if isinstance(item, tree.Function | tree.AbstractFunction | tree.Alias | tree.Bank)
            ]
            raise unknown("function", target.id, target.span, [*known, *BUILTINS])
        case tree.Family():
            raise fail("E0205", f"`{target.id}` is not a family of this instruction", target.span)
        case _:
            raise fail("E0205", f"`{target.id}` is not a function", target.span)


def arguments(
    clause: Clause, scope: Scope, node: tree.Call, places_at: frozenset[int] = frozenset()
) -> list[Value]:
    """The arguments of a call, left to right.

    Operands stay operands; other places are read, except those at the positions `places_at`.
    """
    found: list[Value] = []
    for position, arg in enumerate(node.args):
        start = len(clause.block)
        now = expressions.denote(clause, scope, arg)
        if not isinstance(now, operands.OperandPlace) and position not in places_at:
            now = expressions.read(clause, now)
        found = clause.settle(found, start, arg.span)
        found.append(now)
    return found


def _assigned(function: tree.Function) -> frozenset[int]:
    """The positions of parameters that the function assigns: they take places."""
    names = effects.assigned_in(function.body)
    return frozenset(
        position
        for position, param in enumerate(function.params)
        if param.type is None and param.name in names
    )


def check_arity(
    name: str, params: Sequence[tree.Param], given: int, span: Span, declared: Span
) -> None:
    """The number of arguments is right, or an error."""
    if len(params) != given:
        plural = "s" if len(params) != 1 else ""
        raise fail(
            "E0206",
            f"`{name}` takes {len(params)} argument{plural}, not {given}",
            span,
            notes=[Note(declared, "declared here")],
        )


def _builtin(clause: Clause, scope: Scope, node: tree.Call, name: str) -> Value:
    most = 1 if name == "width" else 2
    if not 1 <= len(node.args) <= most:
        raise fail("E0206", f"`{name}` takes {most} arguments, not {len(node.args)}", node.span)
    if name == "width":
        denoted = expressions.denote(clause, scope, node.args[0])
        if isinstance(denoted, Varying):
            raise clause.need(denoted.context, node.span)
        return Static(expressions.width_of(clause, denoted, node.args[0].span))
    plain = expressions.value(clause, scope, node.args[0])
    open_value: Plain
    match plain:
        case Typed():
            open_value = Flex(name, (plain,), node.span)
        case Static() | Varying():
            open_value = plain
        case Flex(op="undefined") | Flex(op="ite"):
            open_value = plain
        case Flex():
            raise fail(
                "E0304", f"nothing determines the width of what `{name}` takes", node.args[0].span
            )
        case _:
            raise fail("E0310", "a number is needed here", node.span, label=describe(plain))
    if len(node.args) == 1:
        return open_value
    width = expressions.number(clause, scope, node.args[1])
    check_width(width, node.args[1].span)
    expr = expressions.coerce(clause, open_value, width, node.span, "value")
    return Typed(expr, None, context_of(plain))


def _apply(clause: Clause, scope: Scope, found: tree.AbstractFunction, node: tree.Call) -> Typed:
    check_arity(found.name, found.params, len(node.args), node.span, found.span)
    args: list[ir.Expr] = []
    for param, value, arg in zip(
        found.params, expressions.values(clause, scope, node.args), node.args, strict=True
    ):
        if param.type is None:
            raise fail("E0304", "a parameter of an abstract function needs a type", param.span)
        width = clause.world.width_of(param.type)
        args.append(expressions.coerce(clause, value, width, arg.span, "argument"))
    width, layout = clause.world.type_of(found.result)
    return Typed(ir.Apply(found.name, tuple(args), width), layout)


def bind(
    clause: Clause,
    params: Sequence[tree.Param],
    args: Sequence[Value],
    spans: Sequence[Span],
    *,
    kept: bool,
    assigned: frozenset[str] = frozenset(),
) -> Scope:
    """A scope with parameters bound; `kept`: the body has effects that must not change them."""
    scope = clause.scope()
    for param, arg, span in zip(params, args, spans, strict=True):
        value: Value = arg
        if isinstance(arg, Typed):
            check_size(arg.expr, span)
        if param.type is not None:
            width, layout = clause.world.type_of(param.type, clause, scope)
            expr = expressions.coerce(clause, arg, width, span, f"argument `{param.name}`")
            plain = expressions.read(clause, arg) if not isinstance(arg, places.Place) else None
            keeps = context_of(plain) if plain is not None else None
            value = Typed(expr, layout, keeps if isinstance(plain, Typed) else None)
        elif isinstance(arg, operands.OperandPlace):
            value = arg
        elif isinstance(arg, places.Place):
            if param.name in assigned:
                value = arg.latch(clause) if kept else arg
            else:
                value = expressions.read(clause, arg)
        if kept and not isinstance(value, places.Place):
            value = clause.keep(value, param.name, span)
        scope.bind(param.name, value)
    return scope


def check_size(expr: ir.Expr, span: Span) -> None:
    """An argument that is written out wherever its parameter stands must not keep growing."""
    for count, _ in enumerate(ir.subexpressions(expr)):
        if count > SIZE_LIMIT:
            raise TooLarge(
                "E0806",
                f"this argument has more than {SIZE_LIMIT:,} operators",
                span,
                hint="give it a name with `let`",
            )


def inline(clause: Clause, found: tree.Function, args: list[Value], node: tree.Call) -> Value:
    """The value of a function of the spec: its body, with fresh locals, in place."""
    check_arity(found.name, found.params, len(args), node.span, found.span)
    clause.world.used_functions.add(found.name)
    spans = [arg.span for arg in node.args]
    if found.expression is not None:
        kept = effects.is_effectful(clause.world, found)
        scope = bind(clause, found.params, args, spans, kept=kept)
        with inlining(clause, found.name, node.span):
            value = expressions.value(clause, scope, found.expression)
        return _result(clause, found, value, found.expression.span)
    kept = effects.is_effectful(clause.world, found)
    assigned = effects.assigned_in(found.body)
    scope = bind(clause, found.params, args, spans, kept=kept, assigned=assigned)
    with inlining(clause, found.name, node.span):
        outcome = statements.run(
            clause, scope, found.body, returns=statements.Returns(found.result, found.name)
        )
    match outcome:
        case statements.Returned(value=value):
            return (
                value
                if isinstance(value, places.Place)
                else _result(clause, found, value, node.span)
            )
        case _:
            if found.result is not None and outcome is statements.FELL:
                raise fail(
                    "E0208",
                    f"`{found.name}` does not return a value on every path",
                    found.span,
                )
            return (
                Tuple(()) if outcome is statements.FELL else statements.never(clause, found.result)
            )


def _result(clause: Clause, found: tree.Function, value: Plain, span: Span) -> Value:
    if found.result is None or isinstance(value, Tuple):
        return value
    width, layout = clause.world.type_of(found.result, clause)
    expr = expressions.coerce(clause, value, width, span, f"result of `{found.name}`")
    return Typed(expr, layout)


class inlining:
    """Notes that a definition is being expanded, so that it cannot expand itself."""

    def __init__(self, clause: Clause, name: str, span: Span):
        self.clause, self.name, self.span = clause, name, span

    def __enter__(self) -> None:
        self.clause.spend(self.span)
        stack = self.clause.inlining
        for name, span in stack:
            if name == self.name:
                raise fail(
                    "E0204",
                    f"`{self.name}` is defined in terms of itself",
                    self.span,
                    notes=[Note(span, "first used here")],
                )
        if len(stack) >= INLINE_LIMIT:
            raise fail("E0801", "functions call each other too deeply", self.span)
        stack.append((self.name, self.span))

    def __exit__(self, *_: object) -> None:
        self.clause.inlining.pop()


def row_value(clause: Clause, row: RowOf, span: Span, args: Sequence[Value] | None = None) -> Value:
    """A family's name in a clause: its row's value, or its row applied to arguments."""
    member = row.member
    formals = member.family.formals
    if len(args or ()) != len(formals):
        raise fail(
            "E0206",
            f"`{member.family.name}` takes {len(formals)} arguments, not {len(args or ())}",
            span,
            notes=[Note(member.family.span, "declared here")],
        )
    if member.row.value is None:
        raise fail("E0205", f"the rows of `{member.family.name}` have no value", span)
    scope = clause.scope()
    for name, (number, width) in member.columns.items():
        scope.bind(name, Typed(bits.const(number, width)))
    for formal, arg in zip(formals, args or (), strict=True):
        if isinstance(arg, Typed):
            check_size(arg.expr, span)
        scope.bind(formal, arg)
    with inlining(clause, f"{member.family.name}.{member.row.name}", span):
        return expressions.value(clause, scope, member.row.value)
