"""One query to z3, in this process and in a context of its own. Importing this imports z3."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

import z3

from popek.smt.answer import Answer, Budget, Cause, Sat, Stats, Undecided, Unsat
from popek.smt.query import Query
from popek.smt.z3_model import UnreadableModel, read_model

QUICK: Final = 500_000
"""Steps for z3's own way with arrays, which most queries need less than."""


def run(query: Query, budget: Budget) -> tuple[Answer, Stats]:
    """The verdict of z3 and what it took.

    Small queries are quickest with arrays as a theory.  Those that are not decided so are decided
    fifty times faster, if they have an answer, once their arrays are gone: a read of a write
    becomes a choice, the reads that are left become variables, and what remains is bit-blasted.

    A fresh context per attempt: the count of steps then depends on the text alone. Raises
    KeyboardInterrupt if z3 was stopped by one.
    """
    start = perf_counter()
    total = 0
    answer: Answer = Undecided(Cause.BUDGET)
    attempts = ((_with_arrays, QUICK), (_without_arrays, budget.rlimit), (_with_arrays, None))
    for make, steps in attempts:
        spent = perf_counter() - start
        left = Budget(min(steps or budget.rlimit, budget.rlimit - total), budget.seconds - spent)
        if left.rlimit <= 0 or left.seconds <= 0:
            break
        answer, used = _attempt(query, left, make)
        total += used
        if not isinstance(answer, Undecided):
            break
    return answer, Stats(total, perf_counter() - start)


def _with_arrays(context: z3.Context) -> z3.Solver:
    """Measured even with or ahead of z3's other solvers on products of random terms."""
    return z3.Tactic("qfaufbv", context).solver()


def _without_arrays(context: z3.Context) -> z3.Solver:
    expand = z3.With(
        z3.Tactic("simplify", context),
        expand_select_store=True,
        blast_select_store=True,
        expand_select_ite=True,
    )
    others = ("propagate-values", "solve-eqs", "bvarray2uf", "ackermannize_bv", "qfbv")
    return z3.Then(expand, *(z3.Tactic(name, context) for name in others)).solver()


def _attempt(
    query: Query, budget: Budget, make: Callable[[z3.Context], z3.Solver]
) -> tuple[Answer, int]:
    start = perf_counter()
    steps = 0
    try:
        solver = make(z3.Context())
        solver.set("rlimit", budget.rlimit)
        solver.set("timeout", max(1, round(budget.seconds * 1000)))
        solver.from_string(query.text)
        verdict = solver.check()
        steps = _steps(solver)
        if verdict == z3.unsat:
            return Unsat(), steps
        if verdict == z3.sat:
            return Sat(read_model(solver.model(), query.symbols)), steps
        reason = solver.reason_unknown()
        if reason == "interrupted from keyboard":
            raise KeyboardInterrupt
        return Undecided(_cause(steps, perf_counter() - start, budget), reason), steps
    except z3.Z3Exception as error:
        return Undecided(Cause.ERROR, str(error)), steps
    except UnreadableModel as error:
        return Undecided(Cause.ERROR, str(error)), steps


def _steps(solver: z3.Solver) -> int:
    """The steps of the last check; z3 counts none for what it simplifies away."""
    statistics = solver.statistics()
    if "rlimit count" not in statistics.keys():  # noqa: SIM118 -- not a mapping
        return 0
    return int(statistics.get_key_value("rlimit count"))


def _cause(steps: int, seconds: float, budget: Budget) -> Cause:
    """Decided from what was allowed and what was used, since z3's reasons are words."""
    if steps >= budget.rlimit:
        return Cause.BUDGET
    return Cause.TIMEOUT if seconds >= budget.seconds else Cause.INCOMPLETE
