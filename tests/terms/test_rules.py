"""Each rewrite rule, proved by z3 and tested against the integers, from the registry itself."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popek.smt import Budget, Unsat, Z3InProcess, query
from popek.terms import Term, Terms, evaluate
from popek.terms.rules.registry import EVERY_WIDTH, RULES, Rule
from popek.terms.rules.sketch import Sketch
from tests.terms.random_terms import random_values

BUDGET = Budget(rlimit=2_000_000, seconds=20)
DRAWS = 8


def instances(rule: Rule, width: int, seed: int) -> Iterator[tuple[Terms, Term, Term]]:
    """A builder without simplification, an instance, and what the rule makes of it, if anything."""
    for op in rule.ops:
        terms = Terms()
        verbatim = terms.verbatim()
        drawn = rule.sketch(Sketch(verbatim, op, width, seed))
        assert drawn.op is op
        assert rule.inner is None or drawn.args[0].op in rule.inner
        result = rule.fire(terms, op, drawn.args, drawn.payload)
        if result is not None:
            assert result.sort == drawn.sort
            yield verbatim, drawn, result


def test_rules_have_unique_names_and_reasons_for_exceptions() -> None:
    assert len({r.name for r in RULES}) == len(RULES)
    for rule in RULES:
        assert (rule.proved_at == EVERY_WIDTH) == (not rule.why), rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_rule_is_proved_by_z3(rule: Rule) -> None:
    solver = Z3InProcess()
    for width in rule.proved_at:
        if width < rule.least:
            continue
        differences, fired = [], set()
        for seed in range(DRAWS):
            for verbatim, drawn, result in instances(rule, width, seed):
                fired.add(drawn.op)
                if drawn.is_array:
                    fresh = verbatim.var("fresh", width)
                    differences.append(verbatim.array_differs(drawn, result, fresh))
                else:
                    differences.append(verbatim.ne(drawn, result))
        assert fired == set(rule.ops), f"{rule.name} never fired at {width}"
        # One query for all instances: the terms of different tables print as the same names.
        answer, _ = solver.solve(query(rule.name, [Terms(False).any_of(differences)]), BUDGET)
        assert isinstance(answer, Unsat), f"{differences} at {width}: {answer}"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 70), seed=st.integers(0, 1 << 32))
def test_rule_agrees_with_the_integers(rule: Rule, width: int, seed: int) -> None:
    for _, drawn, result in instances(rule, max(width, rule.least), seed):
        rng = Random(seed)
        for _ in range(4):
            env = random_values(rng, drawn, result)
            assert evaluate(drawn, env) == evaluate(result, env), f"{drawn} is not {result}: {env}"
