"""The benchmarks run, on the smallest spec; no figure of time is looked at."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from benchmarks.__main__ import command
from benchmarks.measures import Plan, baseline
from benchmarks.plain import PlainZ3


def test_all_of_them_in_small(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--spec", "pg74", "--sample", "6", "--starts", "1", "--json", str(report)]
    done = CliRunner().invoke(command, [*arguments, "--quiet"])
    assert done.exit_code == 0, done.output
    rows = json.loads(report.read_text("utf-8"))["rows"]
    assert {row["benchmark"] for row in rows} == {
        "start",
        "decided",
        "building",
        "baseline",
        "repeat",
    }
    values = {(row["benchmark"], row["what"]): row["value"] for row in rows}
    assert values["decided", "undecided queries"] == 0
    assert values["repeat", "same verdicts, witnesses and steps"] == "True"
    assert values["baseline", "obligations"] == 6
    assert "NO" not in done.output.split("decided", 1)[1].split("building", 1)[0]


def test_the_baseline_says_the_same() -> None:
    plan = Plan(("pg74",), "pg74", sample=40, limit=5.0)
    list(baseline(plan))
    compared = plan.details["baseline"]
    assert len(compared) == 40
    assert [c["name"] for c in compared if c["agree"] is False] == []
    assert sum(c["agree"] is True for c in compared) > 30


def test_a_hopeless_query_ends() -> None:
    wide = "(_ BitVec 256)"
    text = f"""(set-logic QF_BV)
    (declare-const a {wide})
    (declare-const b {wide})
    (assert (= (bvmul a b) (bvadd (bvmul b b) #x{"17" * 32})))
    (assert (bvult (bvurem a b) (bvurem b a)))
    (assert (= (bvmul a a a) (bvmul b #x{"35" * 32})))
    (check-sat)"""
    with PlainZ3() as plain:
        assert plain.solve(text, 0.2).verdict == "unknown"
        assert plain.solve("(assert false)", 5.0).verdict == "unsat"
