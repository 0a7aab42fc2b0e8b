"""`popek explain`."""

from __future__ import annotations

from tests.cli.conftest import Popek


def test_shows_the_spec_the_states_and_what_a_hypervisor_sees(popek: Popek) -> None:
    ran = popek("explain", "leaky.isa", "show")
    assert ran.code == 1
    assert "SHOW [0110 0000 0000 .. x:2]  critical" in ran.out
    assert "> 10 |   a[x] = zext(M)" in ran.out
    assert "bare before" in ran.out
    assert "direct before" in ran.out
    assert "<- differs" in ran.out
    assert "nothing: the instruction completes on the real machine" in ran.out
    assert "declared innocuous (wrongly): not met, leaky.isa:8" in ran.out
    assert "see TM, page 3" in ran.out


def test_a_privileged_form_traps(popek: Popek) -> None:
    ran = popek("explain", "leaky.isa", "SET")
    assert ran.code == 0
    assert "a trap, from every state of the demoted guest" in ran.out


def test_the_readings_stand_side_by_side(popek: Popek) -> None:
    out = popek("explain", "clean.isa", "PEEK").out
    assert "critical in `general` and privileged in `direct`" in " ".join(out.split())
    assert "resource sensitive  -" in out
    assert "the host's choice: trapping = 1" in out


def test_a_condition_is_explained(popek: Popek) -> None:
    out = popek("explain", "clean.isa", "PEEK", "--host", "trapping = 0").out
    assert "critical unless trapping = 1; no plain form would trap for it" in out


def test_the_choice_is_the_one_that_all_forms_give(popek: Popek) -> None:
    whole = popek("check", "clean.isa", "--json").json["results"][0]
    part = popek("explain", "clean.isa", "PEEK", "--json").json
    assert part["host"] == whole["host"]
    (form,) = part["forms"]
    same = next(i for i in whole["instructions"] if i["mnemonic"] == "PEEK")
    assert {key: form[key] for key in same} == same


def test_the_document(popek: Popek) -> None:
    document = popek("explain", "leaky.isa", "SHOW", "--json").json
    assert document["schema"] == "popek.explain/1"
    (form,) = document["forms"]
    assert [line["line"] for line in form["source"] if line["blamed"]] == [10]
    assert {e["answer"] for e in form["evidence"]} <= {"yes", "no", "undecided"}


def test_an_unknown_instruction_exits_3_with_a_hint(popek: Popek) -> None:
    ran = popek("explain", "leaky.isa", "SHO")
    assert ran.code == 3
    assert "did you mean SHOW?" in ran.err


def test_the_reading_general_shows_why_it_is_sensitive(popek: Popek) -> None:
    out = popek("explain", "leaky.isa", "SET", "--reading", "general").out
    assert "Why it is sensitive" in out


def test_an_undecided_form_exits_4(popek: Popek) -> None:
    ran = popek("explain", "hard.isa", "SQUARE", "--budget", "1")
    assert ran.code == 4
    assert "undecided" in ran.out
