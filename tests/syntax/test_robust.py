"""Whatever is in the file: a tree or a message, never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from popek.diagnostics import PopekError, render_all
from popek.source import Source
from popek.syntax import parse
from popek.syntax.format import format_file

TEXT = (Path(__file__).parent / "good" / "everything.isa").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
PIECES = sorted({word for line in LINES for word in line.split()} | set("()[]{}\"=:.,'#\t\n @!~"))


def attempt(text: str) -> None:
    """Read, format or refuse."""
    source = Source("x.isa", text)
    try:
        parse(source)
    except PopekError as error:
        assert render_all(error.diagnostics)
        for diagnostic in error.diagnostics:
            assert diagnostic.span is not None
    else:
        once = format_file(source)
        assert format_file(Source("x.isa", once)) == once


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text(text: str) -> None:
    attempt(text.replace("\0", "").replace("\r", "\n"))


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.booleans())
@settings(max_examples=300, deadline=None)
def test_words_of_the_language_in_any_order(words: list[str], inside: bool) -> None:
    attempt(("reset\n  " if inside else "") + " ".join(words) + "\n")


def test_specs_with_something_wrong() -> None:
    chance = random.Random(1)
    for _ in range(150):
        start = chance.randrange(len(LINES) - 30)
        lines = LINES[start : start + 30]
        for _ in range(chance.randint(1, 3)):
            i = chance.randrange(len(lines))
            words = lines[i].split(" ")
            match chance.randrange(5):
                case 0:
                    del lines[i]
                case 1:
                    words[chance.randrange(len(words))] = chance.choice(PIECES)
                    lines[i] = " ".join(words)
                case 2:
                    lines[i] = lines[i][: chance.randrange(len(lines[i]) + 1)]
                case 3:
                    lines[i] = " " * chance.randint(0, 4) + lines[i]
                case 4:
                    lines[i] = lines[i].replace(chance.choice('()[]"=:'), "", 1)
        attempt("\n".join(lines))
