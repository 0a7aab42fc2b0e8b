"""`import popek`: the same verdicts and reports from Python."""

from __future__ import annotations

import subprocess
import sys

import pytest

import popek
from tests.cli.conftest import DATA
from tests.hash_seeds import printed


def test_everything_in_all_is_there() -> None:
    for name in popek.__all__:
        assert getattr(popek, name) is not None


def test_importing_popek_imports_nothing_else() -> None:
    program = (
        "import sys, popek\n"
        "assert not [m for m in sys.modules if m.startswith(('popek.', 'z3', 'lark', 'rich'))]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_from_a_spec_to_a_report() -> None:
    result = popek.check(popek.load(DATA / "leaky.isa"))
    assert result.vmm.verdict is popek.Verdict.REFUTED
    assert result.vmm.because == ("SHOW",)
    kinds = {v.form.mnemonic: v.kind for v in result.verdicts}
    assert kinds["SHOW"] is popek.Class.CRITICAL
    assert "SHOW alone is critical" in popek.render(result)
    assert "a[x] = zext(M)" in popek.explain(result, "show")
    assert popek.document(result, reading="general")["reading"] == "general"
    assert max(map(len, popek.render(result, width=70).splitlines())) <= 70


def test_a_bundled_spec_by_name() -> None:
    assert "pg74" in popek.list_specs()
    isa = popek.load("pg74", only=["LRA"])
    assert [form.mnemonic for form in isa.forms] == ["LRA"]


def test_bad_input_is_one_exception() -> None:
    with pytest.raises(popek.PopekError, match="did you mean pg74"):
        popek.load("pg47")
    with pytest.raises(popek.PopekError, match="nowhere"):
        popek.load(DATA / "broken.isa")
    with pytest.raises(popek.PopekError, match="write --only LRA --only JRST1"):
        popek.load("pg74", only=["LRA,JRST1"])
    with pytest.raises(popek.PopekError, match="LRAA"):
        popek.load("pg74", only=["LRAA", "LRA"])


def test_a_bad_host_or_level_is_a_value_error() -> None:
    isa = popek.load(DATA / "clean.isa")
    with pytest.raises(ValueError, match="did you mean trapping"):
        popek.check(isa, host={"traping": 1})
    with pytest.raises(ValueError, match="no level"):
        popek.check(isa, top="nobody")


def test_an_unknown_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'checc'"):
        popek.checc  # noqa: B018


def test_changes_between_two_checks() -> None:
    one, two = (popek.check(popek.load(DATA / name)) for name in ("leaky.isa", "clean.isa"))
    changes = popek.diff(one, two)
    assert {c.form.mnemonic for c in changes if c.before is popek.Class.CRITICAL} == {"SHOW"}
    assert popek.diff(one, one) == ()


def test_a_reading_that_does_not_exist_is_refused() -> None:
    result = popek.check(popek.load("pg74", only=["LRA"]), partial=True)
    with pytest.raises(ValueError, match="no reading strict; direct, general, pg74"):
        popek.render(result, reading="strict")  # type: ignore[arg-type]


def test_a_witness_shows_the_memory_that_the_instruction_loads() -> None:
    """POPF's new flags come from the stack: without it nobody could follow the two states."""
    check = popek.check(popek.load("ia32", only=["POPF"]), partial=True)
    for entry in popek.document(check)["instructions"]:
        for side in ("bare", "direct"):
            assert any(key.startswith("phys[") for key in entry["witness"][side]["before"])
    assert "phys[...] = " in popek.explain(check, "POPF")


def test_what_the_host_promises_is_printed() -> None:
    check = popek.check(popek.load("m68000", only=["RTE"]), partial=True)
    promised = "the host's supervisor stack can take a frame"
    assert f"    {promised}\n" in popek.render(check)
    assert {"text": promised, "possible": True} in popek.document(check)["promises"]


def test_promises_are_in_the_same_order_in_every_run() -> None:
    program = (
        "import popek\n"
        "print(*popek.check(popek.load('ia32', only=['INT']), partial=True).promises, sep='\\n')\n"
    )
    assert len(printed(program)) == 1
