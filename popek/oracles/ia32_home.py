"""A small system for IA-32, near which cases start: tables, stacks of the inner levels, pages.

Segments are flat, and everything lies in the first pages, which are mapped to themselves.  Paging
is off; the general registers are addresses there; flags and the level are left open.
"""

from __future__ import annotations

from typing import Final

from popek.oracles.oracle import Home, Region

GDT, LDT, IDT, TSS = 0x3000, 0x3800, 0x2000, 0x4000
PAGE_DIRECTORY, PAGE_TABLE = 0x1_0000, 0x1_1000
CODE_AT, HANDLERS, STACKS = 0xC000, 0x9000, 0x7000

#: Vectors with a gate that is written down, and pages with an entry.
_VECTORS, _PAGES = 0x22, 0x18

#: The access byte of descriptors of level 0 (SDM vol. 3A, section 3.4.5): a readable code segment,
#: a writable data segment; 32-bit gates.
CODE: Final = 0x9B
DATA: Final = 0x93
CALL_GATE: Final = 0x8C
INTERRUPT_GATE: Final = 0x8E
LEVEL_3: Final = 0x60

#: Flags above the limit: pages, 32 bits.
_FLAT: Final = 0xC


def descriptor(access: int, base: int = 0, limit: int = 0xF_FFFF, flags: int = _FLAT) -> int:
    """A segment descriptor; `access`: present, level and type, `flags` the four above the limit."""
    return (
        limit & 0xFFFF
        | (base & 0xFF_FFFF) << 16
        | access << 40
        | (limit >> 16) << 48
        | flags << 52
        | (base >> 24) << 56
    )


def gate(access: int, selector: int, offset: int, count: int = 0) -> int:
    """A gate descriptor (SDM vol. 3A, sections 5.8.3 and 6.11)."""
    return offset & 0xFFFF | selector << 16 | count << 32 | access << 40 | (offset >> 16) << 48


def _segments() -> list[int]:
    """Code and data of each level, as descriptors 1 to 8; then one of each other kind."""
    levels = [kind | level << 5 for level in range(4) for kind in (CODE, DATA)]
    return [
        *(descriptor(access) for access in levels),
        descriptor(0x9E),  # conforming code, not accessed
        descriptor(0x90 | LEVEL_3),  # data that cannot be written
        descriptor(0x96 | LEVEL_3, limit=0xF, flags=4),  # expand-down
        descriptor(0x12 | LEVEL_3),  # not present
        gate(CALL_GATE | LEVEL_3, 0x08, HANDLERS, 1),
        gate(CALL_GATE - 8 | LEVEL_3, 0x08, HANDLERS, 1),  # of 16 bits
        gate(CALL_GATE | LEVEL_3, 0x48, HANDLERS),
        descriptor(0x82, LDT, 0x7F, 0),
        descriptor(0x89, TSS, 0x2067, 0),
        descriptor(0x8B, TSS, 0x2067, 0),  # busy
        descriptor(CODE | LEVEL_3, flags=0),
        descriptor(DATA | LEVEL_3, flags=0),
        descriptor(0x98 | LEVEL_3),  # code that cannot be read
        gate(INTERRUPT_GATE | LEVEL_3, 0x08, HANDLERS),
    ]


def _memory() -> dict[int, int]:
    cells: dict[int, int] = {}

    def put(at: int, value: int, size: int) -> None:
        cells.update(zip(range(at, at + size), value.to_bytes(size, "little"), strict=True))

    for i, entry in enumerate([0, *_segments()]):
        put(GDT + 8 * i, entry, 8)
        if i < 16:
            put(LDT + 8 * i, entry, 8)
    for vector in range(_VECTORS):
        at = HANDLERS + 4 * vector
        put(IDT + 8 * vector, gate(INTERRUPT_GATE | LEVEL_3, 0x08, at), 8)
    put(TSS, 0, 104)
    for level in range(3):
        put(TSS + 4 + 8 * level, STACKS - 0x200 * level, 4)
        put(TSS + 8 + 8 * level, 0x10 + 16 * level | level, 4)
    put(TSS + 102, 104, 2)
    put(PAGE_DIRECTORY, PAGE_TABLE | 0x67, 4)
    for page in range(_PAGES):
        put(PAGE_TABLE + 4 * page, page << 12 | 0x67, 4)
    return cells


def _each(value: int) -> dict[int, int]:
    return dict.fromkeys(range(6), value)


#: Ports at which the emulators have no device, wherever an access of four bytes begins.
PORTS: Final = tuple(
    Region("port", first, last)
    for first, last in ((0x48, 0x5C), (0xE0, 0xE4), (0x1000, 0x7FFC), (0xD000, 0xFFFC))
)

#: General registers: where data and the stack are.
_REGISTERS: Final = (0x1_2010, 0x1_3020, 0x1_4030, 0x1_5040, 0x1_6800, 0x1_6900, 0x1_7050, 0x1_4860)

HOME: Final = Home(
    {
        "EIP": CODE_AT,
        "CS.INDEX": 0x08 >> 2,
        "SS.INDEX": 0x10 >> 2,
        **dict.fromkeys(("ES", "DS", "FS", "GS"), 0x43),
        "GDTR.base": GDT,
        "GDTR.limit": 0xFF,
        "IDTR.base": IDT,
        "IDTR.limit": 0x7FF,
        "LDTR": 0x80,
        "LDT.base": LDT,
        "LDT.limit": 0x7F,
        "LDT.usable": 1,
        "TR": 0x90,
        "TSS.base": TSS,
        "TSS.limit": 0x2067,
        "TSS.wide": 1,
        "CR0.PG": 0,
        "CR3.BASE": PAGE_DIRECTORY >> 12,
        "EFLAGS.VM": 0,
        "EFLAGS.VIF": 0,
    },
    {
        "gpr": dict(enumerate(_REGISTERS)),
        "seg.base": {1: 0, 2: 0},
        "seg.limit": _each(0xFFFF_FFFF),
        "seg.usable": _each(1),
        "seg.readable": _each(1),
        "seg.writable": {**_each(1), 1: 0},
        "seg.down": _each(0),
        "seg.level": _each(3),
        "phys": _memory(),
    },
)
