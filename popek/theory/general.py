"""The reading `general`: every privileged component counts (definitions.md, section 2)."""

from __future__ import annotations

from dataclasses import replace

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, ShutDown
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.pairs import (
    FIRST,
    SECOND,
    Comparison,
    accesses_differ,
    changes,
    kinds_differ,
    left_differ,
    one_step,
    results_differ,
    traps_differ,
    two_steps,
)


def completes(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States of a level in which the form completes."""
    alone = one_step(comparison, form, algebra)
    condition = Guards(algebra, alone.runs[FIRST]).ends_well
    return alone.with_violations(Violation(Fault.COMPLETES, condition, FIRST))


def silent(comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States of a level in which the form does not trap."""
    alone = one_step(comparison, form, algebra)
    condition = Guards(algebra, alone.runs[FIRST]).no_trap
    return alone.with_violations(Violation(Fault.COMPLETES, condition, FIRST))


def control_sensitive(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Some step that does not trap changes a privileged component.

    Wait, Shutdown, `unpredictable beyond privilege` and a device event count as a change.
    """
    anatomy = comparison.anatomy
    alone = one_step(comparison, form, algebra)
    run = alone.runs[FIRST]
    found = list(changes(anatomy.isa, form, algebra, alone, FIRST, anatomy.privileged))
    found += _other_copies(comparison, algebra, alone)
    found.append(Violation(Fault.WAITS, run.waits, FIRST))
    for e in run.exits:
        match e:
            case ShutDown(guard=guard, span=span):
                found.append(Violation(Fault.SHUTS_DOWN, guard, FIRST, "", span))
            case LeftOpen(guard=guard, span=span, beyond_privilege=True, unmodelled=what):
                found.append(Violation(Fault.LEFT_OPEN, guard, FIRST, what, span))
            case _:
                pass
    silent = Guards(algebra, run).no_trap
    for access in run.accesses:
        # The processor's tables, and storage by its real address, are the privileged software's.
        translation = anatomy.isa.translations.get(access.space)
        if access.access == "write" and (translation is None or translation.processor):
            condition = algebra.both(access.guard, run.completes)
            found.append(Violation(Fault.CHANGES, condition, FIRST, access.space, access.span))
    for event in run.events:
        condition = algebra.both(event.guard, silent)
        found.append(Violation(Fault.DEVICE, condition, FIRST, event.device, event.span))
    return alone.with_violations(*found)


def _other_copies(
    comparison: Comparison, algebra: Algebra[V, B], alone: Obligation[V, B]
) -> list[Violation[V]]:
    """The copies of a banked register other than the current level's are resources."""
    isa = comparison.isa
    run, before = alone.runs[FIRST], alone.states[FIRST]
    found = []
    for component in isa.components.values():
        name = component.name
        if not component.banked or before[name] is run.state[name]:
            continue
        for i, level in enumerate(isa.mode.levels):
            if level == comparison.first:
                continue
            at = algebra.const(i, component.index_width)
            a, b = (
                algebra.select(bank, at, component.index_width, component.width)  # type: ignore[arg-type]
                for bank in (before[name], run.state[name])
            )
            differ = algebra.negation(algebra.equal(a, b, component.width))
            condition = algebra.both(run.completes, differ)
            found.append(Violation(Fault.CHANGES, condition, FIRST, name))
    return found


def mode_sensitive(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Two levels, the first the more privileged, and different outcomes.

    That the lower one alone traps is no difference (it is what privileged means); that the higher
    one alone traps is.  Where both trap, the trap may show the mode.
    """
    pair = two_steps(comparison, form, algebra)
    higher, lower = Guards(algebra, pair.runs[FIRST]), Guards(algebra, pair.runs[SECOND])
    alone = algebra.both(higher.traps, lower.no_trap)
    neither = algebra.both(higher.no_trap, lower.no_trap)
    found = [Violation(Fault.TRAPS, alone, FIRST)]
    found += _within(algebra, neither, list(kinds_differ(algebra, pair)))
    found += accesses_differ(comparison.isa, algebra, pair)
    found += left_differ(comparison, form, algebra, pair)
    both = algebra.both(higher.completes, lower.completes)
    found += results_differ(comparison, form, algebra, pair, within=both)
    return pair.with_violations(*found)


def resource_sensitive(
    comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """One mode, any set of privileged components varied, and different outcomes.

    That one traps and the other does not counts (or S/370 MONITOR CALL is missed).
    """
    pair = two_steps(replace(comparison, probing=True), form, algebra)
    first, second = Guards(algebra, pair.runs[FIRST]), Guards(algebra, pair.runs[SECOND])
    found = [
        Violation(Fault.TRAPS, algebra.both(first.traps, second.no_trap), FIRST),
        Violation(Fault.TRAPS, algebra.both(second.traps, first.no_trap), SECOND),
    ]
    neither = algebra.both(first.no_trap, second.no_trap)
    found += _within(algebra, neither, list(kinds_differ(algebra, pair)))
    found += traps_differ(comparison, form, algebra, pair)
    found += accesses_differ(comparison.isa, algebra, pair)
    both = algebra.both(first.completes, second.completes)
    found += results_differ(comparison, form, algebra, pair, within=both)
    return pair.with_violations(*found)


def _within(algebra: Algebra[V, B], guard: V, violations: list[Violation[V]]) -> list[Violation[V]]:
    return [v.within(algebra, guard) for v in violations]
