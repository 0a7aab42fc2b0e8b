"""Hercules as a System/370, in processes of their own.

A process is given cases in one core image.  A monitor in its storage sets each up and enters it by
LPSW (`hercules_monitor`); Hercules stops before the case's instruction, as it does before each in
the range that is stepped, makes it, and stops where the next one begins: after an interruption that
is the handler's first.  There its storage is saved, and the monitor restarted.

Commands come from the file that Hercules reads at its start, which is a pipe.  Interruptions are
seen in its messages; those that are taken by what is fetched next are not the step's, and such
cases are refused.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final

from popek.oracles.hercules_monitor import (
    BLOCK,
    CELLS,
    ENTRY_PSW,
    INTERVAL_TIMER,
    LAST,
    MONITOR,
    RESULT,
    RESULT_END,
    STORAGE,
    Found,
    Image,
    monitor,
    quiet,
    result_in,
)
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
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
from popek.oracles.s370_home import HOME
from popek.oracles.s370_registers import (
    control_of,
    in_control,
    in_psw,
    keys_of,
    psw_of,
    with_keys,
)

NAME: Final = "hercules"
TITLE: Final = "S/370"

_CONFIGURATION: Final = f"""\
ARCHMODE S/370
CPUMODEL 0148
CPUSERIAL 000000
MAINSIZE {STORAGE >> 20}
NUMCPU 1
OSTAILOR NULL
HERCPRIO 0
CPUPRIO 0
TODPRIO 0
DEVPRIO 0
000E 1403 printed
"""

#: Clocks do not interrupt a step, and no event is recorded.
_FIXED: Final = {
    "storage": STORAGE,
    "cpu": 0xFD00_0000_0148_0000,
    "PSW.PER": 0,
    "PSW.WAIT": 0,
    "CR0.COMPARATOR": 0,
    "CR0.TIMER": 0,
    "CR0.INTERVAL": 0,
    "TOD_offset": 0,
}
#: Bits of the CPU timer that change while a case is shown: ones at first, enough for 16 seconds.
_RUNNING: Final = 0xF_FFFF_FFFF
#: What a case can have of storage.
_FREE: Final = (
    range(INTERVAL_TIMER.start),
    range(INTERVAL_TIMER.stop, ENTRY_PSW.start),
    range(ENTRY_PSW.stop, CELLS),
)

#: Cases are run in parts of so many, and so many parts at a time.
_PART: Final = 250
_LANES: Final = 2

#: Seconds after which a processor that still runs is taken to wait, and after which it is given up.
_PATIENCE: Final = 0.5
_HANGS: Final = 5.0
#: Seconds between two looks at it.
_PAUSE: Final = 0.0003

# What Hercules says: to a request that it denies, for one reason while the processor runs and for
# another when it is stopped; of program interruptions, with what was executed; where it stands.
_PROBE: Final = "savecore configuration 0 0"
_STOPPED, _RUNS, _SAVED = b"HHCPN105E", b"HHCPN102E", b"HHCPN170I"
_WAITS: Final = re.compile(rb"HHCCP011I")
_CHECKED: Final = re.compile(rb"CPU[0-9A-F]{4}: [^\n]* CODE=([0-9A-F]{4})")
_NOT_FETCHED: Final = b"nstruction fetch error"
_STANDS: Final = re.compile(rb"PSW=([0-9A-F]{8}) ([0-9A-F]{8})")
_CODE: Final = re.compile(rb"INST=([0-9A-F]+)")
_KEYS: Final = re.compile(rb"R:([0-9A-F]{5}[08]00):K:([0-9A-F]{2})")

#: The segment-table entry of the code, in the language of the spec.
_CODE_SEGMENT: Final = (
    "(CR1.ORIGIN @ 0b000000) + "
    "(if CR0.FORMAT[3] == 0 then zext(IA[0..7] @ 0b00) else zext(IA[0..3] @ 0b00))"
)

_PROGRAM_OLD: Final = slice(40, 48)
#: The instruction address in the new PSW of program interruptions.
_PROGRAM_NEW: Final = range(109, 112)
_MVCL, _CLCL, _SVC = b"0E", b"0F", b"0A"
#: In the odd registers of MVCL and CLCL: how many bytes are left.
_COUNT: Final = 0xFF_FFFF
_CHANNELS: Final = (b"9C", b"9D", b"9E", b"9F", b"B203")


class Hercules:
    """The oracle.  Batches may run side by side: each has processes of its own."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title != TITLE:
            raise ValueError(f"{NAME} runs {TITLE}, not {title}")
        self._program = shutil.which(NAME) or ""
        if not self._program:
            raise OracleMissing(f"{NAME} is not installed: `apt install hercules` (Debian, Ubuntu)")
        said = subprocess.run(
            [self._program, "--version"], check=False, capture_output=True, text=True
        )
        version = re.search(r"Version (\S+)", said.stdout + said.stderr)
        self.identity = Identity(NAME, version[1] if version else "unknown", "S/370, EC mode")
        self.bench = Bench(
            fixed=_FIXED,
            regions=tuple(Region("main", cells.start, cells.stop - 1) for cells in _FREE),
            unseen=frozenset({"TOD_offset"}),
            conditions=(
                f"IA < {MONITOR}",
                "not IA[23]",
                # Hercules compares 56 bits.
                "COMPARATOR[56..63] == 0",
                # By this format code is fetched, too.
                "not PSW.DAT or CR0.FORMAT in {0b01000, 0b01010, 0b10000, 0b10010}",
                # Neither the segment table nor the page table of the code goes on at address 0.
                "CR1.ORIGIN <= 0x3FFF0",
                f"main[{_CODE_SEGMENT}, 4][8..28] < 0x1FFF80",
                f"TIMER[28..63] == {_RUNNING:#x}",
                # LPSW refers to the block that its PSW is in.
                f"KEY[{ENTRY_PSW.start // BLOCK}].R",
            ),
            home=HOME,
            running={"TIMER": _RUNNING},
        )

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        parts = [cases[i : i + _PART] for i in range(0, len(cases), _PART)]
        with ThreadPoolExecutor(_LANES) as pool:
            try:
                for answers in pool.map(self._part, parts):
                    yield from answers
            finally:
                pool.shutdown(cancel_futures=True)

    def _part(self, cases: Sequence[Case]) -> list[Answer]:
        """Answers from machines of their own: after a death, the next one goes on behind it."""
        answers: list[Answer] = [Refused(_unfit(case)) for case in cases]
        left = [i for i, answer in enumerate(answers) if answer == Refused("")]
        while left:
            begun = left[0]
            with TemporaryDirectory(prefix="popek-", dir=_in_memory()) as folder:
                machine = _Machine(self._program, Path(folder), [cases[i] for i in left])
                try:
                    machine.begin()
                    while left:
                        answers[left[0]] = machine.answer(cases[left[0]])
                        left.pop(0)
                except _Lost as lost:
                    # What another case has left behind is not this one's fault.
                    if left[0] == begun:
                        answers[left.pop(0)] = Died(str(lost))
                finally:
                    machine.close()
        return answers


