"""z3 as it comes: `Solver()` on the text, in a process that is killed when it overruns."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import process_time
from types import TracebackType
from typing import Literal

Verdict = Literal["sat", "unsat", "unknown"]

#: A worker that has not answered after this many times the limit is killed.
PATIENCE = 1.5


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """`seconds` are the worker's processor time; `rlimit` z3's steps."""

    verdict: Verdict
    seconds: float
    rlimit: int


class PlainZ3:
    """One worker, started again after it was killed.  Use it in a `with`."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def solve(self, text: str, limit: float) -> PlainAnswer:
        """The verdict within `limit` seconds of wall clock."""
        pipe = self.started()
        pipe.send((text, limit))
        if pipe.poll(limit * PATIENCE + 1):
            answer: PlainAnswer = pipe.recv()
            return answer
        self.close()
        return PlainAnswer("unknown", limit, 0)

    def started(self) -> Connection:
        """The pipe to a worker that has loaded z3."""
        if self._pipe is None:
            context = get_context("spawn")
            self._pipe, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            self._process = process
            theirs.close()
            self._pipe.recv()
        return self._pipe

    def close(self) -> None:
        """Ends the worker."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()

    def __enter__(self) -> PlainZ3:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _serve(pipe: Connection) -> None:
    import z3  # noqa: PLC0415, TID251 -- only here, in the child

    pipe.send(None)
    while True:
        try:
            text, limit = pipe.recv()
        except EOFError:
            return
        start = process_time()
        solver = z3.Solver(ctx=z3.Context())
        solver.set("timeout", max(1, round(limit * 1000)))
        solver.from_string(text)
        verdict: Verdict = str(solver.check())  # type: ignore[assignment]
        steps = int(solver.statistics().get_key_value("rlimit count"))
        pipe.send(PlainAnswer(verdict, process_time() - start, steps))
