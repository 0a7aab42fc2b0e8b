"""The mistakes that have a message of their own, most particular first."""

from __future__ import annotations

from collections.abc import Callable

from lark import Token

from popek.diagnostics import Diagnostic, Note, did_you_mean
from popek.syntax.expected import OPERAND, describe
from popek.syntax.layout import CLOSE, OPEN
from popek.syntax.refusal import Refusal
from popek.syntax.words import ITEMS, PROPERTIES, STATEMENTS

Mistake = Callable[[Refusal], Diagnostic | None]

ELSE_IF = frozenset({"elif", "elsif", "elseif"})
COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">=", "<s", "<=s", ">s", ">=s"])


def _bracket(r: Refusal) -> Diagnostic | None:
    brackets = r.layout.brackets
    if r.token.type in CLOSE:
        if not brackets:
            return r.report(f"this `{r.token}` closes no bracket", code="E0108")
        if OPEN[brackets[-1].type] != r.token:
            opener = r.source.span(brackets[-1].start_pos or 0, brackets[-1].end_pos)
            return Diagnostic(
                "E0108",
                f"`{r.token}` cannot close `{brackets[-1]}`",
                r.span,
                notes=(Note(opener, "opened here"),),
                hint=f"write `{OPEN[brackets[-1].type]}`",
            )
    elif brackets and r.starts_line and r.token.type not in ("_NL", "_INDENT", "_DEDENT"):
        return r.layout.unclosed().diagnostic
    return None


def _unknown_item(r: Refusal) -> Diagnostic | None:
    if not (r.is_first and "instruction" in r.expected):
        return None
    word = str(r.token)
    if r.token.type != "NAME":
        return r.report(f"expected {describe(r.expected)}, found {r.found}")
    if word in STATEMENTS | PROPERTIES | ELSE_IF | {"else"}:
        return r.report(
            f"`{word}` belongs into a body",
            hint="indent it below the item that it belongs to",
            code="E0109",
        )
    hint = did_you_mean(word, ITEMS) or "items begin with words such as `register` or `function`"
    return r.report(f"no item begins with `{word}`", hint=hint)


def _item_in_block(r: Refusal) -> Diagnostic | None:
    first = r.first
    if first is None or first not in ITEMS or r.layout.sentence is None:
        return None
    at_start = r.previous is first and r.token.type in ("NAME", "INT", "STRING", "PATTERN")
    if at_start and "instruction" not in r.expected and r.source.column_of(_start(first)) > 1:
        return _at(
            r,
            first,
            f"`{first}` begins an item of its own, and cannot stand in a block",
            hint="items start in the first column",
            code="E0109",
        )
    return None


def _unknown_statement(r: Refusal) -> Diagnostic | None:
    first = r.first
    if first is None or first.type != "NAME":
        return None
    if first in ELSE_IF:
        return _at(r, first, f"there is no `{first}`", hint="write `else if`")
    misspelled = r.previous is first and "=" in r.expected and r.token.type != "="
    if misspelled and r.token.type in ("NAME", "STRING", "INT", "PATTERN"):
        known = PROPERTIES | STATEMENTS if _in_clause(r) else STATEMENTS
        hint = did_you_mean(str(first), known)
        return _at(r, first, f"no statement begins with `{first}`", hint=hint)
    return None


def _in_clause(r: Refusal) -> bool:
    return any(isinstance(x, Token) and x.type == "INSTRUCTION" for x in r.stack)


def _else(r: Refusal) -> Diagnostic | None:
    """A lone `else` is read as a name, until something follows it."""
    if r.first is not None and r.first == "else":
        hint = "an `else` stands in the column of its `if`"
        return _at(r, r.first, "this `else` follows no `if`", hint=hint)
    return None


def _indent(r: Refusal) -> Diagnostic | None:
    if r.token.type != "_INDENT":
        return None
    hint = "a sentence goes on in the next line only if a bracket is open"
    if r.begins("if") and any(token == "then" for token in r.open_words):
        hint = "after `then` stands one statement; for a block, leave `then` out"
    return r.report(
        "this line is indented, but the line above takes no block", hint=hint, code="E0104"
    )


def _missing_block(r: Refusal) -> Diagnostic | None:
    word = r.layout.above if r.is_first else r.first
    if r.expected != {"_INDENT"} or word is None:
        return None
    code = "E0102" if r.at_end else "E0101"
    message = f"expected an indented block after `{word}`"
    return _at(r, word, message, hint="its lines start two columns further right", code=code)


def _assignment(r: Refusal) -> Diagnostic | None:
    if r.token != "=" or r.starts_line:
        return None
    if r.follows("=", ":", "+", "-", "*", "|", "&", "^", "<", ">", "!"):
        return None
    if "COMPARE" in r.expected and not r.begins("let"):
        return r.report("`=` assigns", "here", hint="to compare, write `==`")
    return None


