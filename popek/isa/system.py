"""What is not an instruction: translations, traps, interrupts, conditions on states."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from popek.diagnostics import Note, PopekError, did_you_mean
from popek.isa import bits, calls, conditions, expressions, footprint, ir, spaces, statements
from popek.isa.assumptions import REGISTRY
from popek.isa.clause import Clause
from popek.isa.definitions import Space
from popek.isa.errors import NeedContext, Poisoned, fail, unknown
from popek.isa.footprint import expression_reads
from popek.isa.layouts import Layout
from popek.isa.scope import Scope
from popek.isa.values import Typed
from popek.isa.world import World
from popek.source import Span
from popek.syntax import tree

_T = TypeVar("_T")

ACCESS_WIDTH = 2
SIZE_WIDTH = 16


def assemble(
    world: World, forms: tuple[ir.Form, ...], path: str, digest: str, *, complete: bool
) -> ir.Isa | None:
    """The instruction set; None if parts are missing (and reported)."""
    found = world.declarations
    translations = _all(world, found.translations, lambda t: _translation(world, t))
    _check_translations(world, translations)
    deliveries = _all(world, found.delivers, lambda d: _delivery(world, d))
    traps = _all(world, found.traps, lambda t: _trap(world, t, deliveries))
    interrupts = _all(world, found.interrupts, lambda i: _interrupt(world, i))
    functions = {
        name: function
        for name, function in found.functions.items()
        if isinstance(function, tree.AbstractFunction)
    }
    abstract = _all(world, functions, lambda f: _abstract(world, f))
    if complete:
        _check_unused(world)
        _check_lazy(world)
    invariants = _conditions(world, found.invariants, lambda i: i.title)
    hosts = _conditions(world, found.hosts, lambda h: h.title)
    _check_hosts(world, hosts)
    contracts = [
        dataclasses.replace(predicate, level=item.level)
        for item in found.contracts
        for predicate in _conditions(world, [item], lambda c: c.title)
    ]
    _check_contracts(world)
    reset = _reset(world)
    _hosts(world)
    prefixes = tuple(
        ir.PrefixGroup(
            row.name, tuple(int(code, 16) for code in row.codes), len(row.codes).bit_length()
        )
        for prefix in found.prefixes
        for row in prefix.rows
    )
    code = found.code
    if code is None or world.mode is None or not world.pc:
        return None
    return ir.Isa(
        found.title,
        path,
        digest,
        dict(found.manuals),
        code.unit,
        code.bytewise,
        code.endian,
        world.components,
        world.mode,
        world.pc,
        world.memories,
        translations,
        world.devices,
        traps,
        tuple(interrupts.values()),
        tuple(invariants),
        tuple(hosts),
        tuple(contracts),
        _assumptions(world),
        reset,
        abstract,
        prefixes,
        {name: group.members for name, group in found.groups.items()},
        forms,
    )


def _try(world: World, action: Callable[[], _T], *, splits: bool = False) -> _T | None:
    try:
        return action()
    except PopekError as error:
        world.collector.extend(error)
    except NeedContext as need:
        if not splits:
            message = f"`{need.context}` is known only inside an instruction"
            world.collector.add("E0312", message, need.span)
    except Poisoned:
        pass
    return None


def _all(
    world: World, items: dict[str, tree.Trap] | object, make: Callable[..., _T]
) -> dict[str, _T]:
    result: dict[str, _T] = {}
    assert isinstance(items, dict)
    for name, item in items.items():
        made = _try(world, lambda item=item: make(item))  # type: ignore[misc]
        if made is not None:
            result[name] = made
    return result


def _params(
    world: World, clause: Clause, params: tuple[tree.Param, ...]
) -> tuple[tuple[ir.Local, ...], Scope]:
    scope = Scope()
    result: list[ir.Local] = []
    for param in params:
        width, layout = _typed(world, param)
        local = ir.Local(clause.fresh(param.name), width)
        scope.bind(param.name, Typed(local, layout))
        result.append(local)
    return tuple(result), scope


def _typed(world: World, param: tree.Param) -> tuple[int, Layout | None]:
    """The width of a parameter, and the layout of its fields if its type has one."""
    if param.type is None:
        raise fail("E0304", f"`{param.name}` needs a type", param.span)
    return world.type_of(param.type)


# ---------------------------------------------------------------- translations


def _translation(world: World, item: tree.Translate) -> ir.Translation:
    clause = Clause(world, "translate")
    for given in ("access", "size", "start", "result"):
        clause.fresh(given)  # no parameter and no `let` is called so
    params, scope = _params(world, clause, item.params)
    target = world.lookup(item.target)
    if not isinstance(target, Space):
        raise Poisoned
    if len(target.params) != 1:
        raise fail(
            "E0602",
            f"`{item.target}` has {len(target.params)} indices; a translation leads to one",
            item.span,
        )
    scope.bind("access", Typed(ir.Local("access", ACCESS_WIDTH)))
    scope.bind("size", Typed(ir.Local("size", SIZE_WIDTH)))
    scope.bind("start", Typed(ir.Local("start", params[-1].width)))
    for number, access in enumerate(ir.Access):
        scope.bind(access.value, Typed(bits.const(number, ACCESS_WIDTH)))
    outcome = statements.run(clause, scope, item.body, returns=statements.Returns(None, item.name))
    width = target.params[0][1]
    result = ir.Local("result", width)
    if isinstance(outcome, statements.Returned):
        expr = spaces.coerce_index(clause, outcome.value, width, item.span, f"`{item.target}`")
        clause.emit(ir.Set(result.name, expr, item.span))
    elif outcome is not statements.DEAD and not world.collector.failed:
        raise fail("E0602", f"`{item.name}` does not return an index on every path", item.span)
    return ir.Translation(
        item.name, params, item.target, item.processor, tuple(clause.block), result, item.span
    )


def _check_translations(world: World, translations: Mapping[str, ir.Translation]) -> None:
    """No translation reads its tables through itself: its accesses would have no end."""
    for t in translations.values():
        if t in footprint.passed_through(translations, footprint.spaces(t.body)):
            world.collector.add("E0602", f"`{t.name}` translates through itself", t.span)


# ---------------------------------------------------------------- traps, interrupts


def _delivery(world: World, item: tree.Deliver) -> ir.Delivery:
    clause = Clause(world)
    scope = Scope()
    params: list[ir.Local] = []
    for param in item.params:
        width, layout = _typed(world, param)
        # No trap's parameter is called so: its arguments are set one after the other.
        local = ir.Local(clause.fresh(f"{item.name}.{param.name}"), width)
        scope.bind(param.name, Typed(local, layout))
        params.append(local)
    statements.run(clause, scope, item.body, returns=statements.Returns(None, item.name))
    return ir.Delivery(item.name, tuple(params), tuple(clause.block), item.span)


def _trap(world: World, item: tree.Trap, deliveries: Mapping[str, ir.Delivery]) -> ir.Trap:
    clause = Clause(world)
    params, scope = _params(world, clause, item.params)
    try:
        kind = ir.TrapKind(item.kind or "fault")
    except ValueError:
        raise unknown(
            "kind of trap", item.kind or "", item.span, list(ir.TrapKind), "E0601"
        ) from None
    declared = _delivered_by(world, item)
    args: Sequence[tree.Expr] = ()
    span = item.span
    if item.delivery is not None:
        args, span = item.delivery.args, item.delivery.span
    given = expressions.values(clause, scope, args)
    calls.check_arity(declared.name, declared.params, len(given), span, declared.span)
    if declared.name not in deliveries:
        raise Poisoned
    delivery = deliveries[declared.name]
    for param, value, arg in zip(delivery.params, given, args, strict=True):
        what = f"argument `{param.name.rpartition('.')[2]}`"
        expr = expressions.coerce(clause, value, param.width, arg.span, what)
        clause.emit(ir.Set(param.name, expr, arg.span))
    body = (*clause.block, *delivery.body)
    return ir.Trap(item.name, params, kind, body, delivery, item.title or "", item.span)


def _delivered_by(world: World, item: tree.Trap) -> tree.Deliver:
    """The delivery that a trap names; without one, the only one that has no parameters."""
    delivers = world.declarations.delivers
    if item.delivery is None:
        plain = [deliver for deliver in delivers.values() if not deliver.params]
        if len(plain) > 1:
            raise fail(
                "E0601",
                f"`{item.name}` needs `= delivery`: there are several",
                item.span,
                notes=[Note(found.span, "one of them") for found in plain[:2]],
            )
        if not plain:
            raise fail(
                "E0601",
                f"`{item.name}` does not say how it is delivered",
                item.span,
                hint="declare a `deliver` without parameters, or write `= delivery(..)`",
            )
        return plain[0]
    function = item.delivery.function
    name = function.id if isinstance(function, tree.Name) else ""
    deliver = delivers.get(name)
    if deliver is None:
        raise unknown("delivery", name, item.delivery.span, delivers)
    return deliver


def _interrupt(world: World, item: tree.Interrupt) -> ir.Interrupt:
    clause = Clause(world)
    with clause.capture() as setup:
        test = expressions.condition(clause, Scope(), item.condition)
    if footprint.writes(tuple(setup)) or any(
        isinstance(stmt, ir.Require | ir.Jump | ir.Unpredictable | ir.Wait | ir.Shutdown)
        for stmt in ir.statements(tuple(setup))
    ):
        raise fail("E0606", "the condition of an interrupt has no effects", item.condition.span)
    with clause.capture() as body:
        statements.run(clause, Scope(), item.body)
    return ir.Interrupt(
        item.name, test.expr, tuple(setup), tuple(body), item.title or "", item.span
    )


# ---------------------------------------------------------------- conditions on states


def _conditions(
    world: World, items: object, title: Callable[..., str | None]
) -> list[ir.Predicate]:
    result: list[ir.Predicate] = []
    assert isinstance(items, list)
    for item in items:
        made = _try(world, lambda item=item: _condition(world, item, title(item)))  # type: ignore[misc]
        if made is not None:
            result.append(made)
    return result


def _condition(
    world: World, item: tree.Invariant | tree.Host | tree.Contract, title: str | None
) -> ir.Predicate:
    clause = Clause(world)
    test = expressions.condition(clause, Scope(), item.condition)
    exprs = [test.expr, *(e for s in ir.statements(tuple(clause.block)) for e in ir.expressions(s))]
    if any(isinstance(node, ir.Input) for expr in exprs for node in ir.subexpressions(expr)):
        raise fail("E0605", "this is not about the state alone", item.condition.span)
    if isinstance(item, tree.Host):
        _about_the_host(world, tuple(clause.block), exprs, item.condition.span)
    return ir.Predicate(
        tuple(clause.block), test.expr, title or item.condition.span.text, item.span
    )


def _about_the_host(
    world: World, setup: tuple[ir.Stmt, ...], exprs: Iterable[ir.Expr], span: Span
) -> None:
    """Checks that nothing is said of what programs hold: the next instruction may change that, and
    no host is there to see it.
    """
    about = {world.components[name].role for expr in exprs for name in expression_reads(expr)}
    translations = world.declarations.translations
    own = [
        t for t in footprint.spaces(setup) & translations.keys() if not translations[t].processor
    ]
    if about & {ir.Role.REGISTER, ir.Role.PC} or own:
        raise fail("E0603", "this is about what programs hold, not their host", span)


def _assumptions(world: World) -> tuple[ir.Assumption, ...]:
    for item in world.declarations.assumptions:
        if item.id not in REGISTRY:
            world.collector.add(
                "E0610",
                f"there is no assumption `{item.id}`",
                item.span,
                hint=did_you_mean(item.id, REGISTRY) or f"there are {', '.join(REGISTRY)}",
            )
    return tuple(ir.Assumption(a.id, a.title or "", a.span) for a in world.declarations.assumptions)


def _check_contracts(world: World) -> None:
    levels = [level.name for level in world.mode.levels] if world.mode else []
    for item in world.declarations.contracts:
        if item.level not in levels:
            world.collector.add(
                "E0607",
                f"`{item.level}` is no level of the mode",
                item.span,
                hint=did_you_mean(item.level, levels) or f"its levels are {', '.join(levels)}",
            )


def _check_hosts(world: World, hosts: Sequence[ir.Predicate]) -> None:
    """Lines that contradict each other on their face; the proofs find the subtler cases."""
    known: list[tuple[frozenset[ir.Expr], ir.Predicate]] = []
    for host in hosts:
        if host.setup:
            continue
        terms = conditions.terms(host.condition)
        if bits.FALSE in terms or _exclude(terms, terms):
            world.collector.add("E0604", "no host can satisfy this", host.span)
            continue
        for others, first in known:
            if _exclude(terms, others):
                notes = [Note(first.span, "the other one")]
                world.collector.add("E0604", "no host can satisfy both", host.span, notes=notes)
        known.append((terms, host))


def _exclude(some: frozenset[ir.Expr], others: frozenset[ir.Expr]) -> bool:
    """Whether two conjunctions cannot both hold, as one look at two of their terms tells."""
    return any(_exclusive(one, other) for one in some for other in others)


def _exclusive(one: ir.Expr, other: ir.Expr) -> bool:
    """Whether two conditions cannot both hold: one is the other's negation, or another value."""
    if bits.not_(one) == other:
        return True
    match one, other:
        case (
            ir.Operation(op=ir.Op.EQ, args=(left, ir.Const(value=a))),
            ir.Operation(op=ir.Op.EQ, args=(right, ir.Const(value=b))),
        ):
            return left == right and a != b
        case _:
            return False


