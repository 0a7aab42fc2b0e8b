"""Every message of the parser, word for word.

`POPEK_UPDATE_GOLDEN=1 pytest tests/syntax/test_messages.py` rewrites the expectations; read the
difference before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from popek.diagnostics import PopekError, render_all
from popek.source import Source
from popek.syntax import parse

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*.isa"))

TERMINAL = re.compile(r"__ANON|\b_?[A-Z]{4,}\b|\bLark\b|UnexpectedToken")
"""What a terminal of the grammar looks like; no message may name one."""


def messages(path: Path) -> str:
    """What popek says about the file."""
    with pytest.raises(PopekError) as caught:
        parse(Source.read(path, shown=path.name))
    return render_all(caught.value.diagnostics) + "\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    expected = path.with_suffix(".txt")
    actual = messages(path)
    if os.environ.get("POPEK_UPDATE_GOLDEN"):
        expected.write_text(actual, encoding="utf-8")
    assert actual == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_no_terminal_name_is_shown(path: Path) -> None:
    with pytest.raises(PopekError) as caught:
        parse(Source.read(path))
    for diagnostic in caught.value.diagnostics:
        written = re.sub(r"`[^`]*`", "", f"{diagnostic.message} {diagnostic.label}")
        assert not TERMINAL.search(written)


def test_every_expectation_has_its_case() -> None:
    assert {p.stem for p in GOLDEN.glob("*.txt")} == {p.stem for p in CASES}
