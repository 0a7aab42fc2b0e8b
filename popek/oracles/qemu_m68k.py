"""QEMU's `qemu-system-m68k`, the empty machine: a 68000 or 68010 with nothing but memory.

A case is written into registers through the gdb stub, and into memory through a shared file; MOVE
to SR is stepped to enter the level, and then the case's instruction; then everything is read.
Control registers are loaded and read by MOVEC, which the stub does not do.  That there was a trap
stands in QEMU's log of exceptions, and what an access outside memory was in that of its errors.

The board of the spec cannot be had: nothing is relocated, and programs may reach all of storage.
QEMU has no bus errors for these processors, and drives 32 address lines: a case with an access
outside storage is refused.  Nor has it address errors, which is for the table of disagreements: the
access is made, and nothing tells it from another.
"""

from __future__ import annotations

import re
import struct
from binascii import unhexlify
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from popek.oracles.gdb import Lost, Stop
from popek.oracles.images import differences
from popek.oracles.m68k_status import components_of, word_of
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
    Identity,
    Outcome,
    Refused,
    Region,
    State,
    Trap,
    Value,
    bank,
    number,
)
from popek.oracles.qemu import NAME, Machine, installed, version

PROGRAM: Final = "qemu-system-m68k"

#: By the title of the spec: the processor's name.
MODELS: Final = {"68000": "m68000", "68010": "m68010"}

#: Bytes of memory: as many as the spec's board has by default.
_STORAGE: Final = 0x10_0000
_ADDRESS: Final = (1 << 24) - 1

_FIXED: Final[Mapping[str, Value]] = {
    "R.base": 0,
    "R.bound": _STORAGE,
    "storage": _STORAGE,
    "SR.T": 0,
}
_CONDITIONS: Final = ("PC[31..24] == 0", "SSP[31..24] == 0", "USP[31..24] == 0")

#: What the adapter has the processor do for itself lies at address 0, between cases: MOVE A0, USP
#: and MOVE D0, SR; and the control registers with where MOVEC has them from, and to which it is.
_ENTRY: Final = struct.pack(">2H", 0x4E60, 0x46C0)
_CONTROL: Final = (("VBR", 0x801), ("SFC", 0x000), ("DFC", 0x001))
_TO_CONTROL: Final = b"".join(
    struct.pack(">2H", 0x4E7B, n + 1 << 12 | code) for n, (_, code) in enumerate(_CONTROL)
)
_FROM_CONTROL: Final = b"".join(
    struct.pack(">2H", 0x4E7A, n << 12 | code) for n, (_, code) in enumerate(_CONTROL)
)

_SUPERVISOR: Final = 0x2700
_SUPERVISOR_BIT: Final = 1 << 13
_RESET: Final = 0x4E70
_STOP: Final = 0x4E72

#: The stub's registers: D0 to D7, A0 to A7, the status register, the pc.
_REGISTERS: Final = struct.Struct(">18I")
_A7, _SR, _PC = 15, 16, 17

_LOGGED: Final = re.compile(r"INT +\d+: .*?\(0x([0-9a-f]+)\)")
_OUTSIDE: Final = re.compile(r"Invalid (?:read|write) at addr 0x([0-9A-Fa-f]+)")

_NO_BUS_ERRORS: Final = "a bus error: QEMU has none for these processors"
_NOT_CUT: Final = "an address of more than 24 bits, which QEMU does not cut"


