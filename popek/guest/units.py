"""Code units: how a string of bits lies in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from popek.isa.ir import Isa


@dataclass(frozen=True, slots=True)
class Units:
    """The unit of code and its byte order.

    `bits` is the width of a unit; it takes `size` bytes, its upper bits zero where `bits` is no
    multiple of 8.  `address` is the width in bits of what one address holds.
    """

    bits: int
    endian: str
    address: int

    @classmethod
    def of(cls, isa: Isa) -> Units:
        """The units of an instruction set; its first memory is the one that code lies in."""
        memory = next(iter(isa.memories.values()), None)
        return cls(isa.unit, isa.endian, memory.width if memory else isa.unit)

    @property
    def size(self) -> int:
        """Bytes per unit."""
        return (self.bits + 7) // 8

    @property
    def address_size(self) -> int:
        """Bytes per address."""
        return (self.address + 7) // 8

    def bytes_of(self, bits: int) -> int:
        """The bytes that a whole number of units of altogether `bits` bits takes."""
        return bits // self.bits * self.size

    def addresses(self, size: int) -> int:
        """How far `size` bytes of code advance the address."""
        return size // self.address_size

    def pack(self, value: int, width: int) -> bytes:
        """The bytes of `width` bits, the first unit most significant; whole units only."""
        if width % self.bits:
            raise ValueError(f"{width} bits are no whole number of units of {self.bits}")
        if self.bits == 8:
            return value.to_bytes(width // 8, "big")
        mask = (1 << self.bits) - 1
        return b"".join(
            (value >> low & mask).to_bytes(self.size, self._order)
            for low in range(width - self.bits, -1, -self.bits)
        )

    def unpack(self, code: bytes) -> tuple[int, int]:
        """The bits of the whole units at the start of `code`, and how many bits they are."""
        count = len(code) // self.size
        if self.bits == 8:
            return int.from_bytes(code, "big"), 8 * count
        value = 0
        mask = (1 << self.bits) - 1
        for at in range(0, count * self.size, self.size):
            unit = int.from_bytes(code[at : at + self.size], self._order)
            value = value << self.bits | unit & mask
        return value, count * self.bits

    def immediate(self, value: int, width: int) -> int:
        """A value as it lies in code, its units in the code's byte order; its own inverse."""
        if self.endian == "big":
            return value
        if width % self.bits:
            raise ValueError(f"an immediate of {width} bits is no whole number of units")
        mask = (1 << self.bits) - 1
        result = 0
        for low in range(0, width, self.bits):
            result = result << self.bits | value >> low & mask
        return result

    @property
    def _order(self) -> Literal["big", "little"]:
        return "big" if self.endian == "big" else "little"
