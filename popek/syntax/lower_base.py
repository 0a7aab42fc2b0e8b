"""What all the reductions share: spans, numbers, strings, declared names.

A reduction is a method named like its rule or alias in `isa.lark`.  It receives every symbol of
its alternative in order, tokens included, None for an absent optional one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lark import Token

from popek.diagnostics import Collector
from popek.source import Source, Span
from popek.syntax import tree
from popek.syntax.limits import DIGITS
from popek.syntax.words import RESERVED

IMPORTED = "isa__"
"""Begins the names of what `hypervisor.lark` gets from `isa.lark` without naming it."""

LAYOUT = frozenset({"_NL", "_INDENT", "_DEDENT"})


class Part(NamedTuple):
    """A piece of a sentence that is no node of the tree, with its place."""

    value: Any
    span: Span


def start_of(symbol: Any) -> int:
    """Where a token, node or part starts."""
    if type(symbol) is Token:
        return symbol.start_pos or 0
    start: int = symbol.span.start
    return start


def end_of(symbols: Sequence[Any]) -> int:
    """Where the last of them ends that is there and is not layout."""
    for symbol in reversed(symbols):
        if type(symbol) is Token:
            if symbol.type not in LAYOUT:
                return symbol.end_pos or 0
        elif type(symbol) is tuple or type(symbol) is list:
            if symbol:
                return end_of(symbol)
        elif symbol is not None:
            end: int = symbol.span.end
            return end
    raise AssertionError("a sentence of nothing")


def text_of(string: Token | None) -> str | None:
    """What stands between the quotes, if anything does."""
    return None if string is None else string.value[1:-1]


def value_of(part: Part | None) -> Any:
    """The content of an optional part."""
    return None if part is None else part.value


class Base:
    """Set `source` before each parse; `found` gathers what the grammar cannot say."""

    def __init__(self) -> None:
        self.source = Source("", "")
        self.found = Collector()

    def around(self, *symbols: Any) -> Span:
        """From the start of the first symbol to the end of the last that is there."""
        return Span(self.source, start_of(symbols[0]), end_of(symbols))

    def place(self, token: Token) -> Span:
        """The place of a token."""
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def declare(self, *names: Token) -> None:
        """Names that expressions will use: no word of the language may be one."""
        for name in names:
            if name in RESERVED:
                self.found.add(
                    "E0207",
                    f"`{name}` is a word of the language and cannot be used as a name here",
                    self.place(name),
                    hint="it may be a mnemonic or a field",
                )

    def number(self, token: Token) -> int:
        """The value of a literal."""
        text = token.value
        if len(text) > DIGITS:
            self.found.add(
                "E0805",
                f"this number has {len(text):,} digits; popek reads up to {DIGITS:,}",
                self.place(token),
            )
            return 0
        if text[:2] in ("0x", "0b"):
            return int(text[2:].replace("_", ""), 16 if text[1] == "x" else 2)
        return int(text.replace("_", ""))

    # ------------------------------------------------------------ lists and declarations

    def name_list(self, *symbols: Token) -> tuple[Token, ...]:
        """`a, b, c`: the tokens, so that their places are known."""
        return symbols[::2]

    targets = words = name_list

    def word(self, token: Token) -> Token:
        return token

    level_name = column = endian = side = role = field_role = word
    trap_kind = access = amend_where = word

    def size(self, opening: Token, expr: Any, closing: Token) -> Part:
        return Part(expr, self.around(opening, closing))

    def type_ref(self, name: Token, opening: Any, size: Any, closing: Any) -> tree.TypeRef:
        return tree.TypeRef(name.value, size, span=self.around(name, closing))

    def param(self, name: Token, colon: Any, type_: tree.TypeRef | None) -> tree.Param:
        self.declare(name)
        return tree.Param(name.value, type_, span=self.around(name, type_))

    def params(self, *symbols: Any) -> tuple[tree.Param, ...]:
        return symbols[::2]

    def formals(self, opening: Token, params: Any, closing: Token) -> Part:
        return Part(params or (), self.around(opening, closing))


def reductions(lowering: Base) -> dict[str, Callable[[list[Any]], Any]]:
    """Every reduction by name, as Lark calls them: with one list."""

    def unpacked(method: Callable[..., Any]) -> Callable[[list[Any]], Any]:
        return lambda symbols: method(*symbols)

    names = [name for name in dir(lowering) if not name.startswith("_")]
    found = {
        name: unpacked(getattr(lowering, name))
        for name in names
        if callable(getattr(lowering, name))
    }
    # What a grammar imports without naming it.
    return found | {f"{IMPORTED}{name}": reduction for name, reduction in found.items()}


def strings(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Plain strings, without the quotes of quoted ones."""
    return tuple(t.value[1:-1] if t.type == "STRING" else t.value for t in tokens)
