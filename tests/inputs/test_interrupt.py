"""Ctrl-C at any moment: exit 130, no traceback, and what is printed is labelled partial.

The moments are exact: a hook sends the process group a SIGINT, as a terminal does, when a module is
about to be imported, when the solver is about to be asked, or when a proof has been made.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DATA

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")

HOOK = """
import os, runpy, signal, sys, time
import multiprocessing.connection as connection

def interrupt():
    os.killpg(os.getpgrp(), signal.SIGINT)

class At:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            sys.meta_path.remove(self)
            interrupt()

MODULE = sys.argv[1]
sys.argv[:2] = ["popek"]
if MODULE == "poll":
    poll = connection.Connection.poll
    def asked(self, timeout=0.0):
        interrupt()
        return poll(self, timeout)
    connection.Connection.poll = asked
elif MODULE == "verdict":
    import popek.theory.check as theory
    classify = theory.classify
    seen = []
    def classified(*arguments):
        seen.append(classify(*arguments))
        if len(seen) == 3:
            interrupt()
        return seen[-1]
    theory.classify = classified
elif MODULE == "start":
    import popek.smt.z3_process as z3_process
    start = z3_process.Z3Process.start
    def started(self):
        start(self)
        for _ in range(10):  # at several moments of its birth
            time.sleep(0.03)
            os.kill(self._process.pid, signal.SIGINT)
        interrupt()
    z3_process.Z3Process.start = started
else:
    sys.meta_path.insert(0, At())
runpy.run_module("popek", run_name="__main__", alter_sys=True)
"""


def interrupted(moment: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of popek that gets a SIGINT at that moment."""
    done = subprocess.run(
        [sys.executable, "-c", HOOK, moment, *arguments],
        cwd=DATA,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert "Traceback" not in done.stderr
    assert "KeyboardInterrupt" not in done.stderr
    assert done.stderr.lstrip().startswith("popek: interrupted")  # click ends the line of ^C
    assert done.returncode == 130
    return done


@pytest.mark.parametrize(
    "module",
    [
        "popek.cli",
        "click",
        "popek.cli.check",
        "rich.console",
        "popek.smt.z3_process",
        "popek.isa.load",
        "lark",
        "popek.theory.check",
    ],
)
def test_during_the_imports(module: str) -> None:
    assert interrupted(module, "check", "leaky.isa").stdout == ""


def test_while_the_worker_is_started() -> None:
    assert interrupted("start", "check", "leaky.isa").stdout == ""


def test_during_a_solver_call() -> None:
    ran = interrupted("poll", "check", "hard.isa")
    assert ran.stderr == "popek: interrupted while checking hard.isa; the report is partial\n"
    assert "PARTIAL: interrupted after" in ran.stdout
    assert "proved" not in ran.stdout


def test_between_two_forms() -> None:
    ran = interrupted("verdict", "check", "leaky.isa", "clean.isa", "--json")
    (result,) = json.loads(ran.stdout)["results"]
    assert result["partial"] is True
    assert len(result["instructions"]) == 2
    assert {t["verdict"] for t in result["theorems"].values()} == {"undecided"}


def test_an_explanation() -> None:
    ran = interrupted("poll", "explain", "hard.isa", "SQUARE")
    assert ran.stderr == "popek: interrupted; the explanation is partial\n"


def test_fmt_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.isa"
    path.write_text('isa   "Untidy"\n')
    interrupted("popek.syntax.format", "fmt", str(path))
    assert path.read_text() == 'isa   "Untidy"\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.isa"]
