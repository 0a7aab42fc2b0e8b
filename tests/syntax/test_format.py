"""The canonical layout."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popek.diagnostics import PopekError
from popek.resources import bundled
from popek.source import Source
from popek.syntax import parse
from popek.syntax.format import format_file

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.isa"))
SPECS = sorted(bundled("specs").rglob("*.isa"))


def formatted(text: str) -> str:
    return format_file(Source("x", text))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_layout_is_the_expected_one(path: Path) -> None:
    expected = path.with_suffix(".formatted")
    actual = format_file(Source.read(path))
    if os.environ.get("POPEK_UPDATE_GOLDEN"):
        expected.write_text(actual, encoding="utf-8")
    assert actual == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", GOOD + SPECS, ids=lambda path: path.name)
def test_it_is_stable_and_keeps_the_meaning(path: Path) -> None:
    source = Source.read(path)
    once = format_file(source)
    assert parse(Source("x", once)) == parse(source)
    assert formatted(once) == once


@pytest.mark.parametrize("path", GOOD + SPECS, ids=lambda path: path.name)
def test_every_comment_is_kept(path: Path) -> None:
    source = Source.read(path)
    once = format_file(source)

    def comments(text: str) -> list[str]:
        lines = (line for line in text.splitlines() if "#" in line)
        return [line.split()[-1] for line in lines]

    assert comments(once) == comments(source.text)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_authors_spaces_do_not_matter(seed: int) -> None:
    """Blanks between words, blank lines and the depth of indentation may be anything."""
    chance = random.Random(seed)
    step = chance.choice([1, 3, 4, 8])
    lines = []
    for line in GOOD[0].read_text(encoding="utf-8").splitlines():
        body = line.lstrip(" ")
        depth = (len(line) - len(body)) // 2
        if not body.startswith("#") and '"' not in body and chance.random() < 0.5:
            head, sign, tail = body.partition("#")
            body = head.replace(" ", " " * chance.randint(1, 3)) + sign + tail
        lines.append(" " * (depth * step) + body)
        if line and chance.random() < 0.05:
            lines.append(" " * chance.randint(0, 3))
    once = formatted("\n".join(lines))
    assert formatted(once) == once


def test_comments_stay_in_their_blocks() -> None:
    text = (
        "# first\nreset\n# in the block\n  x = 1\n  # in it still\n# outside\nreset\n"
        "  if a\n    b = 1\n    # inner\n  # middle\n# outer\n\n\n\n# last"
    )
    assert formatted(text) == (
        "# first\nreset\n  # in the block\n  x = 1\n  # in it still\n# outside\nreset\n"
        "  if a\n    b = 1\n    # inner\n  # middle\n# outer\n\n# last\n"
    )


def test_broken_sentences_stay_broken() -> None:
    text = "function f(a) = (a +   # one\n # two\n 1)\nreset\n  if (a or\n b)\n    skip\n"
    assert formatted(text) == (
        "function f(a) = (a +  # one\n  # two\n  1)\nreset\n  if (a or\n      b)\n    skip\n"
    )


def test_ranges_are_tight() -> None:
    text = "alias A = x[n-1 .. 0] + y[n-1] in {1..n - 1, m - 1}\n"
    assert formatted(text) == "alias A = x[n-1..0] + y[n - 1] in {1..n-1, m - 1}\n"


def test_signs_and_calls() -> None:
    text = "alias A = - x + ~ y(- 1) * (z)(2)[3] and not(a) and b in{1}\n"
    assert formatted(text) == "alias A = -x + ~y(-1) * (z)(2)[3] and not (a) and b in {1}\n"


def test_a_file_with_errors_is_not_touched() -> None:
    with pytest.raises(PopekError):
        formatted("reset\n  x = = 1\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# only this", "\n# and\n\n\n# that\n"])
def test_small_files(text: str) -> None:
    assert formatted(formatted(text)) == formatted(text)
