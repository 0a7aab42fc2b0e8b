"""Statements: emitted one after the other; what follows an early return goes into the branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from popek.diagnostics import PopekError
from popek.isa import bits, branches, calls, effects, expressions, ir, operands, places
from popek.isa.clause import Clause
from popek.isa.effects import assigned_in, is_effectful
from popek.isa.errors import Poisoned, fail, unknown
from popek.isa.scope import Scope
from popek.isa.values import Flex, Plain, Poison, Static, Tuple, Typed, Value, Varying
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    from popek.isa.world import World

LOOP_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Returned:
    """The block returned this value on the paths that go on."""

    value: Plain


@dataclass(frozen=True, slots=True)
class _End:
    name: str


#: The end of the block is reached.
FELL = _End("fell")
#: No path goes on: a trap was raised, or the step ended.
DEAD = _End("dead")

Outcome = Returned | _End


@dataclass(frozen=True, slots=True)
class Returns:
    """What `return` means here: the declared type, if there is one."""

    type: tree.TypeRef | None
    owner: str


#: Statements still to do after a block, each with its scope.
Rest = tuple[tuple[tuple[tree.Stmt, ...], Scope], ...]


def run(
    clause: Clause,
    scope: Scope,
    body: tuple[tree.Stmt, ...],
    *,
    returns: Returns | None = None,
    rest: Rest = (),
) -> Outcome:
    """Elaborate a block; errors of a statement are recorded, and the next one is tried."""
    for position, stmt in enumerate(body):
        tail: Rest = ((body[position + 1 :], scope), *rest)
        try:
            outcome = _statement(clause, scope, stmt, returns, tail)
        except PopekError as error:
            clause.collector.extend(error)
            _poison(scope, stmt)
            continue
        except Poisoned:
            _poison(scope, stmt)
            continue
        if outcome is not None:
            return outcome
    if rest:
        following, outer = rest[0]
        return run(clause, outer, following, returns=returns, rest=rest[1:])
    return FELL


def _poison(scope: Scope, stmt: tree.Stmt) -> None:
    if isinstance(stmt, tree.Let):
        for name in stmt.names:
            scope.bind(name, Poison())


def _statement(
    clause: Clause, scope: Scope, stmt: tree.Stmt, returns: Returns | None, tail: Rest
) -> Outcome | None:
    """Elaborate one statement; an outcome if what follows is already done or never reached."""
    match stmt:
        case tree.Let():
            _let(clause, scope, stmt)
        case tree.Assign():
            _assign(clause, scope, stmt)
        case tree.Do():
            found = expressions.denote(clause, scope, stmt.call)
            if isinstance(found, places.Place):
                raise fail("E0205", "this is a place, not an action", stmt.span)
            if isinstance(found, effects.Never):
                return DEAD
        case tree.Require():
            _require(clause, scope, stmt)
        case tree.Raise():
            trap, args = _raise(clause, scope, stmt)
            clause.emit(ir.Require(bits.FALSE, trap, args, stmt.span))
            return DEAD
        case tree.HostRequire():
            test = expressions.condition(clause, scope, stmt.condition)
            clause.emit(ir.HostRequire(test.expr, stmt.why or "", stmt.span))
        case tree.Check():
            _check(clause, scope, stmt)
        case tree.Jump():
            width = clause.world.pc_width
            target = expressions.coerced(clause, scope, stmt.target, width, "target")
            if clause.kind == "form":
                clause.emit(ir.Jump(target, stmt.span))
            else:
                clause.emit(ir.Write(clause.world.pc, target, stmt.span))
        case tree.Return():
            return _return(clause, scope, stmt, returns)
        case tree.Unpredictable():
            site = clause.site("unpredictable")
            clause.emit(ir.Unpredictable(site, stmt.beyond, stmt.why or "", "", stmt.span))
            return DEAD
        case tree.Unmodelled():
            site = clause.site("unmodelled")
            clause.emit(ir.Unpredictable(site, True, stmt.what, stmt.what, stmt.span))
            return DEAD
        case tree.Wait():
            clause.emit(ir.Wait(stmt.span))
        case tree.Shutdown():
            clause.emit(ir.Shutdown(stmt.span))
            return DEAD
        case tree.Skip():
            pass
        case tree.If():
            return _if(clause, scope, stmt, returns, tail)
        case tree.Match():
            return _match(clause, scope, stmt, returns, tail)
        case tree.For():
            return _for(clause, scope, stmt, returns, tail)
    return None


# ---------------------------------------------------------------- let, assignment


def _let(clause: Clause, scope: Scope, stmt: tree.Let) -> None:
    value = expressions.value(clause, scope, stmt.value)
    if isinstance(value, effects.Never):
        value = Static(0)
    if len(stmt.names) > 1:
        if not isinstance(value, Tuple) or len(value.items) != len(stmt.names):
            raise fail("E0310", f"a tuple of {len(stmt.names)} is needed here", stmt.value.span)
        for name, item in zip(stmt.names, value.items, strict=True):
            _bind(clause, scope, name, expressions.read(clause, item), stmt.span)
        return
    if stmt.type is not None:
        width, layout = clause.world.type_of(stmt.type, clause, scope)
        expr = expressions.coerce(clause, value, width, stmt.value.span, "value")
        value = Typed(expr, layout)
    _bind(clause, scope, stmt.names[0], value, stmt.span)


def _bind(clause: Clause, scope: Scope, name: str, value: Plain, span: Span) -> None:
    if isinstance(value, Typed):
        changes = name in clause.world.assigned_names
        if isinstance(value.expr, ir.Const) and not changes:
            scope.bind(name, value)
            return
        local = clause.bind(name, value.expr, span)
        scope.bind(
            name,
            places.LocalVariable(local.width, value.layout, span, local.name)
            if changes
            else Typed(local, value.layout, value.context),
        )
        return
    scope.bind(name, clause.keep(value, name, span))


def _assign(clause: Clause, scope: Scope, stmt: tree.Assign) -> None:
    target_node = stmt.target
    if isinstance(target_node, tree.TupleExpr):
        value = expressions.value(clause, scope, stmt.value)
        if not isinstance(value, Tuple) or len(value.items) != len(target_node.items):
            raise fail("E0310", f"a tuple of {len(target_node.items)} is needed", stmt.value.span)
        kept = clause.keep(value, "t", stmt.span)
        assert isinstance(kept, Tuple)
        for node, item in zip(target_node.items, kept.items, strict=True):
            _store(clause, expressions.denote(clause, scope, node), item, stmt, node)
        return
    plain = expressions.value(clause, scope, stmt.value)
    start = len(clause.block)
    target = expressions.denote(clause, scope, target_node)
    settled = clause.settle([plain], start, stmt.span)[0]
    _store(clause, target, settled, stmt, target_node)


def _store(clause: Clause, target: Value, value: Value, stmt: tree.Assign, node: tree.Expr) -> None:
    if not isinstance(target, places.Place):
        hint = ""
        if isinstance(node, tree.Name):
            hint = f"`{node.id}` is a value"
        raise fail("E0205", "this cannot be assigned", node.span, hint=hint)
    if isinstance(target, places.Joined) and target.names and isinstance(value, Typed):
        layout = value.layout
        if layout is not None and all(name in layout.fields for name in target.names):
            _store_fields(clause, target, value, stmt)
            return
    if isinstance(target, operands.OperandPlace):
        target.assign(clause, value, stmt.span, stmt.value.span)
        return
    width = expressions.width_of(clause, target, node.span)
    expr = expressions.coerce(clause, value, width, stmt.value.span, "value")
    target.write(clause, expr, stmt.span)


def _store_fields(clause: Clause, target: places.Joined, value: Typed, stmt: tree.Assign) -> None:
    """`EFLAGS.{CF, PF} = new`: the fields of the same names."""
    layout = value.layout
    assert layout is not None
    expr = value.expr
    if not clause.is_stable(expr):
        expr = clause.bind("value", expr, stmt.span)
    for part, name in zip(target.parts, target.names, strict=True):
        entry = layout.fields[name]
        if entry.width != part.width:
            raise fail("E0302", f"`{name}` has {entry.width} and {part.width} bits", stmt.span)
        part.write(clause, bits.extract(expr, entry.high, entry.low), stmt.span)


# ---------------------------------------------------------------- traps, checks


def _require(clause: Clause, scope: Scope, stmt: tree.Require) -> None:
    test = expressions.condition(clause, scope, stmt.condition)
    start = len(clause.block)
    trap, args = _raise(clause, scope, stmt.otherwise)
    if test.expr == bits.TRUE:
        del clause.block[start:]
        return
    clause.emit(ir.Require(test.expr, trap, args, stmt.span))


def _raise(clause: Clause, scope: Scope, stmt: tree.Raise) -> tuple[str, tuple[ir.Expr, ...]]:
    traps = clause.world.declarations.traps
    trap = traps.get(stmt.trap)
    if trap is None:
        raise unknown("trap", stmt.trap, stmt.span, traps)
    calls.check_arity(trap.name, trap.params, len(stmt.args), stmt.span, trap.span)
    args: list[ir.Expr] = []
    values = expressions.values(clause, scope, stmt.args)
    for param, value, node in zip(trap.params, values, stmt.args, strict=True):
        if param.type is None:
            raise fail("E0601", f"`{param.name}` needs a type", param.span)
        width = clause.world.width_of(param.type)
        args.append(expressions.coerce(clause, value, width, node.span, "argument"))
    return trap.name, tuple(args)


def _check(clause: Clause, scope: Scope, stmt: tree.Check) -> None:
    try:
        access = ir.Access(stmt.access)
    except ValueError:
        raise unknown("access", stmt.access, stmt.span, [a.value for a in ir.Access]) from None
    place = expressions.denote(clause, scope, stmt.place)
    if not isinstance(place, places.MemoryCell):
        raise fail("E0205", "`check` needs a place in an address space", stmt.place.span)
    clause.emit(ir.Check(access, place.space, place.args, place.units, stmt.span))


# ---------------------------------------------------------------- return


def _return(clause: Clause, scope: Scope, stmt: tree.Return, returns: Returns | None) -> Outcome:
    if returns is None:
        raise fail("E0109", "`return` stands outside a function", stmt.span)
    if stmt.value is None:
        return FELL if returns.type is None else _missing(returns, stmt.span)
    value = expressions.value(clause, scope, stmt.value)
    if isinstance(value, effects.Never):
        return DEAD
    if returns.type is not None:
        width, layout = clause.world.type_of(returns.type, clause, scope)
        expr = expressions.coerce(
            clause, value, width, stmt.value.span, f"result of `{returns.owner}`"
        )
        value = Typed(expr, layout)
    return Returned(value)


def _missing(returns: Returns, span: Span) -> Outcome:
    raise fail("E0302", f"`{returns.owner}` returns a value", span)


# ---------------------------------------------------------------- branches and loops


def _if(
    clause: Clause, scope: Scope, stmt: tree.If, returns: Returns | None, tail: Rest
) -> Outcome | None:
    test = expressions.condition(clause, scope, stmt.condition)
    early = effects.has_return(stmt.then) or effects.has_return(stmt.otherwise)
    rest: Rest = tail if early else ()
    if isinstance(test.expr, ir.Const):
        chosen = stmt.then if test.expr.value else stmt.otherwise
        early = effects.has_return(chosen)
        rest = tail if early else ()
        outcome = run(clause, Scope(scope), chosen, returns=returns, rest=rest)
        return outcome if early or outcome is DEAD else None
    operands.touch_in(clause, scope, (*stmt.then, *stmt.otherwise))
    if early:
        for body, where in tail:
            operands.touch_in(clause, where, body)
    with clause.capture() as yes:
        then = run(clause, Scope(scope), stmt.then, returns=returns, rest=rest)
    with clause.capture() as no:
        otherwise = run(clause, Scope(scope), stmt.otherwise, returns=returns, rest=rest)
    return _after(clause, test, (yes, then), (no, otherwise), early, stmt.span)


def _after(
    clause: Clause,
    test: Typed,
    yes: tuple[list[ir.Stmt], Outcome],
    no: tuple[list[ir.Stmt], Outcome],
    early: bool,
    span: Span,
) -> Outcome | None:
    """The outcome of an `if` from those of its branches."""
    (then_block, then), (else_block, otherwise) = yes, no
    a = then.value if isinstance(then, Returned) else None
    b = otherwise.value if isinstance(otherwise, Returned) else None
    if a is None and b is None:
        if then_block or else_block:
            clause.emit(ir.If(test.expr, tuple(then_block), tuple(else_block), span))
        if then is DEAD and otherwise is DEAD:
            return DEAD
        return FELL if early else None
    if FELL in (then, otherwise):
        raise fail("E0208", "one branch returns a value and the other does not", span)
    value = branches.join(clause, test, (then_block, a), (else_block, b), span)
    assert value is not None
    return Returned(expressions.read(clause, value))


def _match(
    clause: Clause, scope: Scope, stmt: tree.Match, returns: Returns | None, tail: Rest
) -> Outcome | None:
    """A `match` is a chain of `if`s on a value that is computed once."""
    subject: tree.Expr = stmt.value
    inner = Scope(scope)
    if not (isinstance(subject, tree.Name) and scope.get(subject.id) is not None):
        value = clause.keep(expressions.value(clause, scope, subject), "match", stmt.span)
        inner.bind("match", value)
        subject = tree.Name("match", span=stmt.value.span)
    body = _as_ifs(clause.world, stmt, subject)
    early = effects.has_return(body)
    rest: Rest = tail if early else ()
    outcome = run(clause, inner, body, returns=returns, rest=rest)
    return outcome if early or outcome is DEAD else None


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


def _for(
    clause: Clause, scope: Scope, stmt: tree.For, returns: Returns | None, tail: Rest
) -> Outcome | None:
    first = expressions.number(clause, scope, stmt.first)
    last = expressions.number(clause, scope, stmt.last)
    if last - first >= LOOP_LIMIT:
        raise fail("E0806", f"a loop of {last - first + 1} rounds", stmt.span)
    rounds = [Scope(scope, {stmt.name: Static(number)}) for number in range(first, last + 1)]
    early = effects.has_return(stmt.body)
    if early:
        rest: Rest = (*((stmt.body, inner) for inner in rounds), *tail)
        return run(clause, scope, (), returns=returns, rest=rest)
    for inner in rounds:
        if run(clause, inner, stmt.body, returns=returns) is DEAD:
            return DEAD
    return None


def never(clause: Clause, result: tree.TypeRef | None) -> Value:
    """The value of a call that does not come back."""
    if result is None:
        return effects.Never(())
    width, layout = clause.world.type_of(result, clause)
    return Typed(bits.const(0, width), layout)


__all__ = [
    "DEAD",
    "FELL",
    "Flex",
    "Outcome",
    "Returned",
    "Returns",
    "Varying",
    "World",
    "assigned_in",
    "is_effectful",
    "never",
    "run",
]
