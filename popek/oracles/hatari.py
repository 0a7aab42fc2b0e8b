"""Hatari, an Atari ST: a 68000 or 68010 that takes bus and address errors.

Its debugger, which reads commands from a pipe, writes a case into memory and registers and steps
one instruction; the level is entered by stepping an RTE in the ROM, which is this adapter's own.
What the debugger and the trace of exceptions say is read, and memory from files.

The board's register is held at the ST's RAM, 4 MiB: behind that nothing answers, which is a bus
error.  Otherwise than on the board, user programs do not reach the lowest 2 KiB, and nobody writes
the first 8 bytes; from 0xFA0000 on there are ROM and devices.
Cases that show one of these are refused, but for reading ROM, which nothing tells from other code.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from popek.oracles.m68k_status import word_of
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
    Home,
    Identity,
    OracleMissing,
    Outcome,
    Refused,
    Region,
    Trap,
    Value,
    bank,
    number,
)
from popek.oracles.qemu import differences

NAME: Final = "hatari"

#: By the title of the spec: what Hatari calls the processor.
LEVELS: Final = {"68000": 0, "68010": 1}

#: Bytes of RAM, and those of them that a case has: vectors, what users reach at the bottom, and the
#: end, behind which are bus errors.
_RAM: Final = 4 << 20
_VECTORS: Final = 64
_LOW: Final = range(0x1_0000)
_HIGH: Final = range(_RAM - 0x1000, _RAM)
#: Where supervisors alone get, and where nobody writes.
_SUPERVISORS: Final = 0x800
_READ_ONLY: Final = 0x8
_AREAS: Final = (_LOW, _HIGH)
#: Files with their contents.
_BEFORE: Final = ("low", "high")
_AFTER: Final = ("low-after", "high-after")
_REGIONS: Final = tuple(
    Region("store", first, last)
    for first, last in (
        (_READ_ONLY, 4 * _VECTORS - 1),
        (0x800, _LOW.stop - 1),
        (_HIGH.start, _HIGH.stop - 1),
    )
)

_FIXED: Final[Mapping[str, Value]] = {"R.base": 0, "R.bound": _RAM, "storage": _RAM, "SR.T": 0}
#: The same, where another oracle is the first; and no interrupt of the ST's video (levels 2 and 4).
_CONDITIONS: Final = (
    *(f"{name} == {value:#x}" for name, value in _FIXED.items()),
    "SR.I >= 4",
    "PC[23..0] >= 0x800",
)

#: Handlers, code, stacks, and what address registers point to, apart from each other; and the state
#: that reaches all of them.
_HOME: Final = Home(
    {"PC": 0x2000, "SR.S": 1},
    {
        "A7": {0: 0x8000, 1: 0x7000},
        "AR": {n: 0x9000 + 0x400 * n for n in range(7)},
        "store": {
            4 * vector + i: byte
            for vector in range(2, _VECTORS)
            for i, byte in enumerate(struct.pack(">I", 0x1000 + 0x10 * vector))
        },
    },
)

_ADDRESS: Final = (1 << 24) - 1

#: The ROM: an image of TOS 2.6 as far as Hatari looks.
_ROM: Final = 0xFC_0000
_ROM_SIZE: Final = 0x3_0000
_IDLE: Final = _ROM + 0x30
_HEADER: Final = struct.pack(">2H2I", 0x602E, 0x0206, _IDLE, _ROM)
#: BRA to itself, from the reset on.
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
_FROM_CONTROL: Final = b"".join(
    struct.pack(">2H", 0x4E7A, n << 12 | code) for n, (_, code) in enumerate(_CONTROL)
) + struct.pack(">2H", 0x4E7B, 0x3801)
_AUTOVECTORS: Final = range(25, 32)
_BUS_ERROR: Final = 2

_STOP: Final = 0x4E72
_RESET: Final = 0x4E70

#: What Hatari says: of a step where it stands, of each exception, of each access to a device.
_STANDS: Final = b"\nCPU=$"
_EXCEPTION: Final = re.compile(rb"cpu exception (\d+) .*?fault_e3 ([0-9a-f]+)")
_DEVICE: Final = re.compile(rb"IO (read|write)\.. \$([0-9a-f]+)")
_REGISTER: Final = re.compile(rb"\b(D\d|A\d|USP|ISP) +([0-9A-F]{8})")
_STATUS: Final = re.compile(rb"T=(\d)\d S=(\d) .*?X=(\d) N=(\d) Z=(\d) V=(\d) C=(\d) IMASK=(\d)")
_STATUS_NAMES: Final = ("SR.T", "SR.S", "SR.X", "SR.N", "SR.Z", "SR.V", "SR.C", "SR.I")
_HALTS: Final = b"CPU halted"
_DONE: Final = f"Wrote {len(_HIGH):#x} bytes.".encode()

#: Seconds without an answer after which Hatari hangs.
_PATIENCE: Final = 2.0
#: How often a case is run again that the video interrupted.
_TRIES: Final = 4


class _Lost(Exception):
    """Hatari does not answer any more."""


class _Halted(Exception):
    """The processor has halted, and Hatari ended."""


class Hatari:
    """The oracle; a process of its own for each batch."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title not in LEVELS:
            raise ValueError(f"{NAME} runs {' and '.join(LEVELS)}, not {title}")
        path = shutil.which(NAME)
        if path is None:
            raise OracleMissing(f"{NAME} is not installed: `apt install hatari` (Debian, Ubuntu)")
        self._program, self._level = path, LEVELS[title]
        self.identity = Identity(NAME, _version(path), f"ST, {title}, cycle-exact")
        self.bench = Bench(_FIXED, _REGIONS, conditions=_CONDITIONS, home=_HOME)

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        machine: _Machine | None = None
        try:
            for case in cases:
                if why := _unfit(case):
                    yield Refused(why)
                    continue
                machine = machine or _Machine(self._program, self._level)
                try:
                    answer = machine.answer(case)
                except _Lost as lost:
                    answer = Died(str(lost))
                except _Halted:
                    answer = Refused(
                        "the processor halts: neither the code nor a handler can be fetched"
                    )
                if not machine.usable:
                    machine.close()
                    machine = None
                yield answer
        finally:
            if machine is not None:
                machine.close()


