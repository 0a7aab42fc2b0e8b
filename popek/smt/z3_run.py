"""One query to z3, in this process and in a context of its own. Importing this imports z3."""

from __future__ import annotations

from time import perf_counter
from typing import Final

import z3

from popek.smt.answer import Answer, Budget, Cause, Sat, Stats, Undecided, Unsat
from popek.smt.query import Query
from popek.smt.z3_model import UnreadableModel, read_model

TACTIC: Final = "qfaufbv"
"""Measured even with or ahead of z3's other solvers on products of random terms."""


def run(query: Query, budget: Budget) -> tuple[Answer, Stats]:
    """The verdict of z3 and what it took.

    A fresh context per query: the count of steps then depends on the text alone. Raises
    KeyboardInterrupt if z3 was stopped by one.
    """
    start = perf_counter()
    steps = 0
    try:
        context = z3.Context()
        solver = z3.Tactic(TACTIC, context).solver()
        solver.set("rlimit", budget.rlimit)
        solver.set("timeout", max(1, round(budget.seconds * 1000)))
        solver.from_string(query.text)
        verdict = solver.check()
        steps = _steps(solver)
        answer: Answer
        if verdict == z3.unsat:
            answer = Unsat()
        elif verdict == z3.sat:
            answer = Sat(read_model(solver.model(), query.symbols))
        else:
            reason = solver.reason_unknown()
            if reason == "interrupted from keyboard":
                raise KeyboardInterrupt
            answer = Undecided(_cause(steps, perf_counter() - start, budget), reason)
    except z3.Z3Exception as error:
        answer = Undecided(Cause.ERROR, str(error))
    except UnreadableModel as error:
        answer = Undecided(Cause.ERROR, str(error))
    return answer, Stats(steps, perf_counter() - start)


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
