"""Line ends and indentation become tokens.

Lark's contextual lexer yields `_NL` for a run of line ends, blank lines and comments; what
follows the last line end is the indentation of the next sentence.  `Layout` turns that into
`_NL`, `_INDENT` and `_DEDENT`, drops line ends inside brackets, and finds the mistakes that are
about layout and not about grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lark import Token
from lark.lark import PostLex

from popek.diagnostics import Diagnostic
from popek.source import Source
from popek.syntax.limits import DEPTH

OPEN = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
CLOSE = frozenset({"RPAR", "RSQB", "RBRACE"})


class LayoutError(Exception):
    """Carries the diagnostic through Lark, which does not know it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Layout(PostLex):
    """`items` are the words that begin a sentence in the first column.

    Set `source` before each parse; afterwards `heavy` has the starts of the large items.

    For messages, it also knows the open brackets, the first tokens of the sentence at hand and of
    the one above, and the last token that the parser has accepted.  `record`, if it is a list,
    gets every token with all line ends, for the formatter.
    """

    # Names are read in every state, so that `register` is never found at the start of
    # `registers`, and an unexpected word is reported whole.
    always_accept = ("_NL", "NAME")

    def __init__(self, items: frozenset[str]) -> None:
        #: In the first column, inside a bracket: the bracket was meant to be closed before.
        self._item = re.compile(rf"(?:{'|'.join(sorted(items))})\b(?!\s*[=.(\[])")
        self.source = Source("", "")
        self.heavy: set[int] = set()
        self.brackets: list[Token] = []
        self.record: list[Token] | None = None
        self.sentence: Token | None = None
        self.above: Token | None = None
        self.previous: Token | None = None

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Insert the layout tokens."""
        self.heavy = set()
        self.brackets = []
        brackets = self.brackets
        self.sentence = self.above = self.previous = None
        margins = [""]
        item = count = 0
        last: Token | None = None
        record = self.record
        for token in stream:
            kind = token.type
            if record is not None:
                record.append(token)
            if kind == "_NL":
                if brackets:
                    self._check_open(token)
                elif last is not None:
                    yield token
                    last = None
                    for margin in self._margin(token, margins):
                        if record is not None:
                            record.append(margin)
                        yield margin
                continue
            if last is None:
                self.above, self.sentence, self.previous = self.sentence, token, None
                if not (margins[1:] or self._at_line_start(token)):
                    raise self._stray_margin(token)
                if len(margins) == 1:
                    item, count = token.start_pos or 0, 0
            last = token
            count += 1
            if count == DEPTH:
                # Only an item of so many tokens can be that deep: the others need no look.
                self.heavy.add(item)
            if kind in OPEN:
                brackets.append(token)
                if len(brackets) > DEPTH:
                    raise self._too_deep(token, "brackets")
            yield token
            self.previous = token
            if kind in CLOSE and brackets:
                brackets.pop()
        if brackets:
            raise self.unclosed()
        end = len(self.source.text)
        if last is not None:
            yield Token("_NL", "", end, end_pos=end)
        for _ in margins[1:]:
            yield Token("_DEDENT", "", end, end_pos=end)

    def _margin(self, token: Token, margins: list[str]) -> Iterator[Token]:
        """Compare the indentation that ends `token` with the open blocks."""
        end = token.end_pos or 0
        value = str(token)
        margin = value[value.rfind("\n") + 1 :]
        if end == len(self.source.text) or not value.rpartition("\n")[1]:
            margin = ""
        if margin == margins[-1]:
            return
        if margin.startswith(margins[-1]):
            margins.append(margin)
            if len(margins) > DEPTH:
                raise self._too_deep(token, "blocks")
            yield Token("_INDENT", margin, end, end_pos=end)
            return
        while margins[-1].startswith(margin) and margins[-1] != margin:
            margins.pop()
            yield Token("_DEDENT", margin, end, end_pos=end)
        if margins[-1] != margin:
            raise self._bad_margin(margin, margins[-1], end)

    def _at_line_start(self, token: Token) -> bool:
        start = token.start_pos or 0
        return start == 0 or self.source.text[start - 1] == "\n"

    def _check_open(self, token: Token) -> None:
        end = token.end_pos or 0
        text = self.source.text
        if text[end - 1] == "\n" and self._item.match(text, end):
            raise self.unclosed()

    def unclosed(self) -> LayoutError:
        """The error for the innermost open bracket."""
        opener = self.brackets[-1]
        start = opener.start_pos or 0
        return LayoutError(
            Diagnostic(
                "E0108",
                f"this `{opener}` is not closed",
                self.source.span(start, start + 1),
                "opened here",
                hint=f"the next sentence begins without a `{OPEN[opener.type]}` before it",
            )
        )

    def _stray_margin(self, token: Token) -> LayoutError:
        start = token.start_pos or 0
        line = self.source.offset_of(self.source.line_of(start))
        return LayoutError(
            Diagnostic(
                "E0104",
                "this line is indented, but belongs to no block",
                self.source.span(line, start),
                hint="sentences that belong to nothing start in the first column",
            )
        )

    def _bad_margin(self, margin: str, outer: str, end: int) -> LayoutError:
        span = self.source.span(end - len(margin), end)
        if not (margin.startswith(outer) or outer.startswith(margin)):
            return LayoutError(
                Diagnostic(
                    "E0105",
                    "tabs and spaces are mixed in the indentation of this block",
                    span,
                    f"{_describe(margin)} here, {_describe(outer)} around it",
                    hint="indent with two spaces; `popek fmt` does",
                )
            )
        return LayoutError(
            Diagnostic(
                "E0104",
                "the indentation of this line matches no block around it",
                span,
                hint="all lines of a block start in the same column",
            )
        )

    def _too_deep(self, token: Token, what: str) -> LayoutError:
        end = token.end_pos or 0
        return LayoutError(
            Diagnostic(
                "E0801",
                f"more than {DEPTH} {what} inside each other",
                self.source.span(end - 1, end),
                hint="name the inner parts with `let` or a function",
            )
        )


def _describe(margin: str) -> str:
    tabs, spaces = margin.count("\t"), margin.count(" ")
    parts = [_count(tabs, "tab")] if tabs else []
    parts += [_count(spaces, "space")] if spaces else []
    return " and ".join(parts) or "nothing"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
