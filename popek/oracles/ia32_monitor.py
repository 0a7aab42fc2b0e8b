"""The monitor that runs cases of IA-32 in an emulator: what goes in, and what comes out.

`ia32_rom/monitor.asm` is a ROM of 64 KiB that replaces the BIOS.  It makes a guest of each case, by
the emulated processor's own virtualization: the guest's registers, hidden parts of segments
included, are loaded in one step; its physical memory is the case's and nothing else; a timer that
counts instructions ends the step before the next instruction, so that nothing is planted in the
case's memory, tables or flags.

A level is entered by the processor's own instruction for entering a guest at any level (VMRUN,
VMLAUNCH), which fills the segment registers and the privilege level in one go: IRET could not lead
to states whose tables have changed since.  That IRET leads to a state that can be entered in this
way, and continued from, is among the tests.

What traps is learnt from runs before the last one, in which exceptions leave the guest instead of
being delivered; in the last run they are delivered by the case's own tables.  The monitor's source
says in which order.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from importlib.resources import files
from itertools import takewhile
from typing import Final

from popek.oracles import ia32_paging
from popek.oracles.ia32_state import WORDS, Entry, decoded, encoded
from popek.oracles.oracle import Case, Died, Event, Outcome, Refused, State, Trap, bank, number

MEMORY: Final = "phys"

#: What results begin with, and where the monitor's header is.
MAGIC: Final = b"POPK"

_ROM_SIZE: Final = 1 << 16
_HEADER: Final = struct.Struct("<IIII")
_RESULT: Final = struct.Struct("<4s11I")
_EVENT: Final = struct.Struct("<4I")
_STATE_AT: Final = 4 * 2
#: Pages that a case may name; the monitor has some more for what a step writes elsewhere.
_PAGES: Final = 128


class Happened(IntEnum):
    """What left the guest on the way, in the second byte of an event's first word."""

    EXCEPTION = 1
    SOFTWARE_INTERRUPT = 2
    HALT = 3
    PORT = 4


