"""`popek check`: exit codes, options, and what stands where."""

from __future__ import annotations

from pathlib import Path

import pytest

from popek.theory.prover import Disagreement
from tests.cli.conftest import DATA, Popek

GOLDEN = Path(__file__).parent / "golden"


def test_exits_0_where_no_form_is_critical(popek: Popek) -> None:
    assert popek("check", "clean.isa").code == 0


def test_exits_1_where_a_form_is_critical(popek: Popek) -> None:
    assert popek("check", "leaky.isa").code == 1


def test_exits_4_where_the_budget_is_too_small_and_never_says_proved(popek: Popek) -> None:
    ran = popek("check", "hard.isa", "--budget", "1")
    assert ran.code == 4
    assert "Theorem 1 is undecided for Toy, hard at SQUARE." in ran.out
    assert "1  trap-and-emulate  undecided  at SQUARE" in ran.out
    assert popek("check", "hard.isa").code == 0


def test_exits_3_for_a_bad_spec_and_shows_where(popek: Popek) -> None:
    ran = popek("check", "broken.isa")
    assert ran.code == 3
    assert ran.out == ""
    assert "broken.isa:6:10" in ran.err


def test_the_worst_of_several_inputs_wins_and_the_good_ones_are_still_checked(
    popek: Popek,
) -> None:
    ran = popek("check", "broken.isa", "leaky.isa", "clean.isa")
    assert ran.code == 3
    assert "Toy, leaky" in ran.out
    assert "Toy, clean" in ran.out
    assert ran.err.count("error[") == 1
    assert popek("check", "clean.isa", "leaky.isa").code == 1
    assert popek("check", "leaky.isa", "hard.isa", "--budget", "1").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "clean.isa", "--frobnicate"),
        ("check", "clean.isa", "--budget", "0"),
        ("check", "clean.isa", "--reading", "popek"),
        ("check", "clean.isa", "--json", "--format", "text"),
        ("frobnicate",),
        (),
    ],
)
def test_wrong_usage_exits_2_and_leaves_stdout_alone(
    popek: Popek, arguments: tuple[str, ...]
) -> None:
    ran = popek(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err


def test_a_verb_that_is_not_built_yet_is_unknown(popek: Popek) -> None:
    assert popek("replay", "x").code == 2
    assert "replay" not in popek("--help").out


def test_an_unknown_verb_suggests_a_known_one(popek: Popek) -> None:
    assert "did you mean check?" in popek("chekc", "clean.isa").err


# ---------------------------------------------------------------- --only


def test_only_says_so_first_and_leaves_the_constructions_out(popek: Popek) -> None:
    ran = popek("check", "leaky.isa", "--only", "show", "--only", "ADD")
    first = ran.out.splitlines()[0]
    assert first == "Only ADD, SHOW: the host's choice is made for the named forms alone."
    assert "Which hypervisors remain" not in ran.out
    assert ran.code == 1


def test_only_never_says_that_a_theorem_is_proved(popek: Popek) -> None:
    ran = popek("check", "leaky.isa", "--only", "ADD")
    assert ran.code == 0
    assert "proved" not in ran.out
    assert "None of the named forms is critical; Theorem 1 asks that of all" in ran.out


def test_only_with_an_unknown_name_exits_3_with_a_hint(popek: Popek) -> None:
    ran = popek("check", "leaky.isa", "--only", "SHOWW")
    assert ran.code == 3
    assert "no instruction has the mnemonic or name `SHOWW`" in ran.err
    assert "did you mean SHOW?" in ran.err


# ---------------------------------------------------------------- --host, --top


def test_a_host_fixed_by_hand_is_named(popek: Popek) -> None:
    ran = popek("check", "clean.isa", "--host", "trapping = 0")
    assert ran.code == 1
    assert "trapping  0  by hand" in ran.out
    assert "critical unless trapping = 1" in ran.out
    assert popek("check", "clean.isa", "--host", "TRAPPING=0x1").code == 0


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("traping = 1", "did you mean trapping?"),
        ("base = 1", "base has the role resource; the host chooses trapping"),
        ("trapping = 2", "trapping has 1 bits; 2 does not fit"),
        ("trapping = held", "trapping is a control"),
        ("trapping = yes", "give a number"),
        ("trapping", "FIELD = VALUE"),
    ],
)
def test_a_bad_host_exits_2_with_a_hint(popek: Popek, setting: str, said: str) -> None:
    ran = popek("check", "clean.isa", "--host", setting)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())


def test_an_unknown_level_exits_2_with_a_hint(popek: Popek) -> None:
    ran = popek("check", "clean.isa", "--top", "superviser")
    assert ran.code == 2
    assert "did you mean supervisor?" in ran.err


def test_top_narrows_the_guests_own_levels(popek: Popek) -> None:
    assert popek("check", "leaky.isa", "--top", "user").code == 0


# ---------------------------------------------------------------- --reading, --expected


