"""The machines of 1974, from the outside."""

from __future__ import annotations

from tests.cli.conftest import Popek


def _theorems(result: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return {name: theorem["verdict"] for name, theorem in result["theorems"].items()}


def test_pg74_has_the_two_critical_instructions_of_the_paper(popek: Popek) -> None:
    ran = popek("check", "pg74", "--json")
    assert ran.code == 1
    (result,) = ran.json["results"]
    critical = [name for name, kind in result["mnemonics"].items() if kind == "critical"]
    assert critical == ["LRA", "JRST1"]
    assert result["theorems"]["hybrid"]["because"] == ["LRA"]
    assert result["summary"]["undecided"] == 0
    assert popek("check", "pg74", "--expected").code == 0


def test_pg74_clean_can_be_trapped_and_emulated(popek: Popek) -> None:
    ran = popek("check", "pg74-clean", "--json")
    assert ran.code == 0
    assert set(_theorems(ran.json["results"][0]).values()) == {"proved"}
    assert "Theorem 1 holds for" in popek("check", "pg74-clean").out


def test_one_critical_answers_the_question_of_the_textbooks(popek: Popek) -> None:
    ran = popek("check", "one-critical")
    assert ran.code == 1
    said = " ".join(ran.out.split())
    assert "JRST1 alone is critical. Does one critical instruction already rule out" in said
    assert "In the sense of Smith and Nair, yes" in said
    assert "a hybrid hypervisor exists (Theorem 3)" in said
    assert "JRST1 alone is critical" not in popek("check", "pg74").out
