"""The rewrite rules: each is one function, under one name, with a sketch of what it rewrites.

The builder executes these functions and nothing else; the tests walk the same list, draw instances
from each rule's sketch at many widths, and have z3 prove that the function's result equals what it
was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms
    from popek.terms.rules.sketch import Sketch

Fire: TypeAlias = "Callable[[Terms, Op, tuple[Term, ...], Payload], Term | None]"
"""An equal term for the operator on these arguments, or None where the rule has nothing to say."""

Draw: TypeAlias = "Callable[[Sketch], Term]"
"""An instance of the rule's left side, built verbatim; now and then one that only looks like it."""

EVERY_WIDTH: Final = (1, 2, 3, 4, 5, 6, 7, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rewrite rule.

    `ops` are the operators it rewrites, `inner` the operators of the first argument on which it can
    fire (None for any). `least` is the smallest width at which the sketch is an instance.
    `proved_at` lists the widths at which the tests prove it; where these are not EVERY_WIDTH, `why`
    says why.
    """

    name: str
    ops: tuple[Op, ...]
    inner: frozenset[Op] | None
    fire: Fire
    sketch: Draw
    least: int
    proved_at: tuple[int, ...]
    why: str


RULES: Final[list[Rule]] = []
"""All rules, in the order in which they are tried; filled by importing `popek.terms.rules`."""


def rule(
    name: str,
    *ops: Op,
    sketch: Draw,
    inner: Iterable[Op] | None = None,
    least: int = 1,
    proved_at: tuple[int, ...] = EVERY_WIDTH,
    why: str = "",
) -> Callable[[Fire], Fire]:
    """Enter the decorated function into `RULES`."""

    def enter(fire: Fire) -> Fire:
        only = None if inner is None else frozenset(inner)
        RULES.append(Rule(name, ops, only, fire, sketch, least, proved_at, why))
        return fire

    return enter


@cache
def rules_for(op: Op, inner: Op) -> tuple[Fire, ...]:
    """The rules to try on `op` when its first argument's operator is `inner`, in order."""
    return tuple(r.fire for r in RULES if op in r.ops and (r.inner is None or inner in r.inner))