def _foreign_operator(r: Refusal) -> Diagnostic | None:
    if r.previous is None or (r.previous.end_pos or 0) != r.place:
        return None
    pair = f"{r.previous}{r.token}"
    instead = {
        "&&": "write `and`",
        "||": "write `or`",
        "++": "write `x = x + 1`",
        "--": "write `x = x - 1`",
        ":=": "write `=`",
        "<-": "write `=`",
        "+=": "write `x = x + ...`",
        "-=": "write `x = x - ...`",
        "|=": "write `x = x | ...`",
        "&=": "write `x = x & ...`",
        "^=": "write `x = x ^ ...`",
        "*=": "write `x = x * ...`",
        "===": "write `==`",
        "==": "`==` compares; what is defined stands after `=`",
        "=>": "write `>=`",
        "<>": "write `!=`",
        "...": "a range is written with two dots: `..`",
        "//": "a comment begins with `#`",
        "/*": "a comment begins with `#`",
        ">>>": "write `>>`; the arithmetic shift is `>>s`",
    }.get(pair)
    if instead is None:
        return None
    span = r.source.span(_start(r.previous), r.token.end_pos)
    message = f"there is no operator `{pair}`" if pair != "==" else "expected `=`, found `==`"
    return Diagnostic("E0101", message, span, hint=instead)


def _chain(r: Refusal) -> Diagnostic | None:
    if str(r.token) in COMPARISONS and "=" in r.expected and "@" in r.expected:
        return r.report(
            "a comparison does nothing as a statement",
            hint="to assign, write `=`; to demand it, write `require ... else raise ...`",
        )
    if str(r.token) in COMPARISONS | {"in"} and "and" in r.expected:
        return r.report("comparisons do not chain", hint="write `a < b and b < c`")
    return None


def _not(r: Refusal) -> Diagnostic | None:
    if r.follows("not") and r.previous is not None and r.previous.type == "NAME":
        return _at(
            r,
            r.previous,
            "`not` applies to the whole comparison on its right, and cannot stand here",
            hint="put it into brackets: `a == (not b)`",
        )
    return None


def _then(r: Refusal) -> Diagnostic | None:
    if "then" not in r.expected:
        if r.follows("then") and r.token.type == "_NL":
            return r.report(
                "after `then` a statement stands on the same line",
                hint="for a block on the next lines, leave `then` out",
            )
        return None
    if "_NL" not in r.expected:
        return r.report(
            "an `if` that is a value needs `then` and `else`",
            f"expected `then`, found {r.found}",
            hint="write `if a then b else c`",
        )
    if r.token == ":":
        return r.report(
            "no colon follows the condition of an `if`",
            hint="write `then` and a statement, or a block on the next lines",
        )
    return r.report("a one-line `if` needs `then`", f"expected `then`, found {r.found}")


def _value_else(r: Refusal) -> Diagnostic | None:
    if "else" not in r.expected:
        return None
    if r.begins("require") and not _inner_if(r):
        return r.report(
            "a `require` says what happens otherwise",
            f"expected `else`, found {r.found}",
            hint="write `require CONDITION else raise TRAP`",
        )
    if "_NL" not in r.expected:
        return r.report(
            "an `if` that is a value needs an `else`",
            f"expected `else`, found {r.found}",
            hint="write `if a then b else c`",
        )
    return None


def _inner_if(r: Refusal) -> bool:
    return any(token == "if" for token in r.open_words)


def _require_raise(r: Refusal) -> Diagnostic | None:
    if r.expected == {"raise"}:
        return r.report(
            "a `require` that fails raises a trap",
            f"expected `raise`, found {r.found}",
            hint="write `require CONDITION else raise TRAP`",
        )
    return None


def _else_line(r: Refusal) -> Diagnostic | None:
    """An `if` behind `then` or `else` is read as a name, until something follows it."""
    if r.previous is not None and r.previous == "if" and r.previous.type == "NAME":
        return _at(
            r,
            r.previous,
            "an `if` cannot stand inside a one-line `if`",
            hint="put it into a block of its own",
        )
    return None


def _line_end(r: Refusal) -> Diagnostic | None:
    if r.token.type != "_NL" or not r.expected >= OPERAND:
        return None
    code = "E0102" if r.at_end else "E0101"
    where = "the file" if r.at_end else "the line"
    if r.previous is None:
        return None
    return r.report(
        f"{where} ends where an expression is expected after `{r.previous}`",
        hint="" if r.at_end else "a sentence goes on in the next line if a bracket is open",
        code=code,
    )


def _arm(r: Refusal) -> Diagnostic | None:
    if "=>" in r.expected:
        return r.report(
            "an arm of a `match` is written `PATTERN => STATEMENT`",
            f"expected `=>`, found {r.found}",
        )
    return None


def _file_end(r: Refusal) -> Diagnostic | None:
    if not r.at_end:
        return None
    return r.report(f"the file ends where {describe(r.expected)} is expected", code="E0102")


def _at(r: Refusal, token: Token, message: str, hint: str = "", code: str = "E0101") -> Diagnostic:
    span = r.source.span(_start(token), token.end_pos)
    return Diagnostic(code, message, span, hint=hint)


def _start(token: Token) -> int:
    return token.start_pos or 0


MISTAKES: tuple[Mistake, ...] = (
    _bracket,
    _missing_block,
    _unknown_item,
    _else,
    _item_in_block,
    _unknown_statement,
    _indent,
    _foreign_operator,
    _not,
    _assignment,
    _chain,
    _else_line,
    _then,
    _value_else,
    _require_raise,
    _line_end,
    _arm,
    _file_end,
)
