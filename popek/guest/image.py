"""Guests as files: a description `NAME.json` (`popek.guest/1`) beside `NAME.bin`, or a flat image.

A flat image lies at address 0, or where the description says, in the instruction set's first
memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from popek.diagnostics import PopekError
from popek.guest.units import Units
from popek.isa import ir
from popek.source import Source, read_bytes

SCHEMA: Final = "popek.guest/1"


@dataclass(frozen=True, slots=True)
class Guest:
    """A program, and how it is to be run.

    `isa` names the spec that it is for, "" if it does not say.  `address` is that of the code's
    first unit, `entry` where it starts if not where the reset says.  `host` are values of a host's
    parameters, `interrupts` after how many steps each comes, `steps` how many are worth a run.
    """

    name: str
    code: bytes
    isa: str = ""
    address: int = 0
    entry: int | None = None
    steps: int | None = None
    host: Mapping[str, int] = field(default_factory=dict)
    interrupts: Mapping[str, int] = field(default_factory=dict)

    def cells(self, isa: ir.Isa) -> dict[int, int]:
        """The code as units of the first memory, by address."""
        units = Units.of(isa)
        size, order = units.address_size, "big" if isa.endian == "big" else "little"
        whole = self.code + bytes(-len(self.code) % size)
        return {
            self.address + at // size: int.from_bytes(whole[at : at + size], order)  # type: ignore[arg-type]
            for at in range(0, len(whole), size)
        }


def read_guest(path: Path) -> Guest:
    """The guest of a file.  Raises PopekError (E00xx, E1101)."""
    if path.suffix != ".json":
        return Guest(path.stem, read_bytes(path))
    text = Source.read(path).text
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _bad(path, f"this is no description of a guest: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise _bad(path, f"the schema of a guest's description is {SCHEMA}")
    return Guest(
        path.stem,
        read_bytes(path.with_suffix(".bin")),
        _text(path, found, "isa"),
        _number(path, found, "load_address") or 0,
        _number(path, found, "entry"),
        _number(path, found, "steps"),
        _numbers(path, found, "host"),
        _numbers(path, found, "interrupts"),
    )


def _bad(path: Path, message: str) -> PopekError:
    return PopekError.at("E1101", message, path=str(path))


def _text(path: Path, found: Mapping[str, Any], key: str) -> str:
    value = found.get(key) or ""
    if not isinstance(value, str):
        raise _bad(path, f"`{key}` is a name")
    return value


def _number(path: Path, found: Mapping[str, Any], key: str) -> int | None:
    value = found.get(key)
    if value is not None and not _is_number(value):
        raise _bad(path, f"`{key}` is a number from 0 on")
    return value


def _numbers(path: Path, found: Mapping[str, Any], key: str) -> dict[str, int]:
    value = found.get(key) or {}
    if not isinstance(value, dict) or not all(map(_is_number, value.values())):
        raise _bad(path, f"`{key}` gives numbers to names")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
