"""What the adapters of QEMU's system emulators share: the program, a machine that stands still."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from socket import socketpair
from typing import Final

from popek.oracles.gdb import Remote
from popek.oracles.oracle import OracleMissing

NAME: Final = "qemu"


def installed(program: str, how: str) -> str:
    """The path of the program.  Raises OracleMissing, which says `how` to get it."""
    path = shutil.which(program)
    if path is None:
        raise OracleMissing(f"{program} is not installed: {how}")
    return path


def version(program: str) -> str:
    """The emulator's own words: a number behind `version`."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"version (\S+)", said.stdout)
    return found[1] if found else "unknown"


class Machine:
    """A running QEMU that stands still between steps.

    `memory` is its main memory, `size` bytes, shared with it; `stub` its gdb stub.  `board` and
    `logs` are its `-machine` and what `-d` asks for; `arguments` go with them.
    """

    def __init__(
        self, program: str, board: str, size: int, logs: str, arguments: Sequence[str]
    ) -> None:
        ram = os.memfd_create("ram")
        os.truncate(ram, size)
        self._log, log = os.pipe2(os.O_NONBLOCK)
        self._socket, socket = socketpair()
        memory = f"size={size},share=on,mem-path=/proc/self/fd/{ram}"
        self._process = subprocess.Popen(
            [
                program,
                *("-M", f"{board},memory-backend=ram", "-m", f"{size >> 20}M", *arguments),
                *("-object", f"memory-backend-file,id=ram,{memory}"),
                *("-accel", "tcg", "-nodefaults", "-display", "none", "-S"),
                *("-d", logs, "-D", f"/proc/self/fd/{log}"),
                *("-chardev", f"socket,id=gdb,fd={socket.fileno()}", "-gdb", "chardev:gdb"),
            ],
            pass_fds=(ram, log, socket.fileno()),
            stdin=subprocess.DEVNULL,
        )
        self.memory = mmap.mmap(ram, size)
        socket.close()
        os.close(ram)
        self.stub = Remote(self._socket)
        # It opens the log while it starts.
        os.close(log)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()
        self.memory.close()
        os.close(self._log)

    def logged(self) -> str:
        """What the log has since the last time."""
        try:
            return os.read(self._log, 1 << 16).decode()
        except BlockingIOError:
            return ""
