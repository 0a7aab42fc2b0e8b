"""Every example of the documentation is run, and prints what the page says (see pages.py)."""

from __future__ import annotations

import difflib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from popek.resources import bundled
from popek.source import Source
from popek.syntax import parse
from popek.syntax.parser import parse_design
from tests.docs.pages import Block, blocks, matches, name_of, pages, printed_lines, session

#: After so many a command is taken to hang.
SECONDS = 300
_NEXT = "====== next ======"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a page's blocks are run: a copy of the specs, and `popek` in `.bin`."""
    shutil.copytree(bundled("specs"), tmp_path / "specs")
    shutil.copytree(bundled("designs"), tmp_path / "designs")
    program = tmp_path / ".bin" / "popek"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m popek "$@"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    python = tmp_path / ".bin" / "python3"
    python.symlink_to(sys.executable)
    return tmp_path


def _environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "POPEK_DEBUG")}
    beside = str(Path(sys.executable).parent)  # where z3 is
    path = os.pathsep.join((str(folder / ".bin"), beside, os.environ.get("PATH", "")))
    return {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}


def _run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout


def _compare(where: str, what: str, expected: tuple[str, ...], printed: str) -> None:
    seen = printed_lines(printed)
    if not matches(expected, seen):
        diff = difflib.unified_diff(expected, seen, "the page", "popek", lineterm="", n=1)
        pytest.fail("\n".join((f"{where}: {what}", *diff)), pytrace=False)


def _console(block: Block, where: str, folder: Path) -> None:
    commands = session(block.text)
    # The status of each command is there for an `echo $?` that follows it.
    script = "".join(
        f"{command.text}\n_status=$?; printf '\\n{_NEXT}\\n'; (exit $_status)\n"
        for command in commands
    )
    printed = _run(["bash", "-c", script], folder).split(f"\n{_NEXT}\n")
    for command, output in zip(commands, printed, strict=False):
        _compare(where, f"$ {command.text}", command.output, output)
    assert len(printed) == len(commands) + 1, f"{where}: the session ended early"


def _isa(block: Block) -> None:
    text = "\n".join("" if x.strip() == "..." else x for x in block.text.splitlines())
    source = Source.from_bytes("page", f"{text}\n".encode())
    parse_design(source) if block.language == "hv" else parse(source)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_examples_of_a_page_are_what_popek_does(page: Path, folder: Path) -> None:
    printed = ""
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        match block.language, block.key:
            case _, "not run":
                assert block.value, f"{where}: say why it is not run"
            case _, "command":
                assert block.value in ("start", "test"), f"{where}: .ci/run does not know it"
                assert _run(["bash", "-n", "-c", block.text], folder) == "", where
            case _, "file":
                (folder / block.value).parent.mkdir(parents=True, exist_ok=True)
                (folder / block.value).write_text(block.text, encoding="utf-8")
            case _, "output":
                _compare(where, "the block before", tuple(block.text.splitlines()), printed)
            case "console", _:
                _console(block, where, folder)
            case "python", _:
                printed = _run([sys.executable, "-c", block.text], folder)
                assert "Traceback" not in printed, f"{where}\n{printed}"
            case "isa" | "hv", _:
                _isa(block)
            case language, _:
                pytest.fail(f"{where}: nothing checks this block of `{language or 'no language'}`")