class QemuM68k:
    """The oracle; a process of its own for each batch."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title not in MODELS:
            raise ValueError(f"{PROGRAM} runs {' and '.join(MODELS)}, not {title}")
        self._program = installed(PROGRAM, "`apt install qemu-system-misc` (Debian, Ubuntu)")
        self._model = MODELS[title]
        self.identity = Identity(NAME, version(self._program), self._model)
        self.bench = Bench(_FIXED, (Region("store", 0, _STORAGE - 1),), conditions=_CONDITIONS)

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        machine: _Machine | None = None
        try:
            for case in cases:
                if why := _unfit(case):
                    yield Refused(why)
                    continue
                machine = machine or _Machine(self._program, self._model)
                try:
                    answer = machine.answer(case)
                except Lost as lost:
                    answer = Died(str(lost))
                if isinstance(answer, Died) or (isinstance(answer, Outcome) and answer.waits):
                    # Nothing can interrupt a processor that waits: there is no other device.
                    machine.close()
                    machine = None
                yield answer
        finally:
            if machine is not None:
                machine.close()


def _unfit(case: Case) -> str:
    """Why no machine can be set up as this, "" if one can."""
    if any(case.state[name] != value for name, value in _FIXED.items() if name != "SR.T"):
        return "the board's register is another than that of a machine without a board"
    if case.state["SR.T"]:
        return "tracing: QEMU goes on to the trace exception"
    if any(cell >= _STORAGE for cell in case.memory.get("store", {})):
        return "memory beyond the bench"
    if number(case.state, "PC") >> 24:
        return _NOT_CUT
    return ""


class _Machine:
    """A running QEMU that stands still between cases."""

    def __init__(self, program: str, model: str) -> None:
        self._is_68010 = model == "m68010"
        arguments = ("-cpu", model)
        self._qemu = Machine(program, "none", _STORAGE, "int,guest_errors", arguments)
        self._memory, self._stub = self._qemu.memory, self._qemu.stub

    def close(self) -> None:
        self._qemu.close()

    # ------------------------------------------------------------ one case

    def answer(self, case: Case) -> Answer:
        """What one step makes of the case.  Raises Lost."""
        state = case.state
        pc = number(state, "PC")
        image = bytearray(_STORAGE)
        for cell, byte in case.memory.get("store", {}).items():
            image[cell] = byte
        self._enter(state)
        self._memory[:] = bytes(image)
        active = bank(state, "A7")[_copy(number(state, "SR.S"))]
        before = (*bank(state, "D"), *bank(state, "AR"), active, word_of(state), pc)
        stop, logged = self._step(before)
        if outside := _OUTSIDE.search(logged):
            far = int(outside[1], 16) > _ADDRESS
            return Refused(_NOT_CUT) if far else Refused(_NO_BUS_ERRORS, always=True)
        found = _LOGGED.search(logged)
        trap = None if found is None else Trap(int(found[1], 16) // 4)
        changed = differences(image, self._memory[:])
        code = int.from_bytes(image[pc : pc + 2], "big")
        if trap is None and code == _RESET:
            return Refused("RESET: QEMU's has no effect that could be seen")
        waits = trap is None and stop is Stop.INTERRUPTED and code == _STOP
        after = self._read(state, waits)
        if trap is None and number(after, "PC") & _ADDRESS >= _STORAGE:
            return Refused(_NO_BUS_ERRORS, always=True)  # it will fetch there, but not in this step
        return Outcome(after, {"store": changed}, trap, waits)

    def _enter(self, state: State) -> None:
        """From wherever it stands to the level, with its stacks, by MOVE to SR."""
        ssp, usp = bank(state, "A7")
        control = [number(state, name) for name, _ in _CONTROL] if self._is_68010 else []
        data = [word_of(state), *control, *[0] * (7 - len(control))]
        code = (_TO_CONTROL if self._is_68010 else b"") + _ENTRY
        self._own(code, (*data, usp, *[0] * 6, ssp, _SUPERVISOR, 0))

    def _own(self, code: bytes, registers: Sequence[int]) -> None:
        """Code of the adapter's, from address 0, by a supervisor."""
        self._memory[: len(code)] = code
        self._stub.ask([f"P{_SR:x}={_SUPERVISOR:08x}"])
        at = 0
        while at < len(code):
            self._step(registers)
            registers = self._registers()
            at = registers[_PC]

    def _step(self, registers: Sequence[int]) -> tuple[Stop, str]:
        """The instruction at the pc, in the level of the processor; and what was logged."""
        _, stop = self._stub.step(["G" + _REGISTERS.pack(*registers).hex()])
        logged = self._qemu.logged()
        while stop is Stop.INTERRUPTED and not logged and self._registers() == tuple(registers):
            # It was slow, and has not begun.
            _, stop = self._stub.step()
            logged = self._qemu.logged()
        return stop, logged

    def _registers(self) -> tuple[int, ...]:
        (reply,) = self._stub.ask(["g"])
        return _REGISTERS.unpack(unhexlify(reply)[: _REGISTERS.size])

    def _read(self, before: State, waits: bool) -> dict[str, Value]:
        """The state of the machine."""
        found = self._registers()
        word = found[_SR]
        other, *_ = self._stub.ask([f"P{_SR:x}={word ^ _SUPERVISOR_BIT:08x}", f"p{_A7:x}"])[1:]
        stacks = [int(other, 16)] * 2
        stacks[_copy(word & _SUPERVISOR_BIT)] = found[_A7]
        after: dict[str, Value] = {
            **before,
            "D": found[:8],
            "AR": found[8:_A7],
            "A7": tuple(stacks),
            "PC": found[_PC],
            **components_of(word),
        }
        if self._is_68010 and not waits:  # which it then does not stop to do
            self._own(_FROM_CONTROL, (*[0] * 16, _SUPERVISOR, 0))
            values = self._registers()
            after |= {name: values[n] for n, (name, _) in enumerate(_CONTROL)}
        return after


def _copy(supervisor: int) -> int:
    """Which of the two stack pointers a level uses, as the spec counts them."""
    return 0 if supervisor else 1
