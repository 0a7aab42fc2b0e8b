"""Addition, subtraction, negation and multiplication by constants: flat linear sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.integers import mask
from popek.terms.linear import combine, form_of, sum_of
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule(
    "arithmetic-of-one-bit",
    Op.ADD,
    Op.SUB,
    Op.NEG,
    Op.MUL,
    sketch=lambda s: s.root(s.p) if s.op is Op.NEG else s.root(s.p, s.q),
)
def _one_bit(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Modulo 2, sums and differences are exclusive disjunctions, products conjunctions."""
    if args[0].width != 1:
        return None
    if op is Op.MUL:
        return t.and_(*args)
    return t.xor(*args)


def _sums(s: Sketch) -> Term:
    t = s.t
    left = s.pick(s.x, t.add(s.x, s.const()), t.neg(s.y), t.not_(s.x), t.mul(s.const(), s.x))
    right = s.pick(s.y, s.x, t.add(s.y, s.x), t.mul(s.const(), s.x), s.const())
    return s.root(left) if s.op is Op.NEG else s.root(left, right)


@rule("linear-sum", Op.ADD, Op.SUB, Op.NEG, sketch=_sums, least=2)
def _linear(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Sums of sums are one sum, in which every atom occurs once."""
    width = args[0].width
    if op is Op.SUB:
        form = combine(form_of(t, args[0]), form_of(t, args[1]), -1, width)
    elif op is Op.NEG:
        form = combine(({}, 0), form_of(t, args[0]), -1, width)
    else:
        form = form_of(t, args[0])
        for a in args[1:]:
            form = combine(form, form_of(t, a), 1, width)
    return sum_of(t, form, width)


@rule(
    "product-with-constant",
    Op.MUL,
    sketch=lambda s: s.root(
        s.const(), s.pick(s.x, s.t.add(s.x, s.const()), s.t.neg(s.x), s.t.add(s.x, s.y))
    ),
    least=2,
)
def _scaled(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A constant multiplies every coefficient of a sum."""
    a, b = args
    if b.op is Op.CONST:
        a, b = b, a
    if a.op is not Op.CONST:
        return None
    width = a.width
    return sum_of(t, combine(({}, 0), form_of(t, b), a.payload, width), width)


@rule(
    "coefficients-out-of-product",
    Op.MUL,
    sketch=lambda s: s.root(s.t.mul(s.fixed(3), s.x), s.pick(s.y, s.t.neg(s.y))),
    least=2,
)
def _pull(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """(3 * x) * y is 3 * (x * y); factors are ordered by digest."""
    width, factor, atoms = args[0].width, 1, []
    for a in args:
        coefficients, constant = form_of(t, a)
        if constant or len(coefficients) != 1:
            atoms.append(a)
            continue
        ((atom, c),) = coefficients.items()
        factor = factor * c & mask(width)
        atoms.append(atom)
    a, b = sorted(atoms, key=_digest)
    if factor != 1:
        return t.mul(t.const(factor, width), t.mul(a, b))
    return None if (a, b) == args else t.mul(a, b)


def _digest(term: Term) -> bytes:
    return term.digest
