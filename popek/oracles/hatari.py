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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from popek.oracles.hatari_debugger import (
    ADDRESS,
    AFTER,
    AREAS,
    AUTOVECTORS,
    BEFORE,
    BUS_ERROR,
    DONE,
    HALTS,
    HIGH,
    IDLE,
    LOW,
    RAM,
    Said,
    commands,
    read,
    rom,
)
from popek.oracles.images import differences
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
    number,
)

NAME: Final = "hatari"

#: By the title of the spec: what Hatari calls the processor.
LEVELS: Final = {"68000": 0, "68010": 1}

_VECTORS: Final = 64
#: Where supervisors alone get, and where nobody writes.
_SUPERVISORS: Final = 0x800
_READ_ONLY: Final = 0x8
#: Vectors, what users reach at the bottom, and the end, behind which are bus errors.
_REGIONS: Final = tuple(
    Region("store", first, last)
    for first, last in (
        (_READ_ONLY, 4 * _VECTORS - 1),
        (_SUPERVISORS, LOW.stop - 1),
        (HIGH.start, HIGH.stop - 1),
    )
)

_FIXED: Final[Mapping[str, Value]] = {"R.base": 0, "R.bound": RAM, "storage": RAM, "SR.T": 0}
#: The same, where another oracle is the first; and no interrupt of the ST's video (levels 2 and 4).
_CONDITIONS: Final = (
    *(f"{name} == {value:#x}" for name, value in _FIXED.items()),
    "SR.I >= 4",
    f"PC[23..0] >= {_SUPERVISORS:#x}",
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

_STOP: Final = 0x4E72
_RESET: Final = 0x4E70

#: Seconds without an answer after which Hatari hangs.
_PATIENCE: Final = 10.0
#: Bytes of an answer after which there is no end to what Hatari says: traps in traps in traps.
_MOST: Final = 1 << 22
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
    if any(byte and cell not in LOW and cell not in HIGH for cell, byte in store.items()):
        return "memory beyond the bench"
    pc = number(state, "PC") & ADDRESS
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
        (self._folder / "rom").write_bytes(rom())
        (self._folder / "none").touch()
        (self._folder / "start").write_text(f"b pc = ${IDLE:x} :once :quiet\n")
        self._process = subprocess.Popen(
            [
                program,
                *("--configfile", "none", "--tos", "rom"),
                *("--patch-tos", "off", "--fast-boot", "on"),
                *("--machine", "st", "--memsize", f"{RAM >> 20}", "--cpulevel", f"{level}"),
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
            said, changed = self._step(case)
            if not _interrupted(said):
                break
        self.usable = not said.devices
        if why := _refused(case, said, changed):
            return Refused(why)
        trap = Trap(said.exceptions[0].vector) if said.exceptions else None
        return Outcome(said.state, {"store": changed}, trap)

    def _step(self, case: Case) -> tuple[Said, dict[int, int]]:
        """What is said of it, and the cells that changed."""
        store = case.memory.get("store", {})
        before = [bytearray(len(area)) for area in AREAS]
        for area, image in zip(AREAS, before, strict=True):
            for cell in (c for c in store if c in area):
                image[cell - area.start] = store[cell]
        for name, image in zip(BEFORE, before, strict=True):
            (self._folder / name).write_bytes(image)
        said = read(self._say(*commands(case)), case.state)
        after = [(self._folder / name).read_bytes() for name in AFTER]
        changed: dict[int, int] = {}
        for area, old, new in zip(AREAS, before, after, strict=True):
            changed |= differences(old, new, area.start)
        return said, changed

    def _say(self, *commands: str) -> bytes:
        """What Hatari says, up to the end of the last command of a case."""
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        try:
            self._process.stdin.write("".join(f"{c}\n" for c in commands).encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise _Lost("Hatari ended") from None
        said = b""
        while DONE not in said:
            ready, _, _ = select.select([self._process.stderr], [], [], _PATIENCE)
            if not ready:
                raise _Lost("Hatari hangs")
            part = os.read(self._process.stderr.fileno(), 1 << 16)
            if not part:
                break
            said += part
            if len(said) > _MOST:
                raise _Lost("Hatari does not come to an end")
        if HALTS in said:
            raise _Halted
        if DONE not in said:
            raise _Lost("Hatari ended")
        return said


def _interrupted(said: Said) -> bool:
    return any(e.vector in AUTOVECTORS for e in said.exceptions)


def _refused(case: Case, said: Said, changed: Mapping[int, int]) -> str:
    """Why this is not what the step makes of the case, "" if it is."""
    if _interrupted(said):
        return "an interrupt of the ST's video"
    if said.devices:
        return "devices of the ST are there"
    if any(e.vector == BUS_ERROR and e.fault < _SUPERVISORS for e in said.exceptions):
        return "the ST keeps its lowest 2 KiB from users, and its first 8 bytes from all"
    if said.exceptions:
        cells = {**case.memory.get("store", {}), **changed}
        entry = said.control.get("VBR", 0) + 4 * said.exceptions[0].vector
        handler = int.from_bytes(cells.get(entry + i & ADDRESS, 0) for i in range(4))
        # The processor is always one word ahead.
        if handler & 1 or handler & ADDRESS >= RAM - 2:
            return "a handler cannot be fetched, which is found out in the same step"
    return ""
