"""A client of the remote serial protocol, as far as QEMU's gdb stub needs it.

What it shows no program could: the registers of a machine between two instructions.  Requests that
do not run the machine are sent together, which makes a hundred of them cost what one does.  (GDB
manual, appendix E, Remote Protocol.)
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from socket import socket
from typing import Final

#: Seconds after which a machine that runs is interrupted, and seconds after which it is given up.
_PATIENCE: Final = 0.02
_HANGS: Final = 10.0

_BREAK: Final = b"\x03"


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
        self._received = b""
        # Single registers are served after their descriptions were read.
        self.ask(["QStartNoAckMode", "qXfer:features:read:target.xml:0,1000"])

    def ask(self, requests: Sequence[str]) -> list[bytes]:
        """The replies to requests that do not run the machine.  Raises Lost."""
        self._send(b"".join(map(_packet, requests)))
        return [self._reply(_HANGS) for _ in requests]

    def step(self) -> Stop:
        """One instruction; a machine that begins to wait instead is interrupted.  Raises Lost."""
        self._send(_packet("s"))
        try:
            reply = self._reply(_PATIENCE)
        except TimeoutError:
            self._send(_BREAK)
            reply = self._reply(_HANGS)
        return Stop(reply[:3])

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise Lost("it died") from error

    def _reply(self, seconds: float) -> bytes:
        """The next reply; TimeoutError after less than `_HANGS` seconds, else Lost."""
        while (end := self._received.find(b"#")) < 0 or len(self._received) < end + 3:
            self._connection.settimeout(seconds)
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
            self._received += more
        reply = self._received[:end]
        self._received = self._received[end + 3 :]
        return reply[reply.index(b"$") + 1 :]


def _packet(request: str) -> bytes:
    data = request.encode()
    return b"$%s#%02x" % (data, sum(data) & 0xFF)
