"""Registers as QEMU's gdb stub numbers them, and the components of the spec rv64 that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from popek.oracles.oracle import State, bank, number

# Numbers of the stub's registers: x from 0, the pc, f, the mode, CSRs.
PC: Final = 32
F: Final = 33
MODE: Final = 65
CSR: Final = 66


@dataclass(frozen=True, slots=True)
class Part:
    """`width` bits of a register, from `low` on: a component, or the element `index` of a bank."""

    component: str
    low: int
    width: int
    index: int | None = None

    def of(self, state: State) -> int:
        """The component's value, where it lies in the register."""
        if self.index is None:
            return number(state, self.component) << self.low
        return bank(state, self.component)[self.index] << self.low

    def cut(self, word: int) -> int:
        """The component's value in the register's."""
        return word >> self.low & ((1 << self.width) - 1)


def _whole(register: str) -> tuple[Part, ...]:
    return (Part(register, 0, 64),)


def _fields(register: str, **places: tuple[int, int]) -> tuple[Part, ...]:
    """Fields by name: their lowest bits and widths."""
    return tuple(Part(f"{register}.{name}", low, width) for name, (low, width) in places.items())


_ENABLES: Final = {"CY": (0, 1), "TM": (1, 1), "IR": (2, 1), "HPM": (3, 29)}

# Numbers of CSRs (PRIV, 2.2).
SATP: Final = CSR + 0x180
MSTATUS: Final = CSR + 0x300
MIE: Final = CSR + 0x304
MEPC: Final = CSR + 0x341
MIP: Final = CSR + 0x344
PMPCFG0: Final = CSR + 0x3A0
PMPADDR0: Final = CSR + 0x3B0

#: Registers but for x and the pc, in the order in which they are written: fcsr makes mstatus.FS
#: dirty, mstatus.TVM guards satp, and addresses of PMP come before what may lock them.
REGISTERS: Final[Mapping[int, tuple[Part, ...]]] = {
    **{F + i: (Part("f", 0, 64, i),) for i in range(32)},
    CSR + 0x003: _fields("fcsr", FFLAGS=(0, 5), FRM=(5, 3)),
    **{PMPADDR0 + i: (Part("pmp.address", 0, 54, i),) for i in range(8)},
    PMPCFG0: tuple(Part("pmp.config", 8 * i, 8, i) for i in range(8)),
    SATP: _fields("satp", PPN=(0, 44), ASID=(44, 16), MODE=(60, 4)),
    CSR + 0x105: _whole("stvec"),
    CSR + 0x106: _fields("scounteren", **_ENABLES),
    CSR + 0x10A: _fields("senvcfg", FIOM=(0, 1)),
    CSR + 0x140: _whole("sscratch"),
    CSR + 0x141: _whole("sepc"),
    CSR + 0x142: _whole("scause"),
    CSR + 0x143: _whole("stval"),
    CSR + 0x302: _whole("medeleg"),
    CSR + 0x303: _whole("mideleg"),
    MIE: _whole("mie"),
    CSR + 0x305: _whole("mtvec"),
    CSR + 0x306: _fields("mcounteren", **_ENABLES),
    CSR + 0x30A: _fields("menvcfg", FIOM=(0, 1)),
    CSR + 0x340: _whole("mscratch"),
    MEPC: _whole("mepc"),
    CSR + 0x342: _whole("mcause"),
    CSR + 0x343: _whole("mtval"),
    MIP: _fields(
        "mip", SSIP=(1, 1), MSIP=(3, 1), STIP=(5, 1), MTIP=(7, 1), SEIP=(9, 1), MEIP=(11, 1)
    ),
    MSTATUS: _fields(
        "mstatus",
        SIE=(1, 1),
        MIE=(3, 1),
        SPIE=(5, 1),
        MPIE=(7, 1),
        SPP=(8, 1),
        MPP=(11, 2),
        FS=(13, 2),
        MPRV=(17, 1),
        SUM=(18, 1),
        MXR=(19, 1),
        TVM=(20, 1),
        TW=(21, 1),
        TSR=(22, 1),
    ),
}
