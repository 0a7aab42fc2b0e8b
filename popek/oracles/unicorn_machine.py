"""One step in Unicorn, between doublewords as `ia32_state` lays them out; a worker process serves.

Level 3 is entered as the processor does it: a table holds descriptors that say what the segment
registers are to remember, an IRETD at level 0 loads CS and SS from it, and then the others are
loaded.  Last the table is cleared, and the case's memory put in place.
"""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Final, TypeAlias

from popek.oracles.ia32_home import descriptor
from popek.oracles.ia32_state import CPL, CR, DR, EIP, FLAGS, GDTR, GPR, IDTR, LDTR, TR, UNUSABLE

#: Doublewords, and the cells of memory that are not as before; or why there are none.
Shown: TypeAlias = tuple[list[int], dict[int, int]]
Reply: TypeAlias = Shown | str

_ES, _CS, _SS, _DS, _FS, _GS = range(6)
_ESP: Final = 4

#: Two tables for selectors of either kind, the IRETD, and its frame: SP has 16 bits at first.
_TABLES: Final = (0x1_0000, 0x2_0000)
_CODE_AT, _FRAME_AT = 0x3_0000, 0x8000
_IRETD: Final = b"\xcf"
_FRAME: Final = struct.Struct("<5I")

#: Bytes of the longest instruction.
_LONGEST: Final = 15
_EXCEPTIONS: Final = 32

_PORTS: Final = "a port: Unicorn asks neither the level nor the bitmap"
_TASKS: Final = "a task switch: Unicorn does not go on at the task's EIP"
_NOT_ENTERED: Final = "IRETD does not lead to the state"


