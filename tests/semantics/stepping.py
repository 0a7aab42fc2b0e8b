"""One step in both readings, brought to one shape so that the two can be compared.

The symbolic step is built once per form and compiled; the concrete one is run over the values of
a model.  Both start from the same symbols: every component, memory, field and input is a free name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, ShutDown, Step, Trapped
from popek.semantics.sampled import settled
from popek.semantics.step import Run, Storage, step
from popek.semantics.storage import Coupled
from popek.semantics.symbols import Symbols
from popek.source import Span
from popek.terms import ArrayValue, Term, Terms, Value, symbols_of
from popek.theory.direct import inputs_of
from popek.theory.states import Shared, StateBuilder, fields_of
from tests.semantics.compiled import Result, compile_terms

State: TypeAlias = Mapping[str, Result]


# ---------------------------------------------------------------- what a step shows


@dataclass(frozen=True)
class Ending:
    """An exit that is taken; `state` is what a trap leaves changed."""

    kind: str
    name: str
    where: Span
    args: tuple[Result, ...]
    flags: tuple[bool, ...]
    state: State


@dataclass(frozen=True)
class Observed:
    """All that a step shows in one state.

    `state` is what it changes, None where it does not complete.
    """

    endings: tuple[Ending, ...]
    completes: Result
    waits: Result
    state: State | None
    accesses: tuple[tuple[object, ...], ...]
    events: tuple[tuple[object, ...], ...]
    promises: tuple[tuple[object, ...], ...]
    assigned: tuple[tuple[object, ...], ...]

    @property
    def traps(self) -> bool:
        """Whether it is a trap."""
        return any(e.kind == "trap" for e in self.endings)


def observe(
    run: Step[V, B], before: Mapping[str, V | B], of: Callable[[V | B], Result]
) -> Observed:
    """What a step shows where `of` gives every value."""

    def holds(guard: V) -> bool:
        return of(guard) == 1

    def values(args: Iterable[V]) -> tuple[Result, ...]:
        return tuple([of(a) for a in args])

    def changed(state: Mapping[str, V | B]) -> State:
        return {
            name: of(value)
            for name, value in state.items()
            if before[name] is not value and of(value) != of(before[name])
        }

    endings = []
    for e in run.exits:
        if not holds(e.guard):
            continue
        match e:
            case Trapped(name=name, args=args, memory=memory, processor=processor, state=state):
                after, flags = changed(state), (memory, processor)
                endings.append(Ending("trap", name, e.span, values(args), flags, after))
            case LeftOpen(site=site, beyond_privilege=beyond, unmodelled=what):
                endings.append(Ending("left open", site, e.span, (), (beyond, bool(what)), {}))
            case ShutDown():
                endings.append(Ending("shutdown", "", e.span, (), (), {}))
    completes = of(run.completes)
    return Observed(
        endings=tuple(endings),
        completes=completes,
        waits=of(run.waits),
        state=changed(run.state) if completes == 1 else None,
        accesses=tuple(
            [
                (a.site, a.span, a.space, a.access, a.units, values(a.args), a.widths)
                for a in run.accesses
                if holds(a.guard)
            ]
        ),
        events=tuple(
            [
                (e.span, e.device, e.operation, values(e.args), e.widths)
                for e in run.events
                if holds(e.guard)
            ]
        ),
        promises=tuple([(p.span, p.why, of(p.condition)) for p in run.promises if holds(p.guard)]),
        assigned=tuple(
            [
                (a.span, a.component, None if a.index is None else of(a.index), of(a.value))
                for a in run.assigned
                if holds(a.guard)
            ]
        ),
    )


# ---------------------------------------------------------------- building a step


@dataclass(frozen=True)
class Clause:
    """What is run: the clause of a form, or a body of the processor's own with its parameters."""

    isa: ir.Isa
    title: str
    form: ir.Form | None
    body: tuple[ir.Stmt, ...]
    params: tuple[ir.Local, ...] = ()


def clause_of(isa: ir.Isa, form: ir.Form) -> Clause:
    """The clause of a form."""
    return Clause(isa, f"{isa.title}: {form.name} [{form.text}]", form, form.body)


def processor_clauses(isa: ir.Isa) -> Iterator[Clause]:
    """Deliveries, interrupts and the reset."""
    yield Clause(isa, f"{isa.title}: reset", None, isa.reset)
    for trap in isa.traps.values():
        title = f"{isa.title}: delivery of {trap.name}"
        yield Clause(isa, title, None, trap.delivery, trap.params)
    for interrupt in isa.interrupts:
        body = (*interrupt.setup, *interrupt.body)
        yield Clause(isa, f"{isa.title}: interrupt {interrupt.name}", None, body)


