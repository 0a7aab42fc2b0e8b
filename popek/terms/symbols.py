"""The names that occur in terms, with what they denote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from popek.terms.sorts import Sort
from popek.terms.term import Op, Term
from popek.terms.traversal import bottom_up


@dataclass(frozen=True, slots=True)
class Variable:
    """A bit-vector or an array."""

    name: str
    sort: Sort


@dataclass(frozen=True, slots=True)
class Function:
    """An uninterpreted function from bit-vectors of these widths to one of `width` bits."""

    name: str
    arguments: tuple[int, ...]
    width: int


Symbol: TypeAlias = Variable | Function


def symbols_of(roots: Iterable[Term]) -> tuple[Symbol, ...]:
    """The variables and functions below the roots, ordered by name."""
    found = dict[str, Symbol]()
    for term in bottom_up(roots):
        if term.op is Op.VAR:
            found[term.payload] = Variable(term.payload, term.sort)
        elif term.op is Op.APPLY:
            name, width = term.payload
            found[name] = Function(name, tuple([a.width for a in term.args]), width)
    return tuple([found[name] for name in sorted(found)])
