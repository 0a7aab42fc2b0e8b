"""What every way of running a solver offers."""

from __future__ import annotations

from typing import Protocol

from popek.smt.answer import Answer, Budget, Stats
from popek.smt.query import Query


class Solver(Protocol):
    """Answers queries, one at a time; the same query and budget take the same steps each time."""

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """The verdict, within the budget. A query that cannot be decided or read raises nothing."""
        ...
