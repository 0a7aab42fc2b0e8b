"""The monitor that sets S/370 states up in Hercules and reads them, and its cases and results.

It runs from the restart PSW, between two steps: it stores what the last case has left in registers
and keys, makes the next case's storage and keys, and waits.  Restarted once more it loads the
case's registers, and enters it by LPSW: so much is short, as Hercules is slow where it is told to
stop at instructions.  It is written in numbers here, so that nobody needs an assembler.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Bytes of main storage, of which a case has the first, and those of a storage key.
STORAGE: Final = 0xF0_0000
CELLS: Final = 0x1_0000
BLOCK: Final = 0x800
#: What a case cannot have of them: the interval timer, which runs there, and what LPSW loads.
INTERVAL_TIMER: Final = range(0x50, 0x54)
ENTRY_PSW: Final = range(0xFF8, 0x1000)

#: Where the monitor is, and the result of the last case, with its end.
MONITOR: Final = 0xEF_0000
RESULT: Final = MONITOR + 0x4000
RESULT_END: Final = RESULT + 0x100 + STORAGE // BLOCK

#: A result: registers and clocks as they were stored at `_DUMP`, a PSW, then the keys.
_DUMP: Final = 0x400
_RESTART_OLD: Final = 8
_KEYS: Final = 0x100

_HEADER: Final = struct.Struct(">II8sQQ16I16I")
_FOUND: Final = struct.Struct(">16I16IQQ8s")


@dataclass(frozen=True, slots=True)
class Image:
    """A case as the monitor takes it."""

    psw: bytes
    general: Sequence[int]
    control: Sequence[int]
    comparator: int
    timer: int
    cells: Mapping[int, int]
    keys: Mapping[int, int]

    def __bytes__(self) -> bytes:
        cells = [cell << 8 | byte for cell, byte in self.cells.items()] or [0]
        keys = [block * BLOCK << 8 | key for block, key in self.keys.items()] or [0]
        header = _HEADER.pack(
            len(cells),
            len(keys),
            self.psw,
            self.comparator,
            self.timer,
            *self.control,
            *self.general,
        )
        body = header + struct.pack(f">{len(cells) + len(keys)}I", *cells, *keys)
        # The next one begins on a doubleword.
        return body + bytes(-len(body) % 8)


#: The case behind the last: a wait without end.
LAST: Final = Image(bytes.fromhex("000A000000000000"), [0] * 16, [0] * 16, 0, 0, {}, {})


@dataclass(frozen=True, slots=True)
class Found:
    """Registers and keys after a case.  `psw`: where the processor stood when it was restarted."""

    general: tuple[int, ...]
    control: tuple[int, ...]
    comparator: int
    timer: int
    psw: bytes
    keys: bytes


def result_in(result: bytes) -> Found:
    """What the storage from RESULT to RESULT_END says."""
    values = _FOUND.unpack_from(result)
    comparator, timer, psw = values[32:]
    return Found(values[:16], values[16:32], comparator, timer, psw, result[_KEYS:])


def quiet() -> bytes:
    """What takes the place of a case's storage while the monitor is called: wherever the step has
    led, an instruction that does nothing is made; then the processor is restarted.
    """
    content = bytearray(b"\x18\x00" * (CELLS // 2))
    entered = struct.pack(">II", 0x000C_0000, MONITOR)
    for new in (0, 88, 96, 104, 112, 120):
        content[new : new + 8] = entered
    return bytes(content)


# ---------------------------------------------------------------- the code

#: Constants and variables, by their places.
_ZERO, _BLOCK, _BLOCKS, _CELLS, _RESULT, _NEXT_CASE, _KEY, _CASE = range(0, 32, 4)
_ENTER, _WAIT, _LOW = 32, 40, 48
#: Where the second part begins, and where constants and variables are.
_SECOND: Final = 0x180
_DATA: Final = 0x200
#: How far from the start of each part its base is, which register 15 holds.
_BASE: Final = 10
_SECOND_BASE: Final = _SECOND + 2


def _data(which: int, base: int = _BASE) -> int:
    """Base and displacement of a constant or variable."""
    return 0xF000 | (_DATA - base + which)


def _rr(op: int, r1: int, r2: int) -> bytes:
    return bytes((op, r1 << 4 | r2))


def _rx(op: int, r1: int, address: int) -> bytes:
    """Also RS, where `r1` is followed by r3."""
    return struct.pack(">BBH", op, r1 << 4, address)


def _rs(op: int, r1: int, r3: int, address: int) -> bytes:
    return struct.pack(">BBH", op, r1 << 4 | r3, address)


def _s(op: int, address: int) -> bytes:
    return struct.pack(">HH", op, address)


def _mvc(length: int, to: int, source: int) -> bytes:
    return struct.pack(">BBHH", 0xD2, length - 1, to, source)


def _looped(counter: int, at: int, body: bytes) -> bytes:
    """A body that lies `at` so many bytes behind the base, and BCT back to it."""
    return body + _rx(0x46, counter, 0xF000 | at)


def monitor(cases: int) -> bytes:
    """The code with its data, for the address MONITOR.  The first case is at `cases`."""
    data = struct.pack(
        ">6I8xII8sII",
        *(0, BLOCK, STORAGE // BLOCK, CELLS, RESULT, cases),
        *(0x000C_0000, MONITOR + _SECOND),
        LAST.psw,
        0,
        0,
    )
    code = _rs(0x90, 0, 15, _DUMP) + _rs(0xB6, 0, 15, _DUMP + 64)  # STM, STCTL
    code += _rr(0x05, 15, 0)  # BALR: the base
    assert len(code) == _BASE
    code += _s(0xB207, _DUMP + 128) + _s(0xB209, _DUMP + 136)  # STCKC, STPT
    # No low-address protection for what follows.
    code += _rs(0xB7, 0, 0, _data(_ZERO))  # LCTL

    # The result.
    code += _rx(0x58, 6, _data(_RESULT))
    code += _mvc(144, 0x6000, _DUMP) + _mvc(8, 0x6000 + 144, _RESTART_OLD)
    code += _rx(0x41, 3, 0x6000 + _KEYS) + _blocks()
    # ISK, STC, LA
    next_key = _rr(0x09, 1, 2) + _rx(0x42, 1, 0x3000) + _rx(0x41, 3, 0x3001) + _rr(0x1E, 2, 4)
    code += _looped(5, len(code) - _BASE, next_key)

    # The next case's storage: zeros, then its cells.
    code += _rr(0x1B, 8, 8) + _rx(0x58, 9, _data(_CELLS)) + _rr(0x1B, 10, 10) + _rr(0x1B, 11, 11)
    code += _rr(0x0E, 8, 10)  # MVCL
    code += _rx(0x58, 6, _data(_NEXT_CASE)) + _rx(0x58, 7, 0x6000) + _rx(0x58, 12, 0x6004)
    code += _rx(0x41, 3, 0x6000 + _HEADER.size)
    # L, LR, SRL: an address and a byte
    pair = _rx(0x58, 1, 0x3000) + _rr(0x18, 2, 1) + _rs(0x88, 2, 0, 8)
    following = _rx(0x41, 3, 0x3004)
    code += _looped(7, len(code) - _BASE, pair + _rx(0x42, 1, 0x2000) + following)
    code += _mvc(8, ENTRY_PSW.start, 0x6008)

    # Its first doublewords give way to the PSW that leads to the second part.
    code += _mvc(16, _data(_LOW), 0) + _mvc(8, 0, _data(_ENTER))

    # Its keys, when all is stored; that of block 0 once more later.
    code += _rr(0x1B, 1, 1) + _blocks()
    code += _looped(5, len(code) - _BASE, _rr(0x08, 1, 2) + _rr(0x1E, 2, 4))  # SSK
    code += _looped(12, len(code) - _BASE, pair + _rr(0x08, 1, 2) + following)
    code += _rr(0x1B, 2, 2) + _rr(0x09, 1, 2) + _rx(0x50, 1, _data(_KEY))  # ISK, ST
    # The next one is on a doubleword.
    code += _rx(0x41, 3, 0x3007) + _rs(0x88, 3, 0, 3) + _rs(0x89, 3, 0, 3)
    code += _rx(0x50, 3, _data(_NEXT_CASE)) + _rx(0x50, 6, _data(_CASE))
    code += _rx(0x82, 0, _data(_WAIT))  # LPSW
    assert len(code) <= _SECOND

    # Clocks and registers.  Nothing is left of the case before in the translation-lookaside buffer.
    code = code.ljust(_SECOND, b"\0") + _rr(0x05, 15, 0)  # BALR: the base
    code += _mvc(16, 0, _data(_LOW, _SECOND_BASE))
    code += _rx(0x58, 1, _data(_KEY, _SECOND_BASE)) + _rr(0x1B, 2, 2) + _rr(0x08, 1, 2)
    code += _rx(0x58, 6, _data(_CASE, _SECOND_BASE))
    code += _s(0xB20D, 0) + _s(0xB206, 0x6010) + _s(0xB208, 0x6018)  # PTLB, SCKC, SPT
    code += _rs(0xB7, 0, 15, 0x6020) + _rs(0x98, 0, 15, 0x6060)  # LCTL, LM
    code += _rx(0x82, 0, ENTRY_PSW.start)  # LPSW
    assert len(code) <= _DATA
    return code.ljust(_DATA, b"\0") + data


def _blocks() -> bytes:
    """Registers for a loop over the keys: an address, a block's size, and how many there are."""
    return _rr(0x1B, 2, 2) + _rx(0x58, 4, _data(_BLOCK)) + _rx(0x58, 5, _data(_BLOCKS))
