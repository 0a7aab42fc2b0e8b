"""Every code of the registry is raised by a test that has the message word for word."""

from __future__ import annotations

import re
from pathlib import Path

from popek.diagnostics import CODES

TESTS = Path(__file__).parent


def golden() -> dict[str, list[Path]]:
    """The golden files by the codes in them; tests compare each of them with what popek says."""
    found: dict[str, list[Path]] = {}
    for path in sorted(TESTS.glob("*/golden/*.txt")):
        for code in re.findall(r"^(?:error|warning)\[(\w+)\]", path.read_text("utf-8"), re.M):
            found.setdefault(code, []).append(path)
    return found


def test_every_code_has_a_golden_message() -> None:
    assert sorted(set(CODES) - golden().keys()) == []


def test_every_message_has_a_code_of_the_registry() -> None:
    assert sorted(golden().keys() - set(CODES)) == []


def test_every_error_says_where() -> None:
    for paths in golden().values():
        for path in paths:
            text = path.read_text(encoding="utf-8")
            for part in re.split(r"\n\n|^\$.*\n", text, flags=re.MULTILINE):
                if re.match(r"(error|warning)\[(?!E0010)", part):
                    assert re.search(r"^ +--> \S", part, re.MULTILINE), path
