from __future__ import annotations

from collections.abc import Callable

import pytest

from popek.terms import Op, SortError, Term, Terms

t = Terms()
x, y, z = (t.var(n, 32) for n in "xyz")
p, q, r = (t.var(n, 1) for n in "pqr")
byte = t.var("byte", 8)
memory = t.array("memory", 32, 8)
fresh = t.var("fresh", 32)


def c(value: int, width: int = 32) -> Term:
    return t.const(value, width)


def at(offset: int) -> Term:
    return t.add(x, c(offset))


@pytest.mark.parametrize(
    ("term", "simple"),
    [
        (t.sub(t.add(x, y), x), y),
        (t.sub(x, x), c(0)),
        (at(4), t.sub(x, c(-4))),
        (t.add(at(4), c(4)), at(8)),
        (t.mul(c(4), x), t.shl(x, c(2))),
        (t.add(t.not_(x), c(1)), t.neg(x)),
        (t.mul(x, y), t.mul(y, x)),
        (t.and_(p, t.not_(p)), t.false()),
        (t.or_(x, t.not_(x)), c(-1)),
        (t.and_(p, t.or_(p, q)), p),
        (t.or_(p, t.and_(p, q)), p),
        (t.and_(p, t.or_(t.not_(p), q)), t.and_(p, q)),
        (t.and_(p, t.ite(p, q, r)), t.and_(p, q)),
        (t.not_(t.and_(p, q)), t.or_(t.not_(q), t.not_(p))),
        (t.xor(x, y, x), y),
        (t.eq(p, q), t.not_(t.xor(q, p))),
        (t.ite(p, c(1, 1), c(0, 1)), p),
        (t.ite(t.not_(p), x, y), t.ite(p, y, x)),
        (t.ite(p, t.ite(p, x, y), z), t.ite(p, x, z)),
        (t.ite(p, at(4), x), t.add(x, t.ite(p, c(4), c(0)))),
        (t.eq(t.add(x, c(4)), t.add(y, c(4))), t.eq(x, y)),
        (t.eq(at(4), c(8)), t.eq(x, c(4))),
        (t.eq(at(4), x), t.false()),
        (t.eq(t.zext(byte, 32), c(256)), t.false()),
        (t.eq(t.sext(byte, 32), c(-3)), t.eq(byte, c(-3, 8))),
        (t.eq(t.ite(p, c(1), c(2)), c(1)), p),
        (t.eq(t.ite(p, c(1), c(2)), c(3)), t.false()),
        (t.eq(t.ite(p, c(1), x), t.ite(p, c(1), y)), t.or_(p, t.eq(x, y))),
        (t.ule(x, y), t.not_(t.ult(y, x))),
        (t.ult(x, c(0)), t.false()),
        (t.ult(x, c(1)), t.eq(x, c(0))),
        (t.slt(x, c(0)), t.extract(x, 31, 31)),
        (t.ult(t.zext(byte, 32), c(256)), t.true()),
        (t.slt(t.zext(byte, 32), t.zext(t.extract(x, 7, 0), 32)), t.ult(byte, t.extract(x, 7, 0))),
        (t.extract(t.concat(x, byte), 39, 8), x),
        (t.extract(t.zext(byte, 32), 7, 0), byte),
        (t.extract(t.sext(byte, 32), 31, 31), t.extract(byte, 7, 7)),
        (t.concat(t.extract(x, 31, 8), t.extract(x, 7, 0)), x),
        (t.concat(t.extract(at(1), 31, 8), t.extract(at(1), 7, 0)), at(1)),
        (t.and_(x, c(0xFF)), t.zext(t.extract(x, 7, 0), 32)),
        (
            t.or_(t.shl(x, c(16)), t.lshr(x, c(16))),
            t.concat(t.extract(x, 15, 0), t.extract(x, 31, 16)),
        ),
        (t.select(t.store(memory, x, byte), x), byte),
        (t.select(t.store(memory, at(1), byte), x), t.select(memory, x)),
        (t.select(t.store(memory, c(1), byte), c(2)), t.select(memory, c(2))),
        (t.store(t.store(memory, x, byte), x, c(0, 8)), t.store(memory, x, c(0, 8))),
        (t.store(memory, x, t.select(memory, x)), memory),
        (
            t.store(t.store(memory, x, byte), at(1), c(0, 8)),
            t.store(t.store(memory, at(1), c(0, 8)), x, byte),
        ),
        (
            t.select(t.ite(p, t.store(memory, x, byte), memory), x),
            t.ite(p, byte, t.select(memory, x)),
        ),
        (t.select(t.constant_array(32, byte), x), byte),
        (t.array_differs(memory, memory, fresh), t.false()),
        (t.all_of([]), t.true()),
        (t.any_of([]), t.false()),
        (t.implies(p, p), t.true()),
    ],
)
def test_simplification(term: Term, simple: Term) -> None:
    assert term is simple


def test_histories_of_equal_stores_peel_off() -> None:
    a = t.store(t.store(memory, x, byte), y, c(1, 8))
    b = t.store(t.store(memory, x, c(2, 8)), y, c(1, 8))
    expected = t.all_of([t.ne(fresh, y), t.eq(fresh, x), t.ne(byte, c(2, 8))])
    assert t.array_differs(a, b, fresh) is expected


def test_verbatim_terms_stay_as_they_are() -> None:
    v = Terms(simplify=False)
    a = v.var("a", 8)
    term = v.sub(v.add(a, v.const(0, 8)), a)
    assert (term.op, term.args[0].op) == (Op.SUB, Op.ADD)
    assert v.array_differs(v.array("m", 8, 8), v.array("m", 8, 8), a).op is Op.NOT
    assert t.verbatim().var("x", 32) is x


def test_equal_structures_are_one_object() -> None:
    assert t.ult(t.add(x, y), z) is t.ult(t.add(y, x), z)
    assert t.const(256 + 5, 8) is t.const(5, 8)


WRONG: list[Callable[[], Term]] = [
    lambda: t.add(x, byte),
    lambda: t.and_(x, x, byte),
    lambda: t.ite(x, x, x),
    lambda: t.ite(p, x, byte),
    lambda: t.extract(byte, 8, 0),
    lambda: t.extract(byte, 0, 1),
    lambda: t.zext(x, 8),
    lambda: t.concat(x, memory),
    lambda: t.select(memory, byte),
    lambda: t.select(x, x),
    lambda: t.store(memory, x, x),
    lambda: t.eq(memory, memory),
    lambda: t.not_(memory),
    lambda: t.var("x", 8),
    lambda: t.array("x", 32, 32),
    lambda: t.var("$0", 8),
    lambda: t.var("a|b", 8),
    lambda: t.var("", 8),
    lambda: t.const(0, 0),
    lambda: t.apply("f", [], 1),
    lambda: t.apply("x", [x], 32),
    lambda: t.array_differs(memory, t.array("other", 32, 32), fresh),
]


@pytest.mark.parametrize("make", WRONG)
def test_ill_sorted_terms_are_refused(make: Callable[[], Term]) -> None:
    with pytest.raises(SortError):
        make()


def test_refused_names_stay_free() -> None:
    fresh_table = Terms()
    for _ in range(2):
        with pytest.raises(SortError):
            fresh_table.var("$1", 4)
