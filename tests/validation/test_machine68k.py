"""Forms of the 68000 and 68010 on Musashi, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from popek.cli.main import main

pytest.importorskip("machine68k", reason="the oracle machine68k is not installed")


def test_all_paths_are_shown_or_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is not shown is what the package leaves out of Musashi, or has no state to show."""
    names = ["--only", "RTE", "--only", "DIVU", "--only", "TRAP"]
    command = ["validate", "m68010", "--on", "machine68k", *names, "--json", "--jobs", "1"]
    assert main(command) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    summary = result["summary"]
    assert summary["paths_unknown"] == 0
    assert summary["by_class"]["unclassified"] == 0
    assert summary["by_class"]["oracle"] > 0  # C of DIVU
    reasons = " ".join(summary["not_exercised"])
    assert all(
        why in reasons for why in ("an address error", "a bus error", "shuts down", "left open")
    )
    left = sum(summary["not_exercised"].values())
    assert summary["paths_exercised"] == summary["paths_feasible"] - left


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["m68000", "--on", "musashi"], "there is no oracle musashi"),
        (["pg74", "--on", "machine68k"], "runs 68000, 68010, not"),
    ],
)
def test_wrong_oracles_are_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["validate", *arguments]) == 2
    assert says in capsys.readouterr().err
