"""Shifts by constants and zero extensions, as concatenations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


def _shifted(s: Sketch) -> Term:
    value = s.pick(s.x, s.t.add(s.x, s.y))
    return s.root(value, s.fixed(s.rng.choice((0, 1, s.w - 1, s.w, s.rng.randrange(s.w)))))


@rule("shift-by-constant", Op.SHL, Op.LSHR, Op.ASHR, sketch=_shifted)
def _shift(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Part of the value beside zeros or copies of its sign; a sum goes left as a product."""
    value, amount = args
    if amount.op is not Op.CONST:
        return None
    width, k = value.width, amount.payload
    if k == 0:
        return value
    if op is Op.ASHR:
        k = min(k, width - 1)
        return t.sext(t.extract(value, width - 1, k), width)
    if k >= width:
        return t.const(0, width)
    if op is Op.LSHR:
        return t.concat(t.const(0, k), t.extract(value, width - 1, k))
    if value.op in (Op.ADD, Op.MUL, Op.NEG):
        return t.mul(t.const(1 << k, width), value)
    return t.concat(t.extract(value, width - k - 1, 0), t.const(0, k))


@rule(
    "shift-of-zero",
    Op.SHL,
    Op.LSHR,
    Op.ASHR,
    inner=[Op.CONST],
    sketch=lambda s: s.root(s.fixed(0), s.x),
)
def _of_zero(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return args[0] if args[0].payload == 0 else None


@rule("shift-of-one-bit", Op.SHL, Op.LSHR, Op.ASHR, sketch=lambda s: s.root(s.p, s.q))
def _one_bit(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, amount = args
    if a.width != 1:
        return None
    return a if op is Op.ASHR else t.and_(a, t.not_(amount))


@rule("zero-extension", Op.ZEXT, sketch=lambda s: s.root(s.x, payload=s.w + 5))
def _zext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.concat(t.const(0, payload - args[0].width), args[0])


@rule(
    "sign-extension-twice",
    Op.SEXT,
    inner=[Op.SEXT],
    sketch=lambda s: s.root(s.t.sext(s.x, s.w + 2), payload=s.w + 5),
)
def _sext_sext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.sext(args[0].args[0], payload)


@rule(
    "sign-extension-of-known-sign",
    Op.SEXT,
    inner=[Op.CONCAT],
    sketch=lambda s: s.root(s.t.concat(s.const(), s.x), payload=2 * s.w + 3),
)
def _known_sign(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    top = args[0].args[0]
    if top.op is not Op.CONST:
        return None
    return t.concat(t.sext(top, payload - args[0].width + top.width), *args[0].args[1:])


@rule(
    "sign-extension-of-choice",
    Op.SEXT,
    inner=[Op.ITE],
    sketch=lambda s: s.root(s.t.ite(s.p, s.const(), s.const()), payload=s.w + 3),
)
def _sext_choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    condition, a, b = args[0].args
    if a.op is Op.CONST and b.op is Op.CONST:
        return t.ite(condition, t.sext(a, payload), t.sext(b, payload))
    return None
