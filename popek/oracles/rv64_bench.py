"""The part of RV64's states that a hart of QEMU can be set up as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from popek.oracles.oracle import Bench, Case, Home, Region, Value, bank, number

#: Main memory, and how much of it cases have.
RAM: Final = 0x8000_0000
CELLS: Final = 1 << 18

_FIXED: Final[Mapping[str, Value]] = {
    "VENDOR": 0,
    "ARCHITECTURE": 0,
    "IMPLEMENTATION": 0,
    "HART": 0,
    "CONFIGURATION": 0,
    "MISALIGNED": 1,
    "cycle_offset": 0,
    "instret_offset": 0,
}

_UNSEEN: Final = frozenset({"reserved", "reservation", "cycle_offset", "instret_offset"})

#: What no hart of this kind can hold, whatever it runs: WARL fields, and MPRV below M, which
#: returns clear.  MPP is the spec's own.  (PRIV, 3.1.6.3, 3.1.7 to 3.1.9, 3.1.14, 3.7.1, 10.1.)
_LEGAL: Final = (
    "PC[1..0] == 0",
    "priv == 3 or not mstatus.MPRV",
    "satp.MODE in {0, 8}",
    "medeleg & ~0xB3FF == 0",
    "mideleg & ~0x222 == 0",
    "mie & ~0xAAA == 0",
    "mtvec[1] == 0",
    "stvec[1] == 0",
    "mepc[1..0] == 0",
    "sepc[1..0] == 0",
    *(
        f"pmp[{i}].config[6..5] == 0 and (pmp[{i}].config[0] or not pmp[{i}].config[1])"
        for i in range(8)
    ),
)

#: What the adapter cannot make: LR of what is no memory without tables, and a step of WFI that is
#: over at once.  And what every access would show: QEMU lets a TOR entry that ends at 0 reach to
#: the end of memory, where it matches nothing (PRIV, 3.7.1).
_SHOWN: Final = (
    f"not reserved or (reservation[2..0] == 0 and reservation - {RAM:#x} < {CELLS:#x})",
    "pending() & mie == 0",
    *(f"pmp[{i}].config[4..3] != 1 or pmp[{i}].address != 0" for i in range(8)),
)

_CODE: Final = RAM + 0x1000
_ROOT: Final = RAM


def _home() -> Home:
    """A program whose table maps a gigabyte to itself; PMP lets everything through.  Levels, flags
    and what may hold anything are left open.
    """
    state = {
        "PC": _CODE,
        "mstatus.FS": 3,
        "mstatus.MPRV": 0,
        "fcsr.FRM": 0,
        "satp.MODE": 8,
        "satp.PPN": _ROOT >> 12,
        "medeleg": 0xB109,
        "mideleg": 0x022,
        "mie": 0x00A,
        "mip.SSIP": 0,
        "mip.MSIP": 0,
        "mtvec": RAM + 0x2001,
        "stvec": RAM + 0x3000,
        "mepc": _CODE + 0x10,
        "sepc": _CODE + 0x20,
        "reserved": 0,
        "reservation": RAM,
    }
    # Valid, readable, writable, executable, accessed, dirty.
    entry = RAM >> 12 << 10 | 0xCF
    at = _ROOT + (RAM >> 30) * 8
    return Home(
        state,
        {
            "ram": {at + i: byte for i, byte in enumerate(entry.to_bytes(8, "little"))},
            # All rights in an entry behind others that are off.
            "pmp.config": {i: 0x1F * (i == 2) for i in range(8)},
            "pmp.address": {2: (1 << 54) - 1},
        },
    )


BENCH: Final = Bench(
    fixed=_FIXED,
    regions=(Region("ram", RAM, RAM + CELLS - 1),),
    unseen=_UNSEEN,
    conditions=(*_LEGAL, *_SHOWN),
    home=_home(),
)


def unfit(case: Case) -> str:
    """Why no machine can be set up as this, "" if one may."""
    for name, value in _FIXED.items():
        if case.state[name] != value:
            return f"{name} is another"
    if number(case.state, "PC") & 3:
        return "the pc is not a multiple of 4"
    if not all(RAM <= cell < RAM + CELLS for cell in case.memory.get("ram", {})):
        return "memory beyond the bench"
    if _beside_code(case):
        return "data of M under MPRV in the page of its code: QEMU has one entry for both"
    return ""


def _beside_code(case: Case) -> bool:
    """Whether M, under MPRV, goes for data in the page of its code: by the entry of its TLB that
    the code is fetched through, QEMU takes these accesses for M's own (PRIV, 3.1.6.3).
    """
    state = case.state
    if number(state, "priv") != 3 or not number(state, "mstatus.MPRV"):
        return False
    pc, ram = number(state, "PC"), case.memory.get("ram", {})
    code = sum(ram.get(pc + i, 0) << 8 * i for i in range(4))
    match code & 0x7F:
        case 0x03 | 0x07:  # loads
            offset = code >> 20
        case 0x23 | 0x27:  # stores
            offset = code >> 25 << 5 | code >> 7 & 31
        case 0x2F:  # atomics
            offset = 0
        case _:
            return False
    first = bank(state, "x")[code >> 15 & 31] + (offset ^ 0x800) - 0x800
    return any((first + i) % (1 << 64) >> 12 == pc >> 12 for i in (0, 7))
