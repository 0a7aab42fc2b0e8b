"""The guests in `tests/guests`: assembly, and a description beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import popek
from popek.guest import assemble
from popek.guest.image import Guest, read_guest
from popek.hypervisor.running_monitor import Selects
from popek.hypervisor.running_rules import selecting
from popek.source import Source
from tests.semantics.specs import bundled_isa

GUESTS = Path(__file__).parents[1] / "guests"

#: How code is assembled where that depends: as the reset leaves it.
CONTEXT = {"ia32": {"CS_D": 1, "SS_B": 1}}


@cache
def assembled(isa: str, name: str) -> bytes:
    """The image of a guest."""
    source = Source.read(GUESTS / isa / f"{name}.asm")
    return assemble(bundled_isa(isa), source, CONTEXT.get(isa))


def write_guest(isa: str, name: str, folder: Path) -> Path:
    """Its description, with the image beside it, in a folder."""
    description = folder / f"{name}.json"
    description.write_bytes((GUESTS / isa / f"{name}.json").read_bytes())
    description.with_suffix(".bin").write_bytes(assembled(isa, name))
    return description


def guest_of(isa: str, name: str) -> Guest:
    """A guest of the folder."""
    with TemporaryDirectory() as folder:
        return read_guest(write_guest(isa, name, Path(folder)))


@cache
def rules(path: str) -> Selects:
    """How the rules of designs select forms of the bundled spec that is shown under a path."""
    isa = bundled_isa(Path(path).stem)
    return selecting(isa, lambda: {v.form.key: v.kind for v in popek.check(isa).verdicts})