def _version(program: str) -> str:
    # It exits with 1 all the same.
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    found = re.search(r"Hatari v(\S+)", said.stdout)
    return found[1] if found else "unknown"


def _unfit(case: Case) -> str:
    """Why no ST can be set up as this, "" if one can."""
    state, store = case.state, case.memory.get("store", {})
    if any(state[name] != value for name, value in _FIXED.items() if name != "SR.T"):
        return "the board's register is another than that of a machine without a board"
    if state["SR.T"]:
        return "tracing: Hatari goes on to the trace exception"
    if number(state, "SR.I") < 4:
        return "interrupts of the ST's video are not masked"
    if any(byte and cell not in _LOW and cell not in _HIGH for cell, byte in store.items()):
        return "memory beyond the bench"
    pc = number(state, "PC") & _ADDRESS
    code = store.get(pc, 0) << 8 | store.get(pc + 1, 0)
    if state["SR.S"] and code == _STOP:
        return "STOP: the debugger waits, too"
    if state["SR.S"] and code == _RESET:
        return "RESET: what it does to the ST is not shown"
    return ""


class _Machine:
    """A running Hatari that stands in its debugger between steps.

    `usable`: for another case; not when it is lost, or a program has reached its devices.
    """

    def __init__(self, program: str, level: int) -> None:
        self._temporary = TemporaryDirectory()
        self._folder = Path(self._temporary.name)
        self.usable = True
        rom = bytearray(_ROM_SIZE)
        parts = {
            _ROM: _HEADER,
            _IDLE: _IDLING,
            _SETTLE: _SETTLING,
            _ENTRY: _TO_CONTROL + _RTE,
            _LEAVE: _FROM_CONTROL,
        }
        for at, content in parts.items():
            rom[at - _ROM : at - _ROM + len(content)] = content
        (self._folder / "rom").write_bytes(rom)
        (self._folder / "none").touch()
        (self._folder / "start").write_text(f"b pc = ${_IDLE:x} :once :quiet\n")
        self._process = subprocess.Popen(
            [
                program,
                *("--configfile", "none", "--tos", "rom"),
                *("--patch-tos", "off", "--fast-boot", "on"),
                *("--machine", "st", "--memsize", f"{_RAM >> 20}", "--cpulevel", f"{level}"),
                *("--compatible", "on", "--cpu-exact", "on", "--addr24", "on"),
                *("--drive-a", "off", "--drive-b", "off", "--sound", "off", "--fast-forward", "on"),
                # It ends, at the latest, when the processor halts, instead of asking what to do.
                *("--run-vbls", "1000000000"),
                *("--confirm-quit", "off", "--log-level", "error", "--alert-level", "fatal"),
                *("--trace", "cpu_exception,io_all", "--parse", "start"),
            ],
            cwd=self._folder,
            # No display, no sound, and nobody's configuration.
            env={
                **os.environ,
                "HOME": self._temporary.name,
                "SDL_VIDEODRIVER": "dummy",
                "SDL_AUDIODRIVER": "dummy",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._temporary.cleanup()

    def answer(self, case: Case) -> Answer:
        """What one step makes of the case.  Raises _Lost and _Halted."""
        self.usable = False
        for _ in range(_TRIES):
            step = self._step(case)
            if not step.interrupted:
                break
        self.usable = not step.devices
        return step.answer()

    def _step(self, case: Case) -> _Step:
        store = case.memory.get("store", {})
        before = [bytearray(len(area)) for area in _AREAS]
        for area, image in zip(_AREAS, before, strict=True):
            for cell in (c for c in store if c in area):
                image[cell - area.start] = store[cell]
        for name, image in zip(_BEFORE, before, strict=True):
            (self._folder / name).write_bytes(image)
        said = self._say(*_commands(case))
        if "VBR" in case.state:
            said, control = said.rsplit(_STANDS, 1)
        else:
            control = b""
        _, step, end = said.rsplit(_STANDS, 2)
        after = [(self._folder / name).read_bytes() for name in _AFTER]
        changed: dict[int, int] = {}
        for area, old, new in zip(_AREAS, before, after, strict=True):
            changed |= differences(old, new, area.start)
        return _Step(case, step, end, control, changed)

    def _say(self, *commands: str) -> bytes:
        """What Hatari says, up to the end of the last command of a case."""
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._process.stdin.write("".join(f"{c}\n" for c in commands).encode())
        self._process.stdin.flush()
        said = b""
        while _DONE not in said:
            ready, _, _ = select.select([self._process.stderr], [], [], _PATIENCE)
            if not ready:
                raise _Lost("Hatari hangs")
            part = os.read(self._process.stderr.fileno(), 1 << 16)
            if not part:
                raise _Halted
            said += part
        if _HALTS in said:
            raise _Halted
        return said


def _registers(said: bytes) -> dict[str, int]:
    """Those of the debugger's list."""
    return {name.decode(): int(value, 16) for name, value in _REGISTER.findall(said)}


def _fetchable(pc: int) -> bool:
    """Whether two words of code are there; the processor is always one ahead."""
    return not pc & 1 and pc & _ADDRESS < _RAM - 2


def _commands(case: Case) -> Iterator[str]:
    """What the debugger is told, to run a case."""
    state = case.state
    # Interrupts that are pending are taken.
    for vector in _AUTOVECTORS:
        yield f"w l {4 * vector} ${_SETTLE:x}"
    yield from ("r sr=$2000", f"r a7={_LOW.stop}", f"r pc=${_SETTLE:x}", f"c {_SETTLED}")
    # The level, with the code fetched.
    for name, area in zip(_BEFORE, _AREAS, strict=True):
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
    active, other = ("SSP", "USP") if state["SR.S"] else ("USP", "SSP")
    stacks = dict(zip(("SSP", "USP"), bank(state, "A7"), strict=True))
    other_name = "isp" if other == "SSP" else "usp"
    for i, value in enumerate(bank(state, "D")):
        yield f"r d{i}=${value:x}"
    for i, value in enumerate((*bank(state, "AR"), stacks[active])):
        yield f"r a{i}=${value:x}"
    yield f"r {other_name}=${stacks[other]:x}"
    yield from ("s", "r")
    if "VBR" in state:
        yield from ("r sr=$2700", "r d3=0", f"r pc=${_LEAVE:x}", f"c {len(_CONTROL) + 1}", "r")
    for name, area in zip(_AFTER, _AREAS, strict=True):
        yield f"savebin {name} {area.start} {len(area)}"


@dataclass(frozen=True, slots=True)
class _Step:
    """What Hatari said of a case's step, of where it then stands, and of the control registers."""

    case: Case
    step: bytes
    end: bytes
    control: bytes
    changed: Mapping[int, int]

    @property
    def _exceptions(self) -> list[tuple[int, int]]:
        """Vectors, each with the address of the last bus or address error."""
        found = _EXCEPTION.findall(self.step)
        return [(int(vector), int(fault, 16) & _ADDRESS) for vector, fault in found]

    @property
    def interrupted(self) -> bool:
        return any(vector in _AUTOVECTORS for vector, _ in self._exceptions)

    @property
    def devices(self) -> bool:
        """Whether it has reached the devices of the ST.  A write is reported first, and may then
        be a bus error.
        """
        errors = {at for vector, at in self._exceptions if vector == _BUS_ERROR}
        return any(
            kind == b"read" or int(at, 16) & _ADDRESS not in errors
            for kind, at in _DEVICE.findall(self.step)
        )

    def answer(self) -> Answer:
        if why := self._refused():
            return Refused(why)
        trap = Trap(self._exceptions[0][0]) if self._exceptions else None
        return Outcome(self._state(), {"store": self.changed}, trap)

    def _refused(self) -> str:
        """Why this is not what the step makes of the case, "" if it is."""
        if self.interrupted:
            return "an interrupt of the ST's video"
        if self.devices:
            return "devices of the ST are there"
        if any(vector == _BUS_ERROR and at < _SUPERVISORS for vector, at in self._exceptions):
            return "the ST keeps its lowest 2 KiB from users, and its first 8 bytes from all"
        if self._exceptions and not _fetchable(self._handler(self._exceptions[0][0])):
            return "a handler cannot be fetched, which is found out in the same step"
        return ""

    def _handler(self, vector: int) -> int:
        cells = {**self.case.memory.get("store", {}), **self.changed}
        entry = self._control.get("VBR", 0) + 4 * vector
        return int.from_bytes(cells.get(entry + i & _ADDRESS, 0) for i in range(4))

    @property
    def _control(self) -> dict[str, int]:
        """Of the 68010."""
        found = _registers(self.control)
        return {name: found[f"D{n}"] for n, (name, _) in enumerate(_CONTROL)} if found else {}

    def _state(self) -> dict[str, Value]:
        registers = _registers(self.end)
        status = _STATUS.search(self.end)
        assert status is not None
        flags = dict(zip(_STATUS_NAMES, map(int, status.groups()), strict=True))
        other = registers["USP" if flags["SR.S"] else "ISP"]
        stacks = (registers["A7"], other) if flags["SR.S"] else (other, registers["A7"])
        return {
            **self.case.state,
            **flags,
            **self._control,
            "D": tuple(registers[f"D{i}"] for i in range(8)),
            "AR": tuple(registers[f"A{i}"] for i in range(7)),
            "A7": stacks,
            "PC": int(self.end.split(b",", 1)[0], 16),
        }
