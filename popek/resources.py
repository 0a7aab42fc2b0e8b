"""Where the bundled grammars, specs and designs are, installed or in a checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from popek.diagnostics import PopekError, did_you_mean

Kind = Literal["grammars", "specs", "designs"]

_PACKAGE = Path(__file__).resolve().parent
_SUFFIXES = {".isa", ".hv"}


def bundled(kind: Kind) -> Path:
    """The folder with popek's own grammars, specs or designs."""
    installed = _PACKAGE / "_data" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def list_specs() -> tuple[str, ...]:
    """The names of the bundled specs, sorted: ``ia32`` for ``specs/ia32.isa``."""
    return tuple(sorted(path.stem for path in bundled("specs").glob("*.isa")))


def list_designs() -> tuple[str, ...]:
    """The names of the bundled designs, sorted: ``ia32/trap-and-emulate``."""
    folder = bundled("designs")
    return tuple(
        sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.hv"))
    )


def spec_path(name_or_path: str | os.PathLike[str]) -> Path:
    """The file that a SPEC argument means: a path, or the name of a bundled spec.

    What looks like a path is returned as it is, so that whoever reads it reports that it
    is missing. Raises PopekError (E0010) for a bare name that is neither.
    """
    name = os.fspath(name_or_path)
    if name in list_specs() and not Path(name).is_file():
        return bundled("specs") / f"{name}.isa"
    if _looks_like_a_path(name):
        return Path(name)
    raise _unknown("spec", name, list_specs())


def design_path(name_or_path: str | os.PathLike[str]) -> Path:
    """The file or folder that a DESIGN argument means: a path, or the name of a bundled design.

    `pg74` are the bundled designs for that spec, `designs` are all.
    """
    name = os.fspath(name_or_path)
    if name and not Path(name).exists():
        folder = bundled("designs")
        if name in list_designs():
            return folder / f"{name}.hv"
        if name == "designs":
            return folder
        if name in {design.partition("/")[0] for design in list_designs()}:
            return folder / name
    if Path(name).suffix == ".hv" or (_looks_like_a_path(name) and Path(name).exists()):
        return Path(name)
    raise _unknown("design", name, list_designs())


def design_files(name_or_path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """The files that a DESIGN argument means, sorted.  Raises PopekError if a folder has none."""
    path = design_path(name_or_path)
    if not path.is_dir():
        return (path,)
    found = tuple(sorted(path.rglob("*.hv")))
    if not found:
        raise PopekError.at("E0001", "the folder has no design (.hv) in it", path=os.fspath(path))
    return found


def shown_path(path: str | os.PathLike[str]) -> str:
    """`path` as reports show it: ``specs/ia32.isa`` for bundled files, others as given."""
    absolute = Path(os.path.abspath(path))
    kinds: tuple[Kind, ...] = ("specs", "designs", "grammars")
    for kind in kinds:
        folder = bundled(kind)
        if absolute.is_relative_to(folder):
            return absolute.relative_to(folder.parent).as_posix()
    return os.fspath(path)


def _looks_like_a_path(name: str) -> bool:
    if not name or "\0" in name:
        return False
    path = Path(name)
    return path.suffix in _SUFFIXES or len(path.parts) > 1 or path.exists()


def _unknown(what: str, name: str, known: tuple[str, ...]) -> PopekError:
    hint = did_you_mean(name, known) or f"the bundled ones are {', '.join(known)}"
    return PopekError.at("E0010", f"no file and no bundled {what} is named `{name}`", hint=hint)
