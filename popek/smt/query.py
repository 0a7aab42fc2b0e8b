"""A question to a solver, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from popek.terms import Symbol, Term, symbols_of, to_smtlib


@dataclass(frozen=True, slots=True)
class Query:
    """A complete SMT-LIB script under a name, and the names that its model is about.

    The first line of the text is the name, as a comment; what follows depends on the assertions
    alone.
    """

    name: str
    text: str
    symbols: tuple[Symbol, ...]


def query(name: str, assertions: Sequence[Term]) -> Query:
    """Whether the assertions, terms of width 1, can all be 1."""
    return Query(name, to_smtlib(assertions, name), symbols_of(assertions))
