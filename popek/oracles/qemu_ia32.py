"""QEMU's `qemu-system-i386`, by translation (TCG), as an oracle of IA-32.

The monitor runs cases as guests of SVM.  Instructions are counted by `-icount`, so that the timer
ends a step exactly.  QEMU does not count every instruction that faults: exceptions leave the guest
and are injected, and the monitor, not QEMU, says which two make a double fault.

What it cannot show is refused: see `ia32_monitor.SVM` and `ia32_state`.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from popek.oracles import ia32_batch
from popek.oracles.ia32_batch import Task
from popek.oracles.ia32_home import HOME, PORTS
from popek.oracles.ia32_monitor import SVM, Clock, Seen, answer
from popek.oracles.ia32_state import CONDITIONS, FIXED
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Identity,
)
from popek.oracles.qemu import NAME, installed, version

_PROGRAM: Final = "qemu-system-i386"

#: By the title of the spec: the model.
MODELS: Final = {"IA-32": "pentium", "IA-32 with UMIP": "max"}
#: What the monitor itself needs.
_MONITORS_OWN: Final = "+svm,+npt,+pae,+nx,xlevel=0x8000000a"

#: Where the monitor leaves results in RAM: their number and size, and themselves.
_DONE, _SINK, _RAM = 0x7F_F000, 0x80_0000, 64 << 20

#: In instructions: from the start of the timer to the end of the step, and of a run by EFLAGS.TF.
_CLOCK: Final = Clock(budget=3, usual=30)

_BENCH: Final = Bench(
    fixed={**FIXED, "PUSH_CLEARS": 1, "NMI_blocked": 0},
    regions=PORTS,
    conditions=CONDITIONS,
    home=HOME,
)


class QemuIA32:
    """The oracle."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title not in MODELS:
            raise ValueError(f"{NAME} runs {' and '.join(MODELS)}, not {title}")
        self._program = installed(_PROGRAM, "`apt install qemu-system-x86`")
        self._model = MODELS[title]
        self.identity = Identity(NAME, version(self._program), self._model)
        self.bench = _BENCH

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        tasks = [Task(case) for case in cases]
        for case, seen in zip(cases, ia32_batch.seen(tasks, SVM, self._start, _CLOCK), strict=True):
            yield answer(case, seen, SVM) if isinstance(seen, Seen) else seen

    @contextmanager
    def _start(self, rom: bytes) -> Iterator[_Running]:
        with TemporaryDirectory(prefix="popek-") as folder:
            bios, ram = Path(folder, "rom"), Path(folder, "ram")
            bios.write_bytes(rom)
            ram.touch()
            os.truncate(ram, _RAM)
            command = [
                *(self._program, "-accel", "tcg", "-icount", "shift=0,sleep=off,align=off"),
                *("-cpu", f"{self._model},{_MONITORS_OWN}"),
                *("-machine", "pc,acpi=off,memory-backend=ram"),
                *("-object", f"memory-backend-file,id=ram,size={_RAM},mem-path={ram},share=on"),
                *("-nodefaults", "-display", "none", "-no-reboot", "-bios", str(bios)),
                *("-device", "isa-debug-exit,iobase=0x501"),
            ]
            with (
                ram.open("r+b") as file,
                mmap.mmap(file.fileno(), _RAM) as memory,
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                ) as process,
            ):
                try:
                    yield _Running(process, memory)
                finally:
                    process.kill()


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    memory: mmap.mmap

    def data(self) -> bytes:
        size: int
        (size,) = struct.unpack_from("<I", self.memory, _DONE + 4)
        return self.memory[_SINK : _SINK + size]

    def progress(self) -> int:
        done: int
        (done,) = struct.unpack_from("<I", self.memory, _DONE)
        return done
