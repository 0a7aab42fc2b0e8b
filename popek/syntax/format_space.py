"""Where blanks stand between the tokens of a line."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

OPENING = frozenset({"LPAR", "LSQB", "LBRACE"})
CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})

OPERAND_ENDS = CLOSING | {"NAME", "INT", "STRING", "UNDEFINED", "DOTTED", "ENAME"}
"""After these, `-` subtracts."""

CALLED = frozenset({"NAME", "ENAME", "RPAR", "RSQB"})
"""After these, `(` is a call and `[` an index."""

TIGHT = frozenset({"..", "**", "."})


def spaced(tokens: Sequence[Token], keyword: str) -> list[str]:
    """The tokens with the blank, if any, that stands before each.

    `keyword` is the first word of the sentence: colons mean different things.
    """
    tight = _in_ranges(tokens)
    out: list[str] = []
    for i, token in enumerate(tokens):
        blank = i > 0 and _blank(tokens, i, keyword, tight)
        out.append(f" {token}" if blank else str(token))
    return out


def _blank(tokens: Sequence[Token], i: int, keyword: str, tight: set[int]) -> bool:
    before, token = tokens[i - 1], tokens[i]
    if token.type in CLOSING or token == "," or before.type in OPENING:
        return False
    if keyword == "assume" and "-" in (token, before) and _is_id(tokens):
        return False
    if _is_tight(token) or _is_tight(before) or i in tight or i - 1 in tight:
        return False
    if _is_sign(tokens, i - 1):
        return False
    if token.type in ("LPAR", "LSQB"):
        return before.type not in CALLED
    if token == ":" or before == ":":
        colon = i if token == ":" else i - 1
        return _colon(tokens, colon, keyword, before_it=colon == i)
    if token == "=":
        return before.type != "ENAME"
    if before == "=":
        return i < 2 or tokens[i - 2].type != "ENAME"
    return not (_in_sum(tokens, i) or _in_sum(tokens, i - 1))


def _is_tight(token: Token) -> bool:
    """Two don't-care bits look like a range, and are none."""
    return token.type != "PATTERN" and str(token) in TIGHT


def _is_id(tokens: Sequence[Token]) -> bool:
    """Whether a design assumes an id of the registry: `assume same-storage` is no difference."""
    return all(token.type == "NAME" or token == "-" for token in tokens[1:])


def _is_sign(tokens: Sequence[Token], i: int) -> bool:
    """Whether the token is a `-` or `~` before its operand."""
    if tokens[i] == "~":
        return True
    return tokens[i] == "-" and (i == 0 or tokens[i - 1].type not in OPERAND_ENDS)


def _colon(tokens: Sequence[Token], colon: int, keyword: str, *, before_it: bool) -> bool:
    if keyword == "contract":
        return not before_it
    if keyword == "instruction":
        return False
    return not (colon > 0 and tokens[colon - 1].type == "ENAME")


def _in_sum(tokens: Sequence[Token], i: int) -> bool:
    """Whether the token is the plus of `00+8n`."""
    return tokens[i] == "+" and i + 1 < len(tokens) and tokens[i + 1].type == "ADDEND"


def _in_ranges(tokens: Sequence[Token]) -> set[int]:
    """The `+` and `-` beside a `..`: `x[n-1..0]`, or the eye reads `1..0` first."""
    found: set[int] = set()
    groups: list[tuple[list[int], list[bool]]] = [([], [False])]
    for i, token in enumerate(tokens):
        if token.type in OPENING:
            groups.append(([], [False]))
        elif token.type in CLOSING and len(groups) > 1:
            _close(groups.pop(), found)
        elif token == "," and len(groups) > 1:
            _close(groups[-1], found)
            groups[-1] = ([], [False])
        elif token == "in":
            groups[-1] = ([], [False])
        elif token in ("+", "-") and i > 0 and tokens[i - 1].type in OPERAND_ENDS:
            groups[-1][0].append(i)
        elif token == ".." and _is_tight(token):
            groups[-1][1][0] = True
    for group in groups:
        _close(group, found)
    return found


def _close(group: tuple[list[int], list[bool]], found: set[int]) -> None:
    operators, ranged = group
    if ranged[0]:
        found.update(operators)
