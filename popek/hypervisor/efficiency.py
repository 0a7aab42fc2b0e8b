"""Efficiency: innocuous instructions run directly (Popek and Goldberg, section 3).

definitions.md, section 5: no innocuous form has a disposition other than running directly, its own
translation included, and none traps on the real machine where it would not on the bare one
at the same level, memory traps apart.
"""

from __future__ import annotations

from popek.hypervisor.design import Disposition
from popek.hypervisor.virtual_step import Case, beside
from popek.semantics.algebra import Algebra, B, V
from popek.theory.direct import BARE, DIRECT
from popek.theory.obligation import Fault, Guards, Obligation, Violation


def slowed(case: Case, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States in which an innocuous form does not run as it would on the bare machine at the level
    that guests run in.
    """
    pair = beside(case, algebra)
    direct = pair.virtual.direct
    if direct is None:
        assert case.disposition is not Disposition.RUN
        every = Violation(Fault.TRAPS, algebra.const(1, 1), BARE)
        return Obligation(
            pair.premises, (every,), {BARE: pair.bare}, {BARE: pair.guest}, pair.fields
        )
    own = algebra.const(0, 1)
    if case.level == case.design.isa.mode.levels[-1]:
        own = algebra.both(Guards(algebra, direct).own_traps, Guards(algebra, pair.bare).no_trap)
    violation = Violation(Fault.TRAPS, own, DIRECT)
    runs = {BARE: pair.bare, DIRECT: direct}
    states = {BARE: pair.guest, DIRECT: pair.host}
    return Obligation(pair.premises, (violation,), runs, states, pair.fields)