@dataclass(frozen=True, slots=True)
class Happening:
    """`vector` of an exception or interrupt; `info` and `more` as the processor gives them."""

    what: Happened
    vector: int
    info: int
    more: int
    vectoring: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One result: how the last run ended, and the state and memory then."""

    reason: int
    info: tuple[int, int]
    elapsed: int
    empty_idt: bool
    happenings: tuple[Happening, ...]
    words: tuple[int, ...]
    changed: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Clock:
    """What an emulator counts: its timer is set to `budget` for the step to be over, and `usual` is
    how far the time-stamp counter moves in a run of one step.
    """

    budget: int
    usual: int


@dataclass(frozen=True, slots=True)
class Virtualization:
    """SVM or VMX: how a run's end is named.

    `over`: the step is done.  `refusals`: what the processor does not run in a guest.
    `skipped`: instructions that leave the guest, have no effect but to be over, and whose length
    is in the second word of `info`.  `exception`: an exception has left the guest.
    """

    name: str
    entry: Entry
    over: frozenset[int]
    shut_down: int
    refusals: Mapping[int, str]
    skipped: frozenset[int] = frozenset()
    exception: int = -1

    @property
    def planted(self) -> Virtualization:
        """The same, of runs that an INT3 behind the instruction ends."""
        return replace(self, over=frozenset((self.exception,)))


_NO_TASKS: Final = "a task switch"
_NO_MSRS: Final = "model-specific registers are the monitor's"
_BOARD: Final = "a port of the emulator's board"
_FAR: Final = "physical memory beyond 32 bits: the processor has PSE-36"

SVM: Final = Virtualization(
    "SVM",
    Entry(whole_limits=False, busy=False, nmi_blocked=False),
    over=frozenset((0x60,)),
    shut_down=0x7F,
    refusals={
        0x7B: _BOARD,
        0x7C: _NO_MSRS,
        0x7D: _NO_TASKS,
        **{0x80 + n: "an instruction of SVM" for n in range(7)},
        0x400: _FAR,
        0xFFFF_FFFF: "VMRUN refuses the state",
    },
)

VMX: Final = Virtualization(
    "VMX",
    Entry(whole_limits=True, busy=True, nmi_blocked=True),
    over=frozenset((52,)),
    shut_down=2,
    refusals={
        9: _NO_TASKS,
        10: "CPUID leaves a guest of VMX",
        28: "CR4.VMXE is the monitor's",
        30: _BOARD,
        31: _NO_MSRS,
        32: _NO_MSRS,
        48: _FAR,
        **dict.fromkeys((11, *range(18, 28), 50, 53, 54, 55), "an instruction of VMX"),
        0x8000_0021: "VM entry refuses the state",
        0xFFFF: "VM entry refuses the monitor's controls",
    },
    skipped=frozenset((12, 13)),
    exception=0,
)


# ---------------------------------------------------------------- into the monitor


@cache
def monitor() -> bytes:
    """The assembled ROM."""
    return files("popek.oracles").joinpath("ia32_rom", "monitor.bin").read_bytes()


def record(case: Case, entry: Entry, planted: int | None = None) -> bytes | Refused:
    """The case as the monitor reads it; `planted` is a cell to hold an INT3 that ends the step."""
    if ia32_paging.marks_when_fetched(case):
        return Refused("the instruction's page is not marked as accessed, and fetching does it")
    words = encoded(case.state, entry)
    if isinstance(words, Refused):
        return words
    pages: dict[int, list[int]] = {}
    for cell, byte in case.memory.get(MEMORY, {}).items():
        pages.setdefault(cell & ~0xFFF, []).append(cell & 0xFFF | byte << 16)
    if planted is not None:
        kept = [c for c in pages.get(planted & ~0xFFF, []) if c & 0xFFF != planted & 0xFFF]
        pages[planted & ~0xFFF] = [*kept, planted & 0xFFF | 0xCC_0000]
    if len(pages) > _PAGES:
        return Refused(f"more than {_PAGES} pages of memory")
    parts = [len(pages)]
    for frame, cells in pages.items():
        parts += frame, len(cells), *cells
    body = WORDS.pack(*words) + struct.pack(f"<{len(parts)}I", *parts)
    return struct.pack("<II", len(body) + _STATE_AT, int(planted is not None)) + body


def image(records: Sequence[bytes], clock: Clock) -> bytes:
    """The ROM with a table of cases below it."""
    table = b"".join(records)
    table += bytes(-len(table) % _ROM_SIZE)
    rom = bytearray(monitor())
    start = (1 << 32) - _ROM_SIZE - len(table)
    _HEADER.pack_into(rom, len(MAGIC), start, len(records), clock.budget, clock.usual)
    return table + bytes(rom)


# ---------------------------------------------------------------- out of it


def result(data: bytes | bytearray, index: int, start: int) -> tuple[Seen, int] | None:
    """The result of this number, looked for from `start` on, and where it ends."""
    at = data.find(MAGIC + index.to_bytes(4, "little"), start)
    if at < 0 or len(data) < at + _RESULT.size:
        return None
    _, _, size, n, _, reason, *info, _, _, elapsed, watched = _RESULT.unpack_from(data, at)
    if len(data) < at + size:
        return None
    place = at + _RESULT.size
    happenings = []
    for _ in range(n):
        what, first, second, vectoring = _EVENT.unpack_from(data, place)
        place += _EVENT.size
        happenings.append(Happening(Happened(what >> 8), what & 0xFF, first, second, vectoring))
    words = WORDS.unpack_from(data, place)
    place += WORDS.size
    (count,) = struct.unpack_from("<I", data, place)
    cells = struct.unpack_from(f"<{2 * count}I", data, place + 4)
    seen = Seen(
        reason,
        (info[0], info[1]),
        elapsed,
        bool(watched & 4),
        tuple(happenings),
        words,
        dict(zip(cells[::2], cells[1::2], strict=True)),
    )
    return seen, at + size


def answer(case: Case, seen: Seen, by: Virtualization) -> Outcome | Refused | Died:
    """What the result says in the spec's terms."""
    if seen.reason == by.shut_down:
        return Died("the processor shut down")
    if why := by.refusals.get(seen.reason):
        return Refused(why)
    if seen.reason not in by.over | by.skipped:
        return Died(f"{by.name} ended the run with {seen.reason:#x}")
    state = decoded(seen.words, case.state)
    if seen.reason in by.skipped:
        state["EIP"] = number(state, "EIP") + seen.info[1] & 0xFFFF_FFFF
    if seen.empty_idt:  # in the run, not in the case
        state["IDTR.limit"] = case.state["IDTR.limit"]
    traps = [h for h in seen.happenings if h.what <= Happened.SOFTWARE_INTERRUPT]
    return Outcome(
        state,
        {MEMORY: seen.changed},
        _trap(traps[-1]) if traps else None,
        waits=any(h.what is Happened.HALT for h in seen.happenings) and not traps,
        events=tuple(
            _port(h, case, by)
            for h in seen.happenings
            # Else it was only asked for.
            if h.what is Happened.PORT and not traps and not _idle(h, case, state, by)
        ),
    )


#: Exceptions that push an error code.
_CODED: Final = frozenset((8, 10, 11, 12, 13, 14, 17))


def _trap(last: Happening) -> Trap:
    if last.what is Happened.EXCEPTION and last.vector in _CODED:
        return Trap(last.vector, last.info >> 16)
    return Trap(last.vector)


def _port(access: Happening, case: Case, by: Virtualization) -> Event:
    """An access to a port, its number, and what is written unless it is a string's."""
    number_of, into = access.info >> 16, access.info & (1 if by is SVM else 8)
    if into:
        return Event("port", "read", (number_of,))
    size = access.info >> 4 & 7 if by is SVM else (access.info & 7) + 1
    if _string(access, by):
        return Event("port", "write", (number_of,))
    return Event("port", "write", (number_of, bank(case.state, "gpr")[0] & (1 << 8 * size) - 1))


def _string(access: Happening, by: Virtualization) -> bool:
    return bool(access.info & (4 if by is SVM else 16))


def _idle(access: Happening, case: Case, after: State, by: Virtualization) -> bool:
    """Whether a string instruction was repeated no times: it leaves the guest all the same."""
    places = [bank(state, "gpr")[6:] for state in (case.state, after)]  # ESI and EDI
    return _string(access, by) and places[0] == places[1]


def with_inhibition(outcome: Outcome) -> Outcome:
    """The same, with the shadow of the instruction that kept the timer waiting."""
    return replace(outcome, state={**outcome.state, "inhibit": 1})


def code_cells(case: Case) -> list[int]:
    """The cells behind the first byte of the instruction, as far as there are any; 14 at most."""
    at = number(case.state, "EIP")
    cells = (ia32_paging.fetched(case, at + k & 0xFFFF_FFFF) for k in range(1, 15))
    return [cell for cell in takewhile(lambda cell: cell is not None, cells) if cell is not None]
