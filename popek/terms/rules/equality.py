"""Equations between bit-vectors of two or more bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.integers import mask, signed
from popek.terms.linear import Form, combine, distinct, form_of, sum_of
from popek.terms.rules.parts import common_parts
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.rules.slices import REACH
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule("equal-to-itself", Op.EQ, sketch=lambda s: s.root(s.x, s.x))
def _same(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.true() if args[0] is args[1] else None


def _disordered(s: Sketch) -> Term:
    a, b = sorted((s.x, s.y), key=_digest, reverse=True)
    return s.pick(s.root(a, b), s.root(s.const(), s.x))


def _digest(term: Term) -> bytes:
    return term.digest


@rule("equation-in-order", Op.EQ, sketch=_disordered, least=2)
def _ordered(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A constant stands right; other sides are ordered by digest."""
    a, b = args
    if b.op is Op.CONST or (a.op is not Op.CONST and a.digest < b.digest):
        return None
    return t.eq(b, a)


def _equation(s: Sketch) -> Term:
    t = s.t
    left = s.pick(t.add(s.x, s.const()), t.add(s.x, s.y), t.mul(s.fixed(5), s.x), t.neg(s.x))
    right = s.pick(s.const(), t.add(s.y, s.fixed(1)), t.add(s.x, s.const()), t.neg(s.y))
    return s.root(left, right)


@rule("linear-equation", Op.EQ, sketch=_equation, least=4)
def _linear(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """What both sides share cancels; the constant goes right; an odd coefficient is divided by."""
    a, b = args
    if not (a.op in _ARITHMETIC or b.op in _ARITHMETIC):
        return None
    width = a.width
    left, right = _sides(combine(form_of(t, a), form_of(t, b), -1, width), width)
    if not left[0] and not right[0]:
        return t.const(int(left[1] == right[1]), 1)
    c, d = sum_of(t, left, width), sum_of(t, right, width)
    if (c is a and d is b) or (c is b and d is a):
        return None
    return t.eq(c, d)


_ARITHMETIC = frozenset({Op.ADD, Op.NEG, Op.MUL})


def _sides(difference: Form, width: int) -> tuple[Form, Form]:
    """`difference` = 0 as an equation of two forms, the same for a form and its negation."""
    coefficients, constant = difference
    low, half = mask(width), 1 << (width - 1)
    if len(coefficients) == 1:
        ((atom, c),) = coefficients.items()
        if c & 1:
            return ({atom: 1}, 0), ({}, -constant * pow(c, -1, low + 1) & low)
    # The atom of the smallest digest whose coefficient has a sign gets the positive one.
    for atom in sorted(coefficients, key=_digest):
        if coefficients[atom] != half:
            if coefficients[atom] > half:
                constant = -constant & low
                coefficients = {a: -c & low for a, c in coefficients.items()}
            break
    left = {a: c for a, c in coefficients.items() if c <= half}
    right = {a: -c & low for a, c in coefficients.items() if c > half}
    return (left, 0), (right, -constant & low)


@rule(
    "complements-equal",
    Op.EQ,
    inner=[Op.NOT],
    sketch=lambda s: s.root(s.t.not_(s.x), s.pick(s.t.not_(s.y), s.const())),
    least=2,
)
def _complements(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    if b.op is not Op.NOT and b.op is not Op.CONST:
        return None
    return t.eq(a.args[0], t.not_(b))


@rule(
    "difference-of-bits",
    Op.EQ,
    inner=[Op.XOR],
    sketch=lambda s: s.root(
        s.t.xor(s.x, s.pick(s.y, s.const())), s.pick(s.x, s.t.xor(s.z, s.x), s.fixed(0))
    ),
    least=2,
)
def _xor(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """a ^ b = 0 is a = b; a ^ b = a ^ c is b = c; constants go right."""
    a, b = args
    if b.is_value(0) and len(a.args) == 2:
        return t.eq(*a.args)
    if a.args[-1].op is Op.CONST and b.op is Op.CONST:
        return t.eq(t.xor(a, a.args[-1]), t.xor(b, a.args[-1]))
    others = b.args if b.op is Op.XOR else (b,)
    shared = [x for x in a.args if x in others]
    if not shared:
        return None
    return t.eq(t.xor(a, *shared), t.xor(b, *shared))


def _split(s: Sketch) -> Term:
    t = s.t
    left = t.concat(s.x, s.y)
    return s.root(left, s.pick(t.concat(s.z, s.u), s.const(2 * s.w), t.concat(s.const(), s.z)))


@rule("equation-of-parts", Op.EQ, sketch=_split)
def _parts(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    if Op.CONCAT not in (a.op, b.op):
        return None
    pairs = common_parts(t, a, b)
    if pairs is None:
        return None
    equations = []
    for c, d in pairs:
        equation = t.eq(c, d)
        if equation.is_value(0):
            return equation
        equations.append(equation)
    return t.all_of(equations)


def _extended(s: Sketch) -> Term:
    t, w = s.t, s.w + 3
    return s.root(t.sext(s.x, w), s.pick(t.sext(s.y, w), t.const(s.rng.randint(-3, 3), w)))


@rule("equation-of-sign-extensions", Op.EQ, inner=[Op.SEXT], sketch=_extended)
def _sext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    inner = a.args[0]
    width = inner.width
    if b.op is Op.SEXT and b.args[0].width == width:
        return t.eq(inner, b.args[0])
    if b.op is not Op.CONST:
        return None
    if signed(b.payload, b.width) != signed(b.payload & mask(width), width):
        return t.false()
    return t.eq(inner, t.const(b.payload, width))


def _choices(s: Sketch) -> Term:
    t = s.t
    a = t.ite(s.p, s.x, s.pick(s.const(), s.y))
    b = s.pick(s.x, t.ite(s.p, s.z, s.y), t.ite(s.p, s.x, s.const()), t.add(s.x, s.fixed(1)))
    return s.pick(s.root(a, b), s.root(b, a), s.root(t.ite(s.p, s.const(), s.y), s.const()))


@rule("equation-with-choice", Op.EQ, sketch=_choices, least=2)
def _choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Goes into the branches where one of them is decided there."""
    a, b = args
    if a.op is not Op.ITE:
        a, b = b, a
        if a.op is not Op.ITE:
            return None
    if max(a.reach, b.reach) > REACH:
        return None
    condition, c, d = a.args
    if b.op is Op.ITE and b.args[0] is condition:
        _, e, f = b.args
    else:
        e = f = b
    if c is e or d is f or distinct(t, c, e) or distinct(t, d, f):
        return t.ite(condition, t.eq(c, e), t.eq(d, f))
    if b.op is Op.ITE and b.args[0] is not condition:
        # The same question with the sides exchanged.
        if a in b.args[1:] or distinct(t, b.args[1], a) or distinct(t, b.args[2], a):
            return t.ite(b.args[0], t.eq(a, b.args[1]), t.eq(a, b.args[2]))
    return None
