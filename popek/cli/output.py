"""What goes to stdout and what to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO

import click

from popek.diagnostics import Diagnostic, render_all


def say(text: str) -> None:
    """A line for the user, on stderr.  That nobody can read it changes no exit code."""
    try:
        click.echo(text, err=True)
    except OSError:
        forget(sys.stderr)


def say_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics with their source lines, on stderr."""
    text = render_all(diagnostics)
    if text:
        say(text)


def emit(text: str) -> None:
    """The result, on stdout.  A reader who has gone is no error: the exit code says the rest."""
    try:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        forget(sys.stdout)


def emit_json(document: Mapping[str, Any]) -> None:
    """The one JSON document of a run, on stdout."""
    emit(json.dumps(document, indent=1))


def forget(stream: TextIO) -> None:
    """Nobody reads the stream: what is still buffered must not fail at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def write_file(path: Path, data: bytes) -> None:
    """Writes a result; raises UsageError where that cannot be done."""
    with _writing(path):
        path.write_bytes(data)


def make_folder(path: Path) -> None:
    """Makes a folder for results; raises UsageError where nothing can be written there."""
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            pass


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Where the system refuses, the user named a path that does not do."""
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror or error}") from None
