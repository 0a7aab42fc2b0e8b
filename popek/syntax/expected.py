"""What could stand at a place, in the words of the language's users."""

from __future__ import annotations

from collections.abc import Collection

from lark import Lark
from lark.lexer import PatternStr

from popek.syntax.lower_base import IMPORTED
from popek.syntax.words import ITEMS, PROPERTIES, STATEMENTS

KINDS = {
    "NAME": "a name",
    "INT": "a number",
    "STRING": 'a text in "quotes"',
    "ENAME": "a field, operand or immediate",
    "PATTERN": "a byte (`9D`) or bits (`0100`)",
    "SLASH": "`/r`",
    "ADDEND": "a register column (`8n`, `r`)",
    "VALUE": "a value",
    "DOTTED": "a mnemonic",
    "WORD": "a word",
    "ID": "the id of an assumption",
    "COMPARE": "a comparison",
    "SHIFT": "a shift",
    "MULTIPLY": "`*`",
    "_NL": "the end of the line",
    "_INDENT": "an indented block",
    "_DEDENT": "the end of the block",
    "$END": "the end of the file",
}

OPERATORS = frozenset(
    ["or", "and", "not", "in", "with", ">", "|", "^", "&", "@", "+", "-", "**", "(", "[", "."]
)
"""The fixed words and signs that go on after an expression; the others are terminals."""

OPERAND = frozenset({"NAME", "INT", "(", "~", "-", "undefined"})


class Vocabulary:
    """The terminals of a grammar by what they look like."""

    def __init__(self, lark: Lark) -> None:
        self._shown = {
            terminal.name.removeprefix(IMPORTED): terminal.pattern.value
            for terminal in lark.terminals
            if isinstance(terminal.pattern, PatternStr)
        }

    def shown(self, accepts: Collection[str]) -> frozenset[str]:
        """Fixed words and signs as they are written, other terminals by their names."""
        names = (name.removeprefix(IMPORTED) for name in accepts)
        return frozenset(self._shown.get(name, name) for name in names)


def describe(expected: frozenset[str]) -> str:
    """`a, b or c`; groups of alternatives under their common name."""
    rest = set(expected)
    parts: list[str] = []
    if {"register", "instruction", "include"} <= rest:
        parts.append("an item such as `register` or `instruction`")
        rest -= ITEMS | {"$END"}
    if "let" in rest:
        properties = {"encoding", "expect"} <= rest
        parts.append("a property or a statement" if properties else "a statement")
        rest -= STATEMENTS | PROPERTIES | OPERAND | {"_DEDENT"}
    elif {"encoding", "expect"} <= rest:
        parts.append("a property such as `expect`")
        rest -= PROPERTIES
    if rest >= OPERAND:
        parts.append("an expression")
        rest -= OPERAND | {"if", "not"}
    if {"resource", "control", "loadable"} <= rest:
        parts.append("a role such as `resource`")
        rest -= {"register", "pc", "mode", "resource", "control", "loadable", "hidden", "clock"}
    if "ENAME" in rest and "PATTERN" in rest:
        parts.append("an encoding")
        rest -= {"ENAME", "PATTERN", "SLASH"}
    if {"(", "[", "."} <= rest or "COMPARE" in rest:
        operators = True
        rest -= OPERATORS | {"COMPARE", "SHIFT", "MULTIPLY"}
    else:
        operators = False
    ends = [KINDS[name] for name in ("_NL", "_DEDENT", "$END") if name in rest]
    rest -= {"_NL", "_DEDENT", "$END"}
    parts += sorted(KINDS[name] for name in rest if name in KINDS)
    parts += [f"`{word}`" for word in sorted(rest) if word not in KINDS]
    parts += ends[:1]
    if operators and not parts:
        parts.append("an operator")
    return join(parts)


def join(parts: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    if len(parts) < 2:
        return "".join(parts) or "something else"
    return f"{', '.join(parts[:-1])} or {parts[-1]}"
