"""Messages for characters and numbers that are none of the language's."""

from __future__ import annotations

import re
import unicodedata

from popek.diagnostics import Diagnostic
from popek.source import Source

RUN = re.compile(r"[0-9A-Za-z_]+")

INSTEAD = {
    "'": 'texts stand in double quotes: "..."',
    ";": "a line ends a sentence; there are no semicolons",
    "!": "write `not` for conditions, `~` for bits",
    "?": "write `if a then b else c`",
    "\\": "a sentence goes on in the next line if a bracket is open",
    "`": "names are written without quotes",
    "\N{EN DASH}": "the minus sign is `-`",
    "\N{EM DASH}": "the minus sign is `-`",
    "\N{MINUS SIGN}": "the minus sign is `-`",
    "\N{LEFT DOUBLE QUOTATION MARK}": 'the quote is `"`',
    "\N{RIGHT DOUBLE QUOTATION MARK}": 'the quote is `"`',
    "\N{NO-BREAK SPACE}": "replace it with an ordinary space",
    "\N{HORIZONTAL ELLIPSIS}": "a range is written with two dots: `..`",
    "\N{LESS-THAN OR EQUAL TO}": "write `<=`",
    "\N{GREATER-THAN OR EQUAL TO}": "write `>=`",
    "\N{NOT EQUAL TO}": "write `!=`",
    "\N{RIGHTWARDS ARROW}": "write `->`",
}


def bad_character(source: Source, place: int, expected: frozenset[str]) -> Diagnostic:
    """The diagnostic for the text at `place`, which no word of the language begins like."""
    character = source.text[place]
    run = RUN.match(source.text, place)
    if run and "PATTERN" in expected:
        return _bad_pattern(source, run)
    if run:
        return _bad_number(source, run)
    span = source.span(place, place + 1)
    if character == '"':
        end = source.text.find("\n", place)
        span = source.span(place, len(source.text) if end < 0 else end)
        return Diagnostic(
            "E0107",
            "this text has no closing quote",
            span,
            "starts here",
            hint='a text ends on its line, and cannot contain `"`',
        )
    return Diagnostic(
        "E0103",
        f"{_named(character)} means nothing here",
        span,
        hint=INSTEAD.get(character, ""),
    )


def _named(character: str) -> str:
    if character.isascii() and character.isprintable():
        return f"the character `{character}`"
    name = unicodedata.name(character, "").lower()
    return f"the character {name or 'U+' + format(ord(character), '04X')}"


def _bad_number(source: Source, run: re.Match[str]) -> Diagnostic:
    text = run[0]
    hint = "numbers are written 255, 0xFF or 0b1111_1111"
    if re.fullmatch(r"0b\w*", text):
        hint = "after 0b stand only the digits 0 and 1"
    elif re.fullmatch(r"[0-9][0-9A-Fa-f]*[hH]?", text):
        hint = f"hexadecimal numbers begin with 0x: 0x{text.rstrip('hH')}"
    elif re.fullmatch(r"0[XB]\w+", text):
        hint = f"write {text[:2].lower()}{text[2:]}"
    elif re.fullmatch(r"0[oO][0-7]+", text):
        hint = f"there are no octal numbers; {text} is {int(text[2:], 8)}"
    elif re.fullmatch(r"0x\w*", text):
        hint = "after 0x stand only the digits 0 to 9 and a to f"
    span = source.span(run.start(), run.end())
    return Diagnostic("E0106", f"`{text}` is not a number", span, hint=hint)


def _bad_pattern(source: Source, run: re.Match[str]) -> Diagnostic:
    text = run[0]
    hint = "a byte is two hex digits (9D), bits are the digits 0 and 1, or `.` for any"
    digits = text.removeprefix("0x")
    if re.fullmatch(r"[0-9A-Fa-f]+", digits) and len(digits) % 2 == 0:
        upper = digits.upper()
        pairs = " ".join(upper[i : i + 2] for i in range(0, len(upper), 2))
        hint = f"bytes are written with two capital hex digits each: {pairs}"
    span = source.span(run.start(), run.end())
    return Diagnostic("E0407", f"`{text}` is neither a byte nor bits", span, hint=hint)
