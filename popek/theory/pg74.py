"""The reading `pg74`: the paper to the letter (definitions.md, section 2).

M is the mode, R what the translation reads other than memory (`Anatomy.relocation`), and
everything else counts as E.
"""

from __future__ import annotations

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.pairs import (
    FIRST,
    SECOND,
    Comparison,
    changes,
    one_step,
    results_differ,
    two_steps,
)


def premise(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Pairs that differ in mode alone: that there is one."""
    return two_steps(comparison, form, algebra).without_violations(algebra)


def not_privileged(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """A pair that differs in mode alone where not (the user one traps, the supervisor one not)."""
    pair = two_steps(comparison, form, algebra)
    supervisor, user = Guards(algebra, pair.runs[FIRST]), Guards(algebra, pair.runs[SECOND])
    return pair.with_violations(
        Violation(Fault.TRAPS, supervisor.traps, FIRST),
        Violation(Fault.COMPLETES, user.no_trap, SECOND),
    )


def control_sensitive(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Some step that does not trap changes M or R."""
    anatomy = comparison.anatomy
    alone = one_step(comparison, form, algebra)
    held = anatomy.mode_components | anatomy.relocation
    return alone.with_violations(*changes(anatomy.isa, form, algebra, alone, FIRST, held))


def behaviour_sensitive(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Two states, equal but for the relocation or the mode, both complete, leave M and R alone,
    and the results differ: location or mode sensitive, by what the comparison varies.
    """
    anatomy = comparison.anatomy
    held = anatomy.mode_components | anatomy.relocation
    pair = two_steps(comparison, form, algebra)
    within = algebra.const(1, 1)
    for side in (FIRST, SECOND):
        within = algebra.both(within, Guards(algebra, pair.runs[side]).completes)
        for change in changes(anatomy.isa, form, algebra, pair, side, held):
            within = algebra.both(within, algebra.negation(change.condition))
    return pair.with_violations(
        *results_differ(comparison, form, algebra, pair, within=within, but=held)
    )
