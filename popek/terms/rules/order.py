"""Comparisons by size, with and without sign; `a <= b` is `not b < a`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.integers import mask
from popek.terms.rules.parts import common_parts
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.rules.slices import REACH
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule("not-above", Op.ULE, Op.SLE, sketch=lambda s: s.root(s.x, s.y))
def _at_most(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    return t.not_(t.ult(b, a) if op is Op.ULE else t.slt(b, a))


@rule("not-below-itself", Op.ULT, Op.SLT, sketch=lambda s: s.root(s.x, s.x))
def _same(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.false() if args[0] is args[1] else None


@rule("order-of-bits", Op.ULT, Op.SLT, sketch=lambda s: s.root(s.p, s.q))
def _one_bit(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Without sign 0 < 1; with sign the 1 of width 1 is -1."""
    a, b = args
    if a.width != 1:
        return None
    return t.and_(t.not_(a), b) if op is Op.ULT else t.and_(a, t.not_(b))


def _extreme(s: Sketch) -> Term:
    smallest = 0 if s.op is Op.ULT else 1 << (s.w - 1)
    extremes = [s.fixed(smallest + d) for d in (-2, -1, 0, 1)]
    return (
        s.root(s.x, s.pick(*extremes[1:]))
        if s.rng.getrandbits(1)
        else s.root(s.pick(*extremes[:3]), s.x)
    )


@rule("order-at-the-ends", Op.ULT, Op.SLT, sketch=_extreme, least=2)
def _ends(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Comparison with a least or greatest value, or the next to it, is an equation or decided."""
    a, b = args
    width = a.width
    if width == 1 or (a.op is not Op.CONST and b.op is not Op.CONST):
        return None
    least = 0 if op is Op.ULT else 1 << (width - 1)
    greatest = least ^ mask(width)
    if b.is_value(least) or a.is_value(greatest):
        return t.false()
    if b.is_value(least + 1 & mask(width)):
        return t.eq(a, t.const(least, width))
    if a.is_value(greatest - 1):
        return t.eq(b, t.const(greatest, width))
    if b.is_value(greatest):
        return t.ne(a, b)
    return t.ne(a, b) if a.is_value(least) else None


@rule(
    "negative",
    Op.SLT,
    sketch=lambda s: s.pick(s.root(s.x, s.fixed(0)), s.root(s.fixed(-1), s.x)),
)
def _negative(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Comparison with zero reads the sign bit."""
    a, b = args
    top = a.width - 1
    if b.is_value(0):
        return t.extract(a, top, top)
    return t.not_(t.extract(b, top, top)) if a.is_value(mask(a.width)) else None


def _parted(s: Sketch) -> Term:
    t = s.t
    if s.rng.getrandbits(1):
        return s.root(t.concat(s.x, s.y), s.pick(t.concat(s.x, s.z), t.concat(s.z, s.y)))
    return s.root(t.concat(s.const(), s.y), s.pick(s.const(2 * s.w), t.concat(s.const(), s.z)))


@rule("order-of-parts", Op.ULT, Op.SLT, sketch=_parted)
def _parts(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Equal parts at either end do not matter; different constants in front decide.

    Without the equal front, what is left has no sign.
    """
    a, b = args
    if Op.CONCAT not in (a.op, b.op):
        return None
    pairs = common_parts(t, a, b)
    if pairs is None:
        return None
    c, d = pairs[0]
    if c.op is Op.CONST and d.op is Op.CONST and c is not d:
        return t.ult(c, d) if op is Op.ULT else t.slt(c, d)
    start, end = 0, len(pairs)
    while start < end and pairs[start][0] is pairs[start][1]:
        start += 1
    while start < end and pairs[end - 1][0] is pairs[end - 1][1]:
        end -= 1
    if start == 0 and end == len(pairs):
        return None
    if start == end:
        return t.false()
    left, right = zip(*pairs[start:end], strict=True)
    a, b = t.concat(*left), t.concat(*right)
    return t.slt(a, b) if op is Op.SLT and start == 0 else t.ult(a, b)


@rule(
    "order-of-sign-extensions",
    Op.SLT,
    inner=[Op.SEXT],
    sketch=lambda s: s.root(s.t.sext(s.x, s.w + 3), s.t.sext(s.y, s.w + 3)),
)
def _sext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    if b.op is not Op.SEXT or b.args[0].width != a.args[0].width:
        return None
    return t.slt(a.args[0], b.args[0])


def _chosen(s: Sketch) -> Term:
    choice = s.t.ite(s.p, s.const(), s.const())
    return s.root(choice, s.const()) if s.rng.getrandbits(1) else s.root(s.const(), choice)


@rule("order-with-choice", Op.ULT, Op.SLT, sketch=_chosen, least=2)
def _choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Goes into the branches of a choice between constants, compared with a constant."""
    a, b = args
    if a.op is Op.ITE and b.op is Op.CONST:
        condition, c, d = a.args
        e = f = b
    elif b.op is Op.ITE and a.op is Op.CONST:
        condition, e, f = b.args
        c = d = a
    else:
        return None
    if (
        a.reach > REACH
        or b.reach > REACH
        or Op.CONST not in (c.op, d.op)
        or Op.CONST not in (e.op, f.op)
    ):
        return None
    return t.ite(condition, t.make(op, (c, e)), t.make(op, (d, f)))
