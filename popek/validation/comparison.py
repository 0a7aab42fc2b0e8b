"""A step of the spec laid beside an oracle's, all of the state, bit by bit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

from popek.isa import ir
from popek.oracles.oracle import Case, Event, Outcome, Value
from popek.terms import ArrayValue
from popek.validation.prediction import Prediction

#: What is said of the step itself.
TRAP, WAITS, EVENTS = "trap", "waits", "events"


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that the oracle shows otherwise.

    `of` is a component, a memory, or `trap`, `waits`, `events`; `at` an element, a cell or the
    number of the event, 0 where there is none.  Bits that the spec leaves undefined are alike.
    """

    of: str
    at: int
    spec: int
    oracle: int

    @property
    def bits(self) -> int:
        return self.spec ^ self.oracle


def differences(
    isa: ir.Isa,
    case: Case,
    said: Prediction,
    seen: Outcome,
    unseen: Collection[str] = (),
) -> tuple[Difference, ...]:
    """Where the oracle disagrees, but for components that it does not show (`Bench.unseen`).

    Which trap it is shows in the state: the handler, and what was saved.
    """
    found = _differences(isa, case, said.like(seen), seen)
    return tuple(d for d in found if d.of not in unseen)


def _differences(isa: ir.Isa, case: Case, said: Prediction, seen: Outcome) -> Iterator[Difference]:
    zeros, ones = said.zeros, said.ones
    if bool(zeros.ending) != (seen.trap is not None):
        yield Difference(TRAP, 0, int(bool(zeros.ending)), int(seen.trap is not None))
    if zeros.waits != seen.waits:
        yield Difference(WAITS, 0, int(zeros.waits), int(seen.waits))
    for i, (ours, theirs) in enumerate(zip_longest(zeros.events, seen.events)):
        if ours is None or theirs is None or _shown(ours, theirs) != theirs:
            yield Difference(EVENTS, i, 1, 0)
    for name in isa.components:
        shown, first, second = seen.state[name], zeros.state[name], ones.state[name]
        for i in _given(shown, first, second):
            a, b, c = _element(first, i), _element(second, i), _element(shown, i)
            if bits := (a ^ c) & ~(a ^ b):
                yield Difference(name, i, a, a ^ bits)
    for name in isa.memories:
        before, changed = case.memory.get(name, {}), seen.changed.get(name, {})
        low, high = zeros.state[name], ones.state[name]
        assert isinstance(low, ArrayValue)
        assert isinstance(high, ArrayValue)
        for cell in sorted(
            low.entries.keys() | high.entries.keys() | before.keys() | changed.keys()
        ):
            a, b = low.entries.get(cell, 0), high.entries.get(cell, 0)
            c = changed.get(cell, before.get(cell, 0))
            if bits := (a ^ c) & ~(a ^ b):
                yield Difference(name, cell, a, a ^ bits)


def _shown(ours: Event, theirs: Event) -> Event:
    """As much of an operation as an oracle shows."""
    return replace(ours, args=ours.args[: len(theirs.args)])


def _given(shown: Value, *said: int | ArrayValue) -> list[int]:
    """The elements of which at least one of these says something."""
    if isinstance(shown, int):
        return [0]
    found = {i for i, element in enumerate(shown) if element}
    for bank in said:
        assert isinstance(bank, ArrayValue)
        assert bank.default == 0
        found |= bank.entries.keys()
    return sorted(found)


def _element(value: Value | ArrayValue, i: int) -> int:
    match value:
        case int():
            return value
        case tuple():
            return value[i]
        case ArrayValue():
            return value.select(i)
