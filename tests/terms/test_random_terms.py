"""Simplification as a whole: it keeps the meaning, settles, and survives any depth."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from popek.terms import Op, Term, Terms, bottom_up, evaluate, symbols_of, to_smtlib
from popek.terms.rules.registry import RULES
from tests.terms.random_terms import Drawing, random_value, random_values

WIDTHS = st.sampled_from([(1, 2), (1, 3), (1, 2, 3, 8), (1, 4, 8), (8, 16, 32)])
SEEDS = st.integers(0, 1 << 48)


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, widths=WIDTHS)
def test_simplified_and_verbatim_terms_evaluate_alike(seed: int, widths: tuple[int, ...]) -> None:
    simplified, verbatim = Drawing(Terms(), seed, widths), Drawing(Terms(False), seed, widths)
    pairs = [(simplified.grow(), verbatim.grow()) for _ in range(50)]
    pairs += zip(simplified.arrays, verbatim.arrays, strict=True)
    rng = Random(seed)
    for _ in range(3):
        env = random_values(rng, *[v for _, v in pairs])
        for s, v in pairs:
            assert s.sort == v.sort
            assert evaluate(s, env) == evaluate(v, env), f"{s} is not {v} under {env}"


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, widths=WIDTHS)
def test_simplified_terms_are_normal(seed: int, widths: tuple[int, ...]) -> None:
    """Building a simplified term again from its parts gives the same term."""
    drawing = Drawing(Terms(), seed, widths)
    roots = [drawing.grow() for _ in range(50)] + drawing.arrays
    for term in bottom_up(roots):
        if term.args:
            assert drawing.t.make(term.op, term.args, term.payload) is term


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, widths=WIDTHS)
def test_text_depends_on_structure_alone(seed: int, widths: tuple[int, ...]) -> None:
    """Terms made before, and in another order, do not show."""
    fresh, used = Terms(), Terms()
    noise = Drawing(used, seed + 1, widths)
    for _ in range(30):
        noise.grow()
    drawn = Drawing(fresh, seed, widths)
    again = Drawing(used, seed, widths)
    for _ in range(40):
        a, b = drawn.grow(), again.grow()
        assert a.digest == b.digest
        text = to_smtlib([a if a.width == 1 else drawn.t.eq(a, drawn.pick(a.width))], "n")
        assert text == to_smtlib([b if b.width == 1 else again.t.eq(b, again.pick(b.width))], "n")


def test_most_rules_fire_on_random_terms() -> None:
    """The drawing reaches the rules, so the tests above speak about rules at work together."""
    fired = set[str]()

    class Watched(Terms):
        __slots__ = ()

        def make(self, op: Op, args: tuple[Term, ...], payload: object = None) -> Term:
            for rule in RULES:
                if op in rule.ops and (rule.inner is None or args[0].op in rule.inner):
                    if rule.fire(self, op, args, payload) is not None:
                        fired.add(rule.name)
                        break
            return super().make(op, args, payload)

    for seed in range(120):
        drawing = Drawing(Watched(), seed, ((1, 2, 3, 8), (1, 4, 8), (8, 16, 32))[seed % 3])
        for _ in range(60):
            drawing.grow()
    assert len(fired) > 0.8 * len(RULES), {r.name for r in RULES} - fired


def deep(t: Terms, depth: int) -> Term:
    x, m = t.var("x", 8), t.array("m", 8, 8)
    for i in range(depth):
        y = t.var(f"y{i % 5}", 8)
        match i % 9:
            case 0:
                x = t.add(x, y)
            case 1:
                x = t.and_(x, t.not_(y))
            case 2:
                x = t.ite(t.var(f"p{i % 4}", 1), x, y)
            case 3:
                x = t.xor(x, y)
            case 4:
                x = t.mul(x, y)
            case 5:
                x = t.concat(t.extract(x, 3, 0), t.extract(x, 7, 4))
            case 6:
                m = t.store(m, t.add(y, x), x)
            case 7:
                x = t.or_(x, t.select(m, t.add(x, t.const(1, 8))))
            case _:
                m = t.ite(t.eq(x, y), m, t.store(m, x, y))
    return x


def test_depth_exhausts_no_stack() -> None:
    simplified, verbatim = Terms(), Terms(simplify=False)
    a, b = deep(simplified, 10_000), deep(verbatim, 10_000)
    env = {s.name: random_value(Random(s.name), s) for s in symbols_of([b])}
    assert evaluate(a, env) == evaluate(b, env)
    assert evaluate(simplified.extract(a, 3, 3), env) == evaluate(verbatim.extract(b, 3, 3), env)
    for t, x in ((simplified, a), (verbatim, b)):
        assert to_smtlib([t.eq(x, t.const(1, 8))], "deep").count("\n") > 100
