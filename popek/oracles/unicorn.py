"""Unicorn, a fork of QEMU for user programs, as an oracle of IA-32 at level 3.

With QEMU it is one vote.  It runs in a worker process, as some code ends it.  It delivers no
exceptions, does not ask whether a port may be accessed, and does not show what segment registers
remember: see `unicorn_machine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from popek.oracles.ia32_home import HOME
from popek.oracles.ia32_state import CONDITIONS, FIXED, Entry, decoded, encoded, selector
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
    Identity,
    OracleMissing,
    Outcome,
    Refused,
    State,
    bank,
)
from popek.oracles.unicorn_machine import Reply, serve

NAME: Final = "unicorn"

#: The title of the spec that it runs: there is no UMIP.
TITLE: Final = "IA-32"
_MODEL: Final = "qemu64"
_MEMORY: Final = "phys"

#: Seconds without an answer after which it hangs.
_PATIENCE: Final = 10.0

_ENTRY: Final = Entry(whole_limits=True, busy=False, nmi_blocked=False)
_SEGMENTS: Final = ("ES", "CS", "SS", "DS", "FS", "GS")
_CS, _SS = 1, 2

#: What IRETD at level 0 leads to.  Unicorn's does not load VIF and VIP.
_FIXED: Final = {
    **FIXED,
    "EFLAGS.VM": 0,
    "CS.RPL": 3,
    "SS.RPL": 3,
    "CR0.PG": 0,
    "EFLAGS.VIF": 0,
    "EFLAGS.VIP": 0,
    "PUSH_CLEARS": 1,
    "NMI_blocked": 0,
}

_BENCH: Final = Bench(
    fixed=_FIXED,
    regions=(),
    unseen=frozenset(
        (
            *("seg.base", "seg.limit", "seg.usable", "seg.readable", "seg.writable", "seg.down"),
            *("seg.big", "seg.level", "CS_D", "SS_B", "inhibit"),
        )
    ),
    conditions=(
        *CONDITIONS,
        # Segments are loaded by their selectors.
        "CS.INDEX > 1 and SS.INDEX > 1 and CS.INDEX != SS.INDEX",
        *(
            f"if seg[{name}_SEG].usable then {name}[15..2] != 0 and seg[{name}_SEG].level == 3 "
            f"else {name}[15..2] == 0"
            for name in ("ES", "DS", "FS", "GS")
        ),
    ),
    home=HOME,
)


class Unicorn:
    """The oracle."""

    def __init__(self, title: str) -> None:
        """For the spec of this title.

        Raises OracleMissing without the package, ValueError for another processor's spec.
        """
        if title != TITLE:
            raise ValueError(f"{NAME} runs {TITLE}, not {title}")
        try:
            found = version(NAME)
        except PackageNotFoundError as error:
            raise OracleMissing(
                f"{NAME} is not installed: `pip install 'popek[oracles]'`, or `pip install {NAME}`"
            ) from error
        self.identity = Identity(NAME, found, _MODEL)
        self.bench = _BENCH

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        worker = _Worker()
        try:
            for case in cases:
                yield _answer(worker, case)
        finally:
            worker.close()


def _answer(worker: _Worker, case: Case) -> Answer:
    if why := _unreachable(case.state):
        return Refused(why)
    words = encoded(case.state, _ENTRY)
    if isinstance(words, Refused):
        return words
    match worker.step(words, _pieces(case.memory.get(_MEMORY, {}))):
        case str(why):
            return Refused(why)
        case Died() as died:
            return died
        case after, changed:
            return Outcome(decoded(tuple(after), case.state), {_MEMORY: changed})


def _unreachable(state: State) -> str:
    """Why IRETD does not lead to the state, beside what `ia32_state` says; "" if it may."""
    for name, value in _FIXED.items():
        if state[name] != value:
            return f"{name} is not {value}"
    usable = bank(state, "seg.usable")
    for n, name in enumerate(_SEGMENTS):
        if usable[n] != (selector(state, n) >> 2 != 0):
            return f"what {name} remembers is not of its selector"
    if selector(state, _CS) == selector(state, _SS):
        return "CS and SS are one descriptor"
    return ""


def _pieces(cells: Mapping[int, int]) -> dict[int, bytes]:
    """The cells as runs of bytes, by where they start."""
    pieces: dict[int, bytearray] = {}
    start = end = -1
    for cell in sorted(cells):
        if cell != end:
            start = cell
            pieces[start] = bytearray()
        pieces[start].append(cells[cell])
        end = cell + 1
    return {at: bytes(piece) for at, piece in pieces.items()}


class _Worker:
    """A process with the emulator, started when it is needed and again after its death."""

    def __init__(self) -> None:
        self._running: tuple[BaseProcess, Connection] | None = None

    def step(self, words: list[int], memory: dict[int, bytes]) -> Reply | Died:
        try:
            _, pipe = self._running = self._running or _started()
            pipe.send((words, memory))
            if pipe.poll(_PATIENCE):
                reply: Reply = pipe.recv()
                return reply
            why = "hangs"
        except (EOFError, OSError):
            why = "aborts"
        self.close()
        return Died(f"the emulator {why}")

    def close(self) -> None:
        """Kill the process, if there is one."""
        if self._running is not None:
            process, pipe = self._running
            self._running = None
            process.kill()
            process.join()
            pipe.close()


def _started() -> tuple[BaseProcess, Connection]:
    context = get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True, name="popek-unicorn")
    process.start()
    theirs.close()  # else the end of the process would not be the end of the pipe
    pipe.recv()  # that it is ready
    return process, pipe
