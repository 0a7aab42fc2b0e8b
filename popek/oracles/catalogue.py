"""The oracles by name: for which instruction sets, how each is opened, and how to get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from popek.oracles.oracle import Oracle


@dataclass(frozen=True, slots=True)
class Known:
    """An oracle that popek has an adapter for.

    `titles`: of the specs that it runs.  `adapter`: a module of this package, and in it what makes
    the oracle from a title, raising OracleMissing.  `install`: a command.
    """

    name: str
    titles: tuple[str, ...]
    adapter: tuple[str, str]
    purpose: str
    install: str

    def open(self, title: str) -> Oracle:
        """The oracle, ready for cases.  Raises OracleMissing, and ValueError for other specs."""
        module, name = self.adapter
        make: Callable[[str], Oracle] = getattr(import_module(f"popek.oracles.{module}"), name)
        return make(title)


CATALOGUE: Final = (
    Known(
        "machine68k",
        ("68000", "68010"),
        ("machine68k", "Machine68k"),
        "the 68000 and 68010 (Musashi)",
        "pip install machine68k",
    ),
)


def known(name: str) -> Known | None:
    """The oracle of this name."""
    return next((entry for entry in CATALOGUE if entry.name == name), None)


def oracles_for(title: str) -> tuple[Known, ...]:
    """The oracles that run a spec."""
    return tuple(entry for entry in CATALOGUE if title in entry.titles)