def _hosts(world: World) -> None:
    """`host 1` on a component: the value it has on the real machine."""

    def one(component: str, width: int, host: tree.Expr) -> None:
        clause = Clause(world)
        expr = expressions.coerced(clause, Scope(), host, width, "value")
        if clause.block:
            raise fail("E0603", "a `host` value has no effects", host.span)
        if any(isinstance(node, ir.Input) for node in ir.subexpressions(expr)):
            raise fail("E0605", "this is not about the state alone", host.span)
        _about_the_host(world, (), [expr], host.span)
        old = world.components[component]
        world.components[component] = dataclasses.replace(old, host=expr)

    for component, width, host in world.host_clauses:
        _try(world, lambda c=component, w=width, h=host: one(c, w, h))  # type: ignore[misc]


def _reset(world: World) -> tuple[ir.Stmt, ...]:
    clause = Clause(world)
    for item in world.declarations.resets:
        statements.run(clause, Scope(), item.body)
    return tuple(clause.block)


# ---------------------------------------------------------------- functions


def _abstract(world: World, item: tree.AbstractFunction) -> ir.AbstractFunction:
    clause = Clause(world)
    params, scope = _params(world, clause, item.params)
    width = world.width_of(item.result)
    result: ir.Expr | None = None
    if item.expression is not None:
        result = expressions.coerced(clause, scope, item.expression, width, "result")
    elif item.body:
        outcome = statements.run(
            clause, scope, item.body, returns=statements.Returns(item.result, item.name)
        )
        if not isinstance(outcome, statements.Returned):
            raise fail("E0208", f"`{item.name}` does not return a value on every path", item.span)
        result = expressions.coerce(clause, outcome.value, width, item.span, "result")
    return ir.AbstractFunction(item.name, params, width, tuple(clause.block), result, item.span)


