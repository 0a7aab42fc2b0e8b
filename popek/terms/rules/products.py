"""Division by the constants for which there is something simpler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popek.terms.rules.registry import rule
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


@rule(
    "unsigned-division-by-power-of-two",
    Op.UDIV,
    sketch=lambda s: s.root(s.x, s.fixed(1 << s.rng.randrange(s.w))),
)
def _udiv(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    if b.op is not Op.CONST or not _power_of_two(b.payload):
        return None
    return t.lshr(a, t.const(b.payload.bit_length() - 1, a.width))


@rule(
    "unsigned-remainder-by-power-of-two",
    Op.UREM,
    sketch=lambda s: s.root(s.x, s.fixed(1 << s.rng.randrange(s.w))),
)
def _urem(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    a, b = args
    if b.op is not Op.CONST or not _power_of_two(b.payload):
        return None
    return t.and_(a, t.const(b.payload - 1, a.width))


def _power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


@rule(
    "signed-division-by-one",
    Op.SDIV,
    Op.SREM,
    sketch=lambda s: s.root(s.x, s.fixed(1)),
    least=2,
)
def _by_one(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """From width 2 upward: the 1 of width 1 is -1."""
    a, b = args
    if a.width == 1 or not b.is_value(1):
        return None
    return a if op is Op.SDIV else t.const(0, a.width)
