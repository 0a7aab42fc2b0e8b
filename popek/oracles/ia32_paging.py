"""IA-32's two-level walk over a case's memory, without its checks (SDM vol. 3A, section 4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from popek.oracles.oracle import Case, bank, number

_PRESENT, _ACCESSED, _LARGE = 1, 0x20, 0x80
_CS: Final = 1


def _entry(memory: Mapping[int, int], at: int) -> int:
    return int.from_bytes([memory.get(at + i, 0) for i in range(4)], "little")


def entries(case: Case, linear: int) -> Iterator[tuple[int, int]]:
    """The entries that lead to a linear address: where they are, and what they hold."""
    memory = case.memory.get("phys", {})
    at = number(case.state, "CR3.BASE") << 12 | linear >> 22 << 2
    entry = _entry(memory, at)
    yield at, entry
    if entry & _PRESENT and not (entry & _LARGE and number(case.state, "CR4.PSE")):
        at = entry & ~0xFFF | (linear >> 12 & 0x3FF) << 2
        yield at, _entry(memory, at)


def physical(case: Case, linear: int) -> int | None:
    """The cell of a linear address, None if its page is not present."""
    if not number(case.state, "CR0.PG"):
        return linear
    path = list(entries(case, linear))
    last = path[-1][1]
    if not last & _PRESENT:
        return None
    if len(path) == 1:
        return last & ~0x3F_FFFF | linear & 0x3F_FFFF
    return last & ~0xFFF | linear & 0xFFF


def fetched(case: Case, offset: int) -> int | None:
    """The cell of an address in the code segment."""
    return physical(case, code_address(case, offset))


def code_address(case: Case, offset: int) -> int:
    """The linear address of an offset in the code segment."""
    return bank(case.state, "seg.base")[_CS] + offset & 0xFFFF_FFFF


def marks_when_fetched(case: Case) -> bool:
    """Would fetching the instruction set an accessed bit?  The spec's step begins behind it."""
    if not number(case.state, "CR0.PG"):
        return False
    at = code_address(case, number(case.state, "EIP"))
    return any(not entry & _ACCESSED for _, entry in entries(case, at))
