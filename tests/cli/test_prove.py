"""`popek prove`: exit codes, options, the report, and the contract `popek.prove/1`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from popek.theory.prover import Disagreement
from tests.cli.conftest import DATA, Popek

GOLDEN = Path(__file__).parent / "golden"

VERDICTS = {"proved", "refuted", "undecided"}
KINDS = {"true hypervisor", "hybrid", "hypervisor, not efficient", "not a hypervisor", None}
PROPERTIES = ("equivalence", "control", "efficiency")


# ---------------------------------------------------------------- exit codes


def test_exits_0_where_all_that_is_claimed_is_proved(popek: Popek) -> None:
    assert popek("prove", "clean.hv", "--only", "PEEK").code == 0


def test_exits_1_where_a_claim_is_refuted(popek: Popek) -> None:
    assert popek("prove", "leaky.hv", "--only", "SHOW").code == 1


def test_exits_0_where_it_is_refuted_at_exactly_the_expected_forms(popek: Popek) -> None:
    ran = popek("prove", "expected.hv", "--only", "SHOW")
    assert ran.code == 0
    assert "this is not a hypervisor: equivalence fails" in " ".join(ran.out.split())


def test_exits_1_where_the_expected_counterexample_is_not_there(
    popek: Popek, tmp_path: Path
) -> None:
    text = (DATA / "clean.hv").read_text()
    path = _beside(tmp_path, text + "expect counterexample equivalence at PEEK\n")
    ran = popek("prove", path, "--only", "PEEK")
    assert ran.code == 1
    assert "not met" in ran.out


def test_exits_1_where_more_is_refuted_than_expected(popek: Popek, tmp_path: Path) -> None:
    text = (DATA / "expected.hv").read_text().replace("on bounds, call", "on bounds")
    ran = popek("prove", _beside(tmp_path, text), "--only", "SHOW", "--only", "CALL")
    assert ran.code == 1
    assert "at CALL, SHOW" in ran.out


def test_exits_3_for_a_bad_design_and_shows_where(popek: Popek) -> None:
    ran = popek("prove", "broken.hv")
    assert (ran.code, ran.out) == (3, "")
    assert "broken.hv:3:47" in ran.err


def test_exits_3_where_a_rule_is_missing_and_says_so_once(popek: Popek, tmp_path: Path) -> None:
    text = (DATA / "clean.hv").read_text().replace("  everything  run", "  innocuous  run")
    ran = popek("prove", _beside(tmp_path, text))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.count("error[E1005]") == 3


def test_exits_4_where_the_budget_is_too_small_and_never_says_proved(popek: Popek) -> None:
    ran = popek("prove", "hard.hv", "--only", "SQUARE", "--budget", "1")
    assert ran.code == 4
    assert "equivalence undecided not decided at SQUARE" in " ".join(ran.out.split())
    assert "is undecided" in ran.out
    assert popek("prove", "hard.hv", "--only", "SQUARE").code == 0


def test_the_worst_of_several_designs_wins_and_the_good_ones_are_still_proved(
    popek: Popek,
) -> None:
    ran = popek("prove", "broken.hv", "clean.hv", "leaky.hv", "--only", "ADD")
    assert ran.code == 3
    assert "Toy, clean" in ran.out
    assert "Toy, leaky" in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("prove",),
        ("prove", "clean.hv", "--frobnicate"),
        ("prove", "clean.hv", "--top", "nobody"),
        ("prove", "clean.hv", "--json", "--format", "text"),
    ],
)
def test_wrong_usage_exits_2_and_leaves_stdout_alone(
    popek: Popek, arguments: tuple[str, ...]
) -> None:
    ran = popek(*arguments)
    assert (ran.code, ran.out) == (2, "")


# ---------------------------------------------------------------- what DESIGN means


def test_a_folder_is_all_designs_below_it(popek: Popek, tmp_path: Path) -> None:
    for name in ("one", "two/three"):
        _beside(tmp_path, (DATA / "clean.hv").read_text(), name)
    document = popek("prove", tmp_path, "--only", "ADD", "--json").json
    found = [Path(r["design"]["path"]).relative_to(tmp_path) for r in document["results"]]
    assert found == [Path("one.hv"), Path("two/three.hv")]


def test_a_folder_without_designs_exits_3(popek: Popek, tmp_path: Path) -> None:
    ran = popek("prove", tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert "has no design" in ran.err


def test_a_bundled_name_is_one_design_and_a_specs_name_all_of_it(popek: Popek) -> None:
    one = popek("prove", "pg74/interpret", "--only", "LPSW", "--json").json
    assert [r["design"]["path"] for r in one["results"]] == ["designs/pg74/interpret.hv"]
    every = popek("prove", "pg74-clean", "pg74-clean/interpret", "--only", "LPSW", "--json").json
    paths = [r["design"]["path"] for r in every["results"]]
    assert paths == sorted(set(paths))
    assert "designs/pg74-clean/trap-and-emulate.hv" in paths


def test_an_unknown_name_exits_3_with_a_hint(popek: Popek) -> None:
    ran = popek("prove", "pg74/trap-and-emulat")
    assert ran.code == 3
    assert "did you mean pg74/trap-and-emulate?" in ran.err


# ---------------------------------------------------------------- options


def test_only_says_so_first(popek: Popek) -> None:
    ran = popek("prove", "leaky.hv", "--only", "add")
    first = ran.out.splitlines()[0]
    assert first == "Only ADD: the host's choice is made for the named forms alone."
    assert ran.code == 0


def test_only_with_an_unknown_name_exits_3_with_a_hint(popek: Popek) -> None:
    ran = popek("prove", "leaky.hv", "--only", "SHOWW")
    assert ran.code == 3
    assert "did you mean SHOW?" in ran.err


def test_top_narrows_the_guests_own_levels(popek: Popek) -> None:
    (result,) = popek("prove", "leaky.hv", "--top", "user", "--only", "SHOW", "--json").json[
        "results"
    ]
    assert result["kind"] == "true hypervisor"
    (show,) = (f for f in _forms(result, "equivalence") if f["mnemonic"] == "SHOW")
    assert show["levels"] == {"user": "proved"}


def test_no_simplify_gives_the_same_verdicts(popek: Popek) -> None:
    one, two = (
        popek("prove", "expected.hv", "--only", "SHOW", "--json", *more).json["results"][0]
        for more in ((), ("--no-simplify",))
    )
    for property in PROPERTIES:
        assert one["properties"][property]["verdict"] == two["properties"][property]["verdict"]


def test_keep_smt2_has_a_folder_for_each_design(popek: Popek, tmp_path: Path) -> None:
    popek("prove", "pg74-clean/interpret", "--only", "LPSW", "--keep-smt2", tmp_path)
    kept = list((tmp_path / "pg74-clean" / "interpret").glob("*.smt2"))
    assert kept
    assert all("(check-sat)" in path.read_text() for path in kept)


# ---------------------------------------------------------------- the report


@pytest.mark.parametrize("name", ["clean", "leaky"])
def test_the_report_as_it_is(popek: Popek, name: str) -> None:
    ran = popek("prove", f"{name}.hv")
    assert ran.out == (GOLDEN / f"prove-{name}.txt").read_text()


def test_a_report_fits_60_columns(popek: Popek, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for line in popek("prove", "leaky.hv", "--only", "SHOW").out.splitlines():
        assert len(line) <= 60


# ---------------------------------------------------------------- the document


def test_the_document_has_the_contracts_shape(popek: Popek) -> None:
    ran = popek("prove", "clean.hv", "leaky.hv", "broken.hv", "--json", "--only", "PEEK")
    document = ran.json
    assert document["schema"] == "popek.prove/1"
    assert set(document["tool"]) == {"popek", "z3"}
    assert [r["isa"]["title"] for r in document["results"]] == ["Toy, clean", "Toy, leaky"]
    assert [e["code"] for e in document["errors"]] == ["E0101"]
    for result in document["results"]:
        _check_result(result)
    assert ran.code == 3
    (refuted,) = popek("prove", "leaky.hv", "--json", "--only", "SHOW").json["results"]
    _check_result(refuted)


def test_the_document_is_the_same_twice_but_for_stats(popek: Popek) -> None:
    one, two = (popek("prove", "leaky.hv", "--only", "SHOW", "--json").json for _ in range(2))
    for document in (one, two):
        for result in document["results"]:
            del result["stats"]
    assert one == two


def test_a_refuted_form_names_what_differs_both_lines_and_a_witness(popek: Popek) -> None:
    (result,) = popek("prove", "leaky.hv", "--only", "SHOW", "--json").json["results"]
    (show,) = _forms(result, "equivalence")
    assert show["levels"] == {"supervisor": "refuted", "user": "proved"}
    assert show["disposition"] == "run"
    witness = show["witness"]
    assert witness["differs"] == ["a", "F.Z"]
    assert witness["blame"] == {"file": "leaky.isa", "line": 10}
    assert witness["design"] == {"file": "leaky.hv", "line": 19}
    assert witness["assembly"].startswith("show")
    assert bytes.fromhex(witness["bytes"])[0] == 0x60
    assert witness["bare"]["after"]["F.Z"] == "1"
    assert witness["virtual"]["after"]["F.Z"] == "0"
    assert witness["host"]["before"]["vcpu.M"] != witness["host"]["before"]["M"]


def test_a_wrong_handler_is_named_by_its_line(popek: Popek, tmp_path: Path) -> None:
    text = (DATA / "clean.hv").read_text()
    path = _beside(tmp_path, text.replace("  interpret insn\n", "  interpret insn\n  P = P + 1\n"))
    (result,) = popek("prove", path, "--only", "SET", "--json").json["results"]
    (form,) = _forms(result, "equivalence")
    assert form["witness"]["differs"] == ["P"]
    lines = path.read_text().splitlines()
    assert lines[form["witness"]["design"]["line"] - 1] == "  P = P + 1"
    assert "it traps, privileged" in form["reason"]


def test_what_a_form_loses_is_told_in_steps(popek: Popek) -> None:
    ran = popek("prove", "pg74/interpret", "--only", "ADD", "--json")
    (result,) = ran.json["results"]
    (form,) = _forms(result, "efficiency")
    assert form["reason"] == "the host interprets it, at 60 steps for 1"
    (row,) = (c for c in result["cost"]["classes"] if c["level"] == "user")
    assert (row["class"], row["bare"], row["least"], row["most"]) == ("innocuous", 1, 60, 60)
    assert ran.code == 0


def test_what_traps_costs_a_trap_and_what_is_interpreted_more(popek: Popek) -> None:
    some = ("--only", "ADD", "--only", "CALL", "--only", "PEEK")
    (result,) = popek("prove", "clean.hv", "--json", *some).json["results"]
    most = {(c["class"], c["level"]): c["most"] for c in result["cost"]["classes"]}
    assert most["innocuous", "user"] == 1
    assert most["guarded", "user"] == 20
    assert most["privileged", "supervisor"] == 50


def test_an_assumption_that_nothing_rests_on_is_not_listed(popek: Popek, tmp_path: Path) -> None:
    text = (DATA / "clean.hv").read_text().replace("\ncost\n", "\nassume P != 7\n\ncost\n")
    path = _beside(tmp_path, text)
    (result,) = popek("prove", path, "--only", "LOAD", "--json").json["results"]
    assert [a["id"] for a in result["assumptions"]] == ["same-storage", "host-vectors"]


def test_what_guests_promise_not_to_do_is_listed_if_it_matters(
    popek: Popek, tmp_path: Path
) -> None:
    text = (DATA / "leaky.hv").read_text()
    rules = '  ADD  absent\n  SHOW when vcpu.M == supervisor  absent  "kernels know"\n'
    path = _beside(tmp_path, text.replace("  everything  run", f"{rules}  everything  run"))
    some = ("--only", "ADD", "--only", "SHOW")
    (result,) = popek("prove", path, "--json", *some).json["results"]
    assert result["properties"]["equivalence"]["verdict"] == "proved"
    assert {"id": "absent", "text": _PROMISE} in result["assumptions"]
    assert [a["id"] for a in result["assumptions"]].count("absent") == 1


_PROMISE = "the guest does not execute SHOW where vcpu.M == supervisor: kernels know"


# ---------------------------------------------------------------- when things go wrong


def test_an_interrupt_leaves_a_report_that_says_partial(
    popek: Popek, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, what: str, done: int, total: int) -> None:
        if what == "proving" and done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("popek.cli.session.Progress.__call__", interrupted)
    ran = popek("prove", "clean.hv", "leaky.hv")
    assert ran.code == 130
    assert ran.out.startswith("PARTIAL: interrupted")
    assert "proved " not in ran.out.split("While")[0]
    assert "Toy, leaky" not in ran.out
    (result,) = popek("prove", "clean.hv", "--json").json["results"]
    assert result["partial"] is True
    assert result["kind"] is None


def test_a_disagreement_is_a_bug_and_no_verdict(
    popek: Popek, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disagree(*arguments: object) -> None:
        raise Disagreement("ADD: nothing goes wrong over the ints")

    monkeypatch.setattr("popek.hypervisor.prove.Proving.prove", disagree)
    ran = popek("prove", "clean.hv")
    assert (ran.code, ran.out) == (70, "")
    assert "not confirmed by re-evaluation" in ran.err


# ---------------------------------------------------------------- what the tests share


def _beside(folder: Path, text: str, name: str = "design") -> Path:
    """A design in a folder of its own, with the toy specs beside it."""
    path = folder / f"{name}.hv"
    path.parent.mkdir(parents=True, exist_ok=True)
    for spec in DATA.glob("*.isa"):
        (path.parent / spec.name).write_text(spec.read_text())
    path.write_text(text)
    return path


def _forms(result: dict[str, Any], property: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result["properties"][property]["forms"]
    return found


def _check_result(result: dict[str, Any]) -> None:
    for part in ("design", "isa"):
        assert set(result[part]) == {"title", "path", "sha256"}
    assert result["kind"] in KINDS
    assert all(set(a) == {"id", "text"} for a in result["assumptions"])
    assert tuple(result["properties"]) == PROPERTIES
    for found in result["properties"].values():
        assert found["verdict"] in VERDICTS
        assert found["holds"] in (True, False, None)
        for form in found["forms"]:
            _check_form(form)
        for one in found["between"]:
            assert one["verdict"] in VERDICTS
            assert (one["witness"] is not None) == (one["verdict"] == "refuted")
    for expectation in result["expectations"]:
        assert isinstance(expectation["text"], str)
        assert expectation["met"] in (True, False, None)
    assert set(result["cost"]["model"]) == {"run", "trap", "interpret", "translate"}
    for key in ("queries", "without_solver", "seconds", "solver_seconds", "cached"):
        assert isinstance(result["stats"][key], int | float)


def _check_form(form: dict[str, Any]) -> None:
    assert form["verdict"] in VERDICTS
    assert set(form["levels"].values()) <= VERDICTS
    assert form["disposition"] in {"run", "trap", "interpret", "translate"}
    assert isinstance(form["reason"], str)
    assert form["reason"]
    assert set(form["where"]) == {"file", "line"}
    witness = form["witness"]
    assert (witness is not None) == (form["verdict"] == "refuted")
    if witness is not None:
        assert witness["reevaluated"] is True
        assert witness["differs"]
        bytes.fromhex(witness["bytes"])
        assert witness["assembly"]
        for state in (witness["guest"], witness["host"]["before"], witness["virtual"]["after"]):
            assert all(isinstance(v, str) for v in state.values())
