"""A concrete state, made up as it is asked for: what was chosen, and the rest by a seed.

A change of a few places makes another one, alike everywhere else: how the search gets from one path
of a clause to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, TypeAlias

#: A part of a state: the name of a component, field or memory, and of its elements which one.
Place: TypeAlias = tuple[str, int]

#: The element of what has none.
WHOLE: Final = -1

#: Before the names of the encoding's fields.
FIELD: Final = "field."


@dataclass(frozen=True, slots=True)
class World:
    """A value for every place: what was chosen, else as at `home`, else by the seed."""

    seed: str
    chosen: Mapping[Place, int]
    home: Mapping[Place, int] = field(default_factory=dict, repr=False)

    def value(self, place: Place, width: int) -> int:
        """The value at a place that holds so many bits: often a boundary, or a small one."""
        found = self.chosen.get(place)
        if found is None:
            found = self.home.get(place)
        return _drawn(self.seed, place, width) if found is None else found

    def but(self, changed: Mapping[Place, int]) -> World:
        """The same state with other values at these places."""
        return World(self.seed, {**self.chosen, **changed}, self.home)


def _drawn(seed: str, place: Place, width: int) -> int:
    text = f"{seed}/{place[0]}/{place[1]}".encode()
    bits = int.from_bytes(blake2b(text, digest_size=32).digest(), "little")
    ones = (1 << width) - 1
    value = bits >> 8 & ones
    match bits & 7:
        case 0:
            return (0, 1, 1 << width - 1, ones)[bits >> 3 & 3] & ones
        case 1:
            return value & 15
        case _:
            return value
