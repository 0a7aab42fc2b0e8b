"""The text of an `.isa` file becomes its syntax tree."""

from __future__ import annotations

import re
import threading
from types import SimpleNamespace

from lark import Token
from lark.exceptions import UnexpectedInput

from popek.diagnostics import Collector
from popek.source import Source
from popek.syntax import tree
from popek.syntax.depth import check_depth
from popek.syntax.errors import explain
from popek.syntax.expected import Vocabulary
from popek.syntax.grammar import load
from popek.syntax.layout import Layout, LayoutError
from popek.syntax.limits import ERRORS
from popek.syntax.lower import Lowering
from popek.syntax.lower_base import reductions
from popek.syntax.words import ITEMS

ITEM_LINE = re.compile(rf"^(?:{'|'.join(sorted(ITEMS))})\b", re.MULTILINE)


class _Machine(threading.local):
    """A parser and the objects it calls, one per thread: a parse is going on in them."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.lowering = Lowering()
        self.lark = load("isa", self.layout, SimpleNamespace(**reductions(self.lowering)))
        self.vocabulary = Vocabulary(self.lark)


_machine: _Machine | None = None


def parse(source: Source) -> tree.File:
    """The syntax tree of `source`; raises PopekError with every mistake found in it.

    After a mistake it goes on at the next line that begins an item, so that each item is
    reported at most once.
    """
    return _parse(source, None)


def parse_with_tokens(source: Source) -> tuple[tree.File, list[Token]]:
    """The tree, and all tokens in order, line ends and comments included."""
    record: list[Token] = []
    return _parse(source, record), record


def _parse(source: Source, record: list[Token] | None) -> tree.File:
    global _machine  # noqa: PLW0603  built at the first parse, not at import
    if _machine is None:
        _machine = _Machine()
    machine = _machine
    machine.layout.source = machine.lowering.source = source
    machine.layout.record = record
    machine.lowering.found = Collector()
    found = machine.lowering.found
    items: list[tree.Item] = []
    position: int | None = 0
    errors = 0
    while position is not None and errors < ERRORS:
        start, position = position, None
        try:
            # Line ends instead of what was read: offsets stay what they are.
            items += machine.lark.parse("\n" * start + source.text[start:])  # type: ignore[arg-type]
        except LayoutError as error:
            found.extend([error.diagnostic])
            errors += 1
            position = _next_item(source, start, _place(error))
        except UnexpectedInput as error:
            diagnostic, place = explain(error, source, machine.layout, machine.vocabulary)
            found.extend([diagnostic])
            errors += 1
            position = _next_item(source, start, place)
        check_depth(items, machine.layout.heavy, found)
    found.check()
    return tree.File(tuple(items), span=source.span())


def _place(error: LayoutError) -> int:
    span = error.diagnostic.span
    return 0 if span is None else span.start


def _next_item(source: Source, start: int, place: int) -> int | None:
    """The next line after `place` that begins an item, if it is not where we started."""
    match = ITEM_LINE.search(source.text, max(start + 1, place))
    return match.start() if match else None
