"""Every message about a design, word for word.

`POPEK_UPDATE_GOLDEN=1 pytest tests/hypervisor/test_messages.py` rewrites the expectations; read the
difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import popek
from popek.diagnostics import PopekError, render_all
from popek.hypervisor.load import load_design_source

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*.hv"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    with pytest.raises(PopekError) as caught:
        popek.prove(load_design_source(path.read_text(encoding="utf-8"), path.name))
    actual = render_all(caught.value.diagnostics) + "\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("POPEK_UPDATE_GOLDEN"):
        expected.write_text(actual, encoding="utf-8")
    assert actual == expected.read_text(encoding="utf-8")


def test_every_expectation_has_its_case() -> None:
    assert {p.stem for p in GOLDEN.glob("*.txt")} == {p.stem for p in CASES}
