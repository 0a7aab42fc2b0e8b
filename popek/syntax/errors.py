"""Messages for what the grammar refuses, without a word about grammars."""

from __future__ import annotations

import re
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from popek.diagnostics import Diagnostic
from popek.source import Source
from popek.syntax.characters import bad_character
from popek.syntax.expected import Vocabulary, describe
from popek.syntax.layout import Layout
from popek.syntax.mistakes import MISTAKES
from popek.syntax.refusal import Refusal

ORDINARY = re.compile(
    r"(?P<INT>(?:0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*)(?![0-9A-Za-z_]))"
    r"|(?P<NAME>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<SIGN>[=!]=|[<>]=?s?\b|<<|>>s?\b|[<>]=?|\*\*|\.\.|->|=>|[-+*/%&|^~@=(){}\[\].,:])"
)
"""A token of an expression."""

BRACKETS = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}


def explain(
    error: UnexpectedInput, source: Source, layout: Layout, vocabulary: Vocabulary
) -> tuple[Diagnostic, int]:
    """A diagnostic for `error`, and the offset where reading stopped."""
    parser: Any = error.interactive_parser
    expected = vocabulary.shown(parser.accepts())
    stack = list(parser.parser_state.value_stack)
    if isinstance(error, UnexpectedCharacters):
        place = _offset(error)
        return bad_character(source, place, expected), place
    assert isinstance(error, UnexpectedToken)
    token = _reread(error.token, source)
    if token is None or (token.type == "INT" and "PATTERN" in expected):
        place = error.token.start_pos or 0
        return bad_character(source, place, expected), place
    refusal = Refusal(source, token, expected, stack, layout)
    for mistake in MISTAKES:
        diagnostic = mistake(refusal)
        if diagnostic is not None:
            return diagnostic, refusal.place
    return _plain(refusal), refusal.place


def _offset(error: Any) -> int:
    """Lark's annotations deny that there is one."""
    offset: int = error.pos_in_stream
    return offset


def _reread(token: Token, source: Source) -> Token | None:
    """The token as an expression would have it; None if it is none.

    Where the lexer finds nothing that fits, Lark tries all terminals, and takes the longest:
    `=x;` is a word then, as in `names`.
    """
    if token.type not in ("WORD", "VALUE", "ADDEND", "ID", "PATTERN"):
        return token
    place = token.start_pos or 0
    match = ORDINARY.match(source.text, place)
    if match is None:
        return None
    kind = BRACKETS.get(match[0]) or match.lastgroup or token.type
    return Token(kind, match[0], place, end_pos=match.end())


def _plain(refusal: Refusal) -> Diagnostic:
    """When nothing is known about the mistake: what was expected, and what was found."""
    return refusal.report(f"expected {describe(refusal.expected)}, found {refusal.found}")
