"""Concatenation: flat, and with neighbours fused that are neighbours in one term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.rules.slices import REACH
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


def _neighbours(s: Sketch) -> Term:
    t, w = s.t, s.w

    def halves(term: Term) -> tuple[Term, Term]:
        return t.extract(term, w - 1, w // 2), t.extract(term, w // 2 - 1, 0)

    (a, b), (c, d) = halves(s.x), halves(s.y)
    k, h = s.const(w // 2), s.const(w - w // 2)
    high, low = s.rng.choice(
        (
            (a, b),
            (h, k),
            (t.not_(a), t.not_(b)),
            (t.and_(a, c), t.and_(d, b)),
            (t.or_(a, c), t.or_(d, b)),
            (t.xor(a, c, h), t.xor(d, k, b)),
            (t.ite(s.p, a, h), t.ite(s.p, k, d)),
            (t.extract(t.add(s.x, s.y), w - 1, w // 2), t.add(*sorted((b, d), key=_digest))),
            (t.sext(t.extract(s.x, w - 1, w - 1), 3), s.x),
            (t.extract(s.x, w - 1, w - 1), s.x),
            (s.slice_of(s.x), s.slice_of(s.x)),
        )
    )
    return s.root(*s.rng.choice(((high, low), (s.z, high, low), (high, low, s.z))))


def _digest(term: Term) -> bytes:
    return term.digest


@rule("concatenation-flat-and-fused", Op.CONCAT, sketch=_neighbours, least=2)
def _concat(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    parts: list[Term] = []
    for a in args:
        for part in a.args if a.op is Op.CONCAT else (a,):
            while parts:
                fused = _fuse(t, parts[-1], part)
                if fused is None:
                    break
                parts.pop()
                part = fused
            if part.op is Op.CONCAT:
                parts.extend(part.args)
            else:
                parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return None if len(parts) == len(args) and tuple(parts) == args else t.make(op, tuple(parts))


def _fuse(t: Terms, high: Term, low: Term) -> Term | None:
    """The two side by side as one term, where they are pieces of one; None otherwise."""
    if high.op is Op.EXTRACT:
        return _continued(t, high, low)
    if high.op is Op.SEXT:
        sign = high.args[0]
        if sign.width == 1 and t.extract(low, low.width - 1, low.width - 1) is sign:
            return t.sext(low, high.width + low.width)
        return None
    if high.op is not low.op:
        return None
    if high.op is Op.CONST:
        return t.const(high.payload << low.width | low.payload, high.width + low.width)
    if high.op is Op.ITE:
        if high.args[0] is not low.args[0] or max(high.reach, low.reach) > REACH:
            return None
        return t.ite(
            high.args[0], t.concat(high.args[1], low.args[1]), t.concat(high.args[2], low.args[2])
        )
    if high.op in (Op.AND, Op.OR, Op.XOR, Op.NOT):
        return _fuse_bitwise(t, high, low)
    return None


def _continued(t: Terms, high: Term, low: Term) -> Term | None:
    """`high` slices a term: is `low` what comes below in it, or does `high` repeat its sign?"""
    (whole,), (hi, lo) = high.args, high.payload
    if low.op is Op.EXTRACT and low.args[0] is whole:
        if low.payload[0] + 1 == lo:
            return t.extract(whole, hi, low.payload[1])
    elif low.width <= lo and whole.reach <= REACH and whole.op is not Op.VAR:
        if t.extract(whole, lo - 1, lo - low.width) is low:
            return t.extract(whole, hi, lo - low.width)
    if hi == lo and low.width > 1 and t.extract(low, low.width - 1, low.width - 1) is high:
        return t.sext(low, low.width + 1)
    return None


def _fuse_bitwise(t: Terms, high: Term, low: Term) -> Term | None:
    if len(high.args) != len(low.args) or max(high.reach, low.reach) > REACH:
        return None
    fused, rest = [], list(low.args)
    for a in high.args:
        for b in rest:
            whole = _fuse(t, a, b)
            # A concatenation would be taken apart again by the operator around it.
            if whole is not None and whole.op is not Op.CONCAT:
                break
        else:
            return None
        rest.remove(b)
        fused.append(whole)
    return t.make(high.op, tuple(fused))
