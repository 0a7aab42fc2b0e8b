from __future__ import annotations

import subprocess
import sys

import pytest

from popek.smt import (
    Answer,
    Budget,
    By,
    Cause,
    Model,
    Query,
    Sat,
    Stats,
    Undecided,
    Unsat,
    Z3InProcess,
    decide,
)
from popek.terms import Terms

BUDGET = Budget(rlimit=1_000_000, seconds=10)


class Fixed:
    """A solver with one answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Query] = []

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        self.asked.append(query)
        return self.answer, Stats(1, 0.0)


def test_the_rewriter_decides_what_it_can() -> None:
    t = Terms()
    x, p = t.var("x", 8), t.var("p", 1)
    never = Fixed(Undecided(Cause.INCOMPLETE))
    decision = decide(t, "no", [p, t.eq(x, x), t.not_(p)], never, BUDGET)
    assert decision.answer == Unsat() and decision.by is By.REWRITER
    decision = decide(t, "yes", [t.eq(x, x)], never, BUDGET)
    assert decision.answer == Sat(Model()) and decision.by is By.REWRITER
    assert decide(t, "none", [], never, BUDGET).answer == Sat(Model())
    assert not never.asked


def test_the_solver_decides_the_rest() -> None:
    t = Terms()
    x, y = t.var("x", 8), t.var("y", 8)
    decision = decide(t, "sat", [t.ult(x, y), t.ult(y, t.const(2, 8))], Z3InProcess(), BUDGET)
    assert decision.by is By.SOLVER
    assert decision.answer == Sat(Model({"x": 0, "y": 1}))


def test_without_simplification_the_verdict_is_the_same() -> None:
    v = Terms(simplify=False)
    x = v.var("x", 8)
    decision = decide(
        v, "unsat", [v.ne(v.add(x, x), v.mul(x, v.const(2, 8)))], Z3InProcess(), BUDGET
    )
    assert decision.answer == Unsat() and decision.by is By.SOLVER


def test_a_model_that_does_not_satisfy_is_an_error() -> None:
    t = Terms()
    liar = Fixed(Sat(Model({"x": 1})))
    decision = decide(t, "lie", [t.eq(t.var("x", 8), t.const(2, 8))], liar, BUDGET)
    assert isinstance(decision.answer, Undecided)
    assert decision.answer.cause is Cause.ERROR


def test_missing_names_are_zero() -> None:
    t = Terms()
    forgetful = Fixed(Sat(Model()))
    decision = decide(t, "zero", [t.ult(t.var("x", 8), t.const(2, 8))], forgetful, BUDGET)
    assert decision.answer == Sat(Model({"x": 0}))


@pytest.mark.parametrize("answer", [Unsat(), Sat(Model()), Undecided(Cause.BUDGET)])
def test_an_answer_is_no_bool(answer: Answer) -> None:
    with pytest.raises(TypeError):
        bool(answer)


def test_importing_loads_no_solver() -> None:
    code = "import sys, popek.smt, popek.terms; assert 'z3' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
