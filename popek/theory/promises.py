"""The host's promises about its own tables: printed, and satisfiable (definitions.md, section 2).

A `host E` line in a body says what the host put where the processor reads here.  One that no
content of the tables could keep would make every proof behind it vacuous.
"""

from __future__ import annotations

from collections.abc import Iterator

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.ints import Ints
from popek.semantics.outcome import Step
from popek.theory.anatomy import Anatomy
from popek.theory.direct import (
    DIRECT,
    Coupling,
    Host,
    delivered_elsewhere,
    demoted_completes,
)
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.prover import Build, Prover
from popek.theory.verdict import Proved, Refuted, Undecided


def keepable(prover: Prover, anatomy: Anatomy, host: Host) -> dict[str, bool | None]:
    """For each promise, by its text: whether it can be kept where a step relies on it."""
    found: dict[str, bool | None] = {}
    coupling = Coupling(anatomy, anatomy.lowest, host)
    for why, body, form, build in _places(coupling):
        if found.get(why) is True:
            continue
        match prover.find(f"the host can promise: {why}", body, build, form):
            case Refuted(witness=witness):
                # One state usually relies on, and keeps, more than the promise asked about.
                there = build(Ints(witness.model), witness.flat).runs[DIRECT]
                found.update({p.why: True for p in there.promises if p.guard})
            case Proved():
                found.setdefault(why, False)
            case Undecided():
                found[why] = None
    return found


def _places(
    coupling: Coupling,
) -> Iterator[tuple[str, tuple[ir.Stmt, ...], ir.Form | None, Build]]:
    """Every body with a promise in it, the promise's text, and how to reach it."""
    isa = coupling.isa
    for form in isa.forms:
        for why in _promises(form.body):

            def by_step(
                algebra: Algebra[V, B], flat: bool, form: ir.Form = form, why: str = why
            ) -> Obligation[V, B]:
                alone = demoted_completes(coupling.flattened(flat), form, algebra)
                return _kept(alone, algebra, why)

            yield why, form.body, form, by_step
    for trap in isa.traps.values():
        for why in _promises(trap.delivery):

            def by_delivery(
                algebra: Algebra[V, B], flat: bool, trap: ir.Trap = trap, why: str = why
            ) -> Obligation[V, B]:
                alone = delivered_elsewhere(coupling.flattened(flat), trap, algebra)
                return _kept(alone, algebra, why)

            yield why, trap.delivery, None, by_delivery


def _promises(body: tuple[ir.Stmt, ...]) -> list[str]:
    return list(dict.fromkeys(s.why for s in ir.statements(body) if isinstance(s, ir.HostRequire)))


def _kept(alone: Obligation[V, B], algebra: Algebra[V, B], why: str) -> Obligation[V, B]:
    """States in which the step relies on the promise, all promises kept (a premise already)."""
    run: Step[V, B] = alone.runs[DIRECT]
    return alone.with_violations(
        *(
            Violation(Fault.COMPLETES, p.guard, DIRECT, "", p.span)
            for p in run.promises
            if p.why == why
        )
    )
