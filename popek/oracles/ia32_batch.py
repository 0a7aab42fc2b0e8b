"""Batches of cases on an emulator that runs the monitor: start, watch, restart behind a death."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from popek.oracles.ia32_monitor import Clock, Seen, Virtualization, image, record, result
from popek.oracles.oracle import Case, Died, Refused

#: Of the table: both emulators take a ROM of 2 MiB.
_TABLE: Final = (2 << 20) - (2 << 16)
#: Seconds without a result after which an emulator hangs.
_PATIENCE: Final = 10.0
_POLL: Final = 0.002


class Running(Protocol):
    """An emulator at work on a table of cases."""

    @property
    def process(self) -> subprocess.Popen[bytes]: ...

    def data(self) -> bytes:
        """The results so far."""
        ...

    def progress(self) -> int:
        """A number that grows with each result."""
        ...


#: Starts an emulator with this ROM.
Start = Callable[[bytes], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Task:
    """A case to run, with an INT3 planted in a cell or not."""

    case: Case
    planted: int | None = None


def seen(
    tasks: Sequence[Task], by: Virtualization, start: Start, clock: Clock
) -> Iterator[Seen | Refused | Died]:
    """What the emulator makes of each, in their order."""
    records = [record(task.case, by.entry, task.planted) for task in tasks]
    at = 0
    while at < len(records):
        table: list[bytes] = []
        size, end = 0, at
        while end < len(records):
            entry = records[end]
            if isinstance(entry, bytes):
                if size + len(entry) > _TABLE:
                    break
                size += len(entry)
                table.append(entry)
            end += 1
        found = iter(_results(table, start, clock))
        for entry in records[at:end]:
            yield entry if isinstance(entry, Refused) else next(found)
        at = end


def _results(table: Sequence[bytes], start: Start, clock: Clock) -> list[Seen | Died]:
    """Results of all cases of a table, which the emulator may need several starts for."""
    found: list[Seen | Died] = []
    while len(found) < len(table):
        rest = table[len(found) :]
        with start(image(rest, clock)) as running:
            hung = _watch(running)
            data = running.data()
            code = running.process.returncode
        place = 0
        for index in range(len(rest)):
            next_result = result(data, index, place)
            if next_result is None:
                why = "hangs" if hung else f"exits with {code}"
                found.append(Died(f"the emulator {why}"))
                break
            one, place = next_result
            found.append(one)
    return found


def _watch(running: Running) -> bool:
    """Wait for the end; does it hang?  Then it is killed."""
    last, since = -1, time.monotonic()
    while running.process.poll() is None:
        now = running.progress()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > _PATIENCE:
            running.process.kill()
            running.process.wait()
            return True
        time.sleep(_POLL)
    return False
