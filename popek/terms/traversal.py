"""Walks over shared terms that no depth exhausts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from popek.terms.term import Term


def bottom_up(roots: Iterable[Term]) -> Iterator[Term]:
    """Each term below the roots once, after its arguments; in an order fixed by the structure."""
    done = set[Term]()
    for root in roots:
        stack = [root]
        while stack:
            term = stack[-1]
            if term in done:
                stack.pop()
                continue
            waiting = [a for a in term.args if a not in done]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                done.add(term)
                stack.pop()
                yield term