def _check_unused(world: World) -> None:
    """Functions that nothing calls are elaborated for their errors, if their types are given."""
    for item in world.declarations.functions.values():
        if isinstance(item, tree.AbstractFunction) or item.name in world.used_functions:
            continue
        if all(param.type is not None and param.type.size is None for param in item.params):
            _try(world, lambda item=item: _unused(world, item), splits=True)  # type: ignore[misc]
    for alias in world.values.values():
        if isinstance(alias, tree.Alias) and alias.params is None:
            name = tree.Name(alias.name, span=alias.span)
            _try(world, lambda name=name: _denote(world, name), splits=True)  # type: ignore[misc]


def _check_lazy(world: World) -> None:
    """What is read on demand is read once, for its errors."""
    for item in world.declarations.types.values():
        ref = tree.TypeRef(item.name, None, span=item.span)
        _try(world, lambda ref=ref: world.type_of(ref))  # type: ignore[misc]
    for name, context in world.declarations.contexts.items():
        first = context.values[0]
        _try(world, lambda n=name, v=first: world.context_case(n, v))  # type: ignore[misc]
    for value in world.values.values():
        if isinstance(value, tree.Constant):
            _try(world, lambda c=value: world.constant(c, c.span))  # type: ignore[misc]


def _denote(world: World, name: tree.Name) -> None:
    expressions.denote(Clause(world, "form"), Scope(), name)


def _unused(world: World, item: tree.Function) -> None:
    clause = Clause(world, "form")
    _, scope = _params(world, clause, item.params)
    args = [tree.Name(param.name, span=param.span) for param in item.params]
    call = tree.Call(tree.Name(item.name, span=item.span), tuple(args), span=item.span)
    calls.inline(clause, item, calls.arguments(clause, scope, call), call)
