"""A refuted case over integers: the guest, what both machines make of it, and what the host did.

Everything is evaluated again, straight from the IR, in the state that a witness has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from popek.hypervisor.abstraction import Abstraction, Left
from popek.hypervisor.design import Design, Kept, kept
from popek.hypervisor.handling import Acted, Handled
from popek.hypervisor.interrupts import Arrival, arrived
from popek.hypervisor.virtual_step import Case, beside
from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.semantics.ints import Ints
from popek.semantics.outcome import Assigned, Step
from popek.source import Span
from popek.terms import ArrayValue
from popek.theory.prover import ending
from popek.theory.verdict import Sighting, Witness

State = Mapping[str, int | ArrayValue]


@dataclass(frozen=True, slots=True)
class End:
    """How a step ends.  `after` is empty where it does not go on; `outcome` then says how."""

    after: State
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a witness shows.  Of the guest's state, what the step has to do with.

    `bare` and `virtual` are the guest on the bare machine and under the design; `host` is the
    host's state before, `left` that in which the guest goes on, if it does.  `trap` is the real
    machine's, if it traps, with its arguments.  `spec` and `design` are the lines to blame.
    """

    guest: State
    bare: End | None
    virtual: End
    host: State
    left: State
    trap: str | None
    spec: Span
    design: Span


def of_case(case: Case, rule: Span, witness: Witness) -> Exhibit:
    """A witness about a form.  `rule`: the line that says what becomes of it."""
    design, form = case.design, case.form
    pair = beside(case, Ints(witness.model))
    ran = pair.virtual
    shown = _shown(design.isa, form.body, witness.sightings)
    trap = None if ran.direct is None else ending(ran.direct)
    virtual = _end(ran.step, shown)
    own = _handler(design, ran.direct)
    default = rule if own is None else own
    return Exhibit(
        guest=_cut(pair.guest, shown),
        bare=_end(pair.bare, shown),
        virtual=virtual,
        host=_hosts(design, pair.host, shown),
        left=_hosts(design, _left(ran.left), shown),
        trap=trap,
        spec=_spec_line(design, witness, pair.bare, ran.direct, form.span),
        design=_design_line(design, witness, ran.handled, default),
    )


def of_arrival(arrival: Arrival, witness: Witness) -> Exhibit:
    """A witness about an interrupt of the real machine's."""
    design, interrupt = arrival.design, arrival.interrupt
    found = arrived(arrival, Ints(witness.model))
    _, host, alpha, step, handled = found
    shown = _shown(design.isa, interrupt.body, witness.sightings)
    left = _left([Left(r.guard, r.state) for r in handled.resumed])
    after = _guest(alpha, left)
    own = _handler(design, step)
    return Exhibit(
        guest=_cut(alpha.virtual(host), shown),
        bare=None,
        virtual=End(_cut(after, shown), None if after else "the guest does not go on"),
        host=_hosts(design, host, shown),
        left=_hosts(design, left, shown),
        trap=ending(step),
        spec=interrupt.span,
        design=_design_line(design, witness, handled, own or design.span),
    )


def _guest(alpha: Abstraction[int, ArrayValue], left: State) -> State:
    return alpha.virtual(left) if left else {}


def _shown(
    isa: ir.Isa, body: tuple[ir.Stmt, ...], sightings: Iterable[Sighting]
) -> tuple[str, ...]:
    """The parts of the guest's state that the step has to do with, in the spec's order."""
    touched = reads(body) | writes(body) | {isa.pc} | expressed(isa.mode.level)
    touched |= {s.component for s in sightings}
    return tuple(name for name in (*isa.components, *isa.memories) if name in touched)


def expressed(expr: ir.Expr) -> frozenset[str]:
    """The components that an expression reads."""
    parts = ir.subexpressions(expr)
    return frozenset(part.component for part in parts if isinstance(part, ir.Read))


def _cut(state: State, shown: Sequence[str]) -> State:
    return {name: state[name] for name in shown if name in state}


def _end(step: Step[int, ArrayValue], shown: Sequence[str]) -> End:
    if step.completes:
        return End(_cut(step.state, shown), None)
    return End({}, ending(step) or "the guest does not go on")


def _left(left: Iterable[Left[int, ArrayValue]]) -> State:
    """The host's state that is reached."""
    return next((one.state for one in left if one.guard), {})


def _hosts(design: Design, state: State, shown: Sequence[str]) -> State:
    """The host's part of a state: what it holds in place of the guest's, and beside it."""
    own = [*design.parameters, *design.extras]
    for name in shown:
        if isinstance(design.rows.get(name), Kept):
            own += [name, kept(name)]
    return _cut(state, own)


def _handler(design: Design, direct: Step[int, ArrayValue] | None) -> Span | None:
    """The handler that ran; None if none did."""
    for trap in direct.traps if direct is not None else ():
        if trap.guard and trap.name in design.handlers:
            return design.handlers[trap.name].span
    return None


def _design_line(
    design: Design, witness: Witness, handled: Handled[int, ArrayValue], default: Span
) -> Span:
    """What the design says that is wrong: a condition it states, the last assignment to what
    differs, or the last thing that a handler did.
    """
    blame = witness.blame
    if blame is not None and blame.path == design.path:
        return blame
    names = {n for s in witness.sightings for n in (s.component, kept(s.component))}
    for entry in reversed(handled.assigned):
        if entry.guard and entry.component in names and entry.span.path == design.path:
            return entry.span
    acts = [act.action.span for act in _taken(handled.acts) if act.action.span.path == design.path]
    return acts[-1] if acts else default


def _taken(acts: Iterable[Acted[int]]) -> list[Acted[int]]:
    """What was done; that the guest goes on then, only if there is nothing else."""
    taken = [act for act in acts if act.guard]
    return [act for act in taken if not isinstance(act.action, ir.Resume)] or taken


def _spec_line(
    design: Design,
    witness: Witness,
    bare: Step[int, ArrayValue],
    direct: Step[int, ArrayValue] | None,
    default: Span,
) -> Span:
    """The line of the spec that does what is wrong, or that does right on the bare machine; or that
    ends the step.
    """
    blame = witness.blame
    if blame is not None and blame.path != design.path:
        return blame
    names = {s.component for s in witness.sightings}
    last: Assigned[int] | None = None
    for entry in bare.assigned:
        if entry.guard and entry.component in names:
            last = entry
    if last is not None:
        return last.span
    runs = [bare] if direct is None else [bare, direct]
    ends = [e.span for run in runs for e in run.exits if e.guard]
    return ends[0] if ends else default
