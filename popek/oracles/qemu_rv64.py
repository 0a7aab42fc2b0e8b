"""QEMU's `qemu-system-riscv64`, machine `virt`, as a hart of M, S and U in a process of its own.

A case is written into registers through the gdb stub, and into memory through a shared file; MRET
is stepped to enter the mode, and then the case's instruction; then everything is read.  A stub, as
no program could show a step whole: what a trap into a monitor changes (MPP, mepc, mcause and more)
is part of the state, and where a case delegates its traps to a handler that its tables do not map,
no monitor would run again.  So nothing has to lie around the code, and a trap is seen where its
handler begins, wherever that is.  That there was one stands in QEMU's log of exceptions.

LR's reservation is made by an LR in the mode of the case, before its tables: QEMU drops it at each
change of mode.  What becomes of it is not seen, nor what was written to counters, which run.
Interrupts are off while a step is made.
"""

from __future__ import annotations

import re
import struct
from binascii import unhexlify
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from popek.oracles.gdb import Lost, Stop
from popek.oracles.images import differences
from popek.oracles.oracle import (
    Answer,
    Case,
    Died,
    Identity,
    Outcome,
    Refused,
    State,
    Trap,
    Value,
    bank,
    number,
)
from popek.oracles.qemu import NAME, Machine, installed, version
from popek.oracles.rv64_bench import BENCH, CELLS, RAM, unfit
from popek.oracles.rv64_registers import (
    CSR,
    MEPC,
    MIE,
    MIP,
    MODE,
    MSTATUS,
    PC,
    PMPADDR0,
    PMPCFG0,
    REGISTERS,
    SATP,
)

PROGRAM: Final = "qemu-system-riscv64"
TITLE: Final = "RV64"

#: The hart of specs/rv64.isa: 64 bits, IMAFD and nothing that came with later extensions.
_CPU: Final = (
    "rv64,priv_spec=v1.12.0,c=off,h=off,v=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,svinval=off"
    ",svnapot=off,svpbmt=off,sscofpmf=off,debug=off,pmu-num=29,mvendorid=0,marchid=0,mimpid=0"
)

#: Main memory of the board; what is no case's is the adapter's.
_RAM_SIZE: Final = 1 << 24

#: Where MRET, lr.w zero, (t1) and lr.d zero, (t1) lie.
_GATE: Final = RAM + _RAM_SIZE - 4096
_INSTRUCTIONS: Final = (0x3020_0073, 0x1003_202F, 0x1003_302F)
_T1: Final = 6
_WFI: Final = 0x1050_0073

_M: Final = 3
_SSIP: Final = 1 << 1
#: An entry of PMP: NAPOT, R, W, X.
_ALL_OF_MEMORY: Final = 0x1F
_MXR: Final = 1 << 19
#: Bits of mstatus that no component stands for: UXL and SXL say 64 bits.
_64_BITS: Final = 0b1010 << 32
#: The lock bits of eight PMP entries.
_LOCKS: Final = 0x8080_8080_8080_8080

#: Registers that no component stands for and M may write: mcountinhibit, the performance counters
#: with their events, and PMP entries from 8 on, addresses after configurations.
_HIDDEN: Final = tuple(
    CSR + n
    for n in (0x320, *range(0x323, 0x340), *range(0xB03, 0xB20), 0x3A2, *range(0x3B8, 0x3C0))
)
_PMPCFG2: Final = CSR + 0x3A2
_SYSTEM_OPCODE: Final = 0x73

#: Where the board is told to drive lines, with what, and with what not to.  By component those of
#: M: the software interrupt, the timer (mtimecmp: at once, never), the external one, by a threshold
#: below and above the priority of the interrupt that the UART has raised; and that of S.
_OF_M: Final[Mapping[str, tuple[int, bytes, bytes]]] = {
    "mip.MSIP": (0x0200_0000, b"\1\0\0\0", bytes(4)),
    "mip.MTIP": (0x0200_4000, bytes(8), b"\xff" * 8),
    "mip.MEIP": (0x0C20_0000, bytes(4), b"\7\0\0\0"),
}
_EXTERNAL: Final = (0x0C20_1000, bytes(4), b"\7\0\0\0")
#: The UART raises interrupt 10, which has priority 1 and is enabled for M and S.
_RAISED: Final = (
    (0x1000_0001, b"\2"),
    (0x0C00_0028, b"\1\0\0\0"),
    (0x0C00_2000, b"\0\4\0\0"),
    (0x0C00_2080, b"\0\4\0\0"),
)

#: Cases are run in parts of so many, and so many parts at a time: while one waits for its machine,
#: another is being read.
_PART: Final = 256
_LANES: Final = 2

_LOGGED: Final = re.compile(r"riscv_cpu_do_interrupt: .*?async:0, cause:([0-9a-f]+)")


# ---------------------------------------------------------------- the oracle


