"""Which invariants are proved, and which are assumptions; and where traps lead.

`invariant E` restricts states only if it is proved inductive over reset, every step and every
delivery; otherwise it is an assumption, and printed (definitions.md, section 1).

One about what a delivery leaves changed for the delivery of a second trap holds between steps
alone: no delivery may rely on it, each that completes has to bring it about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from popek.isa import ir
from popek.isa.footprint import raised_behind, spaces, translations_behind, writes
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, Trapped
from popek.semantics.step import Run, step
from popek.semantics.storage import PERMITS, Coupled, memory_of
from popek.theory.anatomy import reads_of
from popek.theory.direct import inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.prover import Build, Prover
from popek.theory.raising import left_by, left_by_deliveries
from popek.theory.states import Own, StateBuilder, arguments_of, fields_of, no_inputs
from popek.theory.subject import some
from popek.theory.verdict import Finding, Proved, Undecided

SIDE = "@any"


def _storage(
    isa: ir.Isa, algebra: Algebra[V, B], flat: bool, *, trapping: bool = False
) -> Coupled[V, B]:
    """`trapping`: memory traps are among the outcomes."""

    def permitted(
        run: Run[V, B], name: str, at: str, args: Sequence[V], widths: Sequence[int]
    ) -> V:
        return algebra.uninterpreted(f"{PERMITS}{name}", args, widths, 1)

    may = permitted if trapping else None
    return Coupled(isa, memory=str, own=str, side="", permitted=may, flat=flat)


def _any_state(isa: ir.Isa, algebra: Algebra[V, B], case: _Case, flat: bool) -> StateBuilder[V, B]:
    storage = _storage(isa, algebra, flat, trapping=_leaves(isa, case.body))
    builder: StateBuilder[V, B] = StateBuilder(isa, algebra, SIDE, storage)
    builder.supply(lambda component: Own())
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    kept = {invariant.text for invariant in case.before}
    builder.invariants(but=frozenset(i.text for i in isa.invariants if i.text not in kept))
    return builder


def _leaves(isa: ir.Isa, body: tuple[ir.Stmt, ...]) -> bool:
    """Whether a memory trap may leave something of what the body did before it."""
    traps = (isa.traps[name] for name in raised_behind(isa, spaces(body)))
    return any(isinstance(s, ir.Write) and s.lasting for s in ir.statements(body)) or any(
        trap.kind is not ir.TrapKind.FAULT for trap in traps
    )


def _between_steps(isa: ir.Isa, invariant: ir.Predicate) -> bool:
    """Whether it says nothing of the states in which traps are delivered.

    What stores a trap leaves done is not followed: one about memory holds there, too.
    """
    about = reads_of(invariant)
    return about <= isa.components.keys() and not about.isdisjoint(left_by_deliveries(isa))


def _before(isa: ir.Isa, trap: ir.Trap) -> list[ir.Predicate]:
    """The invariants that hold where the trap is delivered: those that hold between steps alone if
    the trap leaves all that they are about as it was then.
    """
    left = left_by(isa)[trap.name] | {isa.pc}
    return [i for i in isa.invariants if not _between_steps(isa, i) or reads_of(i).isdisjoint(left)]


def _broken(
    isa: ir.Isa,
    algebra: Algebra[V, B],
    flat: bool,
    done: Obligation[V, B],
    invariant: ir.Predicate,
) -> Violation[V]:
    """The invariant fails in a state that is reached: where the step completes, where a trap leaves
    it that keeps its effects or moves the pc (unless the invariant holds between steps alone), and
    where what the spec leaves open may write what it is about.
    """
    run = done.runs[SIDE]

    def fails(state: Mapping[str, V | B], guard: V) -> V:
        # From the state before: a translation that the step has changed is another one.
        after = Run(isa, algebra, _storage(isa, algebra, flat), done.states[SIDE], {}, no_inputs)
        after.state = dict(state)
        after.run(invariant.setup)
        return algebra.both(guard, algebra.negation(after.value(invariant.condition)))

    between = _between_steps(isa, invariant)
    moved = isa.pc in reads_of(invariant)
    condition = fails(run.state, run.completes)
    for e in run.exits:
        match e:
            case Trapped(guard=guard, state=state, keeps=keeps) if not between and (keeps or moved):
                condition = algebra.either(condition, fails(state, guard))
            case LeftOpen(unmodelled="", beyond_privilege=beyond, guard=guard):
                if beyond or _within_reach(isa, invariant):
                    condition = algebra.either(condition, guard)
            case _:
                # What is not modelled is an assumption of its own.
                pass
    return Violation(Fault.CHANGES, condition, SIDE, "", invariant.span)


def _written_on_the_way(isa: ir.Isa, body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    """What the translations behind the accesses of a body write."""
    behind = translations_behind(isa, spaces(body))
    return _places(isa, frozenset(name for b in behind for name in writes(b)))


def _about(isa: ir.Isa, invariant: ir.Predicate) -> frozenset[str]:
    return _places(isa, reads_of(invariant))


def _places(isa: ir.Isa, names: frozenset[str]) -> frozenset[str]:
    """The same, with the memory behind each space in its place."""
    known = isa.translations.keys() | isa.memories.keys()
    return frozenset(memory_of(isa, name).name if name in known else name for name in names)


def _within_reach(isa: ir.Isa, invariant: ir.Predicate) -> bool:
    """Whether the invariant is about something that programs may write themselves."""
    own = {ir.Role.REGISTER, ir.Role.PC, ir.Role.LOADABLE}
    return any(
        (component := isa.components.get(name)) is None or component.role in own
        for name in reads_of(invariant)
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """One invariant, and why it holds in every reachable state, if it does."""

    invariant: ir.Predicate
    findings: tuple[Finding, ...]

    @property
    def inductive(self) -> bool | None:
        broken = some(self.findings)
        return None if broken is None else not broken


@dataclass(frozen=True)
class _Case:
    """A body that an invariant has to survive.  `form`: whose clause it is; otherwise it has
    `params`, and no encoding.  It starts where the invariants of `before` hold.  `parts` are cases
    that together cover this one.
    """

    name: str
    body: tuple[ir.Stmt, ...]
    before: Sequence[ir.Predicate]
    params: Sequence[ir.Local] = ()
    form: ir.Form | None = None
    parts: tuple[_Case, ...] = ()


def induct(prover: Prover) -> tuple[Kept, ...]:
    """Reset, every step, every delivery and every interrupt, for each invariant.

    One that is broken is an assumption, and what was proved with its help is proved once more
    without.
    """
    isa = prover.isa
    kept: dict[str, Kept] = {}
    standing = isa.invariants
    while True:
        found = _induct(prover, replace(isa, invariants=standing))
        kept |= {one.invariant.text: one for one in found}
        remaining = tuple(one.invariant for one in found if one.inductive)
        if remaining == standing:
            return tuple(kept[i.text] for i in isa.invariants)
        standing = remaining


def _induct(prover: Prover, isa: ir.Isa) -> list[Kept]:
    """The invariants of `isa`, all together; one that is broken is not asked about again."""
    findings: dict[str, list[Finding]] = {i.text: [] for i in isa.invariants}
    for case in _cases(isa):
        for invariant in isa.invariants:
            known = findings[invariant.text]
            if all(isinstance(finding, Proved) for finding in known):
                known += _kept(prover, isa, case, invariant)
    return [Kept(i, tuple(findings[i.text])) for i in isa.invariants]


def _kept(prover: Prover, isa: ir.Isa, case: _Case, invariant: ir.Predicate) -> list[Finding]:
    """The case in one piece, or else its parts up to the first that breaks the invariant."""
    name = f"{case.name} keeps {invariant.text}"
    if _written_on_the_way(isa, case.body) & _about(isa, invariant):
        return [Undecided(name, "what a translation writes is not followed")]
    finding = prover.find(name, case.body, _after(isa, invariant, case), case.form)
    if isinstance(finding, Proved) or not case.parts:
        return [finding]
    found: list[Finding] = []
    for part in case.parts:
        found += _kept(prover, isa, part, invariant)
        if not isinstance(found[-1], Proved):
            break
    return found


def _cases(isa: ir.Isa) -> Iterator[_Case]:
    yield _Case("reset", isa.reset, ())
    for by in {trap.by.name: trap.by for trap in isa.traps.values()}.values():
        traps = tuple(
            _Case(f"delivery of {trap.name}", trap.delivery, _before(isa, trap), trap.params)
            for trap in isa.traps.values()
            if trap.by is by
        )
        always = [i for i in isa.invariants if all(i in trap.before for trap in traps)]
        yield _Case(f"delivery {by.name}", by.body, always, by.params, parts=traps)
    for interrupt in isa.interrupts:
        taken = ir.If(interrupt.condition, interrupt.body, (), interrupt.span)
        body = (*interrupt.setup, taken)
        yield _Case(f"interrupt {interrupt.name}", body, isa.invariants)
    for form in isa.forms:
        yield _Case(f"{form.name} [{form.text}]", form.body, isa.invariants, form=form)


def _after(isa: ir.Isa, invariant: ir.Predicate, case: _Case) -> Build:
    """That the invariant does not hold after the case."""

    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        key = SIDE, case.name, len(isa.invariants), flat
        done = algebra.once(key, lambda: _done(isa, case, algebra, flat))
        return done.with_violations(_broken(isa, algebra, flat, done, invariant))

    return build


def _done(isa: ir.Isa, case: _Case, algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
    """The case from any state that the invariants before it allow."""
    builder: StateBuilder[V, B] = _any_state(isa, algebra, case, flat)
    inputs = inputs_of(algebra, SIDE, clocks_shared=True)
    if case.form is not None:
        fields = fields_of(case.form, algebra)
        done = step(isa, case.form, algebra, builder.storage, builder.state, fields, inputs)
        premises = (*builder.premises, builder.decode(case.form, fields))
        return Obligation(premises, (), {SIDE: done}, {SIDE: builder.state}, fields)
    run: Run[V, B] = Run(isa, algebra, builder.storage, builder.state, {}, inputs)
    run.locals.update(arguments_of(case.params, algebra))
    run.run(case.body)
    return Obligation(tuple(builder.premises), (), {SIDE: run.finish()}, {SIDE: builder.state})
