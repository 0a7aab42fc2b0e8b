"""`popek fmt [--check] PATH...`: specs and designs in the canonical layout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from popek.cli.exits import Exit, worst
from popek.cli.output import emit, say_diagnostics
from popek.diagnostics import Diagnostic, PopekError
from popek.source import Source
from popek.syntax.format import format_file


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit 1 if something would."
)
def command(paths: tuple[str, ...], only_check: bool) -> int:
    """Lay out .isa and .hv files in the canonical way; of a folder, all that are in it.

    Prints the files that were changed, or with --check those that would be.
    """
    exits = [Exit.HOLDS]
    errors: list[Diagnostic] = []
    for path in _files(paths):
        try:
            changed = _format(path, write=not only_check)
        except PopekError as error:
            errors += error.diagnostics
            exits.append(Exit.BAD_INPUT)
            continue
        if changed:
            emit(str(path))
            if only_check:
                exits.append(Exit.FAILS)
    say_diagnostics(errors)
    return worst(exits)


def _files(paths: tuple[str, ...]) -> Iterator[Path]:
    """Files as they are given, folders as the specs and designs in them; each once."""
    seen: set[str] = set()
    for given in map(Path, paths):
        inside = (path for suffix in ("isa", "hv") for path in given.rglob(f"*.{suffix}"))
        for path in sorted(inside) if given.is_dir() else [given]:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path


def _format(path: Path, *, write: bool) -> bool:
    """Whether the file is not in the canonical layout; writes it if asked to."""
    text = format_file(Source.read(path)).encode()
    try:
        if path.read_bytes() == text:
            return False
        if write:
            _replace(path, text)
    except OSError as error:
        what = f"the file cannot be written: {error.strerror or error}"
        raise PopekError.at("E0005", what, path=str(path)) from None
    return True


def _replace(path: Path, text: bytes) -> None:
    """Writes aside and renames: an interrupt leaves the old file or the new one."""
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.write_bytes(text)
        aside.chmod(target.stat().st_mode & 0o7777)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
