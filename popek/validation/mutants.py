"""Faults put into clauses on purpose: does validation notice?

A mutant differs from its form in one statement or one operator.  It is killed if the spec with it
disagrees with what an oracle showed of some case, in a way that no row of the table explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from popek.isa import ir
from popek.isa.ir import Op
from popek.oracles.oracle import Bench, Outcome
from popek.source import Span
from popek.validation.cases import Made
from popek.validation.comparison import differences
from popek.validation.disagreements import Row, Step, explanation
from popek.validation.prediction import Silent, predict


@dataclass(frozen=True, slots=True)
class Mutant:
    """A form with a fault; `what` says which, `span` where."""

    form: ir.Form
    what: str
    span: Span


@dataclass(frozen=True, slots=True)
class ProcessorMutant:
    """A spec with a fault in what is no form; `where`: a delivery or a translation."""

    isa: ir.Isa
    where: str
    what: str
    span: Span


#: What takes an operator's place.
_SWAPPED = {
    Op.EQ: Op.ULE,
    Op.ULT: Op.ULE,
    Op.ULE: Op.ULT,
    Op.SLT: Op.SLE,
    Op.SLE: Op.SLT,
    Op.ADD: Op.SUB,
    Op.SUB: Op.ADD,
    Op.AND: Op.OR,
    Op.OR: Op.AND,
    Op.XOR: Op.OR,
}


def draw(isa: ir.Isa, seed: int, count: int) -> list[Mutant]:
    """So many different mutants, from all sites of all forms."""
    sites = [(form, site) for form in isa.forms for site in _sites(form.body)]
    chosen = Random(seed).sample(sites, min(count, len(sites)))
    return [Mutant(replace(form, body=make()), what, span) for form, (what, span, make) in chosen]


def draw_of_processor(isa: ir.Isa, seed: int, count: int) -> list[ProcessorMutant]:
    """So many different ones, from all sites of the deliveries of traps and of translations.

    Of interrupts there are none: no step shows their delivery.
    """
    found: list[tuple[str, _Site, Callable[[tuple[ir.Stmt, ...]], ir.Isa]]] = []
    for trap in isa.traps.values():
        if trap.kind is not ir.TrapKind.INTERRUPT:
            found += [
                (f"delivery of {trap.name}", site, partial(_with_delivery, isa, trap))
                for site in _sites(trap.delivery)
            ]
    for translation in isa.translations.values():
        found += [
            (translation.name, site, partial(_with_translation, isa, translation))
            for site in _sites(translation.body)
        ]
    chosen = Random(seed).sample(found, min(count, len(found)))
    return [
        ProcessorMutant(put(make()), where, what, span) for where, (what, span, make), put in chosen
    ]


def _with_delivery(isa: ir.Isa, trap: ir.Trap, body: tuple[ir.Stmt, ...]) -> ir.Isa:
    return replace(isa, traps={**isa.traps, trap.name: replace(trap, delivery=body)})


def _with_translation(
    isa: ir.Isa, translation: ir.Translation, body: tuple[ir.Stmt, ...]
) -> ir.Isa:
    changed = replace(translation, body=body)
    return replace(isa, translations={**isa.translations, translation.name: changed})


def kills(
    isa: ir.Isa, form: ir.Form, made: Made, seen: Outcome, rows: Sequence[Row], bench: Bench
) -> bool:
    """Whether a spec and a form, of which one has a fault, disagree with what an oracle of this
    bench has shown of a case.

    Raises KeyError where the fault uses what it does not bind any more.
    """
    said = predict(isa, form, made.fields, made.case, bench)
    if isinstance(said, Silent):
        return True  # something was shown
    found = differences(isa, made.case, said, seen, bench.unseen)
    step = Step.of(said, made.code, made.case.state)
    return bool(found) and not explanation(isa, form, step, found, seen.state, rows)


_Site = tuple[str, Span, Callable[[], tuple[ir.Stmt, ...]]]


def _sites(body: tuple[ir.Stmt, ...]) -> Iterator[_Site]:
    for number, stmt in enumerate(ir.statements(body)):
        for what, changed in _changes(stmt):
            yield what, stmt.span, partial(_put, body, number, changed)


def _changes(stmt: ir.Stmt) -> Iterator[tuple[str, tuple[ir.Stmt, ...]]]:
    """The statements that a mutant has in the place of one."""
    match stmt:
        case ir.Require():
            yield "check dropped", ()
            for what, condition in _swapped(stmt.condition):
                yield what, (replace(stmt, condition=condition),)
        case ir.If():
            yield "condition dropped", stmt.then
            for what, condition in _swapped(stmt.condition):
                yield what, (replace(stmt, condition=condition),)
        case ir.Write(value=value):
            yield f"{stmt.component} forgotten", ()
            for what, other in _swapped(value):
                yield what, (replace(stmt, value=other),)
            yield "a bit too many", (replace(stmt, value=_flipped(value)),)
        case ir.WriteElement(value=value):
            yield f"{stmt.component} forgotten", ()
            yield "a bit too many", (replace(stmt, value=_flipped(value)),)
        case ir.Store(value=value):
            yield "store forgotten", ()
            yield "a bit too many", (replace(stmt, value=_flipped(value)),)
        case ir.Set(value=value):
            for what, other in _swapped(value):
                yield what, (replace(stmt, value=other),)
        case ir.Check():
            yield "check dropped", ()
        case ir.Wait() | ir.DeviceOutput():
            yield "effect dropped", ()
        case ir.Jump() | ir.Load() | ir.DeviceInput() | ir.HostRequire():
            pass
        case ir.Unpredictable() | ir.Shutdown():
            pass
        case ir.Interpret() | ir.Reflect() | ir.Inject() | ir.Resume() | ir.Stop():
            pass  # of designs


def _flipped(value: ir.Expr) -> ir.Expr:
    """The highest bit is another."""
    top = ir.Const(1 << value.width - 1, value.width)
    return ir.Operation(Op.XOR, (value, top), value.width)


def _swapped(expr: ir.Expr) -> Iterator[tuple[str, ir.Expr]]:
    """The expression with one operator swapped, or one slice a bit further down."""
    match expr:
        case ir.Operation(op=op, args=args):
            if op in _SWAPPED:
                yield f"{op} for {_SWAPPED[op]}", replace(expr, op=_SWAPPED[op])
            for i, arg in enumerate(args):
                for what, other in _swapped(arg):
                    yield what, replace(expr, args=(*args[:i], other, *args[i + 1 :]))
        case ir.Extract(value=value, high=high, low=low):
            if low > 0:
                yield "another slice", replace(expr, high=high - 1, low=low - 1)
            for what, other in _swapped(value):
                yield what, replace(expr, value=other)
        case _:
            pass


def _put(body: Sequence[ir.Stmt], number: int, changed: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...]:
    """The body with other statements in the place of one, counted as `ir.statements` does."""
    result, _ = _placed(body, number, changed)
    return result


def _placed(
    body: Sequence[ir.Stmt], number: int, changed: tuple[ir.Stmt, ...]
) -> tuple[tuple[ir.Stmt, ...], int]:
    """The new body, and the number seen from behind it; below zero once it is done."""
    result: list[ir.Stmt] = []
    for stmt in body:
        if number == 0:
            result += changed
            number -= 1
            continue
        number -= 1
        if isinstance(stmt, ir.If) and number >= 0:
            then, number = _placed(stmt.then, number, changed)
            otherwise, number = _placed(stmt.otherwise, number, changed)
            stmt = replace(stmt, then=then, otherwise=otherwise)
        result.append(stmt)
    return tuple(result), number