class QemuRv64:
    """The oracle.  Batches may run side by side: each has processes of its own."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title != TITLE:
            raise ValueError(f"{PROGRAM} runs {TITLE}, not {title}")
        self._program = installed(PROGRAM, "`apt install qemu-system-misc` (Debian, Ubuntu)")
        self.identity = Identity(NAME, version(self._program), f"virt, {_CPU}")
        self.bench = BENCH

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        parts = [cases[i : i + _PART] for i in range(0, len(cases), _PART)]
        with ThreadPoolExecutor(_LANES) as pool:
            try:
                for answers in pool.map(self._part, parts):
                    yield from answers
            finally:
                pool.shutdown(cancel_futures=True)

    def _part(self, cases: Sequence[Case]) -> list[Answer]:
        """Answers from machines of their own."""
        answers: list[Answer] = []
        machine: _Machine | None = None
        for case in cases:
            if why := unfit(case):
                answers.append(Refused(why))
                continue
            machine = machine or _Machine(self._program)
            try:
                answers.append(machine.answer(case))
            except Lost as lost:
                answers.append(Died(str(lost)))
            if isinstance(answers[-1], Died) or machine.locked:
                machine.close()
                machine = None
        if machine is not None:
            machine.close()
        return answers


class _Machine:
    """A running QEMU that stands still between cases."""

    def __init__(self, program: str) -> None:
        arguments = ("-cpu", _CPU, "-bios", "none")
        self._qemu = Machine(program, "virt", _RAM_SIZE, "int", arguments)
        self._memory, self._stub = self._qemu.memory, self._qemu.stub
        #: What registers are known to hold.
        self._held: dict[int, int] = {}
        self._lines: dict[str, int] = {}
        instructions = struct.pack("<3I", *_INSTRUCTIONS)
        gate = _GATE - RAM
        self._memory[gate : gate + len(instructions)] = instructions
        self._stub.ask(["Qqemu.PhyMemMode:1", *(_stored(at, data) for at, data in _RAISED)])

    @property
    def locked(self) -> bool:
        """Whether PMP entries are locked: they are until the machine is a new one."""
        return any(self._held.get(n, 0) & _LOCKS for n in (PMPCFG0, _PMPCFG2))

    def close(self) -> None:
        self._qemu.close()

    # ------------------------------------------------------------ one case

    def answer(self, case: Case) -> Answer:
        """What one step makes of the case.  Raises Lost."""
        image = bytearray(CELLS)
        for cell, byte in case.memory.get("ram", {}).items():
            image[cell - RAM] = byte
        self._memory[:CELLS] = image
        pc, mode = number(case.state, "PC"), number(case.state, "priv")
        # What lies there where addresses are those of memory.
        code = int.from_bytes(image[pc - RAM : pc - RAM + 4], "little") if pc >= RAM else 0
        if not self._enter(mode, pc):
            return Refused("MRET does not lead there")
        if number(case.state, "reserved"):
            # As many as the SC wants that may be next.
            wide = code >> 12 & 7 == 3
            if not self._reserve(number(case.state, "reservation"), wide):
                return Refused("LR does not reserve this without tables")
        if why := self._load(case.state):
            return Refused(why)
        if _is_pending(case.state) and self._code(pc, mode) == _WFI:
            return Refused("WFI with an interrupt pending: the stub steps over it")
        may_wait = self._step(pc, mode)
        trap = self._logged()
        waits = may_wait and trap is None
        after = self._read(case.state)
        if waits:
            self._wake()
        if mode == _M and code & 127 == _SYSTEM_OPCODE:
            self._restore()
        changed = differences(image, self._memory[:CELLS], RAM)
        return Outcome(after, {"ram": changed}, trap, waits)

    def _enter(self, mode: int, pc: int) -> bool:
        """From wherever it stands to the mode and pc, by MRET of M; whether it led there."""
        given = {
            MODE: _M,
            MSTATUS: mode << 11 | _64_BITS,
            MEPC: pc,
            PC: _GATE,
            SATP: 0,
            # Where no PMP entry is on, MRET is illegal to QEMU.
            PMPADDR0: (1 << 54) - 1,
            PMPCFG0: _ALL_OF_MEMORY,
        }
        line = _stored(_EXTERNAL[0], _EXTERNAL[2])
        self._make(_GATE, [line, *(_written(n, value) for n, value in given.items())])
        self._held = {n: value for n, value in self._held.items() if n not in given}
        return self._logged() is None

    def _reserve(self, address: int, wide: bool) -> bool:
        """Reserve 8 bytes or 4, by LR where nothing is translated; whether they were."""
        registers = [0] * 33
        registers[_T1], registers[PC] = address, _GATE + (8 if wide else 4)
        self._make(registers[PC], ["G" + _GENERAL.pack(*registers).hex()])
        return self._logged() is None

    def _load(self, state: State) -> str:
        """The rest of the state; why the machine cannot hold it, "" if it can."""
        wanted = {n: sum(p.of(state) for p in parts) for n, parts in REGISTERS.items()}
        wanted[MSTATUS] |= _64_BITS
        # A write that changes satp empties the TLB, which knows the tables of another case.
        requests = [_written(SATP, wanted[SATP] ^ 1)]
        self._held.pop(SATP, None)
        for name, (at, high, low) in _OF_M.items():
            if self._lines.get(name) != (line := number(state, name)):
                requests.append(_stored(at, high if line else low))
                self._lines[name] = line
        new = {n: value for n, value in wanted.items() if self._held.get(n) != value}
        self._held |= new
        requests += [_written(n, value) for n, value in new.items() if n < CSR]
        first = len(requests) + 1
        checked = [n for n in new if n >= CSR]
        for n in checked:
            requests += [_written(n, wanted[n]), _asked(n)]
        general = _GENERAL.pack(*bank(state, "x"), number(state, "PC"))
        requests.append("G" + general.hex())
        if number(state, "external"):
            # Not before: where mip is read, it hides what was written.
            requests.append(_stored(*_EXTERNAL[:2]))
        replies = self._stub.ask(requests)
        held = map(_number_in, replies[first : first + 2 * len(checked) : 2])
        self._held |= dict(zip(checked, held, strict=True))
        for n in checked:
            for part in REGISTERS[n]:
                if part.cut(self._held[n] ^ wanted[n]):
                    return f"{part.component} holds no such value"
        return ""

    def _step(self, pc: int, mode: int) -> bool:
        """The instruction of the case; whether, without a trap, the hart waits after it."""
        return self._make(pc) is Stop.INTERRUPTED and self._code(pc, mode) == _WFI

    def _make(self, pc: int, requests: Sequence[str] = ()) -> Stop:
        """One instruction, which lies at `pc`, after such requests."""
        _, stop = self._stub.step(requests)
        while stop is Stop.INTERRUPTED:
            # It waits, or it was slow: has not begun, or is done by now.
            (now,) = self._stub.ask([_asked(PC)])
            if _number_in(now) != pc:
                break
            _, stop = self._stub.step()
        return stop

    def _code(self, pc: int, mode: int) -> int | None:
        """The instruction at an address, None where there is none."""
        (status,) = map(_number_in, self._stub.ask([_asked(MSTATUS)]))
        # MPRV would translate for M; MXR lets data be read where code may only be executed.
        _, _, code, *_ = self._stub.ask(
            [
                _written(MSTATUS, status | _MXR),
                f"Qqemu.PhyMemMode:{int(mode == _M)}",
                f"m{pc:x},4",
                "Qqemu.PhyMemMode:1",
                _written(MSTATUS, status),
            ]
        )
        return None if code.startswith(b"E") else _number_in(code)

    def _restore(self) -> None:
        """Registers that M may have written and no case says anything of."""
        *_, kept = self._stub.ask([*(_written(n, 0) for n in _HIDDEN), _asked(_PMPCFG2)])
        self._held[_PMPCFG2] = _number_in(kept)

    def _wake(self) -> None:
        """End a wait, by an interrupt that is enabled."""
        self._stub.ask([_written(MIE, _SSIP), _written(MIP, _SSIP)])
        self._held.clear()
        self._enter(_M, _GATE)

    def _read(self, before: State) -> dict[str, Value]:
        """The state of the machine; what it does not show is as before."""
        # M may read everything, whatever mstatus.TVM says.
        requests = ["g", _asked(MODE), _written(MODE, _M)]
        if number(before, "external"):
            requests.append(_stored(_EXTERNAL[0], _EXTERNAL[2]))
        replies = self._stub.ask([*requests, *map(_asked, REGISTERS)])
        numbers = map(_number_in, replies[len(requests) :])
        self._held = dict(zip(REGISTERS, numbers, strict=True))
        general = _GENERAL.unpack(unhexlify(replies[0]))
        after: dict[str, Value] = {
            **before,
            "x": general[:PC],
            "PC": general[PC],
            "priv": _number_in(replies[1]),
        }
        banks: dict[str, list[int]] = {}
        for n, parts in REGISTERS.items():
            for part in parts:
                value = part.cut(self._held[n])
                if part.index is None:
                    after[part.component] = value
                else:
                    # Elements come in the order of their indices.
                    banks.setdefault(part.component, []).append(value)
        return after | {name: tuple(values) for name, values in banks.items()}

    def _logged(self) -> Trap | None:
        """The exception that the log has since the last time, if any."""
        found = _LOGGED.search(self._qemu.logged())
        return Trap(int(found[1], 16)) if found else None


# ---------------------------------------------------------------- requests and numbers

#: x and the pc, as the stub gives and takes them together.
_GENERAL: Final = struct.Struct("<33Q")


def _asked(n: int) -> str:
    return f"p{n:x}"


def _written(n: int, value: int) -> str:
    return f"P{n:x}={value.to_bytes(8, 'little').hex()}"


def _stored(at: int, data: bytes) -> str:
    return f"M{at:x},{len(data):x}:{data.hex()}"


def _number_in(reply: bytes) -> int:
    return int.from_bytes(unhexlify(reply), "little")


def _is_pending(state: State) -> bool:
    """Whether an interrupt is pending that mie enables."""
    pending = sum(part.of(state) for part in REGISTERS[MIP]) | number(state, "external") << 9
    return bool(pending & number(state, "mie"))
