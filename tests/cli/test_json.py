"""`popek check --json`: the contract `popek.check/1`, key by key."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.conftest import DATA, Popek

CLASSES = {"innocuous", "privileged", "guarded", "critical", "undecided"}
VERDICTS = {"proved", "refuted", "undecided"}


def _three_valued(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _check_result(result: dict[str, Any]) -> None:
    assert set(result["spec"]) == {"title", "path", "sha256"}
    assert result["reading"] in {"direct", "general", "pg74"}
    assert all(isinstance(v, int) or v in ("loaded", "held") for v in result["host"].values())
    assert all(set(a) == {"id", "text"} for a in result["assumptions"])
    summary = result["summary"]
    assert set(summary) == CLASSES | {"forms"}
    assert summary["forms"] == sum(summary[c] for c in CLASSES) == len(result["instructions"])
    for name in ("vmm", "recursive", "hybrid"):
        theorem = result["theorems"][name]
        assert theorem["verdict"] in VERDICTS
        assert isinstance(theorem["because"], list)
    assert set(result["mnemonics"].values()) <= CLASSES
    for instruction in result["instructions"]:
        _check_instruction(instruction)
    stats = result["stats"]
    for key in ("queries", "without_solver", "seconds", "solver_seconds", "cached"):
        assert isinstance(stats[key], int | float)


def _check_instruction(entry: dict[str, Any]) -> None:
    assert entry["class"] in CLASSES
    assert isinstance(entry["declared"], list)
    assert _three_valued(entry["met"])
    assert set(entry["where"]) == {"file", "line"}
    assert isinstance(entry["reason"], str)
    properties = {"privileged", "control", "mode", "location", "user"}
    assert set(entry["readings"]["pg74"]) == properties | {"class"}
    assert set(entry["readings"]["general"]) == properties | {"class", "resource"}
    assert {"class", "user"} <= set(entry["readings"]["direct"])
    for reading in entry["readings"].values():
        assert reading["class"] in CLASSES
        assert all(_three_valued(v) for k, v in reading.items() if k != "class")
    witness = entry["witness"]
    assert (witness is not None) == (entry["class"] == "critical")
    if witness is not None:
        assert witness["reevaluated"] is True
        assert witness["differs"]
        bytes.fromhex(witness["bytes"])
        assert witness["assembly"]
        for side in ("bare", "direct"):
            for when in ("before", "after"):
                assert all(isinstance(v, str) for v in witness[side][when].values())
    for other in entry["conditional"]:
        assert {"host", "class", "price"} <= set(other)
        assert isinstance(other["price"]["forms"], int)


def test_the_document_has_the_contracts_shape(popek: Popek) -> None:
    ran = popek("check", "leaky.isa", "clean.isa", "--json")
    document = ran.json
    assert document["schema"] == "popek.check/1"
    assert set(document["tool"]) == {"popek", "z3"}
    assert [r["spec"]["title"] for r in document["results"]] == ["Toy, leaky", "Toy, clean"]
    for result in document["results"]:
        _check_result(result)
    assert ran.code == 1


def test_the_verdicts_of_the_leaky_toy(popek: Popek) -> None:
    (result,) = popek("check", "leaky.isa", "--format", "json").json["results"]
    assert result["host"] == {"trapping": 1}
    assert result["mnemonics"] == {
        "SET": "privileged",
        "CALL": "guarded",
        "ADD": "innocuous",
        "LOAD": "innocuous",
        "PEEK": "privileged",
        "SHOW": "critical",
    }
    assert result["theorems"]["vmm"]["verdict"] == "refuted"
    assert result["theorems"]["vmm"]["because"] == ["SHOW"]
    assert result["theorems"]["hybrid"]["verdict"] == "proved"
    show = next(i for i in result["instructions"] if i["mnemonic"] == "SHOW")
    assert (show["declared"], show["met"]) == (["innocuous"], False)
    assert show["witness"]["bytes"].startswith("60")
    assert show["witness"]["bare"]["before"]["M"] != show["witness"]["direct"]["before"]["M"]


def test_a_condition_has_its_price(popek: Popek) -> None:
    (result,) = popek("check", "clean.isa", "--json", "--host", "trapping=0").json["results"]
    peek = next(i for i in result["instructions"] if i["mnemonic"] == "PEEK")
    assert peek["conditional"] == [
        {"host": {"trapping": 1}, "class": "privileged", "price": {"forms": 0, "names": []}}
    ]
    assert result["choice"]["fixed"] == ["trapping"]


def test_undecided_is_null_and_not_met(popek: Popek) -> None:
    (result,) = popek("check", "hard.isa", "--json", "--budget", "1").json["results"]
    _check_result(result)
    square = next(i for i in result["instructions"] if i["mnemonic"] == "SQUARE")
    assert square["class"] == "undecided"
    assert square["met"] is None
    assert square["readings"]["general"]["control"] is None


def test_a_bad_input_leaves_one_document_with_the_others(popek: Popek) -> None:
    ran = popek("check", "broken.isa", "clean.isa", "--json")
    assert ran.code == 3
    assert [r["spec"]["title"] for r in ran.json["results"]] == ["Toy, clean"]
    (error,) = ran.json["errors"]
    assert (error["code"], error["line"]) == ("E0201", 6)
    assert "error[E0201]" in ran.err


def test_the_reading_decides_class_summary_and_mnemonics(popek: Popek) -> None:
    (result,) = popek("check", "clean.isa", "--json", "--reading", "pg74").json["results"]
    _check_result_of_reading(result, "pg74")
    (result,) = popek("check", "clean.isa", "--json", "--reading", "general").json["results"]
    _check_result_of_reading(result, "general")


def _check_result_of_reading(result: dict[str, Any], reading: str) -> None:
    assert result["reading"] == reading
    for entry in result["instructions"]:
        assert entry["class"] == entry["readings"][reading]["class"]
    assert result["summary"]["guarded"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["leaky.isa", "hard.isa"],
        ["m68000", "--only", "MOVE", "--only", "RTE"],
        # Hidden components decide what their bytes mean, and there are two of them.
        ["ia32", "--only", "POPF", "--only", "LES", "--only", "RET"],
    ],
    ids=["toys", "m68000", "ia32"],
)
def test_two_runs_are_equal_but_for_stats(arguments: list[str]) -> None:
    def run(seed: str) -> Any:
        import json

        done = subprocess.run(
            [sys.executable, "-m", "popek", "check", *arguments, "--json"],
            cwd=DATA,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        document = json.loads(done.stdout)
        for result in document["results"]:
            result.pop("stats")
        return json.dumps(document)

    assert run("1") == run("2")
