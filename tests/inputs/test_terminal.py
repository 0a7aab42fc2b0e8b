"""Colours, narrow terminals, and readers that have gone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.cli.conftest import DATA

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def popek(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run with a clean environment, as far as colours and widths go."""
    keep = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return subprocess.run(
        [sys.executable, "-m", "popek", *arguments],
        cwd=DATA,
        env={**keep, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pipe_gets_no_colours_and_a_terminal_without_them_neither() -> None:
    plain = popek("check", "leaky.isa", COLUMNS="80")
    assert (plain.returncode, plain.stderr) == (1, "")
    assert not ESCAPE.search(plain.stdout)
    forced = popek("check", "leaky.isa", COLUMNS="80", FORCE_COLOR="1")
    assert ESCAPE.search(forced.stdout)
    assert _words(ESCAPE.sub("", forced.stdout)) == _words(plain.stdout)
    none = popek("check", "leaky.isa", COLUMNS="80", FORCE_COLOR="1", NO_COLOR="1")
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|9[0-7]|38)[0-9;]*m", none.stdout)


def _words(text: str) -> list[str]:
    return [word for word in text.split() if not re.fullmatch(r"[0-9.]+s?|MiB", word)]


@pytest.mark.parametrize("verb", [("check", "leaky.isa"), ("explain", "leaky.isa", "SHOW")])
@pytest.mark.parametrize("columns", [1, 20, 40, 200])
def test_any_width(verb: Sequence[str], columns: int) -> None:
    ran = popek(*verb, COLUMNS=str(columns))
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "SHOW" in "".join(ran.stdout.split())


def test_a_narrow_terminal_cuts_no_value_and_no_mark() -> None:
    wide = popek("explain", "m68000", "MOVE_from_SR", COLUMNS="200").stdout.splitlines()
    narrow = popek("explain", "m68000", "MOVE_from_SR", COLUMNS="40").stdout.splitlines()
    rows = wide[wide.index("Two states, re-evaluated") :]
    rows = rows[: rows.index("")]
    assert rows[-2].startswith("  store[") and rows[-2].endswith("<- differs")
    assert set(rows) <= set(narrow)


@pytest.mark.parametrize("format", ["text", "json"])
def test_head(format: str) -> None:
    """`popek check ... | head -1`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "popek", "check", "leaky.isa", "clean.isa", "--format", format],
        cwd=DATA,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.parametrize(
    "arguments", [("--help",), ("list",), ("check", "--help"), ("check", "broken.isa")]
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_nobody_listens(arguments: Sequence[str], stream: str) -> None:
    """A stream that is closed at the other end is no error, and no traceback."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "popek", *arguments],
            cwd=DATA,
            stdout=write if stream == "stdout" else subprocess.PIPE,
            stderr=write if stream == "stderr" else subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == (3 if "broken.isa" in arguments else 0)
    assert b"Traceback" not in (done.stdout or b"") + (done.stderr or b"")
    assert b"Exception ignored" not in (done.stderr or b"")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("list",), ("check", "leaky.isa"), ("check", "broken.isa")]
)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_stream_that_is_closed_or_full_changes_no_exit_code(
    arguments: Sequence[str], closed: str
) -> None:
    done = in_shell(arguments, closed)
    assert done.returncode == {"leaky.isa": 1, "broken.isa": 3}.get(arguments[-1], 0)
    assert "bug in popek" not in done.stderr
    assert ">&-" in closed.split() or "broken.isa" in arguments or done.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("check", "leaky.isa", "--json")])
def test_a_full_disk_is_no_bug_in_popek(arguments: Sequence[str]) -> None:
    done = in_shell(arguments, ">/dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        "popek: the output cannot be written: No space left on device\n",
    )


def in_shell(arguments: Sequence[str], redirected: str) -> subprocess.CompletedProcess[str]:
    """A run whose streams the shell redirects."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-m", "popek", *arguments],
        cwd=DATA,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_check_outlives_who_reads_its_progress() -> None:
    program = (
        "import sys\n"
        "from popek.cli import main, progress\n"
        "progress._EVERY = 0\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main(['check', 'leaky.isa']))\n"
    )
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=DATA,
            stdout=subprocess.PIPE,
            stderr=write,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == 1
    assert done.stdout


def test_a_title_that_could_command_the_terminal_cannot(tmp_path: object) -> None:
    text = (DATA / "clean.isa").read_text().replace('isa "Toy"', 'isa "\x1b]0;owned\x07[bold]"')
    path = os.path.join(str(tmp_path), "evil.isa")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    ran = popek("check", path, COLUMNS="80")
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "\x07" not in ran.stdout + ran.stderr
