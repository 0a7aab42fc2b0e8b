"""A small system for the S/370, near which cases start: new PSWs, handlers, tables.

Translation is off; the tables map the first 64K of each segment to the first of storage, with
segments of 1M and pages of 2K.  The general registers are addresses there; condition code, program
mask and level are left open.
"""

from __future__ import annotations

from typing import Final

from popek.oracles.oracle import Home
from popek.oracles.s370_registers import EC_MODE

CODE, HANDLERS, DATA = 0x2000, 0x3000, 0x4000
SEGMENTS, PAGES = 0x8000, 0x8100

#: The new PSWs of external, supervisor-call, program, machine-check and I/O interruptions.
_NEW_PSWS: Final = (88, 96, 104, 112, 120)
_BLOCK: Final = 0x800


def _main() -> dict[int, int]:
    cells: dict[int, int] = {}

    def put(at: int, value: int, size: int) -> None:
        cells.update(zip(range(at, at + size), value.to_bytes(size, "big"), strict=True))

    for i, at in enumerate(_NEW_PSWS):
        put(at, EC_MODE, 4)
        put(at + 4, HANDLERS + 0x10 * i, 4)
    for segment in range(16):
        # One sixteenth of a page table (POO, chapter 3, "Segment-Table Entries").
        put(SEGMENTS + 4 * segment, PAGES, 4)
    for page in range(0x1_0000 // _BLOCK):
        put(PAGES + 2 * page, page << 3, 2)
    return cells


HOME: Final = Home(
    {
        "IA": CODE,
        "PSW.DAT": 0,
        "PSW.KEY": 0,
        "CR0.SSM_TRAPS": 0,
        "CR0.LOW_PROTECT": 0,
        "CR0.FORMAT": 0b01010,
        "CR1.LENGTH": 0,
        "CR1.ORIGIN": SEGMENTS >> 6,
    },
    {
        "R": {n: DATA + 0x240 * n for n in range(16)},
        "KEY.F": dict.fromkeys(range(0x1_0000 // _BLOCK), 0),
        "main": _main(),
    },
)