def built(
    clause: Clause, algebra: Algebra[V, B], storage: Storage[V, B]
) -> tuple[Mapping[str, V | B], V, Step[V, B]]:
    """The state before, what decoding says, and the step; every symbol is free."""
    isa = clause.isa
    builder = StateBuilder(isa, algebra, "", storage)
    builder.supply(lambda component: Shared())
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    inputs = inputs_of(algebra, "", clocks_shared=True)
    if clause.form is not None:
        code = fields_of(clause.form, algebra)
        decode = builder.decode(clause.form, code).condition
        run = step(isa, clause.form, algebra, storage, builder.state, code, inputs)
        return builder.state, decode, run
    body: Run[V, B] = Run(isa, algebra, storage, builder.state, {}, inputs)
    for param in clause.params:
        body.locals[param.name] = algebra.variable(f"argument.{param.name}", param.width)
    body.run(clause.body)
    return builder.state, algebra.const(1, 1), body.finish()


def abstract_storage(isa: ir.Isa) -> Coupled[V, B]:
    """The proofs' storage: whether an access is permitted, and its cell, are free functions."""

    def permitted(
        run: Run[V, B], name: str, side: str, args: Sequence[V], widths: Sequence[int]
    ) -> V:
        return run.algebra.uninterpreted(f"permits.{name}", args, widths, 1)

    return Coupled(isa, memory=str, own=str, side="", permitted=permitted, flat=False)


class Symbolic:
    """The symbolic step of a clause, compiled."""

    def __init__(self, clause: Clause, storage: Storage[Term, Term]) -> None:
        self.terms = Terms()
        self.before, self.decode, self.step = built(clause, Symbols(self.terms), storage)
        self._roots = tuple(dict.fromkeys(self._parts()))
        self._evaluate = compile_terms(self._roots)
        self.symbols = symbols_of(self._roots)

    def _parts(self) -> Iterable[Term]:
        run = self.step
        yield from (run.completes, run.waits)
        yield from self._changed(run.state)
        for e in run.exits:
            yield e.guard
            if isinstance(e, Trapped):
                yield from e.args
                yield from self._changed(e.state)
        for a in run.accesses:
            yield from (a.guard, *a.args)
        for event in run.events:
            yield from (event.guard, *event.args)
        for p in run.promises:
            yield from (p.guard, p.condition)
        for entry in run.assigned:
            yield from (entry.guard, entry.value)
            if entry.index is not None:
                yield entry.index

    def _changed(self, state: Mapping[str, Term]) -> Iterable[Term]:
        for name, value in state.items():
            if self.before[name] is not value:
                yield from (value, self.before[name])

    @property
    def traps(self) -> Term:
        """Where the step traps."""
        return self.terms.any_of([e.guard for e in self.step.traps])

    @property
    def places(self) -> tuple[Term, ...]:
        """The guards of all that can happen: outcomes, accesses, assignments, events."""
        run = self.step
        recorded = (*run.exits, *run.accesses, *run.assigned, *run.events, *run.promises)
        return tuple(dict.fromkeys([run.completes, *(r.guard for r in recorded)]))

    def values(self, env: Mapping[str, Value]) -> Mapping[Term, Result]:
        """All its parts where the names have these values."""
        return dict(zip(self._roots, self._evaluate(env), strict=True))

    def observe(self, values: Mapping[Term, Result]) -> Observed:
        """What it shows where its parts have these values."""
        return observe(self.step, self.before, values.__getitem__)


def concrete(
    clause: Clause, algebra: Algebra[int, ArrayValue], storage: Storage[int, ArrayValue]
) -> Observed:
    """What the concrete step shows."""
    before, _, run = built(clause, algebra, storage)
    return observe(run, before, _plain)


def _plain(value: Result) -> Result:
    return settled(value) if isinstance(value, ArrayValue) else value


def difference(where: str, ours: Observed, theirs: Observed) -> str:
    """What a failure says: the parts that differ, in both readings."""
    lines = [where]
    for f in fields(Observed):
        a, b = getattr(ours, f.name), getattr(theirs, f.name)
        if a != b:
            lines += [f"{f.name} over ints:  {a}", f"{f.name} over terms: {b}"]
    return "\n".join(lines)
