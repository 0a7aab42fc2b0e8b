"""Golden tests of every message: `POPEK_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from popek.diagnostics import PopekError
from popek.isa.load import load

GOLDEN = Path(__file__).parent / "golden"
SPECS = sorted(path.stem for path in GOLDEN.glob("*.isa") if path.stem != "extended")


@pytest.mark.parametrize("name", SPECS)
def test_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(PopekError) as caught:
        load(f"{name}.isa")
    text = f"{caught.value}\n"
    expected = GOLDEN / f"{name}.txt"
    if os.environ.get("POPEK_UPDATE_GOLDEN") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_the_spec_that_others_extend_is_right() -> None:
    assert [form.name for form in load(GOLDEN / "extended.isa").forms] == ["T"]


def test_every_expectation_has_its_spec() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(SPECS)
