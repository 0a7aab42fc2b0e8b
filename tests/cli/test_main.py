"""The command itself: help, version, pipes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from popek import __version__
from popek.cli.verbs import VERBS
from tests.cli.conftest import DATA, Popek


def test_help_imports_neither_solver_nor_parser() -> None:
    program = (
        "import sys\n"
        "from popek.cli import main\n"
        "assert main(['--help']) == 0\n"
        "late = {'z3', 'lark', 'rich', 'popek.theory', 'popek.isa', 'popek.syntax'}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for verb in VERBS:
        assert verb in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["list"],
        ["fmt", "--check", "clean.isa"],
        ["asm", "clean.isa", os.devnull],
        ["disasm", "clean.isa", os.devnull],
        ["check", "clean.isa"],  # the solver is in a process of its own
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_verb_imports_the_solver(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from popek.cli import main\n"
        "if __name__ == '__main__':\n"
        f"    assert main({arguments!r}) in (0, 1)\n"
        "    assert 'z3' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=DATA, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_verb_has_help(popek: Popek) -> None:
    for verb in VERBS:
        ran = popek(verb, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"Usage: popek {verb}")


def test_version(popek: Popek) -> None:
    assert popek("--version").out == f"popek {__version__}\n"


def test_the_version_is_the_projects() -> None:
    import tomllib

    project = (DATA.parents[2] / "pyproject.toml").read_text()
    assert tomllib.loads(project)["project"]["version"] == __version__


def test_a_reader_who_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "popek", "check", "leaky.isa"],
        cwd=DATA,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (1, "")


def test_a_terminal_without_unicode_gets_a_report() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "popek", "explain", "leaky.isa", "SHOW"],
        cwd=DATA,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
