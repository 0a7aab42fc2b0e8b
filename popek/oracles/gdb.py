"""A client of the remote serial protocol, as far as QEMU's gdb stub needs it.

What it shows no program could: the registers of a machine between two instructions.  Requests that
do not run the machine are sent together, which makes a hundred of them cost what one does.  (GDB
manual, appendix E, Remote Protocol.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from socket import socket
from typing import Final

#: Seconds after which a machine that runs is interrupted, and seconds after which it is given up.
_PATIENCE: Final = 0.02
_HANGS: Final = 60.0

_BREAK: Final = b"\x03"
_REPLY: Final = re.compile(rb"\$([^#]*)#..")


class Lost(Exception):
    """The machine is gone, or does not answer; the text says which."""


class Stop(Enum):
    """Why a machine that ran stands still again, by the signal that is reported."""

    STEPPED = b"T05"
    INTERRUPTED = b"T02"


class Remote:
    """The stub at the other end of a connected socket, its machine standing still."""

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._received = bytearray()
        # Single registers are served after their descriptions were read.
        self.ask(["QStartNoAckMode", "qXfer:features:read:target.xml:0,1000"])

    def ask(self, requests: Sequence[str]) -> list[bytes]:
        """The replies to requests that do not run the machine.  Raises Lost."""
        self._send(b"".join(map(_packet, requests)))
        return self._replies(len(requests), _HANGS)

    def step(self, requests: Sequence[str] = ()) -> tuple[list[bytes], Stop]:
        """One instruction, after such requests; a machine that then waits is interrupted.

        Raises Lost.
        """
        self._send(b"".join(map(_packet, [*requests, "s"])))
        count = len(requests) + 1
        try:
            replies = self._replies(count, _PATIENCE)
        except TimeoutError:
            self._send(_BREAK)
            replies = self._replies(count, _HANGS)
        return replies[:-1], Stop(replies[-1][:3])

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise Lost("it died") from error

    def _replies(self, count: int, seconds: float) -> list[bytes]:
        """So many replies; TimeoutError if none comes for less than `_HANGS` seconds, else Lost."""
        self._connection.settimeout(seconds)
        received = self._received
        while received.count(b"#") < count or received[-3:-2] != b"#":
            try:
                more = self._connection.recv(1 << 16)
            except TimeoutError:
                if seconds < _HANGS:
                    raise
                raise Lost("it hung") from None
            except OSError as error:
                raise Lost("it died") from error
            if not more:
                raise Lost("it died")
            received += more
        self._received = bytearray()
        return _REPLY.findall(received)


@lru_cache(1 << 10)  # what is asked is asked again for each case
def _packet(request: str) -> bytes:
    data = request.encode()
    return b"$%b#%02x" % (data, sum(data) & 0xFF)
