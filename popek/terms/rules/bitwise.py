"""Conjunction, disjunction, exclusive disjunction and complement, at every width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from popek.terms.integers import mask
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms

MANY: Final = 64
"""Conjunctions and disjunctions of more than this are left as they are, nested in others.  The path
through a long loop has hundreds of conjuncts, and grows one by one."""

_RUNS: Final = 8
"""Masks with more runs of equal bits than this stay masks."""


def _flat(op: Op, args: tuple[Term, ...]) -> list[Term]:
    flat: list[Term] = []
    for a in args:
        if a.op is op and len(a.args) <= MANY:
            flat.extend(a.args)
        else:
            flat.append(a)
    return flat


def _digest(term: Term) -> bytes:
    return term.digest


def _nested(s: Sketch) -> Term:
    t, inner = s.t, s.t.node(s.op, (s.x, s.y))
    return s.root(s.pick(inner, s.y), s.pick(s.x, t.not_(s.x), s.const()), s.pick(s.x, s.const()))


@rule("and-or-flat", Op.AND, Op.OR, sketch=_nested)
def _and_or(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """One operator over different arguments ordered by digest, with at most one constant, last; an
    argument with the same operator is none unless it has many.

    An argument beside its complement, or beside the constant that absorbs it, decides.
    """
    width = args[0].width
    neutral = mask(width) if op is Op.AND else 0
    constant, seen = neutral, dict[Term, None]()
    for a in _flat(op, args):
        if a.op is Op.CONST:
            constant = constant & a.payload if op is Op.AND else constant | a.payload
        else:
            seen[a] = None
    absorbing = mask(width) ^ neutral
    if constant == absorbing or any(a.op is Op.NOT and a.args[0] in seen for a in seen):
        return t.const(absorbing, width)
    kept = sorted(seen, key=_digest)
    if constant != neutral or not kept:
        kept.append(t.const(constant, width))
    if len(kept) == 1:
        return kept[0]
    return None if tuple(kept) == args else t.make(op, tuple(kept))


def _cancelling(s: Sketch) -> Term:
    t, inner = s.t, s.t.xor(s.x, s.y)
    return s.root(s.pick(inner, t.not_(s.y)), s.pick(s.x, t.not_(s.x), s.const()), s.const())


@rule("xor-flat", Op.XOR, sketch=_cancelling)
def _xor(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Equal arguments cancel; complements and all-ones come out as one complement around."""
    width = args[0].width
    ones = mask(width)
    constant, odd = 0, dict[Term, None]()
    for a in _flat(op, args):
        if a.op is Op.NOT:
            constant ^= ones
            a = a.args[0]
        # The complement of a sum may hide a sum; one level is all that canonical terms have.
        for part in a.args if a.op is Op.XOR else (a,):
            if part.op is Op.CONST:
                constant ^= part.payload
            elif part in odd:
                del odd[part]
            else:
                odd[part] = None
    if not odd:
        return t.const(constant, width)
    kept = sorted(odd, key=_digest)
    if constant and constant != ones:
        kept.append(t.const(constant, width))
    if constant != ones and tuple(kept) == args:
        return None
    rest = kept[0] if len(kept) == 1 else t.make(Op.XOR, tuple(kept))
    return t.not_(rest) if constant == ones else rest


@rule("complement-of-complement", Op.NOT, inner=[Op.NOT], sketch=lambda s: s.root(s.t.not_(s.x)))
def _not_not(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return args[0].args[0]


@rule(
    "complement-of-parts",
    Op.NOT,
    inner=[Op.CONCAT],
    sketch=lambda s: s.root(s.t.concat(s.pick(s.x, s.const()), s.y)),
)
def _not_concat(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.concat(*[t.not_(part) for part in args[0].args])


@rule(
    "complement-of-choice-of-constants",
    Op.NOT,
    inner=[Op.ITE],
    sketch=lambda s: s.root(s.t.ite(s.p, s.const(), s.const())),
)
def _not_choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    condition, a, b = args[0].args
    if a.op is Op.CONST and b.op is Op.CONST:
        return t.ite(condition, t.not_(a), t.not_(b))
    return None


@rule(
    "complement-of-extension",
    Op.NOT,
    inner=[Op.SEXT],
    sketch=lambda s: s.root(s.t.sext(s.x, s.w + 3)),
)
def _not_sext(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    return t.sext(t.not_(args[0].args[0]), args[0].width)


def _masked(s: Sketch) -> Term:
    t = s.t
    wide = t.concat(s.x, s.pick(s.y, s.const()))
    other = s.pick(t.concat(s.const(), s.z), t.concat(s.z, s.const()))
    return s.root(wide, other) if s.rng.getrandbits(1) else s.root(other, wide)


@rule("bitwise-by-parts", Op.AND, Op.OR, Op.XOR, sketch=_masked)
def _by_parts(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Where constants reach part of the bits, those bits are treated apart from the others."""
    width = args[0].width
    if width == 1:
        return None
    cuts = set[int]()
    common: set[int] | None = None
    for a in args:
        if a.op is Op.CONST:
            runs = _boundaries(a.payload, width)
            if len(runs) <= _RUNS:
                cuts |= runs
            continue
        if a.op is Op.CONCAT:
            boundaries, lo = set[int](), width
            for part in a.args:
                boundaries.add(lo)
                lo -= part.width
                if part.op is Op.CONST:
                    cuts |= {lo, lo + part.width}
            common = boundaries if common is None else common & boundaries
        else:
            common = set()
    if common:
        cuts |= common
    bounds = sorted(cuts - {0, width}, reverse=True)
    if not bounds:
        return None
    parts = []
    for hi, lo in zip([width, *bounds], [*bounds, 0], strict=True):
        parts.append(t.make(op, tuple([t.extract(a, hi - 1, lo) for a in args])))
    return t.concat(*parts)


def _boundaries(value: int, width: int) -> set[int]:
    """The positions at which the bits of `value` change, and both ends."""
    changes = (value ^ value >> 1) & mask(width - 1)
    found = {0, width}
    while changes:
        low = changes & -changes
        found.add(low.bit_length())
        changes ^= low
    return found
