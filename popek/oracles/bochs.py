"""Bochs as an oracle of IA-32.

The monitor runs cases as guests of VMX; the model is one of a processor that has it, and what
later processors added is off until a control register switches it on.  The preemption timer counts
instructions.  It does not end a step whose instruction inhibits interrupts: of those, one more is
run, and they are run again with an INT3 behind them.

What it cannot show is refused: see `ia32_monitor.VMX` and `ia32_state`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Final

from popek.oracles import ia32_batch
from popek.oracles.ia32_batch import Task
from popek.oracles.ia32_home import HOME, PORTS
from popek.oracles.ia32_monitor import VMX, Clock, Seen, answer, code_cells, with_inhibition
from popek.oracles.ia32_state import CONDITIONS, FIXED
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
    Identity,
    OracleMissing,
    Outcome,
    Refused,
    number,
)

NAME: Final = "bochs"

#: Titles of the specs that it runs.
TITLES: Final = ("IA-32", "IA-32 with UMIP")
_MODEL: Final = "corei7_icelake_u"

#: In instructions: VMLAUNCH and the step, and all that a run takes.
_CLOCK: Final = Clock(budget=2, usual=24)

#: The debugger that Debian's Bochs starts in.
_COMMANDS: Final = "c\n"

_CONFIGURATION: Final = """\
display_library: rfb, options="timeout=0"
cpu: model={model}, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none
memory: guest=64, host=64
romimage: file={folder}/rom
vgaromimage: file={folder}/vga
port_e9_hack: enabled=1
log: /dev/null
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
speaker: enabled=0, mode=none
sound: waveoutdrv=dummy
"""

_BENCH: Final = Bench(
    fixed={**FIXED, "PUSH_CLEARS": 0},
    regions=PORTS,
    # Entered by VMLAUNCH, virtual-8086 mode has no alignment checks.
    conditions=(*CONDITIONS, "not (EFLAGS.VM and EFLAGS.AC and CR0.AM)"),
    home=HOME,
)


class Bochs:
    """The oracle."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the program, ValueError for another processor's spec.
        """
        if title not in TITLES:
            raise ValueError(f"{NAME} runs {' and '.join(TITLES)}, not {title}")
        program = which("bochs-bin") or which(NAME)
        if program is None:
            raise OracleMissing("bochs is not installed: `apt install bochs`")
        self._program = program
        self.identity = Identity(NAME, _version(program), _MODEL)
        self.bench = _BENCH

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        found = list(self._seen([Task(case) for case in cases]))
        late = {
            i: case
            for i, (case, seen) in enumerate(zip(cases, found, strict=True))
            if isinstance(seen, Seen) and seen.elapsed > _CLOCK.usual
        }
        shadowed = self._shadowed(late) if late else {}
        for i, (case, seen) in enumerate(zip(cases, found, strict=True)):
            if i in shadowed:
                yield shadowed[i]
            else:
                yield answer(case, seen, VMX) if isinstance(seen, Seen) else seen

    def _seen(self, tasks: Sequence[Task]) -> Iterator[Seen | Refused | Died]:
        return ia32_batch.seen(tasks, VMX, self._start, _CLOCK)

    def _shadowed(self, cases: dict[int, Case]) -> dict[int, Answer]:
        """Steps that inhibit interrupts: where an INT3 stops them is how long they are."""
        answers: dict[int, Answer] = {}
        tries = [
            (i, length, Task(case, cell))
            for i, case in cases.items()
            for length, cell in enumerate(code_cells(case), 1)
        ]
        results = self._seen([task for _, _, task in tries])
        for (i, length, task), seen in zip(tries, results, strict=True):
            if i in answers or not isinstance(seen, Seen):
                continue
            found = answer(task.case, seen, VMX.planted)
            behind = number(task.case.state, "EIP") + length & 0xFFFF_FFFF
            if isinstance(found, Outcome) and number(found.state, "EIP") == behind:
                answers[i] = with_inhibition(found)
        lost = Refused("the instruction inhibits interrupts, and there is no room behind it")
        return {i: answers.get(i, lost) for i in cases}

    @contextmanager
    def _start(self, rom: bytes) -> Iterator[_Running]:
        with TemporaryDirectory(prefix="popek-") as folder:
            at = Path(folder)
            (at / "rom").write_bytes(rom)
            (at / "vga").write_bytes(bytes(512))
            (at / "rc").write_text(_CONFIGURATION.format(model=_MODEL, folder=folder))
            (at / "commands").write_text(_COMMANDS)
            command = [self._program, "-q", "-f", str(at / "rc"), "-rc", str(at / "commands")]
            output = at / "output"
            with (
                output.open("wb") as file,
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.DEVNULL,
                    cwd=folder,
                ) as process,
            ):
                try:
                    yield _Running(process, output)
                finally:
                    process.kill()


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    output: Path

    def data(self) -> bytes:
        return self.output.read_bytes()

    def progress(self) -> int:
        return self.output.stat().st_size


def _version(program: str) -> str:
    """The emulator's own words in its banner."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    found = re.search(r"Bochs x86 Emulator (\S+)", text.stdout + text.stderr)
    return found[1] if found else "unknown"
