"""Material from which a rule's instances are drawn."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


class Sketch:
    """Names and random constants of one width, and a builder that leaves terms as they are drawn.

    `t` is the verbatim builder, `op` the operator to be at the root, `w` the width, `rng` the
    source of constants: the same seed draws the same instance.
    """

    def __init__(self, t: Terms, op: Op, width: int, seed: int) -> None:
        self.t = t
        self.op = op
        self.w = width
        self.rng = Random(f"{op.value} {width} {seed}")
        self.x, self.y, self.z, self.u = (t.var(f"{n}{width}", width) for n in "xyzu")
        self.p, self.q, self.r = (t.var(n, 1) for n in "pqr")

    def root(self, *args: Term, payload: Payload = None) -> Term:
        """The drawn operator on these arguments."""
        return self.t.node(self.op, args, payload)

    def pick(self, *choices: Term) -> Term:
        """One of the choices."""
        return self.rng.choice(choices)

    def const(self, width: int | None = None) -> Term:
        """A random constant, small or large, of the sketch's width unless told otherwise."""
        width = width or self.w
        bits = self.rng.choice((1, width))
        return self.t.const(self.rng.getrandbits(bits) - self.rng.getrandbits(1), width)

    def fixed(self, value: int) -> Term:
        """The constant `value` of the sketch's width."""
        return self.t.const(value, self.w)

    def array(self) -> Term:
        """An array from the sketch's width to itself."""
        return self.t.array(f"m{self.w}", self.w, self.w)

    def slice_of(self, term: Term, width: int | None = None) -> Term:
        """Random bits of `term`; `width` of them if given."""
        count = width or self.rng.randint(1, term.width)
        lo = self.rng.randint(0, term.width - count)
        return self.t.extract(term, lo + count - 1, lo)
