"""How far the proofs are, on stderr: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from popek.cli.output import say
from popek.isa import ir

#: Seconds between two lines where there is no terminal, and before the first.
_EVERY: Final = 30.0


class Progress:
    """Called by the theory with (what, done, total)."""

    def __init__(self, isa: ir.Isa) -> None:
        self._title = isa.title
        self._bar: Bar | None = None
        self._task = None
        self._spoken = monotonic()
        if sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(file=sys.stderr, highlight=False),
                transient=True,
            )
            self._task = self._bar.add_task(f"{self._title}: reading", total=len(isa.forms))

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, description=f"{self._title}: {what}", completed=done, total=total
            )
        elif monotonic() - self._spoken >= _EVERY:
            self._spoken = monotonic()
            say(f"popek: {self._title}: {what}, {done} of {total} forms")

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
