"""The part of RV64's states that a hart of QEMU can be set up as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from popek.oracles.oracle import Bench, Case, Region, Value, number

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
#: over at once.
_SHOWN: Final = (
    f"not reserved or (reservation[2..0] == 0 and reservation - {RAM:#x} < {CELLS:#x})",
    "pending() & mie == 0",
)

_CODE: Final = RAM + 0x1000
_ROOT: Final = RAM


def _home(priv: int, *, tables: bool, **changes: Value) -> Case:
    """A program in a mode, from whose table all of memory's first gigabyte is to be had, where it
    is; `__` stands for the dot in a name.
    """
    all_of_memory = (1 << 54) - 1
    state: dict[str, Value] = {
        "priv": priv,
        "PC": _CODE,
        "mstatus.FS": 3,
        "mstatus.MPP": priv,
        "mstatus.MPRV": 0,
        "fcsr.FRM": 0,
        "satp.MODE": 8 * tables,
        "satp.PPN": _ROOT >> 12,
        "mie": 0,
        "mtvec": RAM + 0x2000,
        "stvec": RAM + 0x3000,
        "mepc": _CODE,
        "sepc": _CODE,
        "reserved": 0,
        "reservation": RAM,
        # All rights in an entry behind others that are off.
        "pmp.config": (0, 0, 0x1F, 0, 0, 0, 0, 0),
        "pmp.address": (0, 0, all_of_memory, 0, 0, 0, 0, 0),
    }
    # Valid, readable, writable, executable, accessed, dirty.
    entry = RAM >> 12 << 10 | 0xCF | (priv == 0) << 4
    at = _ROOT + (RAM >> 30) * 8
    cells = {at + i: byte for i, byte in enumerate(entry.to_bytes(8, "little"))}
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return Case(state | named, {"ram": cells})


_QUIET: Final = {
    **{f"mip__{line}": 0 for line in ("MEIP", "SEIP", "MTIP", "STIP", "MSIP", "SSIP")},
    "external": 0,
}

_HOMES: Final = (
    _home(3, tables=False, medeleg=0, mideleg=0, mie=0xAAA, **_QUIET),
    _home(1, tables=True, medeleg=0xB3FF, mideleg=0x222),
    _home(0, tables=True, medeleg=0x80FF, mideleg=0x002, mie=0x208, **_QUIET),
    _home(1, tables=False, medeleg=0xB100, mideleg=0x220),
)

BENCH: Final = Bench(
    fixed=_FIXED,
    regions=(Region("ram", RAM, RAM + CELLS - 1),),
    unseen=_UNSEEN,
    conditions=(*_LEGAL, *_SHOWN),
    homes=_HOMES,
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
    return ""
