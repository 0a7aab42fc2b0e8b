"""That a guest can start: its state at reset has a host's state that is as the design requires.

The base of the induction (definitions.md, section 5); that each step keeps what is required is for
control.
"""

from __future__ import annotations

from popek.diagnostics import Collector
from popek.hypervisor.abstraction import Abstraction, State
from popek.hypervisor.design import Design, Direct, kept
from popek.hypervisor.placing import Reach, Watched
from popek.hypervisor.virtual_step import VIRTUAL, host_state
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Step
from popek.semantics.step import Run
from popek.theory.anatomy import reads_of
from popek.theory.direct import BARE, DIRECT, inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.prover import Prover
from popek.theory.states import Premise
from popek.theory.verdict import Proved


def check_start(design: Design, prover: Prover, level: ir.Level) -> None:
    """Raises PopekError for what the design requires and no start fulfils, or, where it is about
    the guest alone, not each.  `level`: one of the guest's own, in which it is before the reset.
    """
    collector = Collector()
    possible: list[ir.Predicate] = []
    for predicate in design.requirements:
        every = reads_of(predicate) <= _guests(design)
        others = () if every else tuple(possible)

        def build(
            algebra: Algebra[V, B],
            flat: bool,
            predicate: ir.Predicate = predicate,
            others: tuple[ir.Predicate, ...] = others,
            every: bool = every,
        ) -> Obligation[V, B]:
            return _start(design, level, algebra, predicate, others, broken=every)

        found = prover.find(f"at the start: {predicate.text}", design.isa.reset, build)
        if isinstance(found, Proved) is not every:
            how = "does not hold of each guest" if every else "holds of no guest"
            collector.add(
                "E1007",
                f"what the design requires {how} that starts",
                predicate.span,
                hint="it has to hold of the state that `reset` leaves",
            )
        elif not every:
            possible.append(predicate)

    def computed(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        return _computed(design, level, algebra)

    title = "at the start: what rows compute"
    if not isinstance(prover.find(title, design.isa.reset, computed), Proved):
        collector.add(
            "E1007",
            "a guest that starts has another value than a row computes for it",
            design.span,
            hint="what `virtual = E` says has to hold of the state that `reset` leaves",
        )
    collector.check()


def _computed(design: Design, level: ir.Level, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Starts of which a computed row says something else."""
    alpha, before, done, start = _reset(design, level, algebra)
    violations = tuple(
        Violation(Fault.DIFFERS, differs, VIRTUAL, name)
        for name, differs in alpha.forgotten(start, done.state)
    )
    premises = (Premise("it is reset", done.completes),)
    return Obligation(premises, violations, {DIRECT: done}, {DIRECT: before})


def _reset(
    design: Design, level: ir.Level, algebra: Algebra[V, B]
) -> tuple[Abstraction[V, B], State[V, B], Step[V, B], State[V, B]]:
    """The host's state before the guest's reset, that step, and the host's state behind it."""
    alpha, before, _, _ = host_state(design, algebra, level, Reach.WALKED)
    placed: Watched[V, B] = Watched(alpha.pieces(before))
    guest = alpha.virtual(before)
    inputs = inputs_of(algebra, BARE, clocks_shared=True)
    run: Run[V, B] = Run(design.isa, algebra, placed, guest, {}, inputs)
    run.run(design.isa.reset)
    done = run.finish()
    return alpha, before, done, alpha.loaded(alpha.put(before, done.state))


def _guests(design: Design) -> frozenset[str]:
    """What is the guest's own in the host's state."""
    stored = {kept(name) for name in design.isa.components if design.stored(name)}
    return frozenset(stored | {n for n, row in design.rows.items() if isinstance(row, Direct)})


def _start(
    design: Design,
    level: ir.Level,
    algebra: Algebra[V, B],
    predicate: ir.Predicate,
    others: tuple[ir.Predicate, ...],
    *,
    broken: bool,
) -> Obligation[V, B]:
    """Starts in which the others hold and the predicate too; or, if `broken`, does not."""
    alpha, before, done, start = _reset(design, level, algebra)
    premises = [Premise(f"require {p.text}", alpha.holds(p, start)) for p in others]
    premises.append(Premise("it is reset", done.completes))
    holds = alpha.holds(predicate, start)
    wrong = algebra.negation(holds) if broken else holds
    violation = Violation(Fault.CHANGES, wrong, VIRTUAL, "", predicate.span)
    return Obligation(tuple(premises), (violation,), {DIRECT: done}, {DIRECT: before})