def test_a_reading_is_named_and_shown(popek: Popek) -> None:
    ran = popek("check", "clean.isa", "--reading", "general")
    assert "Classes (general)" in ran.out
    assert "PEEK" in ran.out.split("Critical")[1]
    assert "guarded" not in ran.out
    assert ran.code == 1


def test_expected_is_met(popek: Popek) -> None:
    ran = popek("check", "clean.isa", "--expected")
    assert ran.code == 0
    assert "met, all 5" in ran.out


def test_expected_lists_what_is_not_met_with_its_line(popek: Popek) -> None:
    ran = popek("check", "leaky.isa", "--expected")
    assert ran.code == 1
    found = " ".join(ran.out.split())
    assert "leaky.isa:8: SHOW [0110 0000 0000 .. x:2] declared innocuous; is critical" in found


def test_expected_is_undecided_where_the_class_is(popek: Popek) -> None:
    ran = popek("check", "hard.isa", "--expected", "--budget", "1")
    assert ran.code == 4


def test_a_critical_form_that_declares_nothing_is_not_expected(
    popek: Popek, tmp_path: Path
) -> None:
    for name in ("base", "clean", "leaky"):
        text = (DATA / f"{name}.isa").read_text()
        (tmp_path / f"{name}.isa").write_text(text.replace("expect    innocuous  ", "note  "))
    spec = tmp_path / "leaky.isa"
    text = spec.read_text().replace('note                      "wrongly"', 'note "nothing"')
    spec.write_text(text)
    ran = popek("check", spec, "--expected")
    assert ran.code == 1
    assert "declared nothing; is critical" in " ".join(ran.out.split())


# ---------------------------------------------------------------- the report


def test_the_report_as_it_is(popek: Popek) -> None:
    assert popek("check", "leaky.isa").out == (GOLDEN / "leaky.txt").read_text()


def test_a_report_fits_60_columns(popek: Popek, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for line in popek("check", "leaky.isa", "clean.isa").out.splitlines():
        assert len(line) <= 60


def test_no_forbidden_phrase(popek: Popek) -> None:
    for spec in ("leaky.isa", "clean.isa"):
        out = " ".join(popek("check", spec).out.split()).lower()
        assert "if and only if" not in out
        assert "cannot be virtualized" not in out


def test_colours_only_where_they_are_wanted(popek: Popek, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in popek("check", "leaky.isa").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in popek("check", "leaky.isa").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in popek("check", "leaky.isa").out


def test_keep_smt2_writes_the_queries(popek: Popek, tmp_path: Path) -> None:
    popek("check", "hard.isa", "--keep-smt2", tmp_path / "q")
    kept = list((tmp_path / "q" / "hard").glob("*.smt2"))
    assert kept
    assert all("(check-sat)" in path.read_text() for path in kept)


def test_keep_smt2_makes_the_folder_even_where_no_solver_is_asked(
    popek: Popek, tmp_path: Path
) -> None:
    assert popek("check", "clean.isa", "--keep-smt2", tmp_path / "a" / "b").code == 0
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_keep_smt2_where_nothing_can_be_written_is_wrong_usage(popek: Popek) -> None:
    ran = popek("check", "hard.isa", "--keep-smt2", "/dev/null/queries")
    assert (ran.code, ran.out) == (2, "")
    assert "Error: /dev/null/queries cannot be written: Not a directory" in ran.err


def test_no_simplify_gives_the_same_classes(popek: Popek) -> None:
    one = popek("check", "leaky.isa", "--json").json["results"][0]
    two = popek("check", "leaky.isa", "--json", "--no-simplify").json["results"][0]
    assert one["mnemonics"] == two["mnemonics"]


# ---------------------------------------------------------------- when things go wrong


def test_an_interrupt_leaves_a_report_that_says_partial(
    popek: Popek, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, what: str, done: int, total: int) -> None:
        if what == "studying" and done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("popek.cli.session.Progress.__call__", interrupted)
    ran = popek("check", "leaky.isa", "clean.isa")
    assert ran.code == 130
    assert ran.out.startswith("PARTIAL: interrupted after 3 of 6 forms.")
    assert "Toy, clean" not in ran.out
    assert popek("check", "leaky.isa", "--json").json["results"][0]["partial"] is True


def test_a_disagreement_is_a_bug_and_no_verdict(
    popek: Popek, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disagree(*arguments: object) -> None:
        raise Disagreement("ADD: nothing goes wrong over the ints")

    monkeypatch.setattr("popek.theory.check.check", disagree)
    ran = popek("check", "leaky.isa")
    assert (ran.code, ran.out) == (70, "")
    assert "not confirmed by re-evaluation" in ran.err
    assert "Please report it" in ran.err


def test_an_unexpected_error_is_70_without_a_traceback(
    popek: Popek, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise LookupError("a table is empty")

    monkeypatch.setattr("popek.theory.check.check", fail)
    ran = popek("check", "leaky.isa")
    assert ran.code == 70
    assert "a bug in popek: LookupError: a table is empty" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("POPEK_DEBUG", "1")
    assert "Traceback" in popek("check", "leaky.isa").err
