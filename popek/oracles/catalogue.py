"""The oracles by name: for which instruction sets, how each is opened, and how to get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from popek.oracles.oracle import Oracle


@dataclass(frozen=True, slots=True)
class Known:
    """An adapter that popek has.  An oracle of one name may have several, for different ISAs.

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
        "qemu",
        ("IA-32", "IA-32 with UMIP"),
        ("qemu_ia32", "QemuIA32"),
        "IA-32 (QEMU's TCG)",
        "apt install qemu-system-x86",
    ),
    Known(
        "bochs",
        ("IA-32", "IA-32 with UMIP"),
        ("bochs", "Bochs"),
        "IA-32 (Bochs)",
        "apt install bochs",
    ),
    Known(
        "unicorn",
        ("IA-32",),
        ("unicorn", "Unicorn"),
        "IA-32 at level 3 (Unicorn)",
        "pip install unicorn",
    ),
    Known(
        "machine68k",
        ("68000", "68010"),
        ("machine68k", "Machine68k"),
        "the 68000 and 68010 (Musashi)",
        "pip install machine68k",
    ),
    Known(
        "qemu",
        ("RV64",),
        ("qemu_rv64", "QemuRv64"),
        "RV64 (QEMU's TCG)",
        "apt install qemu-system-misc",
    ),
    Known(
        "qemu",
        ("68000", "68010"),
        ("qemu_m68k", "QemuM68k"),
        "the 68000 and 68010 (QEMU's TCG)",
        "apt install qemu-system-misc",
    ),
    Known(
        "hatari",
        ("68000", "68010"),
        ("hatari", "Hatari"),
        "the 68000 and 68010 (Hatari, with WinUAE's processor)",
        "apt install hatari",
    ),
    Known(
        "hercules",
        ("S/370",),
        ("hercules", "Hercules"),
        "S/370 (Hercules)",
        "apt install hercules",
    ),
)


def known(name: str) -> tuple[Known, ...]:
    """The adapters of the oracle of this name."""
    return tuple(entry for entry in CATALOGUE if entry.name == name)
