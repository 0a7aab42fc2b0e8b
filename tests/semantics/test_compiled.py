"""The tests' own evaluator of terms is held to `popek.terms.evaluate`."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from popek.terms import Terms, evaluate
from tests.semantics.compiled import compile_terms
from tests.terms.random_terms import Drawing, random_values


@settings(max_examples=60, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32 - 1), simplify=st.booleans())
def test_compiled_terms_are_worth_what_terms_are(seed: int, simplify: bool) -> None:
    drawing = Drawing(Terms(simplify=simplify), seed)
    for _ in range(40):
        drawing.grow()
    terms = [t for pool in drawing.pool.values() for t in pool] + drawing.arrays
    compiled = compile_terms(terms)
    for number in range(4):
        env = random_values(Random(f"{seed}/{number}"), *terms)
        for term, value in zip(terms, compiled(env), strict=True):
            assert value == evaluate(term, env), term
