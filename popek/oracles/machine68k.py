"""machine68k: Musashi, an emulator of the 68000 and 68010, in this process.

What the package leaves out of Musashi cannot be shown (its `my_conf.h`): address errors, tracing,
and bus errors, for which it has no call.  Cases that need one are refused; which do is seen from
the trace of their accesses.

The board of the spec (`specs/m68000/board.isa`) is this adapter's.  RAM lies before the emulator as
the program sees it, byte `v` of RAM being byte `R.base + v` of storage.  Exception processing goes
by absolute addresses: its accesses are the last of a step, so they are told apart in the trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

from popek.oracles.m68k_status import components_of, word_of
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Event,
    Identity,
    OracleMissing,
    Outcome,
    Refused,
    State,
    Trap,
    Value,
    bank,
    number,
)

NAME: Final = "machine68k"

#: By the title of the spec: the emulator's model.
MODELS: Final = {"68000": "M68000", "68010": "M68010"}

#: The processor drives 24 address lines.
_ADDRESS = (1 << 24) - 1
#: The emulator does not wrap a long word at the end of the address space; it stays in its RAM.
_RAM_KIB = (1 << 14) + 64

_RTE = 0x4E73

_NO_ADDRESS_ERRORS = "an address error: the package is built without them"
_NO_BUS_ERRORS = "a bus error: the package has no call that raises one"


def _refused(why: str) -> Refused:
    return Refused(why, always=why in (_NO_ADDRESS_ERRORS, _NO_BUS_ERRORS))


@dataclass(frozen=True, slots=True)
class _Access:
    """One access in the trace, as the emulator makes it: `size` bytes at `address`."""

    write: bool
    size: int
    address: int
    value: int

    @property
    def bytes(self) -> Iterator[tuple[int, int]]:
        """Addresses with their bytes."""
        for i, byte in enumerate(self.value.to_bytes(self.size, "big")):
            yield self.address + i, byte


class Machine68k:
    """The oracle.  Musashi has one processor per process: run one batch at a time."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the package, ValueError for another processor's spec.
        """
        if title not in MODELS:
            raise ValueError(f"{NAME} runs {' and '.join(MODELS)}, not {title}")
        try:
            self._package: Any = import_module("machine68k")
        except ImportError as error:
            raise OracleMissing(
                f"{NAME} is not installed: `pip install 'popek[oracles]'`, or `pip install {NAME}`"
            ) from error
        self._model = MODELS[title]
        self.identity = Identity(NAME, version(NAME), self._model)
        self.bench = Bench(fixed={}, regions=())

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        machine = self._package.Machine(getattr(self._package.CPUType, self._model), _RAM_KIB)
        try:
            board = _Board(self._package, machine, self._model == "M68010")
            for case in cases:
                yield board.answer(case)
        finally:
            machine.cleanup()


class _Board:
    """The emulator on its board: RAM, a trace of accesses, and the RESET line."""

    def __init__(self, package: Any, machine: Any, is_68010: bool) -> None:
        self._cpu = machine.cpu
        self._ram = machine.mem
        self._registers = package.Register
        self._is_68010 = is_68010
        self._trace: list[_Access] = []
        self._dirty: set[int] = set()
        self._resets = 0
        self._ram.set_trace_func(self._accessed)
        self._ram.set_trace_mode(True)
        self._cpu.set_reset_instr_callback(self._reset)

    # ------------------------------------------------------------ what the emulator reports

    def _accessed(self, mode: str, width: int, address: int, value: int) -> None:
        access = _Access(mode == "W", 1 << width, address, value)
        self._trace.append(access)
        if access.write:
            self._dirty.update(range(address, address + access.size))

    def _reset(self) -> None:
        self._resets += 1

    # ------------------------------------------------------------ one case

    def answer(self, case: Case) -> Answer:
        pc = number(case.state, "PC")
        if pc & 1:
            return _refused(_NO_ADDRESS_ERRORS)
        self._enter(case.state, pc)
        base = number(case.state, "R.base")
        # Code and data that lie below the base are beyond the program's reach.
        visible = {c - base: byte for c, byte in case.memory.get("store", {}).items() if c >= base}
        with self._loaded(visible):
            self._trace.clear()
            self._resets = 0
            self._cpu.execute(1)
            trace, resets = tuple(self._trace), self._resets
            state = self._state(case.state)
            # A step takes four cycles at least; the processor that waits uses up what it is given.
            waits = self._cpu.execute(1).cycles == 1
        return _Step(case, trace, state, self._is_68010).answer(waits, resets)

    def _enter(self, state: State, pc: int) -> None:
        """From reset into the state, by RTE from the supervisor's stack."""
        cpu, names = self._cpu, self._registers
        cpu.pulse_reset()
        cpu.execute(1)  # the cycles of the reset
        for i, value in enumerate((*bank(state, "D"), *bank(state, "AR"))):
            cpu.w_reg(names.D0 + i, value)
        ssp, usp = bank(state, "A7")
        frame = ssp - (8 if self._is_68010 else 6) & 0xFFFF_FFFF
        cpu.w_usp(usp)
        cpu.w_isp(frame)
        parts = [(0, 2, word_of(state)), (2, 4, pc)]
        if self._is_68010:
            parts.append((6, 2, 0))  # the format word
            for name in ("VBR", "SFC", "DFC"):
                cpu.w_reg(getattr(names, name), number(state, name))
        contents = {
            (frame + offset & _ADDRESS) + i: byte
            for offset, size, value in parts
            for i, byte in enumerate(value.to_bytes(size, "big"))
        }
        code = next(a for a in range(0, 64, 2) if a not in contents and a + 1 not in contents)
        with self._loaded(contents | {code: _RTE >> 8, code + 1: _RTE & 0xFF}):
            cpu.w_pc(code)
            cpu.execute(1)

    @contextmanager
    def _loaded(self, contents: Mapping[int, int]) -> Iterator[None]:
        """RAM with these bytes, elsewhere 0; afterwards 0 everywhere."""
        for address, byte in contents.items():
            self._ram.w8(address, byte)
        self._dirty = set(contents)
        yield
        for address in self._dirty:
            self._ram.w8(address, 0)

    def _state(self, before: State) -> dict[str, Value]:
        """The processor's registers under the spec's names; the board's are as before."""
        cpu, names = self._cpu, self._registers
        registers = tuple(cpu.r_reg(names.D0 + i) for i in range(16))
        found: dict[str, Value] = {
            "PC": cpu.r_pc(),
            "D": registers[:8],
            "AR": registers[8:15],
            # The copy in use is A7; of the other one the emulator keeps what it was.
            "A7": (cpu.r_isp(), cpu.r_usp()),
            **components_of(cpu.r_sr()),
        }
        if self._is_68010:
            found |= {name: cpu.r_reg(getattr(names, name)) for name in ("VBR", "SFC", "DFC")}
        return {**before, **found}


