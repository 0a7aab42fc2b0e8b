from __future__ import annotations

from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from popek.terms import Term, Terms, evaluate, symbols_of
from popek.terms.linear import combine, distinct, form_of, sum_of

WIDTH = 4


def index(t: Terms, rng: Random) -> Term:
    """A term of the shapes that addresses have."""
    x, y = t.var("x", WIDTH), t.var("y", WIDTH)
    half, p = t.var("half", 2), t.var("p", 1)
    k, n = t.const(rng.getrandbits(WIDTH), WIDTH), t.const(rng.getrandbits(2), 2)
    a = rng.choice(
        (x, y, k, t.ite(p, k, t.const(rng.getrandbits(WIDTH), WIDTH)), t.concat(half, n))
    )
    b = rng.choice((k, x, t.neg(y), t.concat(n, half), t.not_(x), t.mul(k, x), t.shl(x, k)))
    return rng.choice((a, b, t.add(a, b), t.sub(a, b)))


@settings(max_examples=400)
@given(st.integers(0, 1 << 32))
def test_distinct_terms_differ_for_all_values(seed: int) -> None:
    rng = Random(seed)
    t = Terms(simplify=rng.random() < 0.8)
    a, b = index(t, rng), index(t, rng)
    if distinct(t, a, b):
        names = symbols_of([a, b])
        widths = {"x": WIDTH, "y": WIDTH, "half": 2, "p": 1}
        for values in product(*[range(1 << widths[s.name]) for s in names]):
            env = {s.name: v for s, v in zip(names, values, strict=True)}
            assert evaluate(a, env) != evaluate(b, env), (a, b, env)


def test_what_is_known_to_differ() -> None:
    t = Terms()
    x, p, part = t.var("x", 32), t.var("p", 1), t.var("part", 16)

    def c(value: int, width: int = 32) -> Term:
        return t.const(value, width)

    assert distinct(t, c(1), c(2))
    assert distinct(t, x, t.add(x, c(1)))
    assert distinct(t, t.not_(x), t.neg(x))
    assert distinct(t, t.add(x, t.ite(p, c(4), c(8))), x)
    assert distinct(t, t.concat(part, c(1, 16)), t.concat(part, c(2, 16)))
    assert distinct(t, t.concat(c(1, 16), part), c(5))
    assert not distinct(t, t.add(x, t.ite(p, c(4), c(0))), x)
    assert not distinct(t, x, t.var("y", 32))


@given(st.integers(0, 1 << 32))
def test_a_form_is_read_back_from_its_term(seed: int) -> None:
    rng = Random(seed)
    t = Terms()
    form = form_of(t, index(t, rng))
    total = sum_of(
        t, combine(form, form_of(t, index(t, rng)), rng.getrandbits(WIDTH), WIDTH), WIDTH
    )
    assert sum_of(t, form_of(t, total), WIDTH) is total