def serve(pipe: Connection) -> None:
    """Says that it is ready, then answers states with memories, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what becomes of us
    machine = _Machine()
    try:
        pipe.send(None)
        while True:
            words, memory = pipe.recv()
            pipe.send(machine.step(words, memory))
    except (EOFError, OSError):
        pass


class _Machine:
    """The emulator with 4 GiB of memory, which holds zeros between steps."""

    def __init__(self) -> None:
        package: Any = import_module("unicorn")
        names: Any = import_module("unicorn.x86_const")
        self._error: type[Exception] = package.UcError
        self._uc: Any = package.Uc(package.UC_ARCH_X86, package.UC_MODE_32)
        self._uc.mem_map(0, 1 << 32)
        self._uc.ctl_exits_enabled(True)
        self._reset = self._uc.context_save()
        self._segments = self._ids(names, "ES", "CS", "SS", "DS", "FS", "GS")
        self._gpr = self._ids(names, "EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
        self._eip, self._eflags = self._ids(names, "EIP", "EFLAGS")
        self._control = self._ids(names, "CR0", "CR2", "CR3", "CR4")
        self._cr4: int = self._uc.reg_read(self._control[3])
        self._debug = self._ids(names, *(f"DR{n}" for n in (0, 1, 2, 3, 6, 7)))
        tables = self._ids(names, "GDTR", "LDTR", "IDTR", "TR")
        self._tables = dict(zip((GDTR, LDTR, IDTR, TR), tables, strict=True))
        self._written: set[int] = set()
        self._refused = ""
        self._uc.hook_add(package.UC_HOOK_MEM_WRITE, self._on_write)
        self._uc.hook_add(package.UC_HOOK_INTR, self._on_interrupt)
        for port in (names.UC_X86_INS_IN, names.UC_X86_INS_OUT):
            self._uc.hook_add(package.UC_HOOK_INSN, self._on_port, None, 1, 0, port)

    @staticmethod
    def _ids(names: Any, *registers: str) -> tuple[int, ...]:
        return tuple(getattr(names, f"UC_X86_REG_{register}") for register in registers)

    # ------------------------------------------------------------ what the emulator reports

    def _on_write(
        self, uc: Any, kind: int, address: int, size: int, value: int, user: object
    ) -> None:
        self._written.update(address + i & 0xFFFF_FFFF for i in range(size))

    def _on_interrupt(self, uc: Any, vector: int, user: object) -> None:
        what = f"exception {vector}" if vector < _EXCEPTIONS else "an interrupt"
        self._refused = f"{what}: Unicorn stops at its gate"
        uc.emu_stop()

    def _on_port(self, uc: Any, *access: object) -> int:
        self._refused = _PORTS
        return 0

    # ------------------------------------------------------------ one step

    def step(self, words: list[int], memory: Mapping[int, bytes]) -> Reply:
        """The state and memory after one instruction; `memory` has bytes from addresses on."""
        self._uc.context_restore(self._reset)
        if not self._enter(words):
            return _NOT_ENTERED
        with self._loaded(memory):
            self._refused = ""
            try:
                self._run(words[EIP], words[4 * _CS + 3])
            except self._error as error:
                return f"Unicorn stops: {error}"
            if self._refused:
                return self._refused
            after = self._words(words)
            if after[TR] != words[TR]:
                return _TASKS
            return after, {cell: self._byte(cell) for cell in self._changed(memory)}

    def _run(self, offset: int, base: int) -> None:
        """One instruction.  A block is to be no longer: a store into what follows would begin it
        again.
        """
        self._uc.ctl_flush_tb()
        self._uc.ctl_set_exits([base + offset + n & 0xFFFF_FFFF for n in range(1, _LONGEST + 1)])
        self._uc.emu_start(offset, 0, count=1)

    def _enter(self, words: list[int]) -> bool:
        """Into the state from level 0; whether it is reached."""
        uc = self._uc
        uc.reg_write(self._tables[GDTR], (0, _TABLES[0], 0xFFFF, 0))
        uc.reg_write(self._tables[LDTR], (0, _TABLES[1], 0xFFFF, 0x8200))
        wanted = [words[EIP], words[4 * _CS], words[FLAGS], words[GPR + _ESP], words[4 * _SS]]
        frame = {_CODE_AT: _IRETD, _FRAME_AT: _FRAME.pack(*wanted)}
        with self._loaded(self._described(words, _CS) | self._described(words, _SS) | frame):
            uc.reg_write(self._gpr[_ESP], _FRAME_AT)
            self._run(_CODE_AT, 0)
        for n in (_ES, _DS, _FS, _GS):
            with self._loaded(self._described(words, n)):
                uc.reg_write(self._segments[n], words[4 * n])
        # Of a 16-bit stack, IRETD loads the lower half of ESP alone.
        for register, value in zip(self._gpr, words[GPR : GPR + 8], strict=True):
            uc.reg_write(register, value)
        for at, register in self._tables.items():
            uc.reg_write(register, self._table(words, at))
        self._write_control(words)
        return self._words(words) == words

    @staticmethod
    def _described(words: list[int], n: int) -> dict[int, bytes]:
        """Where the selector of a segment register points, and the descriptor to be there."""
        chosen, rights, limit, base = words[4 * n : 4 * n + 4]
        if rights & UNUSABLE:
            return {}
        pages = rights >> 15 & 1
        entry = descriptor(rights & 0xFF, base, limit >> 12 if pages else limit, rights >> 12)
        return {_TABLES[chosen >> 2 & 1] + (chosen & ~7): entry.to_bytes(8, "little")}

    @staticmethod
    def _table(words: list[int], at: int) -> tuple[int, int, int, int]:
        """A table as Unicorn has it: its selector, base and limit, and the upper doubleword of its
        descriptor without them.
        """
        chosen, rights, limit, base = words[at : at + 4]
        if rights & UNUSABLE:
            return chosen, 0, 0, 0
        return chosen, base, limit, (rights & 0xFF) << 8 | (rights >> 12 & 0xF) << 20

    def _write_control(self, words: list[int]) -> None:
        """Control and debug registers; what Unicorn sets of CR4 stays."""
        values = [*words[CR : CR + 3], words[CR + 3] | self._cr4]
        for register, value in zip(self._control, values, strict=True):
            self._uc.reg_write(register, value)
        for register, value in zip(self._debug, words[DR : DR + 6], strict=True):
            self._uc.reg_write(register, value)

    def _words(self, before: list[int]) -> list[int]:
        """The state; what segment registers remember is not shown, and as it was."""
        read = self._uc.reg_read
        words = list(before)
        for n, register in enumerate(self._segments):
            words[4 * n] = read(register)
        for at, register in self._tables.items():
            words[at], base, limit, _ = read(register)
            if not words[at + 1] & UNUSABLE:
                words[at + 2 : at + 4] = limit, base
        words[CPL] = words[4 * _CS] & 3
        words[EIP], words[FLAGS] = read(self._eip), read(self._eflags)
        words[GPR : GPR + 8] = map(read, self._gpr)
        words[CR : CR + 4] = map(read, self._control)
        words[CR + 3] &= ~self._cr4
        words[DR : DR + 6] = map(read, self._debug)
        return words

    # ------------------------------------------------------------ memory

    @contextmanager
    def _loaded(self, memory: Mapping[int, bytes]) -> Iterator[None]:
        """Memory with these bytes, elsewhere 0; afterwards 0 everywhere."""
        for address, content in memory.items():
            self._uc.mem_write(address, content)
        self._written.clear()
        try:
            yield
        finally:
            for address, content in memory.items():
                self._uc.mem_write(address, bytes(len(content)))
            for cell in self._written:
                self._uc.mem_write(cell, b"\0")

    def _byte(self, cell: int) -> int:
        byte: int = self._uc.mem_read(cell, 1)[0]
        return byte

    def _changed(self, memory: Mapping[int, bytes]) -> Iterator[int]:
        """The cells that were written, and hold something else now."""
        before = {
            address + i: byte
            for address, content in memory.items()
            for i, byte in enumerate(content)
        }
        for cell in sorted(self._written):
            if self._byte(cell) != before.get(cell, 0):
                yield cell
