"""Connectives: width 1 only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.rules.bitwise import MANY
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule("or-as-and", Op.OR, sketch=lambda s: s.root(s.p, s.q, s.t.not_(s.r)))
def _or(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """One connective for both: complements are free, and meet their complements."""
    if args[0].width != 1:
        return None
    return t.not_(t.and_(*[t.not_(a) for a in args]))


@rule(
    "equal-bits",
    Op.EQ,
    sketch=lambda s: s.root(s.pick(s.p, s.t.not_(s.p)), s.pick(s.q, s.t.true())),
)
def _eq(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.not_(t.xor(*args)) if args[0].width == 1 else None


def _in_context(s: Sketch) -> Term:
    t, p = s.t, s.pick(s.p, s.t.not_(s.p))
    other = s.pick(p, t.not_(p))
    equal, unequal = t.eq(s.x, s.const()), t.eq(s.x, s.const())
    known = s.pick(
        t.ite(s.p, s.q, s.r),
        t.ite(s.q, other, s.r),
        t.not_(t.and_(other, s.q)),
        t.not_(t.and_(s.q, other, s.r)),
        t.not_(t.and_(s.p, s.pick(unequal, t.not_(unequal)))),
        t.xor(s.p, s.q),
    )
    return s.root(s.pick(p, equal), known)


@rule("and-in-context", Op.AND, sketch=_in_context)
def _context(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Each conjunct may take the others for granted, unless they are many."""
    if args[0].width != 1 or len(args) > MANY:
        return None
    given = set(args)
    values = {a.args[0]: a.args[1] for a in args if _equation(a)}
    out = [_assuming(t, a, given, values) for a in args]
    return None if all(a is b for a, b in zip(out, args, strict=True)) else t.and_(*out)


def _equation(term: Term) -> bool:
    """Whether it says that something equals a constant."""
    return term.op is Op.EQ and term.args[1].op is Op.CONST


def _known(t: Terms, term: Term, given: set[Term], values: dict[Term, Term]) -> bool | None:
    """Whether `term` holds, where those in `given` do, which give some terms these values."""
    if term in given:
        return True
    if t.not_(term) in given:
        return False
    body = term.args[0] if term.op is Op.NOT else term
    if _equation(body) and (value := values.get(body.args[0])) is not None:
        return (value is body.args[1]) is (body is term)
    return None


def _assuming(t: Terms, term: Term, given: set[Term], values: dict[Term, Term]) -> Term:
    """`term` under the assumption of the terms in `given`, itself apart; one level deep."""
    body = term.args[0] if term.op is Op.NOT else term
    if body.op is Op.ITE:
        condition, a, b = body.args
        if condition in given:
            out = a
        elif t.not_(condition) in given:
            out = b
        else:
            known = [_known(t, branch, given, values) for branch in (a, b)]
            if known == [None, None]:
                return term
            a, b = (
                branch if holds is None else t.const(holds, 1)
                for branch, holds in zip((a, b), known, strict=True)
            )
            out = t.ite(condition, a, b)
    elif body.op is Op.AND:
        if body is term:
            return term
        known = [_known(t, a, given, values) for a in body.args]
        if False in known:
            return t.true()
        kept = [a for a, holds in zip(body.args, known, strict=True) if holds is None]
        if len(kept) == len(body.args):
            return term
        out = t.all_of(kept)
    elif body.op is Op.XOR:
        kept, flips = [], 0
        for a in body.args:
            if a in given:
                flips += 1
            elif t.not_(a) not in given:
                kept.append(a)
        if len(kept) == len(body.args):
            return term
        out = t.xor(*kept) if kept else t.false()
        out = t.not_(out) if flips % 2 else out
    else:
        return term
    return t.not_(out) if body is not term else out


def _bounds(s: Sketch) -> Term:
    t, k = s.t, s.const()
    one = t.eq(s.x, k)
    two = t.eq(s.x, t.const(k.payload + s.rng.randint(0, (1 << s.w) - 1), s.w))
    return s.root(one, s.pick(two, t.not_(two)), s.q)


@rule("and-of-equations", Op.AND, sketch=_bounds, least=2)
def _equations(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A term that equals one constant equals no other."""
    if args[0].width != 1:
        return None
    values = dict[Term, Term]()
    for a in args:
        if a.op is Op.EQ and a.args[1].op is Op.CONST:
            if values.setdefault(a.args[0], a.args[1]) is not a.args[1]:
                return t.false()
    if not values:
        return None
    out = []
    for a in args:
        if a.op is Op.NOT and a.args[0].op is Op.EQ and a.args[0].args[1].op is Op.CONST:
            value = values.get(a.args[0].args[0])
            if value is not None:
                if value is a.args[0].args[1]:
                    return t.false()
                continue
        out.append(a)
    return None if len(out) == len(args) else t.and_(*out)
