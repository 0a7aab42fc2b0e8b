"""The text of an `.isa` or `.hv` file becomes its syntax tree."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedInput

from popek.diagnostics import Collector
from popek.source import Source
from popek.syntax import design_tree, tree
from popek.syntax.depth import check_depth
from popek.syntax.errors import explain
from popek.syntax.expected import Vocabulary
from popek.syntax.grammar import load
from popek.syntax.layout import Layout, LayoutError
from popek.syntax.limits import ERRORS
from popek.syntax.lower import Lowering
from popek.syntax.lower_base import Base, reductions
from popek.syntax.lower_design import DesignLowering
from popek.syntax.words import DESIGN_ITEMS, ITEMS


@dataclass(frozen=True)
class Language:
    """One of the two languages: its grammar, what makes the tree, the words that begin items."""

    grammar: str
    lowering: type[Base]
    items: frozenset[str]


ISA = Language("isa", Lowering, ITEMS)
DESIGN = Language("hypervisor", DesignLowering, DESIGN_ITEMS)


class _Machine:
    """A parser and the objects it calls."""

    def __init__(self, language: Language) -> None:
        self.layout = Layout(language.items)
        self.lowering = language.lowering()
        calls = SimpleNamespace(**reductions(self.lowering))
        self.lark = load(language.grammar, self.layout, calls)
        self.vocabulary = Vocabulary(self.lark)
        words = "|".join(sorted(language.items))
        self._item_line = re.compile(rf"^(?:{words})\b", re.MULTILINE)

    def next_item(self, source: Source, start: int, place: int) -> int | None:
        """The next line after `place` that begins an item, if it is not where we started."""
        match = self._item_line.search(source.text, max(start + 1, place))
        return match.start() if match else None


class _Machines(threading.local):
    """One machine for each language and thread: a parse is going on in it."""

    def __init__(self) -> None:
        self._made: dict[Language, _Machine] = {}

    def of(self, language: Language) -> _Machine:
        """Built at the first parse, not at import."""
        if language not in self._made:
            self._made[language] = _Machine(language)
        return self._made[language]


_machines = _Machines()


def parse(source: Source) -> tree.File:
    """The syntax tree of a spec; raises PopekError with every mistake found in it.

    After a mistake it goes on at the next line that begins an item, so that each item is
    reported at most once.
    """
    return tree.File(_items(ISA, source, None), span=source.span())


def parse_design(source: Source) -> design_tree.File:
    """The syntax tree of a design; errors as in `parse`."""
    return design_tree.File(_items(DESIGN, source, None), span=source.span())


def parse_with_tokens(
    source: Source, language: Language = ISA
) -> tuple[tuple[Any, ...], list[Token]]:
    """The items, and all tokens in order, line ends and comments included."""
    record: list[Token] = []
    return _items(language, source, record), record


def _items(language: Language, source: Source, record: list[Token] | None) -> tuple[Any, ...]:
    machine = _machines.of(language)
    machine.layout.source = machine.lowering.source = source
    machine.layout.record = record
    machine.lowering.found = Collector()
    found = machine.lowering.found
    items: list[Any] = []
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
            position = machine.next_item(source, start, _place(error))
        except UnexpectedInput as error:
            diagnostic, place = explain(error, source, machine.layout, machine.vocabulary)
            found.extend([diagnostic])
            errors += 1
            position = machine.next_item(source, start, place)
        check_depth(items, machine.layout.heavy, found)
    found.check()
    return tuple(items)


def _place(error: LayoutError) -> int:
    span = error.diagnostic.span
    return 0 if span is None else span.start
