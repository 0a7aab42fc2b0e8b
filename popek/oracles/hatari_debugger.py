"""What Hatari's debugger is told to run a case, and what it then says.

The ROM is the adapter's own, as far as Hatari looks an image of TOS 2.6.  A level is entered by
stepping the RTE in it; before that, interrupts of the video that are pending are taken.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from popek.oracles.m68k_status import word_of
from popek.oracles.oracle import Case, State, Value, bank, number

#: Bytes of RAM, and those of them that a case has; files with their contents.
RAM: Final = 4 << 20
LOW: Final = range(0x1_0000)
HIGH: Final = range(RAM - 0x1000, RAM)
AREAS: Final = (LOW, HIGH)
BEFORE: Final = ("low", "high")
AFTER: Final = ("low-after", "high-after")

#: The processor drives 24 address lines.
ADDRESS: Final = (1 << 24) - 1

AUTOVECTORS: Final = range(25, 32)
BUS_ERROR: Final = 2

# ---------------------------------------------------------------- the ROM
_ROM: Final = 0xFC_0000
_ROM_SIZE: Final = 0x3_0000
#: BRA to itself, from the reset on.
IDLE: Final = _ROM + 0x30
_HEADER: Final = struct.pack(">2H2I", 0x602E, 0x0206, IDLE, _ROM)
_IDLING: Final = struct.pack(">H", 0x60FE)
#: MOVE #$2000, SR, again and again, by which pending interrupts are taken; they lead here, too.
_SETTLE: Final = _ROM + 0x40
_SETTLING: Final = struct.pack(">2H", 0x46FC, 0x2000) * 16
_SETTLED: Final = 6
#: MOVEC from D0 to D2 to the control registers of the 68010; then RTE, which has its frame here.
_CONTROL: Final = (("VBR", 0x801), ("SFC", 0x000), ("DFC", 0x001))
_ENTRY: Final = _ROM + 0x100
_TO_CONTROL: Final = b"".join(
    struct.pack(">2H", 0x4E7B, n << 12 | code) for n, (_, code) in enumerate(_CONTROL)
)
_RTE: Final = struct.pack(">H", 0x4E73)
_FRAME: Final = _ROM + 0x200
#: MOVEC the other way round, and a VBR of 0, which D3 holds.
_LEAVE: Final = _ROM + 0x180
_MOVEC: Final = 4
_FROM_CONTROL: Final = b"".join(
    struct.pack(">2H", 0x4E7A, n << 12 | code) for n, (_, code) in enumerate(_CONTROL)
) + struct.pack(">2H", 0x4E7B, 0x3801)


def rom() -> bytes:
    """The image."""
    image = bytearray(_ROM_SIZE)
    parts = {
        _ROM: _HEADER,
        IDLE: _IDLING,
        _SETTLE: _SETTLING,
        _ENTRY: _TO_CONTROL + _RTE,
        _LEAVE: _FROM_CONTROL,
    }
    for at, content in parts.items():
        image[at - _ROM : at - _ROM + len(content)] = content
    return bytes(image)


# ---------------------------------------------------------------- commands
def commands(case: Case) -> Iterator[str]:
    """What the debugger is told, to run a case."""
    state = case.state
    # Interrupts that are pending are taken.
    for vector in AUTOVECTORS:
        yield f"w l {4 * vector} ${_SETTLE:x}"
    yield from ("r sr=$2000", f"r a7={LOW.stop}", f"r pc=${_SETTLE:x}", f"c {_SETTLED}")
    # The level, with the code fetched.
    for name, area in zip(BEFORE, AREAS, strict=True):
        yield f"loadbin {name} {area.start}"
    pc = number(state, "PC")
    yield f"w w ${_FRAME:x} {word_of(state)} {pc >> 16} {pc & 0xFFFF} 0"
    yield from ("r sr=$2700", f"r a7=${_FRAME:x}")
    if "VBR" in state:
        for n, (name, _) in enumerate(_CONTROL):
            yield f"r d{n}=${number(state, name):x}"
        yield from (f"r pc=${_ENTRY:x}", f"c {len(_CONTROL) + 1}")
    else:
        yield from (f"r pc=${_ENTRY + len(_TO_CONTROL):x}", "s")
    # The step.
    supervisor, user = bank(state, "A7")
    own = supervisor if state["SR.S"] else user
    for i, value in enumerate(bank(state, "D")):
        yield f"r d{i}=${value:x}"
    for i, value in enumerate((*bank(state, "AR"), own)):
        yield f"r a{i}=${value:x}"
    yield f"r usp=${user:x}" if state["SR.S"] else f"r isp=${supervisor:x}"
    yield from ("s", "r")
    for name, area in zip(AFTER, AREAS, strict=True):
        yield f"savebin {name} {area.start} {len(area)}"
    if "VBR" in state:
        # If the step has switched tracing on, the first of these is traced: the second is gone to.
        yield from ("r sr=$2700", "r d3=0", f"r pc=${_LEAVE:x}", "s")
        yield from ("r sr=$2700", f"r pc=${_LEAVE + _MOVEC:x}", f"c {len(_CONTROL)}", "r")
    yield f"savebin done {LOW.start} 1"


# ---------------------------------------------------------------- answers
#: Where it stands after a step, each exception, and each access to a device.
_STANDS: Final = b"\nCPU=$"
_EXCEPTION: Final = re.compile(rb"cpu exception (\d+) .*?fault_e3 ([0-9a-f]+)")
_DEVICE: Final = re.compile(rb"IO (read|write)\.. \$([0-9a-f]+)")
_REGISTER: Final = re.compile(rb"\b(D\d|A\d|USP|ISP) +([0-9A-F]{8})")
_STATUS: Final = re.compile(rb"T=(\d)\d S=(\d) .*?X=(\d) N=(\d) Z=(\d) V=(\d) C=(\d) IMASK=(\d)")
_STATUS_NAMES: Final = ("SR.T", "SR.S", "SR.X", "SR.N", "SR.Z", "SR.V", "SR.C", "SR.I")
HALTS: Final = b"CPU halted"
DONE: Final = b"Wrote 0x1 bytes."


@dataclass(frozen=True, slots=True)
class Exceptional:
    """An exception: its vector, and the address of the last bus or address error."""

    vector: int
    fault: int


@dataclass(frozen=True, slots=True)
class Said:
    """What Hatari says of a case.  `devices`: whether its step has reached those of the ST.
    `control`: the 68010's control registers.
    """

    exceptions: tuple[Exceptional, ...]
    devices: bool
    state: dict[str, Value]
    control: dict[str, int]


def read(said: bytes, before: State) -> Said:
    """The answer to the commands for a case in this state."""
    control: dict[str, int] = {}
    if "VBR" in before:
        said, _, last = said.rsplit(_STANDS, 2)
        found = _registers(last)
        control = {name: found[f"D{n}"] for n, (name, _) in enumerate(_CONTROL)}
    _, step, end = said.rsplit(_STANDS, 2)
    exceptions = tuple(
        Exceptional(int(vector), int(fault, 16) & ADDRESS)
        for vector, fault in _EXCEPTION.findall(step)
    )
    # A write is reported first, and may then be a bus error.
    errors = {e.fault for e in exceptions if e.vector == BUS_ERROR}
    devices = any(
        kind == b"read" or int(at, 16) & ADDRESS not in errors for kind, at in _DEVICE.findall(step)
    )
    return Said(exceptions, devices, {**before, **_state(end), **control}, control)


def _registers(said: bytes) -> dict[str, int]:
    return {name.decode(): int(value, 16) for name, value in _REGISTER.findall(said)}


def _state(end: bytes) -> dict[str, Value]:
    """What the debugger shows of the processor where it stands."""
    registers, status = _registers(end), _STATUS.search(end)
    assert status is not None
    flags = dict(zip(_STATUS_NAMES, map(int, status.groups()), strict=True))
    own, user, supervisor = registers["A7"], registers["USP"], registers["ISP"]
    return {
        **flags,
        "D": tuple(registers[f"D{i}"] for i in range(8)),
        "AR": tuple(registers[f"A{i}"] for i in range(7)),
        "A7": (own, user) if flags["SR.S"] else (supervisor, own),
        "PC": int(end.split(b",", 1)[0], 16),
    }
