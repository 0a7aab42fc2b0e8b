"""z3, the rewriter and the integers agree about random terms, as printed."""

from __future__ import annotations

from random import Random

import pytest

from popek.smt import Budget, By, Sat, Unsat, Z3InProcess, decide
from popek.terms import Terms, evaluate
from tests.terms.random_terms import Drawing, random_values

BUDGET = Budget(rlimit=20_000_000, seconds=30)


@pytest.mark.parametrize("seed", range(12))
def test_simplified_terms_equal_verbatim_ones(seed: int) -> None:
    t = Terms()
    v = t.verbatim()
    simplified, verbatim = Drawing(t, seed, (1, 4)), Drawing(v, seed, (1, 4))
    pairs = [(simplified.grow(), verbatim.grow()) for _ in range(40)]
    goal = v.any_of([v.ne(a, b) for a, b in pairs])
    decision = decide(v, f"seed {seed}", [goal], Z3InProcess(), BUDGET)
    assert decision.answer == Unsat() and decision.by is By.SOLVER


@pytest.mark.parametrize("seed", range(12))
def test_a_value_that_a_term_takes_is_found(seed: int) -> None:
    """`decide` evaluates the model that it returns, hence no look at it here."""
    t = Terms(simplify=False)
    drawing = Drawing(t, seed, (1, 4, 8))
    terms = [drawing.grow() for _ in range(30)][-4:]
    env = random_values(Random(seed), *terms)
    goals = []
    for term in terms:
        value = evaluate(term, env)
        assert isinstance(value, int)
        goals.append(t.eq(term, t.const(value, term.width)))
    decision = decide(t, f"seed {seed}", goals, Z3InProcess(), BUDGET)
    assert isinstance(decision.answer, Sat)
