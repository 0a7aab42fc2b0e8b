"""Extraction, pushed toward the leaves.

Above `REACH` levels extraction stays where it is: the rules call the builder, which calls the
rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms

REACH: Final = 48


@rule("whole-slice", Op.EXTRACT, sketch=lambda s: s.root(s.x, payload=(s.w - 1, 0)))
def _whole(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    (a,) = args
    return a if payload == (a.width - 1, 0) else None


@rule(
    "slice-of-slice",
    Op.EXTRACT,
    inner=[Op.EXTRACT],
    sketch=lambda s: s.slice_of(s.slice_of(s.x)),
)
def _slice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    lo = args[0].payload[1]
    return t.extract(args[0].args[0], payload[0] + lo, payload[1] + lo)


@rule(
    "slice-of-parts",
    Op.EXTRACT,
    inner=[Op.CONCAT],
    sketch=lambda s: s.slice_of(s.t.concat(s.x, s.pick(s.y, s.const()), s.z)),
)
def _parts(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    hi, lo = payload
    parts, end = [], args[0].width
    for part in args[0].args:
        start = end - part.width
        if start <= hi and end > lo:
            parts.append(t.extract(part, min(hi, end - 1) - start, max(lo, start) - start))
        end = start
    return t.concat(*parts)


@rule(
    "slice-of-zero-extension",
    Op.EXTRACT,
    inner=[Op.ZEXT],
    sketch=lambda s: s.slice_of(s.t.zext(s.x, s.w + 3)),
)
def _zext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.extract(t.zext(args[0].args[0], args[0].width), *payload)


@rule(
    "slice-of-sign-extension",
    Op.EXTRACT,
    inner=[Op.SEXT],
    sketch=lambda s: s.slice_of(s.t.sext(s.x, s.w + 3)),
)
def _sext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    hi, lo = payload
    (inner,) = args[0].args
    top = inner.width - 1
    if hi <= top:
        return t.extract(inner, hi, lo)
    return t.sext(t.extract(inner, top, min(lo, top)), hi - lo + 1)


def _bitwise(s: Sketch) -> Term:
    t = s.t
    return s.slice_of(s.pick(t.and_(s.x, s.y), t.or_(s.x, s.y), t.xor(s.x, s.y), t.not_(s.x)))


@rule(
    "slice-of-bitwise",
    Op.EXTRACT,
    inner=[Op.AND, Op.OR, Op.XOR, Op.NOT],
    sketch=_bitwise,
)
def _pointwise(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    (a,) = args
    if a.reach > REACH:
        return None
    return t.make(a.op, tuple([t.extract(b, *payload) for b in a.args]))


def _low(s: Sketch) -> Term:
    t = s.t
    whole = s.pick(t.add(s.x, s.y), t.mul(s.x, s.y), t.neg(s.x), t.mul(s.const(), s.x))
    return s.root(whole, payload=(s.rng.randrange(s.w), 0))


@rule(
    "low-slice-of-arithmetic",
    Op.EXTRACT,
    inner=[Op.ADD, Op.MUL, Op.NEG],
    sketch=_low,
)
def _arithmetic(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Carries only go upward, so the low bits of a sum are the sum of the low bits."""
    (a,) = args
    if payload[1] or a.reach > REACH:
        return None
    parts = [t.extract(b, *payload) for b in a.args]
    out = parts[0] if a.op is not Op.NEG else t.neg(parts[0])
    for part in parts[1:]:
        out = t.add(out, part) if a.op is Op.ADD else t.mul(out, part)
    return out


@rule(
    "slice-of-choice",
    Op.EXTRACT,
    inner=[Op.ITE],
    sketch=lambda s: s.slice_of(s.t.ite(s.p, s.x, s.pick(s.y, s.const()))),
)
def _choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    condition, a, b = args[0].args
    if args[0].reach > REACH:
        return None
    return t.ite(condition, t.extract(a, *payload), t.extract(b, *payload))
