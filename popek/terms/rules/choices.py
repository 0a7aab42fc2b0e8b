"""If-then-else, on bit-vectors and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.integers import mask
from popek.terms.linear import combine, form_of, sum_of
from popek.terms.rules.parts import boundaries, cut
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.rules.slices import REACH
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule(
    "known-choice",
    Op.ITE,
    sketch=lambda s: s.pick(s.root(s.const(1), s.x, s.y), s.root(s.p, s.x, s.x)),
)
def _known(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    condition, a, b = args
    if a is b:
        return a
    if condition.op is Op.CONST:
        return a if condition.payload else b
    return None


@rule(
    "choice-by-complement", Op.ITE, inner=[Op.NOT], sketch=lambda s: s.root(s.t.not_(s.p), s.x, s.y)
)
def _negated(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.ite(args[0].args[0], args[2], args[1])


def _bits(s: Sketch) -> Term:
    t = s.t
    special = s.pick(t.true(), t.false(), s.p, t.not_(s.p), t.not_(s.q))
    return s.root(s.p, special, s.q) if s.rng.getrandbits(1) else s.root(s.p, s.q, special)


@rule("choice-of-bits", Op.ITE, sketch=_bits)
def _one_bit(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A choice of booleans that is a simpler connective."""
    c, a, b = args
    if a.width != 1:
        return None
    if a.is_value(1) or a is c:
        return t.or_(c, b)
    if b.is_value(0) or b is c:
        return t.and_(c, a)
    negated = t.not_(c)
    if a.is_value(0) or a is negated:
        return t.and_(negated, b)
    if b.is_value(1) or b is negated:
        return t.or_(negated, a)
    return t.xor(negated, a) if a is t.not_(b) else None


def _nested(s: Sketch) -> Term:
    t = s.t
    inner = t.ite(s.p, s.x, s.y)
    condition = s.pick(s.p, t.and_(s.p, s.q), t.and_(t.not_(s.p), s.q))
    return s.root(condition, inner, s.z) if s.rng.getrandbits(1) else s.root(s.p, s.z, inner)


