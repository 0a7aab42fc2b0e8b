"""Forms of the S/370 on Hercules, by the command line."""

from __future__ import annotations

import json

import pytest

from popek.cli.main import main
from popek.oracles import OracleMissing
from popek.oracles.hercules import Hercules

try:
    Hercules("S/370")
except OracleMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)


def test_all_paths_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The bench says all that the oracle demands, and the table all that it does otherwise."""
    only = [word for name in ("IPK", "RRB", "STPT") for word in ("--only", name)]
    command = ["validate", "s370", "--on", "hercules", *only, "--clauses", "--json", "--jobs", "1"]
    assert main(command) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    summary = result["summary"]
    assert summary["paths_unknown"] == 0
    assert summary["paths_exercised"] == summary["paths_feasible"] > 10
    assert summary["by_class"]["unclassified"] == summary["by_class"]["spec"] == 0
