"""A small flat system for IA-32, a step from it on an emulator, and what is different after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from popek.oracles import Case, Outcome
from popek.oracles.bochs import Bochs
from popek.oracles.oracle import Answer, Oracle, State, Value
from popek.oracles.qemu_ia32 import QemuIA32
from tests.oracles.ia32 import CODE, DATA, GDT, IDT, TSS, descriptor, gate


@dataclass(frozen=True)
class Emulator:
    """`saves_rf`: RF is set in the frames of faults (SDM vol. 3B, section 17.3.1.1)."""

    adapter: Callable[[str], Oracle]
    program: str
    saves_rf: bool


EMULATORS = {
    "qemu": Emulator(QemuIA32, "qemu-system-i386", saves_rf=False),
    "bochs": Emulator(Bochs, "bochs", saves_rf=True),
}


# ---------------------------------------------------------------- a flat system

HANDLERS, STACK, RING0_STACK = 0x9000, 0x8000, 0x7000


def tables() -> dict[int, int]:
    """Descriptors 1 to 8 are code and data of levels 0 to 3; all gates can be used at any level."""
    memory: dict[int, int] = {}

    def put(at: int, value: int, size: int = 8) -> None:
        memory.update(zip(range(at, at + size), value.to_bytes(size, "little"), strict=True))

    for level in range(4):
        put(GDT + 8 + 16 * level, descriptor(CODE | level << 5))
        put(GDT + 16 + 16 * level, descriptor(DATA | level << 5))
    put(GDT + 0x48, gate(0xEC, 0x08, 0xA000))
    for vector in range(0x21):
        put(IDT + 8 * vector, gate(0xEE, 0x08, HANDLERS + 4 * vector))
    put(TSS + 4, RING0_STACK, 4)
    put(TSS + 8, 0x10, 4)
    return memory


def state(level: int = 0, **changes: Value) -> dict[str, Value]:
    """Flat, 32 bits, at 0x1000, before the names of components that a keyword cannot be."""
    flags = ("CF", "PF", "AF", "ZF", "SF", "TF", "IF", "DF", "OF", "NT", "RF", "VM", "AC", "VIF")
    cr0 = ("MP", "EM", "TS", "NE", "WP", "AM", "NW", "CD", "PG")
    cr4 = ("VME", "PVI", "TSD", "DE", "PSE", "MCE", "PGE", "PCE")
    zeros = (
        *(f"EFLAGS.{f}" for f in (*flags, "VIP", "ID", "IOPL")),
        *(f"CR0.{f}" for f in cr0),
        *(f"CR4.{f}" for f in cr4),
        *("CR2", "CR3.PWT", "CR3.PCD", "CR3.BASE", "DR0", "DR1", "DR2", "DR3"),
        *("DR6.B", "DR6.BD", "DR6.BS", "DR6.BT"),
        *("DR7.ENABLE", "DR7.EXACT", "DR7.GD", "DR7.CONDITIONS"),
        *("inhibit", "NMI_blocked", "delivering", "PUSH_CLEARS"),
        *("LDTR", "LDT.base", "LDT.limit", "LDT.usable"),
    )
    data = 16 + 16 * level | level
    return {
        **dict.fromkeys(zeros, 0),
        "CR0.PE": 1,
        "EIP": 0x1000,
        "gpr": (0, 1, 2, 3, STACK, 5, 6, 7),
        "CS.RPL": level,
        "CS.INDEX": 2 + 4 * level,
        "SS.RPL": level,
        "SS.INDEX": 4 + 4 * level,
        "CS_D": 1,
        "SS_B": 1,
        **dict.fromkeys(("ES", "DS", "FS", "GS"), data),
        "seg.base": (0,) * 6,
        "seg.limit": (0xFFFF_FFFF,) * 6,
        "seg.usable": (1,) * 6,
        "seg.readable": (1,) * 6,
        "seg.writable": (1, 0, 1, 1, 1, 1),
        "seg.down": (0,) * 6,
        "seg.big": (1,) * 6,
        "seg.level": (level,) * 6,
        "GDTR.base": GDT,
        "GDTR.limit": 0xFF,
        "IDTR.base": IDT,
        "IDTR.limit": 0x7FF,
        "TR": 0x88,
        "TSS.base": TSS,
        "TSS.limit": 0x67,
        "TSS.wide": 1,
        "MSR": (0,) * 4096,
        **changes,
    }


def case(code: str, before: State | None = None, more: Mapping[int, int] | None = None) -> Case:
    """Machine code at 0x1000."""
    memory = {**tables(), **dict(enumerate(bytes.fromhex(code), 0x1000)), **(more or {})}
    return Case(state() if before is None else before, {"phys": memory})


def words(at: int, *values: int) -> dict[int, int]:
    return {at + 4 * i + j: v >> 8 * j & 255 for i, v in enumerate(values) for j in range(4)}


def runs(emulator: Emulator, *cases: Case) -> list[Answer]:
    return list(emulator.adapter("IA-32").run(cases))


def step(emulator: Emulator, one: Case) -> Outcome:
    (seen,) = runs(emulator, one)
    assert isinstance(seen, Outcome), seen
    return seen


def changes(seen: Outcome, before: State) -> dict[str, Value]:
    """The components that are not as before."""
    return {name: value for name, value in seen.state.items() if value != before[name]}


def stored(seen: Outcome, at: int, count: int) -> list[int]:
    """Doublewords where there was nothing before."""
    cells = seen.changed["phys"]
    return [sum(cells.get(at + 4 * i + j, 0) << 8 * j for j in range(4)) for i in range(count)]


#: Where an exception from level 3 leads: ring 0, its segments, its stack.
def inner(level: int, eip: int, esp: int) -> dict[str, Value]:
    return {
        "EIP": eip,
        "gpr": (0, 1, 2, 3, esp, 5, 6, 7),
        "CS.RPL": 0,
        "CS.INDEX": 2,
        "SS.RPL": 0,
        "SS.INDEX": 4,
        "seg.level": (level, 0, 0, level, level, level),
    }
