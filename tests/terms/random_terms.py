"""Random terms, drawn alike with two builders, and random values for their names."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from popek.terms import (
    Array,
    ArrayValue,
    Function,
    FunctionValue,
    Symbol,
    Term,
    Terms,
    Value,
    symbols_of,
)


class Drawing:
    """Grows a pool of terms by random constructor calls; the same seed makes the same calls.

    The calls are chosen by widths and positions in the pool alone, which are the same for every
    builder, so that the n-th terms of two drawings with one seed are equal if the builders are
    right.
    """

    def __init__(self, terms: Terms, seed: int, widths: Sequence[int] = (1, 2, 3, 8)) -> None:
        self.t = terms
        self.rng = Random(seed)
        self.widths = widths
        self.pool: dict[int, list[Term]] = {}
        self.arrays: list[Term] = [terms.array("m", widths[-1], widths[-1])]
        for width in widths:
            for i in range(3):
                self.keep(terms.var(f"v{width}.{i}", width))

    def keep(self, term: Term) -> Term:
        self.pool.setdefault(term.width, []).append(term)
        return term

    def pick(self, width: int) -> Term:
        """A term of the width, from the pool (the latest are the likeliest) or adapted to fit."""
        rng, t = self.rng, self.t
        kind = rng.random()
        if kind < 0.15:
            return t.const(rng.choice((0, 1, -1, rng.getrandbits(width), rng.randrange(5))), width)
        known = self.pool.get(width)
        if kind < 0.3:
            return self.shaped(width)
        if known and kind < 0.9:
            return known[-1 - min(int(rng.expovariate(0.3)), len(known) - 1)]
        other = rng.choice(list(self.pool))
        term = self.pool[other][-1]
        if other > width:
            lo = rng.randint(0, other - width)
            return t.extract(term, lo + width - 1, lo)
        return rng.choice((t.zext, t.sext))(term, width)

    def shaped(self, width: int) -> Term:
        """A small term of a shape on which rules look."""
        rng, t = self.rng, self.t
        x, y = self.leaf(width), self.leaf(width)
        p = t.var(f"p{rng.randrange(3)}", 1)
        k, n = t.const(rng.randrange(4), width), t.const(rng.randrange(-2, 3), width)
        match rng.randrange(7):
            case 0:
                return t.ite(p, k, n)
            case 1:
                return t.ite(p, x, y)
            case 2:
                return t.add(x, n)
            case 3 if width == 1:
                z = self.leaf(self.widths[-1])
                near = t.const(rng.randrange(3), z.width)
                return rng.choice((t.eq, t.ult, t.slt))(z, rng.choice((near, t.add(z, near), z)))
            case 4 if width == 1:
                return t.eq(self.leaf(self.widths[-1]), self.leaf(self.widths[-1]))
            case 3 | 4 | 5 if width > 1:
                half = self.leaf(rng.randrange(1, width))
                rest = t.extract(x, width - half.width - 1, 0)
                return rng.choice((t.concat(half, rest), t.concat(rest, half), t.sext(half, width)))
            case _:
                return t.not_(x)

    def leaf(self, width: int) -> Term:
        """One of two variables of the width."""
        return self.t.var(f"l{width}.{self.rng.randrange(2)}", width)

    def grow(self) -> Term:
        """One more term, kept in the pool."""
        rng, t = self.rng, self.t
        width = rng.choice(self.widths)
        kind = rng.randrange(14)
        a, b = self.pick(width), self.pick(width)
        if kind < 3:
            return self.keep(rng.choice((t.add, t.sub, t.mul, t.add, t.sub))(a, b))
        if kind < 5:
            return self.keep(rng.choice((t.and_, t.or_, t.xor))(a, b, self.pick(width)))
        if kind == 5:
            return self.keep(rng.choice((t.neg, t.not_))(a))
        if kind == 6:
            odd = (t.shl, t.lshr, t.ashr, t.udiv, t.urem, t.sdiv, t.srem)
            return self.keep(rng.choice(odd)(a, b))
        if kind == 7:
            return self.keep(rng.choice((t.eq, t.ult, t.ule, t.slt, t.sle))(a, b))
        if kind == 8:
            return self.keep(t.ite(self.pick(1), a, b))
        if kind == 9:
            c = self.pick(rng.choice(self.widths))
            return self.keep(t.concat(a, c) if a.width + c.width <= 24 else c)
        if kind == 10:
            wide = self.pick(rng.choice(list(self.pool)))
            hi = rng.randrange(wide.width)
            return self.keep(t.extract(wide, hi, rng.randint(0, hi)))
        return self.memory(a)

    def memory(self, a: Term) -> Term:
        rng, t, w = self.rng, self.t, self.widths[-1]
        index = t.add(self.leaf(w), t.const(rng.randrange(3), w))
        base = rng.choice(self.arrays[-3:])
        kind = rng.randrange(5)
        if kind < 2:
            value = t.select(base, self.leaf(w)) if rng.random() < 0.2 else self.pick(w)
            self.arrays.append(t.store(base, index, value))
        elif kind == 2:
            self.arrays.append(t.ite(self.pick(1), base, rng.choice(self.arrays[-3:])))
        elif kind == 3:
            return self.keep(t.apply(f"f{a.width}", [a], 3))
        elif rng.random() < 0.3:
            return self.keep(t.array_differs(base, self.arrays[-1], t.var("fresh", w)))
        return self.keep(t.select(base, index))


def random_value(rng: Random, symbol: Symbol) -> Value:
    if isinstance(symbol, Function):
        keys = [tuple(rng.getrandbits(w) for w in symbol.arguments) for _ in range(4)]
        return FunctionValue(
            rng.getrandbits(symbol.width), {k: rng.getrandbits(symbol.width) for k in keys}
        )
    if isinstance(symbol.sort, Array):
        index, element = symbol.sort.index, symbol.sort.element
        entries = {rng.getrandbits(index): rng.getrandbits(element) for _ in range(6)}
        return ArrayValue(rng.getrandbits(element), entries)
    return rng.choice((0, 1, rng.getrandbits(symbol.sort.width))) & ((1 << symbol.sort.width) - 1)


def random_values(rng: Random, *terms: Term) -> dict[str, Value]:
    """A value for each name in the terms."""
    return {symbol.name: random_value(rng, symbol) for symbol in symbols_of(terms)}
