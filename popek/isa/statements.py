"""Statements: emitted one after the other; what follows an early return goes into the branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from popek.diagnostics import PopekError
from popek.isa import bits, calls, control, effects, expressions, ir, operands, places
from popek.isa.clause import Clause
from popek.isa.errors import Poisoned, fail, unknown
from popek.isa.scope import Scope
from popek.isa.values import Plain, Poison, Static, Tuple, Typed, Value
from popek.source import Span
from popek.syntax import tree

if TYPE_CHECKING:
    pass


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

#: In a handler, the trap that it handles.
TRAP = "trap"


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
        clause.spend(stmt.span)
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
        case tree.Interpret():
            clause.emit(ir.Interpret(stmt.span))
        case tree.Reflect():
            clause.emit(_reflect(clause, scope, stmt))
            return DEAD
        case tree.Inject():
            clause.emit(_inject(clause, stmt))
        case tree.Resume():
            clause.emit(ir.Resume(stmt.span))
            return DEAD
        case tree.Stop():
            clause.emit(ir.Stop(stmt.why, stmt.span))
            return DEAD
        case tree.If():
            return control.branch(clause, scope, stmt, returns, tail)
        case tree.Match():
            return control.match_value(clause, scope, stmt, returns, tail)
        case tree.For():
            return control.loop(clause, scope, stmt, returns, tail)
    return None


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
    if stmt.lasting:
        if not isinstance(target, places.Component) or target.component == clause.world.pc:
            raise fail(
                "E0205",
                "only a whole register or field can be assigned for good",
                node.span,
                hint="on the left of `lasting` is no pc, element, slice or memory",
            )
        width = expressions.width_of(clause, target, node.span)
        expr = expressions.coerce(clause, value, width, stmt.value.span, "value")
        clause.emit(ir.Write(target.component, expr, stmt.span, lasting=True))
        return
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


def _reflect(clause: Clause, scope: Scope, stmt: tree.Reflect) -> ir.Reflect:
    """`reflect trap` is the trap that is handled, with its arguments."""
    if stmt.trap == TRAP:
        own = clause.handled
        assert own is not None
        own_args = tuple(ir.Local(argument(p.name), p.width) for p in own.params)
        return ir.Reflect(own.name, own_args, stmt.span)
    trap, args = _raise(clause, scope, tree.Raise(stmt.trap, stmt.args, span=stmt.span))
    return ir.Reflect(trap, args, stmt.span)


def _inject(clause: Clause, stmt: tree.Inject) -> ir.Inject:
    known = clause.world.declarations.interrupts
    for name in stmt.interrupts:
        if name not in known:
            raise unknown("interrupt", name, stmt.span, known)
    return ir.Inject(stmt.interrupts, stmt.span)


def argument(name: str) -> str:
    """The local that holds an argument of the trap that is handled."""
    return f"{TRAP}.{name}"


def _check(clause: Clause, scope: Scope, stmt: tree.Check) -> None:
    try:
        access = ir.Access(stmt.access)
    except ValueError:
        raise unknown("access", stmt.access, stmt.span, [a.value for a in ir.Access]) from None
    place = expressions.denote(clause, scope, stmt.place)
    if not isinstance(place, places.MemoryCell):
        raise fail("E0205", "`check` needs a place in an address space", stmt.place.span)
    clause.emit(ir.Check(access, place.space, place.args, place.units, stmt.span))


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


def never(clause: Clause, result: tree.TypeRef | None) -> Value:
    """The value of a call that does not come back."""
    if result is None:
        return effects.Never(())
    width, layout = clause.world.type_of(result, clause)
    return Typed(bits.const(0, width), layout)
