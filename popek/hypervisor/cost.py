"""What a design makes of time, in numbers: definitions.md, section 5.

The cost model says what each way of executing costs.  Which of them a form can take is decided
here; memory traps are left out, as in the definition of efficiency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from popek.hypervisor.design import Cost, Disposition
from popek.hypervisor.virtual_step import Case, beside
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.direct import BARE, DIRECT
from popek.theory.obligation import Fault, Guards, Obligation, Violation, any_of
from popek.theory.prover import Prover
from popek.theory.verdict import Class, Proved, Refuted


class Way(StrEnum):
    """How an instruction of the guest's is executed."""

    RUNS = "runs"
    REFLECTED = "traps, and the trap is the guest's"
    EMULATED = "traps, and is interpreted"
    INTERPRETED = "interpreted"
    CALLED = "translated, into a call of the host"
    HYPERCALL = "replaced, by a call of the host"


def steps(cost: Cost, way: Way) -> int:
    """What a way costs, in steps of the real machine."""
    match way:
        case Way.RUNS:
            return cost.run
        case Way.REFLECTED:
            return cost.trap
        case Way.EMULATED | Way.HYPERCALL:
            return cost.trap + cost.interpret
        case Way.INTERPRETED:
            return cost.interpret
        case Way.CALLED:
            return cost.translate + cost.interpret
        case _ as never:
            assert_never(never)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of a case.  `open`: those that are not decided."""

    case: Case
    taken: tuple[Way, ...]
    open: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Expense:
    """What the forms of a class cost at a level of the guest's: from `least` steps to `most`, or
    None where a way is not decided.  On the bare machine each costs `bare`.
    """

    kind: Class
    level: ir.Level
    forms: int
    bare: int
    least: int
    most: int | None
    ways: tuple[Way, ...]


def ways_of(case: Case, prover: Prover) -> Ways:
    """How a case is executed, in some state."""
    match case.disposition:
        case Disposition.INTERPRET:
            return Ways(case, (Way.INTERPRETED,))
        case Disposition.TRANSLATE:
            return Ways(case, (Way.CALLED,))
        case Disposition.REPLACED:
            return Ways(case, (Way.HYPERCALL,))
        case _:
            pass
    taken: list[Way] = []
    undecided: list[Way] = []
    for way in (Way.RUNS, Way.REFLECTED, Way.EMULATED):

        def build(algebra: Algebra[V, B], flat: bool, way: Way = way) -> Obligation[V, B]:
            return _taking(case, way, algebra)

        match prover.find(f"{case.title} {way.name}", case.form.body, build, case.form):
            case Refuted():
                taken.append(way)
            case Proved():
                pass
            case _:
                undecided.append(way)
    return Ways(case, tuple(taken), tuple(undecided))


def _taking(case: Case, way: Way, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States in which a case that the machine runs is executed in this way."""
    pair = beside(case, algebra)
    direct = pair.virtual.direct
    assert direct is not None
    guards = Guards(algebra, direct)
    acts = pair.virtual.handled.acts
    interpreted = any_of(algebra, [a.guard for a in acts if isinstance(a.action, ir.Interpret)])
    match way:
        case Way.RUNS:
            here = guards.no_trap
        case Way.EMULATED:
            here = algebra.both(guards.own_traps, interpreted)
        case _:
            here = algebra.both(guards.own_traps, algebra.negation(interpreted))
    runs, states = {BARE: pair.bare, DIRECT: direct}, {BARE: pair.guest, DIRECT: pair.host}
    violation = Violation(Fault.COMPLETES, here, DIRECT)
    return Obligation(pair.premises, (violation,), runs, states, pair.fields)


def expenses(
    cost: Cost, found: list[Ways], classes: Mapping[tuple[str, str], Class]
) -> tuple[Expense, ...]:
    """The cases by class and level, in the order of the classes from the harmless ones on."""
    groups: dict[tuple[Class, ir.Level], list[Ways]] = {}
    for ways in found:
        groups.setdefault((classes[ways.case.form.key], ways.case.level), []).append(ways)
    result = []
    for kind in reversed(Class):
        for (own, level), its in groups.items():
            if own is not kind:
                continue
            taken = tuple(w for w in Way if any(w in ways.taken for ways in its))
            prices = [steps(cost, way) for way in taken]
            decided = not any(ways.open for ways in its)
            forms = {ways.case.form.key for ways in its}
            result.append(
                Expense(
                    kind,
                    level,
                    len(forms),
                    cost.run,
                    min(prices, default=0),
                    max(prices, default=0) if decided else None,
                    taken,
                )
            )
    return tuple(result)
