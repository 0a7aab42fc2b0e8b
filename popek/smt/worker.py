"""The child process of `Z3Process`: queries in, answers out, as plain values over a pipe."""

from __future__ import annotations

import os
import signal
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread


def serve(pipe: Connection) -> None:
    """Answer queries from the pipe until it is closed; first say that z3 is loaded."""
    # An interrupt at the terminal reaches the whole group: the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_die_with_parent, daemon=True).start()
    import z3  # noqa: PLC0415 -- only here, in the child

    from popek.smt.z3_run import run  # noqa: PLC0415

    z3.set_param("ctrl_c", False)  # z3 would put its own handler in place of ours
    try:
        pipe.send(None)
        while True:
            query, budget = pipe.recv()
            pipe.send(run(query, budget))
    except (EOFError, OSError):  # the other end of the pipe is closed
        return


def _die_with_parent() -> None:
    """A parent that is killed closes no pipe that a busy z3 would notice."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
