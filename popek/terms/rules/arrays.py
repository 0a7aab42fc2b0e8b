"""Reads over writes, and writes over writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from popek.terms.integers import signed
from popek.terms.linear import distinct, form_of
from popek.terms.rules.registry import rule
from popek.terms.rules.sketch import Sketch
from popek.terms.rules.slices import REACH
from popek.terms.term import Op, Payload, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms


def _written(s: Sketch) -> Term:
    t = s.t
    near = t.add(s.x, s.fixed(1))
    base = s.pick(t.store(s.array(), near, s.y), t.constant_array(s.w, s.y))
    unknown = t.store(base, s.u, s.z)
    return s.root(s.pick(base, t.store(base, s.x, s.z), unknown), s.pick(s.x, near))


_LOOKBACK: Final = 16
"""A write is compared with so many writes before it; without a limit, n writes cost n^2."""


@rule(
    "read-over-write",
    Op.SELECT,
    inner=[Op.STORE, Op.CONST_ARRAY],
    sketch=_written,
    least=2,
)
def _read(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Writes elsewhere are passed over; the write at the index answers, if none may hide it."""
    array, index = args
    undecided: list[Term] = []
    dropped = False
    while array.op is Op.STORE and array.args[1] is not index:
        if distinct(t, array.args[1], index):
            dropped = True
        else:
            undecided.append(array)
        array = array.args[0]
    if not undecided:
        if array.op is Op.STORE:
            return array.args[2]
        if array.op is Op.CONST_ARRAY:
            return array.args[0]
    if not dropped:
        return None
    for write in reversed(undecided):
        array = t.store(array, write.args[1], write.args[2])
    return t.select(array, index)


@rule(
    "read-of-choice",
    Op.SELECT,
    inner=[Op.ITE],
    sketch=lambda s: s.root(
        s.t.ite(s.p, s.t.store(s.array(), s.x, s.y), s.t.store(s.array(), s.z, s.y)), s.x
    ),
)
def _read_choice(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """Goes into the branches where one of them answers."""
    array, index = args
    condition, a, b = array.args
    if array.reach > REACH:
        return None
    left, right = t.select(a, index), t.select(b, index)
    if left.op is Op.SELECT and right.op is Op.SELECT:
        if left.args[0] is a and right.args[0] is b:
            return None
    return t.ite(condition, left, right)


def _overwritten(s: Sketch) -> Term:
    t = s.t
    near = t.add(s.x, s.fixed(1))
    between = t.store(t.store(s.array(), s.x, s.y), near, s.u)
    behind = t.store(t.store(s.array(), s.x, s.y), s.u, s.y)  # u may be x: nothing to do
    return s.root(s.pick(t.store(s.array(), s.x, s.y), between, behind), s.pick(s.x, near), s.z)


@rule("write-over-write", Op.STORE, inner=[Op.STORE], sketch=_overwritten, least=2)
def _write(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    """A later write hides an earlier one at the index, and passes writes elsewhere.

    Of writes at known distances the one at the highest address goes to the bottom, so that the same
    writes in different orders make one term. (Downward suits stacks: fewer are moved.)
    """
    array, index, value = args
    place = _below(t, array, index)
    if not place and array.args[1] is not index:
        return None
    passed = []
    for _ in range(place):
        passed.append(array)
        array = array.args[0]
    if array.op is Op.STORE and array.args[1] is index:
        array = array.args[0]
    array = t.store(array, index, value)
    for write in reversed(passed):
        array = t.node(Op.STORE, (array, write.args[1], write.args[2]))
    return array


def _below(t: Terms, array: Term, index: Term) -> int:
    """Under how many of the last writes to `array` a write at `index` belongs."""
    atoms, offset = form_of(t, index)
    place = 0
    for passed in range(_LOOKBACK):
        if array.op is not Op.STORE:
            break
        other = array.args[1]
        if other is index:
            return passed
        if not distinct(t, other, index):
            break
        others, offset_there = form_of(t, other)
        if atoms == others and signed(offset, index.width) > signed(offset_there, index.width):
            place = passed + 1
        array = array.args[0]
    return place


@rule(
    "write-of-what-is-there",
    Op.STORE,
    sketch=lambda s: s.root(s.array(), s.x, s.t.select(s.array(), s.x)),
)
def _unchanged(t: Terms, op: Op, args: tuple[Term, ...], payload: Payload) -> Term | None:
    array, index, value = args
    if value.op is Op.SELECT and t.select(array, index) is value:
        return array
    return None
