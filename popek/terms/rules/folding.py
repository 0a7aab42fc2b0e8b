"""Constants in, constant out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from popek.terms.integers import MEANING
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms

_OF_EQUALS: Final = tuple(op for op in MEANING if op not in {Op.EXTRACT, Op.ITE, Op.CONCAT})
_WIDENING: Final = (Op.ZEXT, Op.SEXT)
_UNARY: Final = (Op.NEG, Op.NOT)


def _constants(s: Sketch) -> Term:
    k = s.const()
    if s.op in _WIDENING:
        return s.root(k, payload=s.w + s.rng.randint(1, 4))
    return s.root(k) if s.op in _UNARY else s.root(k, s.const())


def _fold(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    for a in args:
        if a.op is not Op.CONST:
            return None
    value = MEANING[op]([a.width for a in args], [a.payload for a in args], payload)
    if op in _WIDENING:
        return t.const(value, payload)
    return t.const(value, 1 if op in _COMPARISONS else args[0].width)


_COMPARISONS: Final = frozenset({Op.EQ, Op.ULT, Op.ULE, Op.SLT, Op.SLE})

rule("constant-folding", *_OF_EQUALS, inner=[Op.CONST], sketch=_constants)(_fold)


@rule(
    "extract-of-constant",
    Op.EXTRACT,
    inner=[Op.CONST],
    sketch=lambda s: s.slice_of(s.const()),
)
def _extract(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    hi, lo = payload
    return t.const(args[0].payload >> lo, hi - lo + 1)
