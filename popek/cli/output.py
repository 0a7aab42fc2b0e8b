"""What goes to stdout and what to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from popek.diagnostics import Diagnostic, PopekError, render_all


def say(text: str) -> None:
    """A line for the user, on stderr."""
    click.echo(text, err=True)


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
        forget_stdout()


def emit_json(document: Mapping[str, Any]) -> None:
    """The one JSON document of a run, on stdout."""
    emit(json.dumps(document, indent=1))


def forget_stdout() -> None:
    """Nobody reads stdout: what is still buffered must not fail at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def read_bytes(path: str) -> bytes:
    """A binary file; raises PopekError."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise PopekError.at("E0001", "there is no such file", path=path) from None
    except IsADirectoryError:
        raise PopekError.at("E0002", "this is a folder, not a file", path=path) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PopekError.at("E0005", f"the file cannot be read: {reason}", path=path) from None


def write_file(path: Path, data: bytes) -> None:
    """Writes a result; raises UsageError where that cannot be done."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror or error}") from None
