"""Forms of RV64 on QEMU, by the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from popek.cli.main import main
from popek.oracles import OracleMissing
from popek.oracles.qemu_rv64 import QemuRv64

try:
    QemuRv64("RV64")
except OracleMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)


def validated(capsys: pytest.CaptureFixture[str], *names: str) -> Any:
    only = [word for name in names for word in ("--only", name)]
    assert main(["validate", "rv64", "--on", "qemu", *only, "--json", "--jobs", "1"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    return result["summary"]


def test_all_paths_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The bench says all that the oracle demands, and the table all that it does otherwise."""
    summary = validated(capsys, "addi", "ebreak", "mret", "fence_i")
    assert summary["paths_unknown"] == 0
    assert summary["paths_exercised"] == summary["paths_feasible"] > 0
    assert summary["not_exercised"] == {}
    assert summary["by_class"]["unclassified"] == summary["by_class"]["spec"] == 0


def test_a_hart_may_wait_or_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """WFI: what the spec leaves undefined decides how the step ends, and either end agrees."""
    summary = validated(capsys, "wfi")
    assert summary["paths_exercised"] == summary["paths_feasible"] > 1
