"""The meaning of the bit-vector operators over Python ints (SMT-LIB, theory FixedSizeBitVectors).

Values are without sign: a bit-vector of width w is an int in [0, 2^w). Each function takes the
widths of the arguments, their values and the operator's payload, and returns the value of the
result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final, TypeAlias

from popek.terms.term import Op, Payload

Meaning: TypeAlias = Callable[[Sequence[int], Sequence[int], Payload], int]


def mask(width: int) -> int:
    """The largest value of this width: all ones."""
    return (1 << width) - 1


def signed(value: int, width: int) -> int:
    """`value` read in two's complement."""
    return value - (1 << width) if value >> (width - 1) else value


def _add(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return sum(vs) & mask(ws[0])


def _sub(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return (vs[0] - vs[1]) & mask(ws[0])


def _mul(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return (vs[0] * vs[1]) & mask(ws[0])


def _udiv(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[0] // vs[1] if vs[1] else mask(ws[0])


def _urem(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[0] % vs[1] if vs[1] else vs[0]


def _sdiv(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    a, b = signed(vs[0], ws[0]), signed(vs[1], ws[0])
    if b == 0:
        return 1 if a < 0 else mask(ws[0])
    quotient = abs(a) // abs(b)  # toward zero, where Python's // goes down
    return (quotient if (a < 0) == (b < 0) else -quotient) & mask(ws[0])


def _srem(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    a, b = signed(vs[0], ws[0]), signed(vs[1], ws[0])
    if b == 0:
        return vs[0]
    remainder = abs(a) % abs(b)  # the sign of the dividend
    return (remainder if a >= 0 else -remainder) & mask(ws[0])


def _neg(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return -vs[0] & mask(ws[0])


def _and(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return reduce(int.__and__, vs)


def _or(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return reduce(int.__or__, vs)


def _xor(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return reduce(int.__xor__, vs)


def _not(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[0] ^ mask(ws[0])


def _shl(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    # The test comes first: an amount of 2^32 must not build a number of 2^32 bits.
    return (vs[0] << vs[1]) & mask(ws[0]) if vs[1] < ws[0] else 0


def _lshr(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[0] >> vs[1] if vs[1] < ws[0] else 0


def _ashr(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return (signed(vs[0], ws[0]) >> min(vs[1], ws[0])) & mask(ws[0])


def _eq(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return int(vs[0] == vs[1])


def _ult(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return int(vs[0] < vs[1])


def _ule(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return int(vs[0] <= vs[1])


def _slt(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return int(signed(vs[0], ws[0]) < signed(vs[1], ws[0]))


def _sle(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return int(signed(vs[0], ws[0]) <= signed(vs[1], ws[0]))


def _concat(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    value = 0
    for width, part in zip(ws, vs, strict=True):
        value = value << width | part
    return value


def _extract(ws: Sequence[int], vs: Sequence[int], payload: Payload) -> int:
    hi: int
    lo: int
    hi, lo = payload
    return (vs[0] >> lo) & mask(hi - lo + 1)


def _zext(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[0]


def _sext(ws: Sequence[int], vs: Sequence[int], payload: Payload) -> int:
    width: int = payload
    return signed(vs[0], ws[0]) & mask(width)


def _ite(ws: Sequence[int], vs: Sequence[int], _: Payload) -> int:
    return vs[1] if vs[0] else vs[2]


MEANING: Final[dict[Op, Meaning]] = {
    Op.ADD: _add,
    Op.SUB: _sub,
    Op.MUL: _mul,
    Op.UDIV: _udiv,
    Op.UREM: _urem,
    Op.SDIV: _sdiv,
    Op.SREM: _srem,
    Op.NEG: _neg,
    Op.AND: _and,
    Op.OR: _or,
    Op.XOR: _xor,
    Op.NOT: _not,
    Op.SHL: _shl,
    Op.LSHR: _lshr,
    Op.ASHR: _ashr,
    Op.EQ: _eq,
    Op.ULT: _ult,
    Op.ULE: _ule,
    Op.SLT: _slt,
    Op.SLE: _sle,
    Op.CONCAT: _concat,
    Op.EXTRACT: _extract,
    Op.ZEXT: _zext,
    Op.SEXT: _sext,
    Op.ITE: _ite,
}
"""Every operator whose arguments and result are bit-vectors; constants and names have none."""
