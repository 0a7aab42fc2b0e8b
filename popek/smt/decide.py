"""A question about terms, put to the rewriter first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from popek.smt.answer import Answer, Budget, Cause, Sat, Stats, Undecided, Unsat
from popek.smt.model import Model
from popek.smt.query import query
from popek.smt.solver import Solver
from popek.terms import Op, Term, Terms, evaluate, symbols_of


class By(StrEnum):
    """Who decided."""

    REWRITER = "rewriter"
    SOLVER = "solver"


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, who gave it, and what the solver took for it."""

    answer: Answer
    by: By
    stats: Stats


def decide(
    terms: Terms, name: str, assertions: Sequence[Term], solver: Solver, budget: Budget
) -> Decision:
    """Whether the assertions, of width 1, can all be 1.

    A conjunction that simplifies to a constant needs no solver. A model from a solver is evaluated
    here; one that does not satisfy the assertions is an error, not a verdict.
    """
    goal = terms.all_of(assertions)
    symbols = symbols_of(assertions)
    if goal.op is Op.CONST:
        answer: Answer = Sat(Model().completed(symbols)) if goal.payload else Unsat()
        return Decision(answer, By.REWRITER, Stats(0, 0.0))
    answer, stats = solver.solve(query(name, goal.args if goal.op is Op.AND else [goal]), budget)
    if isinstance(answer, Sat):
        model = answer.model.completed(symbols)
        satisfied = evaluate(goal, model) == 1
        answer = Sat(model) if satisfied else Undecided(Cause.ERROR, f"{model} is no model")
    return Decision(answer, By.SOLVER, stats)
