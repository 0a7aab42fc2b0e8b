"""The status register of the 68000 as a word, and as the components of its specs."""

from __future__ import annotations

from typing import Final

from popek.oracles.oracle import State, number

#: By the spec's names: the lowest bit, and how many.
_BITS: Final = {
    "SR.C": (0, 1),
    "SR.V": (1, 1),
    "SR.Z": (2, 1),
    "SR.N": (3, 1),
    "SR.X": (4, 1),
    "SR.I": (8, 3),
    "SR.S": (13, 1),
    "SR.T": (15, 1),
}


def word_of(state: State) -> int:
    """The register of a state; bits that no component stands for are 0."""
    return sum(number(state, name) << low for name, (low, _) in _BITS.items())


def components_of(word: int) -> dict[str, int]:
    """The components of a register."""
    return {name: word >> low & ((1 << n) - 1) for name, (low, n) in _BITS.items()}
