from __future__ import annotations

import pytest

from popek.terms import ArrayValue, FunctionValue, Terms, Value, evaluate

v = Terms(simplify=False)
a, b = v.var("a", 4), v.var("b", 4)


@pytest.mark.parametrize(
    ("term", "x", "y", "expected"),
    [
        (v.udiv(a, b), 7, 0, 15),
        (v.urem(a, b), 7, 0, 7),
        (v.sdiv(a, b), 7, 0, 15),
        (v.sdiv(a, b), 9, 0, 1),
        (v.sdiv(a, b), 9, 2, 13),  # -7 / 2 is -3
        (v.sdiv(a, b), 8, 15, 8),  # -8 / -1 overflows
        (v.srem(a, b), 9, 2, 15),  # -7 rem 2 is -1
        (v.srem(a, b), 7, 14, 1),
        (v.srem(a, b), 9, 0, 9),
        (v.shl(a, b), 3, 3, 8),
        (v.shl(a, b), 3, 4, 0),
        (v.lshr(a, b), 9, 15, 0),
        (v.ashr(a, b), 9, 15, 15),
        (v.ashr(a, b), 9, 1, 12),
        (v.slt(a, b), 8, 7, 1),
        (v.sle(a, b), 7, 8, 0),
        (v.ule(a, b), 7, 8, 1),
        (v.concat(a, b), 1, 2, 0x12),
        (v.sext(a, 8), 9, 0, 0xF9),
        (v.zext(a, 8), 9, 0, 9),
        (v.extract(a, 3, 2), 9, 0, 2),
        (v.neg(a), 1, 0, 15),
    ],
)
def test_meaning(term: object, x: int, y: int, expected: int) -> None:
    assert evaluate(term, {"a": x, "b": y}) == expected  # type: ignore[arg-type]


def test_arrays_and_functions() -> None:
    m = v.array("m", 4, 4)
    term = v.select(v.store(m, a, v.apply("f", [a, b], 4)), b)
    env: dict[str, Value] = {
        "a": 1,
        "b": 2,
        "m": ArrayValue(7, {2: 9}),
        "f": FunctionValue(0, {(1, 2): 5, (1, 1): 6}),
    }
    assert evaluate(term, env) == 9
    assert evaluate(term, {**env, "b": 1}) == 6
    assert evaluate(v.store(m, a, b), env) == ArrayValue(7, {2: 9, 1: 2})
    assert evaluate(v.store(m, b, v.const(7, 4)), env) == ArrayValue(7)


def test_names_without_a_fitting_value() -> None:
    with pytest.raises(KeyError):
        evaluate(a, {})
    with pytest.raises(TypeError):
        evaluate(a, {"a": ArrayValue()})
    with pytest.raises(TypeError):
        evaluate(a, {"a": 16})
    with pytest.raises(TypeError):
        evaluate(v.array("m", 4, 4), {"m": 0})
    with pytest.raises(TypeError):
        evaluate(v.apply("f", [a], 4), {"a": 0, "f": 0})
