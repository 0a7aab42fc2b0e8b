"""A Hatari that does not answer as it should costs its case; a program that stands in for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from popek.oracles import Case, Died
from popek.oracles import hatari as adapter
from popek.oracles.hatari import Hatari
from tests.oracles.test_machine68k import state, words

ENDLESS = "while True: sys.stderr.write('exception' * 1000)"
SILENT = "sys.stdin.read()"
ENDED = "sys.exit(1)"

RAM = 4 << 20


@pytest.mark.parametrize(
    ("does", "why"),
    [
        (ENDLESS, "Hatari does not come to an end"),
        (SILENT, "Hatari hangs"),
        (ENDED, "Hatari ended"),
    ],
)
def test_each_case_is_answered(
    does: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a case had traps in traps without end, and Hatari said so for 70 minutes."""
    program = tmp_path / adapter.NAME
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if '--version' in sys.argv: sys.exit('Hatari v0')\n"
        f"{does}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(adapter, "_PATIENCE", 2.0)
    board = {"R.base": 0, "R.bound": RAM, "storage": RAM, "SR.I": 5}
    cases = [Case(state(**board), {"store": words(0x1000, 0x4E71)})] * 2
    assert list(Hatari("68000").run(cases)) == [Died(why)] * 2
