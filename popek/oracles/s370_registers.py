"""The components of the spec s370 in the words that hold them: PSW, control registers, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from popek.oracles.oracle import State, Value, bank, number


@dataclass(frozen=True, slots=True)
class Field:
    """Bits of a word of 32, `first` counted from the left."""

    component: str
    first: int
    width: int

    @property
    def _low(self) -> int:
        return 32 - self.first - self.width

    def of(self, state: State) -> int:
        """The component's value, where it lies in the word."""
        return number(state, self.component) << self._low

    def cut(self, word: int) -> int:
        """The component's value in the word's."""
        return word >> self._low & ((1 << self.width) - 1)


def _fields(register: str, **places: tuple[int, int]) -> tuple[Field, ...]:
    """Fields by name: their first bits and widths."""
    return tuple(Field(f"{register}.{name}", *place) for name, place in places.items())


#: The left half of a PSW in the EC mode (POO, chapter 4), and the bit that says so.
PSW: Final = _fields(
    "PSW",
    PER=(1, 1),
    DAT=(5, 1),
    IO=(6, 1),
    EXT=(7, 1),
    KEY=(8, 4),
    MC=(13, 1),
    WAIT=(14, 1),
    P=(15, 1),
    CC=(18, 2),
    MASK=(20, 4),
)
EC_MODE: Final = 0x0008_0000

#: Control registers by their numbers.
CONTROL: Final[Mapping[int, tuple[Field, ...]]] = {
    **{n: (Field(f"CR{n}", 0, 32),) for n in range(16)},
    0: _fields(
        "CR0",
        BLOCKMUX=(0, 1),
        SSM_TRAPS=(1, 1),
        TOD_SYNC=(2, 1),
        LOW_PROTECT=(3, 1),
        KEY_SHOWN=(4, 1),
        SECONDARY=(5, 1),
        FORMAT=(8, 5),
        SIGNALS=(16, 4),
        COMPARATOR=(20, 1),
        TIMER=(21, 1),
        INTERVAL=(24, 1),
        CONSOLE_KEY=(25, 1),
        EXTERNAL=(26, 1),
    ),
    1: _fields("CR1", LENGTH=(0, 8), ORIGIN=(8, 18), OTHER=(26, 6)),
    3: _fields("CR3", KEYS=(0, 16), SASN=(16, 16)),
    8: _fields("CR8", OTHER=(0, 16), MONITOR=(16, 16)),
}


def psw_of(state: State) -> bytes:
    """The PSW that the state is entered by."""
    left = EC_MODE | sum(field.of(state) for field in PSW)
    return left.to_bytes(4, "big") + number(state, "IA").to_bytes(4, "big")


def in_psw(psw: bytes) -> dict[str, Value]:
    """The components that a PSW holds."""
    left = int.from_bytes(psw[:4], "big")
    fields = {field.component: field.cut(left) for field in PSW}
    return {**fields, "IA": int.from_bytes(psw[5:8], "big")}


def control_of(state: State) -> list[int]:
    """The control registers."""
    return [sum(field.of(state) for field in CONTROL[n]) for n in range(16)]


def in_control(words: tuple[int, ...]) -> dict[str, Value]:
    """The components that control registers hold."""
    return {f.component: f.cut(words[n]) for n, fields in CONTROL.items() for f in fields}


#: Storage keys as SET STORAGE KEY has them: the lowest bit of each part.
_KEY: Final = {"KEY.ACC": 4, "KEY.F": 3, "KEY.R": 2, "KEY.C": 1}


def keys_of(state: State, blocks: int) -> dict[int, int]:
    """The keys of the first blocks that are not 0."""
    found: dict[int, int] = {}
    for name, low in _KEY.items():
        for n, part in enumerate(bank(state, name)[:blocks]):
            if part:
                found[n] = found.get(n, 0) | part << low
    return found


def with_keys(before: State, keys: Mapping[int, int]) -> dict[str, Value]:
    """The parts of all keys as before, but for these."""
    if not keys:
        return {name: before[name] for name in _KEY}
    found: dict[str, Value] = {}
    for name, low in _KEY.items():
        parts = list(bank(before, name))
        for n, key in keys.items():
            parts[n] = key >> low & (15 if name == "KEY.ACC" else 1)
        found[name] = tuple(parts)
    return found