@rule("choice-made-before", Op.ITE, sketch=_nested)
def _before(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Inside a branch the condition, and each of its conjuncts, is known."""
    c, a, b = args
    left, right = a, b
    if a.op is Op.ITE:
        holding = c.args if c.op is Op.AND else (c,)
        if a.args[0] in holding:
            left = a.args[1]
        elif t.not_(a.args[0]) in holding:
            left = a.args[2]
    if b.op is Op.ITE and b.args[0] is c:
        right = b.args[2]
    return None if left is a and right is b else t.ite(c, left, right)


def _shared(s: Sketch) -> Term:
    t = s.t
    inner = s.pick(t.ite(s.q, s.x, s.y), t.ite(s.q, s.y, s.x))
    return s.root(s.p, s.x, inner) if s.rng.getrandbits(1) else s.root(s.p, inner, s.x)


@rule("choices-with-shared-branch", Op.ITE, sketch=_shared)
def _merge(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Two ways to one branch are one condition."""
    c, a, b = args
    if b.op is Op.ITE and b.args[0] is not c:
        d, e, f = b.args
        if e is a:
            return t.ite(t.or_(c, d), a, f)
        if f is a:
            return t.ite(t.or_(c, t.not_(d)), a, e)
    if a.op is Op.ITE and a.args[0] is not c:
        d, e, f = a.args
        if f is b:
            return t.ite(t.and_(c, d), e, b)
        if e is b:
            return t.ite(t.and_(c, t.not_(d)), f, b)
    return None


def _flags(s: Sketch) -> Term:
    zero, one, ones = s.fixed(0), s.fixed(1), s.fixed(-1)
    a, b = s.rng.choice(((one, zero), (zero, one), (ones, zero), (zero, ones)))
    return s.root(s.p, a, b)


@rule("choice-as-extension", Op.ITE, sketch=_flags, least=2)
def _extension(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A choice between 0 and 1 extends the condition by zeros, between 0 and -1 by its sign."""
    c, a, b = args
    if a.op is not Op.CONST or b.op is not Op.CONST:
        return None
    if a.payload == 0:
        a, b, c = b, a, t.not_(c)
    if b.payload != 0:
        return None
    if a.payload == 1:
        return t.zext(c, a.width)
    return t.sext(c, a.width) if a.payload == mask(a.width) else None


@rule(
    "choice-between-equals",
    Op.ITE,
    inner=[Op.EQ],
    sketch=lambda s: s.root(s.t.eq(s.x, s.y), *s.rng.sample((s.x, s.y), 2)),
)
def _equals(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Where they are equal, x does for y; so y does everywhere."""
    c, a, b = args
    x, y = c.args
    return b if (a is x and b is y) or (a is y and b is x) else None


@rule(
    "choice-of-complements",
    Op.ITE,
    sketch=lambda s: s.root(s.p, s.t.not_(s.x), s.t.not_(s.y)),
)
def _complements(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    c, a, b = args
    if a.op is not Op.NOT or b.op is not Op.NOT:
        return None
    return t.not_(t.ite(c, a.args[0], b.args[0]))


def _sums(s: Sketch) -> Term:
    t = s.t
    a = t.add(s.x, s.pick(s.const(), s.y))
    b = s.pick(s.x, t.add(s.x, s.fixed(1)), t.add(s.x, s.z))
    return s.root(s.p, a, b) if s.rng.getrandbits(1) else s.root(s.p, b, a)


@rule("choice-of-sums", Op.ITE, sketch=_sums, least=2)
def _of_sums(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """What both sums share is added outside, where it can cancel."""
    c, a, b = args
    if Op.ADD not in (a.op, b.op):
        return None
    width = a.width
    left, right = form_of(t, a), form_of(t, b)
    shared = {x: k for x, k in left[0].items() if right[0].get(x) == k}
    if not shared:
        return None
    base = shared, 0
    inner = t.ite(
        c,
        sum_of(t, combine(left, base, -1, width), width),
        sum_of(t, combine(right, base, -1, width), width),
    )
    return t.add(sum_of(t, base, width), inner)


def _parted(s: Sketch) -> Term:
    t = s.t
    other = s.pick(t.concat(s.x, s.z), t.concat(s.const(), s.y), s.const(2 * s.w))
    wide = t.var(f"v{2 * s.w}", 2 * s.w)
    if s.rng.getrandbits(1):
        return s.root(s.p, wide, t.concat(t.extract(wide, 2 * s.w - 1, s.w), s.y))
    return s.root(s.p, t.concat(s.x, s.y), other)


@rule("choice-of-parts", Op.ITE, sketch=_parted)
def _of_parts(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Parts that both branches share are no matter of choice."""
    c, a, b = args
    if Op.CONCAT not in (a.op, b.op) or max(a.reach, b.reach) > REACH:
        return None
    bounds = sorted(boundaries(a) | boundaries(b), reverse=True)
    left, right = cut(t, a, bounds), cut(t, b, bounds)
    if not any(x is y for x, y in zip(left, right, strict=True)):
        return None
    return t.concat(*[t.ite(c, x, y) for x, y in zip(left, right, strict=True)])


@rule(
    "choice-of-stores",
    Op.ITE,
    sketch=lambda s: s.root(s.p, s.t.store(s.array(), s.x, s.y), s.t.store(s.array(), s.x, s.z)),
)
def _of_stores(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Stores to one index of one array choose the value."""
    c, a, b = args
    if a.op is not Op.STORE or b.op is not Op.STORE:
        return None
    if a.args[0] is not b.args[0] or a.args[1] is not b.args[1]:
        return None
    return t.store(a.args[0], a.args[1], t.ite(c, a.args[2], b.args[2]))
