"""Branches and loops as statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.isa import branches, effects, expressions, ir, operands, statements
from popek.isa.clause import Clause
from popek.isa.errors import fail
from popek.isa.scope import Scope
from popek.isa.values import Static, Typed
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World


LOOP_LIMIT = 4096


def branch(
    clause: Clause,
    scope: Scope,
    stmt: tree.If,
    returns: statements.Returns | None,
    tail: statements.Rest,
) -> statements.Outcome | None:
    test = expressions.condition(clause, scope, stmt.condition)
    early = effects.has_return(stmt.then) or effects.has_return(stmt.otherwise)
    rest: statements.Rest = tail if early else ()
    if isinstance(test.expr, ir.Const):
        chosen = stmt.then if test.expr.value else stmt.otherwise
        early = effects.has_return(chosen)
        rest = tail if early else ()
        outcome = statements.run(clause, Scope(scope), chosen, returns=returns, rest=rest)
        return outcome if early or outcome is statements.DEAD else None
    operands.touch_in(clause, scope, (*stmt.then, *stmt.otherwise))
    if early:
        for body, where in tail:
            operands.touch_in(clause, where, body)
    with clause.capture() as yes:
        then = statements.run(clause, Scope(scope), stmt.then, returns=returns, rest=rest)
    with clause.capture() as no:
        otherwise = statements.run(clause, Scope(scope), stmt.otherwise, returns=returns, rest=rest)
    return _after(clause, test, (yes, then), (no, otherwise), early, stmt.span)


def _after(
    clause: Clause,
    test: Typed,
    yes: tuple[list[ir.Stmt], statements.Outcome],
    no: tuple[list[ir.Stmt], statements.Outcome],
    early: bool,
    span: Span,
) -> statements.Outcome | None:
    """The outcome of an `if` from those of its branches."""
    (then_block, then), (else_block, otherwise) = yes, no
    a = then.value if isinstance(then, statements.Returned) else None
    b = otherwise.value if isinstance(otherwise, statements.Returned) else None
    if a is None and b is None:
        if then_block or else_block:
            clause.emit(ir.If(test.expr, tuple(then_block), tuple(else_block), span))
        if then is statements.DEAD and otherwise is statements.DEAD:
            return statements.DEAD
        return statements.FELL if early else None
    if statements.FELL in (then, otherwise):
        clause.collector.add("E0208", "one branch returns a value and the other does not", span)
        one = a if a is not None else b
        assert one is not None
        return statements.Returned(one)
    value = branches.join(clause, test, (then_block, a), (else_block, b), span)
    assert value is not None
    return statements.Returned(expressions.read(clause, value))


def match_value(
    clause: Clause,
    scope: Scope,
    stmt: tree.Match,
    returns: statements.Returns | None,
    tail: statements.Rest,
) -> statements.Outcome | None:
    """A `match` is a chain of `if`s on a value that is computed once."""
    subject: tree.Expr = stmt.value
    inner = Scope(scope)
    if not (isinstance(subject, tree.Name) and scope.get(subject.id) is not None):
        value = clause.keep(expressions.value(clause, scope, subject), "match", stmt.span)
        inner.bind("match", value)
        subject = tree.Name("match", span=stmt.value.span)
    body = _as_ifs(clause.world, stmt, subject)
    early = effects.has_return(body)
    rest: statements.Rest = tail if early else ()
    outcome = statements.run(clause, inner, body, returns=returns, rest=rest)
    return outcome if early or outcome is statements.DEAD else None


def _as_ifs(world: World, stmt: tree.Match, subject: tree.Expr) -> tuple[tree.Stmt, ...]:
    """The arms as a chain of `if`s, made once per statement."""
    known = world.matches.get((id(stmt), isinstance(stmt.value, tree.Name)))
    if known is not None and known[0] is stmt and known[1] == subject:
        return known[2]
    body: tuple[tree.Stmt, ...] = ()
    for arm in reversed(stmt.arms):
        if not arm.patterns:
            if body:
                raise fail("E0109", "nothing can follow the arm `_`", arm.span)
            body = arm.body
            continue
        test = tree.Member(subject, arm.patterns, False, span=arm.patterns[0].span)
        body = (tree.If(test, arm.body, body, arm.inline, span=arm.span),)
    world.matches[id(stmt), isinstance(stmt.value, tree.Name)] = (stmt, subject, body)
    return body


def loop(
    clause: Clause,
    scope: Scope,
    stmt: tree.For,
    returns: statements.Returns | None,
    tail: statements.Rest,
) -> statements.Outcome | None:
    first = expressions.number(clause, scope, stmt.first)
    last = expressions.number(clause, scope, stmt.last)
    if last - first >= LOOP_LIMIT:
        raise fail(
            "E0806",
            f"a loop of {last - first + 1} rounds",
            stmt.span,
            hint=f"the limit is {LOOP_LIMIT}",
        )
    rounds = [Scope(scope, {stmt.name: Static(number)}) for number in range(first, last + 1)]
    early = effects.has_return(stmt.body)
    if early:
        rest: statements.Rest = (*((stmt.body, inner) for inner in rounds), *tail)
        return statements.run(clause, scope, (), returns=returns, rest=rest)
    for inner in rounds:
        if statements.run(clause, inner, stmt.body, returns=returns) is statements.DEAD:
            return statements.DEAD
    return None