def _in_memory() -> str | None:
    """Where files are kept in memory, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _unfit(case: Case) -> str:
    """Why no machine can be set up as this, "" if one can."""
    main = case.memory.get("main", {})
    for name, value in _FIXED.items():
        if case.state[name] != value:
            return f"{name} is another"
    if number(case.state, "IA") & 1 or number(case.state, "IA") >= MONITOR:
        return "the pc is odd, or in the monitor"
    handler = int.from_bytes(bytes(main.get(cell, 0) for cell in _PROGRAM_NEW), "big")
    if handler & 1 or handler >= MONITOR:
        return "program interruptions without end"
    if not all(any(cell in free for free in _FREE) for cell in main):
        return "storage beyond the bench"
    return ""


def _image(case: Case) -> Image:
    state = case.state
    return Image(
        psw_of(state),
        bank(state, "R"),
        control_of(state),
        number(state, "COMPARATOR"),
        number(state, "TIMER"),
        case.memory.get("main", {}),
        keys_of(state, STORAGE // BLOCK),
    )


class _Lost(Exception):
    """The program is gone, or does not answer."""


class _Machine:
    """A running Hercules with cases.  Once begun it stands before the instruction of one."""

    def __init__(self, program: str, folder: Path, cases: Sequence[Case]) -> None:
        self._folder = folder
        #: What was said since the present case was entered.
        self._said = b""
        images = b"".join(map(bytes, (*map(_image, cases), LAST)))
        #: Where cases are, and from there on what serves them: their keys tell of that.
        self._own = MONITOR - len(images) & -BLOCK
        files = {
            "configuration": _CONFIGURATION.encode(),
            "monitor": monitor(self._own),
            "cases": images,
            "quiet": quiet(),
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)
        commands = folder / "commands"
        os.mkfifo(commands)
        # For reading too: so nobody waits for the other end.
        self._commands = os.open(commands, os.O_RDWR)
        self._process = subprocess.Popen(
            [program, "-d", "-f", "configuration"],
            cwd=folder,
            env={**os.environ, "HERCULES_RC": "commands"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._commands)

    def begin(self) -> None:
        """Enter the first case.  Raises _Lost."""
        self._say(f"s 0-{MONITOR - 1:X}")
        self._say(f"loadcore monitor {MONITOR:X}", f"loadcore cases {self._own:X}")
        self._enter_next()

    def answer(self, case: Case) -> Answer:
        """What one step makes of the case that was entered; then the next one is.  Raises _Lost."""
        entry, self._said = self._said, b""
        fetched = _CODE.search(entry) is not None and _NOT_FETCHED not in entry
        if fetched:
            self._say("start")
            self._until_stopped(may_wait=True)
        step = self._said
        storage = self._save(0, CELLS)
        # Loading the storage changes these keys, before the monitor could look at them.
        self._say(*(f"r {block:X}" for block in range(0, CELLS, BLOCK)))
        self._until_stopped()
        shown = {int(at, 16): int(key, 16) & 0xFE for at, key in _KEYS.findall(self._said)}
        self._enter_next()
        result = result_in(self._save(RESULT, RESULT_END))
        if not fetched:
            return Refused("the code cannot be fetched")
        keys = (
            bytes(shown[block] for block in range(0, CELLS, BLOCK)) + result.keys[CELLS // BLOCK :]
        )
        return _Step(case, entry, step, storage, keys[: self._own // BLOCK], result).answer()

    def _enter_next(self) -> None:
        self._restart(_WAITS, "loadcore quiet 0", "s-")
        self._restart(_STANDS, "s+")

    def _restart(self, message: re.Pattern[bytes], *commands: str) -> None:
        """Restart it.  On the way the processor is stopped for a moment: hence the message."""
        self._said = b""
        self._say(*commands, "restart")
        self._until_stopped(message)

    # ------------------------------------------------------------ commands and messages

    def _say(self, *commands: str) -> None:
        os.write(self._commands, "".join(f"{command}\n" for command in commands).encode())

    def _save(self, first: int, end: int) -> bytes:
        """Storage of the processor, which is stopped."""
        self._say(f"savecore saved {first:X} {end - 1:X}")
        self._read(_SAVED)
        saved = self._folder / "saved"
        content = saved.read_bytes()
        saved.unlink()
        return content

    def _until_stopped(
        self, message: re.Pattern[bytes] | None = None, *, may_wait: bool = False
    ) -> None:
        """Wait until the processor has done what it was told, and has said so; one that waits for
        an interruption is stopped.
        """
        began = monotonic()
        while True:
            self._say(_PROBE)
            stopped = self._read(_STOPPED, _RUNS) == _STOPPED
            if stopped and (message is None or message.search(self._said)):
                return
            passed = monotonic() - began
            if passed > _HANGS:
                raise _Lost("it hangs")
            if may_wait and passed > _PATIENCE and not _ends(self._said):
                self._say("stop")
                may_wait = False
            sleep(_PAUSE)

    def _read(self, *wanted: bytes) -> bytes:
        """Messages up to the line that has one of these, of those that were not read yet."""
        output = self._process.stdout
        assert output is not None
        seen = b""
        while True:
            ready, _, _ = select.select([output], [], [], _HANGS)
            part = os.read(output.fileno(), 1 << 16) if ready else b""
            if not part:
                raise _Lost("it ended" if ready else "it does not answer")
            seen += part
            for word in wanted:
                if word in seen and b"\n" in seen[seen.index(word) :]:
                    self._said += seen
                    return word


def _ends(said: bytes) -> bytes | None:
    """The PSW where a step ends, if that was said: each program interruption on the way shows one,
    too.
    """
    stands = _STANDS.findall(said)
    if len(stands) <= len(_CHECKED.findall(said)):
        return None
    return bytes.fromhex(b"".join(stands[-1]).decode())


class _Step:
    """What Hercules said and showed of a step.

    `entry`: messages up to the instruction, `step`: those of it; `keys`: of the first blocks, those
    that are known.
    """

    def __init__(
        self, case: Case, entry: bytes, step: bytes, storage: bytes, keys: bytes, result: Found
    ) -> None:
        self._case = case
        self._code = _CODE.findall(entry)[-1]
        self._said, self._storage, self._result = step, storage, result
        self._keys = keys
        self._before = bytearray(CELLS)
        for cell, byte in case.memory.get("main", {}).items():
            self._before[cell] = byte

    def answer(self) -> Answer:
        checks = _CHECKED.findall(self._said)
        if why := self._refused(bool(checks)):
            return Refused(why)
        end = _ends(self._said)
        psw = self._result.psw if end is None else end
        after: dict[str, Value] = {
            **self._case.state,
            **in_psw(psw),
            **in_control(self._result.control),
            **with_keys(self._case.state, self._others()),
            "R": self._result.general,
            "COMPARATOR": self._result.comparator,
            "TIMER": self._result.timer,
        }
        trap = None
        if checks:
            trap = Trap(int(checks[0], 16))
        elif self._code.startswith(_SVC):
            trap = Trap(int(self._code[2:4], 16))
        waits = trap is None and bool(after["PSW.WAIT"])
        return Outcome(after, {"main": self._changed()}, trap, waits)

    def _refused(self, checked: bool) -> str:
        """Why this is not what the step makes of the case, "" if it is."""
        if _NOT_FETCHED in self._said:
            return "what comes next cannot be fetched, and interrupts"
        old = self._storage[_PROGRAM_OLD]
        stored = old != self._before[_PROGRAM_OLD]
        if stored and int.from_bytes(old[5:], "big") >= MONITOR:
            return "what comes next is out of the range that is stepped"
        if self._code.startswith(_CHANNELS) and not checked:
            return "what channels are told is not shown"
        if self._code.startswith((_MVCL, _CLCL)):
            registers = bank(self._case.state, "R")
            counts = [int(self._code[i : i + 1], 16) | 1 for i in (2, 3)]
            made = any((registers[n] ^ self._result.general[n]) & _COUNT for n in counts)
            if any(registers[n] & _COUNT > 1 for n in counts) and (made or not checked):
                return "all units of operation are one step"
        return ""

    def _changed(self) -> dict[int, int]:
        """Cells that hold another byte, a block at a time."""
        return {
            i: self._storage[i]
            for block in range(0, CELLS, BLOCK)
            if self._before[block : block + BLOCK] != self._storage[block : block + BLOCK]
            for i in range(block, block + BLOCK)
            if self._before[i] != self._storage[i] and any(i in free for free in _FREE)
        }

    def _others(self) -> dict[int, int]:
        """The keys that are others now."""
        before = keys_of(self._case.state, len(self._keys))
        return {n: key for n, key in enumerate(self._keys) if key != before.get(n, 0)}
