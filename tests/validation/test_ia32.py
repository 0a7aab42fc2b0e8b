"""Forms of IA-32 on QEMU and Bochs, by the command line."""

from __future__ import annotations

import json
import shutil

import pytest

from popek.cli.main import main

#: Of each kind a cheap one: flags, the stack, tables, strings, software interrupts.
NAMES = ("CLI", "POPF", "SLDT", "LODS", "INTO")


@pytest.mark.parametrize("name", NAMES)
def test_all_paths_are_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By one of them at least, but for those after which the processor is lost."""
    for program in ("qemu-system-i386", "bochs"):
        if shutil.which(program) is None:
            pytest.skip(f"the oracle {program} is not installed")
    command = ["validate", "ia32", "--on", "qemu,bochs", "--clauses", "--only", name]
    assert main([*command, "--json", "--jobs", "1"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    summary = result["summary"]
    assert summary["by_class"]["unclassified"] == summary["by_class"]["spec"] == 0
    assert summary["by_class"]["oracle"] > 0
    assert set(summary["not_exercised"]) <= {"the processor shuts down", "trap after trap"}
    left = sum(summary["not_exercised"].values())
    assert summary["paths_exercised"] == summary["paths_feasible"] - left > 0
    assert {o["name"] for o in result["oracles"]} == {"qemu", "bochs"}