@dataclass(frozen=True, slots=True)
class _Step:
    """What the emulator did, read with the board in front of storage."""

    case: Case
    trace: tuple[_Access, ...]
    state: dict[str, Value]
    is_68010: bool

    @property
    def trapped(self) -> bool:
        """Exception processing ends in fetching the vector, after it wrote the frame.

        No instruction reads a long word after its last write.
        """
        if len(self.trace) < 2:
            return False
        written, last = self.trace[-2:]
        return written.write and not last.write and last.size == 4

    def answer(self, waits: bool, resets: int) -> Answer:
        frame = (4 if self.is_68010 else 3) if self.trapped else 0
        own = self.trace[: len(self.trace) - frame]
        if why := self._beyond(own):
            return _refused(why)
        base = number(self.case.state, "R.base")
        before = self.case.memory.get("store", {})
        cells = {base + a: byte for access in own if access.write for a, byte in access.bytes}
        trap = None
        after = self.state
        if self.trapped:
            if why := self._no_frame():
                return _refused(why)
            cells |= {a: byte for access in self.trace[-frame:-1] for a, byte in access.bytes}
            trap, entry = self._vector()
            after |= {
                "R.base": 0,
                "R.bound": self.case.state["storage"],
                "PC": int.from_bytes([{**before, **cells}.get(entry + i, 0) for i in range(4)]),
            }
        elif number(after, "PC") & 1:
            return _refused(_NO_ADDRESS_ERRORS)
        elif not self._within(number(after, "PC") & _ADDRESS, 2):
            return _refused(_NO_BUS_ERRORS)
        changed = {cell: byte for cell, byte in cells.items() if before.get(cell, 0) != byte}
        events = (Event("board", "reset"),) * resets
        return Outcome(after, {"store": changed}, trap, waits, events)

    def _beyond(self, accesses: Sequence[_Access]) -> str:
        """Why the program's accesses would not all be made, "" if they would."""
        for access in accesses:
            if access.size > 1 and access.address & 1:
                return _NO_ADDRESS_ERRORS
            if not self._within(access.address, access.size):
                return _NO_BUS_ERRORS
        return ""

    def _within(self, address: int, size: int) -> bool:
        state = self.case.state
        last = address + size - 1
        return last < number(state, "R.bound") and (
            number(state, "R.base") + last < number(state, "storage")
        )

    def _no_frame(self) -> str:
        """Why the supervisor's stack does not take the frame, "" if it does."""
        size = 8 if self.is_68010 else 6
        bottom = bank(self.state, "A7")[0] & _ADDRESS
        if bottom & 1:
            return _NO_ADDRESS_ERRORS
        return "" if bottom + size <= number(self.case.state, "storage") else _NO_BUS_ERRORS

    def _vector(self) -> tuple[Trap, int]:
        """The trap, and the cell of its vector."""
        table = number(self.case.state, "VBR") if self.is_68010 else 0
        entry = self.trace[-1].address
        return Trap((entry - table & _ADDRESS) // 4), entry
