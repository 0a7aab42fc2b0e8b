"""z3 in this process: no start-up cost, and no way to stop it but its own."""

from __future__ import annotations

from popek.smt.answer import Answer, Budget, Stats
from popek.smt.query import Query


class Z3InProcess:
    """Runs z3 here. z3 stops at its budget by itself, most of the time."""

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """See `Solver.solve`. Raises KeyboardInterrupt when interrupted."""
        from popek.smt.z3_run import run  # noqa: PLC0415 -- z3 takes long to import

        return run(query, budget)
