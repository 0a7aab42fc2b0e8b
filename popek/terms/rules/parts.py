"""Concatenations and constants side by side, cut where both can be cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from popek.terms.term import Op, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


def boundaries(term: Term) -> set[int]:
    """The bit positions between the parts of a concatenation; none for other terms."""
    found = set[int]()
    if term.op is Op.CONCAT:
        lo = term.width
        for part in term.args[:-1]:
            lo -= part.width
            found.add(lo)
    return found


def cut(t: Terms, term: Term, bounds: list[int]) -> list[Term]:
    """The pieces of `term` between the descending positions `bounds`, the topmost first."""
    edges = [term.width, *bounds, 0]
    return [t.extract(term, hi - 1, lo) for hi, lo in itertools.pairwise(edges)]


def common_parts(t: Terms, a: Term, b: Term) -> list[tuple[Term, Term]] | None:
    """The pieces of a and b between the positions at which both come apart; None for one piece.

    A constant comes apart everywhere.
    """
    if a.op is Op.CONST:
        bounds = boundaries(b)
    elif b.op is Op.CONST:
        bounds = boundaries(a)
    else:
        bounds = boundaries(a) & boundaries(b)
    if not bounds:
        return None
    order = sorted(bounds, reverse=True)
    return list(zip(cut(t, a, order), cut(t, b, order), strict=True))
