"""z3 in a process that can be killed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import perf_counter
from types import TracebackType
from typing import Final

from popek.smt.answer import Answer, Budget, Cause, Stats, Undecided
from popek.smt.query import Query
from popek.smt.worker import serve

_PATIENCE: Final = 1.5
"""A worker may overrun its seconds by this factor before it is killed."""


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the end of the block, where the system can have it wait."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # where it is started in the block, it unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Z3Process:
    """Runs z3 in a worker process, started at the first query and again after it was killed.

    The worker is a daemon: it ends with this process, and with `close`. It imports the main module
    of the program, which must therefore keep its work under `if __name__ == "__main__"`.
    """

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ready = False

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """See `Solver.solve`. Leaves no worker behind when interrupted."""
        start = perf_counter()
        try:
            pipe = self._connected()
            start = perf_counter()
            pipe.send((query, budget))
            if pipe.poll(budget.seconds * _PATIENCE):
                outcome: tuple[Answer, Stats] = pipe.recv()
                return outcome
            answer = Undecided(Cause.KILLED, f"no answer after {_PATIENCE} times the time allowed")
        except (EOFError, OSError):
            answer = Undecided(Cause.KILLED, "the worker died")
        except BaseException:
            self.close()
            raise
        self.close()
        return answer, Stats(0, perf_counter() - start)

    def close(self) -> None:
        """Kill the worker, if there is one."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._ready = False
        # The pipe last: a worker that still loads z3 would report the broken pipe on stderr.
        if process is not None:
            process.kill()
            process.join()
            process.close()
        if pipe is not None:
            pipe.close()

    def start(self) -> None:
        """Start the worker now, so that it loads z3 while this process does something else."""
        if self._pipe is not None:
            return
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True, name="popek-z3")
        with _interrupts_held():  # the worker inherits that, until it ignores them itself
            process.start()
            self._process = process
        theirs.close()  # else the end of the worker would not be the end of the pipe

    def _connected(self) -> Connection:
        """The pipe to a worker that has loaded z3."""
        self.start()
        assert self._pipe is not None
        if not self._ready:
            self._pipe.recv()
            self._ready = True
        return self._pipe

    def __enter__(self) -> Z3Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
