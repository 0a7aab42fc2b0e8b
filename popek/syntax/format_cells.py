"""How a sentence of one line falls into cells, and which cells are aligned with which.

A `Layout` says for a kind of sentence where its cells begin.  Sentences of one `group` are
aligned: rows of a table over their whole block, others over a run of adjacent lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from popek.syntax.format_cut import Cells, Span, cut, find, without_title
from popek.syntax.format_design import DESIGN_TABLES
from popek.syntax.format_read import Sentence
from popek.syntax.format_space import spaced
from popek.syntax.words import PROPERTIES, words

ROLES = words("register pc mode resource control loadable hidden clock")
STATE = ROLES | {"banked", "bank", "alias", "memory", "device"}
TITLED = STATE | {"parameter", "constant", "type", "enum", "group", "context"}
RUNS = ROLES | words("manual constant parameter type token names format trap alias enum group")


def cells_of(sentence: Sentence) -> Cells:
    """The cells of a sentence of one line."""
    tokens = sentence.tokens
    keyword = str(tokens[0]) if tokens[0].type not in ("NAME", "DOTTED", "ENAME") else ""
    parent = sentence.parent.first.type.lower() if sentence.parent is not None else ""
    if not parent:
        return _item(sentence, tokens, keyword)
    if parent in ROLES or parent == "type":
        return _field_row(tokens)
    table = TABLES.get(parent)
    if table is not None and not (parent == "bank" and keyword in ("read", "write")):
        return table(tokens)
    if keyword in PROPERTIES:
        return _property(tokens, keyword)
    return _statement(sentence, tokens, keyword)


def _whole(tokens: Sequence[Token], keyword: str) -> Cells:
    return Cells(["".join(spaced(tokens, keyword))], [0])


# ---------------------------------------------------------------- items

UNTITLED = words("isa hypervisor include manual names token format operand immediate")
"""A text that ends these is part of what they say."""

APART = {"AS": 2, "BY": 2, "NAMED": 2, "HOST": 2, "FOR": 2}


def _item(sentence: Sentence, tokens: Sequence[Token], keyword: str) -> Cells:
    title = ""
    if keyword not in UNTITLED:
        tokens, title = without_title(tokens)
    group = "state" if keyword in TITLED else keyword
    if keyword == "hypervisor":
        cells = _whole(tokens, keyword)
    elif keyword == "operand":
        cells = _whole(tokens, keyword) if sentence.opens else _operand(tokens)
    elif keyword == "function":
        cells = _function(tokens)
    elif keyword in STATE or keyword in RUNS:
        cells = _declaration(tokens, keyword)
    else:
        cells = _apart(tokens, keyword)
    if sentence.opens and keyword not in STATE:
        cells.span = Span.NONE
        group = ""
    if sentence.opens and cells.span is Span.RUN:
        cells.group += " with a block"
        cells.span = Span.NONE
    cells.tail, cells.tail_group = title, group
    return cells


def _apart(tokens: Sequence[Token], keyword: str) -> Cells:
    """Words that stand two blanks apart from what is before them."""
    starts, gaps = [0], [0]
    for i in range(1, len(tokens)):
        if tokens[i].type in APART and find(tokens, tokens[i].type, start=i) == i:
            starts.append(i)
            gaps.append(APART[str(tokens[i].type)])
    return Cells(cut(tokens, keyword, starts), gaps)


def _declaration(tokens: Sequence[Token], keyword: str) -> Cells:
    """`keyword name : type = value  named ..  host ..`."""
    extra = find(tokens, "NAMED", "HOST", "BY", start=1)
    body = tokens if extra < 0 else tokens[:extra]
    colon = find(body, "COLON")
    equals = find(body, "EQUAL")
    if keyword == "mode":  # `mode CPL = CS.RPL : 0 > 1`, `mode M : a = 1 > b`
        colon, equals = (colon, -1) if equals < 0 else (min(colon, equals), -1)
    elif 0 <= equals < colon:
        colon = -1
    starts = [0, 1, colon, equals, extra]
    return Cells(
        cut(tokens, keyword, starts),
        [0, 1, 1, 1, 2],
        span=Span.RUN,
        group=f"item {keyword}",
        limit=6 if keyword in STATE else 12,
        keyword=keyword in STATE,
    )


def _operand(tokens: Sequence[Token]) -> Cells:
    syntax = find(tokens, "STRING")
    extra = find(tokens, "BEFORE", "AFTER")
    starts = [0, 1, syntax, syntax + 1, extra]
    texts = cut(tokens, "operand", starts)
    return Cells(texts, [0, 1, 1, 1, 2], span=Span.RUN, group="item operand", limit=12)


def _function(tokens: Sequence[Token]) -> Cells:
    equals = find(tokens, "EQUAL")
    texts = cut(tokens, "function", [0, 1, equals])
    return Cells(texts, [0, 1, 1], span=Span.RUN, group="item function", limit=10)


# ---------------------------------------------------------------- rows of tables


def _field_row(tokens: Sequence[Token]) -> Cells:
    if tokens[0].type == "FIXED":
        return _whole(tokens, "")
    tokens, title = without_title(tokens)
    bits = tokens[0].type == "INT"
    name = 0
    if bits:
        name = 3 if len(tokens) > 1 and tokens[1] == ".." else 1
    colon = find(tokens, "COLON")
    host = find(tokens, "HOST", start=name + 1)
    role = next(
        (
            i
            for i in range(name + 1, len(tokens) if host < 0 else host)
            if str(tokens[i]) in ROLES and tokens[i].type != "NAME"
        ),
        -1,
    )
    starts = [0, name, colon, role, host] if bits else [-1, 0, colon, role, host]
    return Cells(
        cut(tokens, "", starts),
        [0, 2 if bits else 0, 1 if not bits else 2, 2, 2],
        span=Span.BLOCK,
        group="bits" if bits else "fields",
        tail=title,
        tail_group="state",
    )


def _family_row(tokens: Sequence[Token]) -> Cells:
    colon = find(tokens, "COLON")
    end = len(tokens) if colon < 0 else colon
    starts = [*range(end), colon]
    return Cells(cut(tokens, "", starts), [0] + [1] * end, span=Span.BLOCK, group=f"family {end}")


def _operand_row(tokens: Sequence[Token]) -> Cells:
    syntax = find(tokens, "STRING")
    extra = find(tokens, "BEFORE", "AFTER", start=syntax)
    # A row without a pattern begins with its syntax, and no line may begin with blanks.
    starts = [0, syntax if syntax else -1, syntax + 1, extra]
    return Cells(cut(tokens, "", starts), [0, 2, 2, 2], span=Span.BLOCK, group="operand")


def _form_row(tokens: Sequence[Token]) -> Cells:
    colon = find(tokens, "COLON")
    starts = [0]
    for i in range(colon):
        if tokens[i] == "," and find(tokens, "COMMA", start=i) == i:
            starts.append(i + 1)
    starts.append(colon)
    gaps = [0] + [1] * (len(starts) - 1)
    return Cells(cut(tokens, "", starts), gaps, span=Span.BLOCK, group="forms")


def _prefix_row(tokens: Sequence[Token]) -> Cells:
    starts = [0, len(tokens) - 1]
    return Cells(cut(tokens, "", starts), [0, 2], span=Span.BLOCK, group="prefix")


def _banked_row(tokens: Sequence[Token]) -> Cells:
    return Cells(cut(tokens, "", [0, 1]), [0, 2], span=Span.BLOCK, group="banked")


def _bank_row(tokens: Sequence[Token]) -> Cells:
    tokens, title = without_title(tokens)
    starts = [0, 1, find(tokens, "EQUAL")]
    texts = cut(tokens, "", starts)
    return Cells(texts, [0, 2, 1], Span.BLOCK, "bank", tail=title, tail_group="state")


def _arm(tokens: Sequence[Token]) -> Cells:
    arrow = next(i for i, token in enumerate(tokens) if token == "=>")
    if arrow == len(tokens) - 1:
        return _whole(tokens, "")
    return Cells(cut(tokens, "", [0, arrow]), [0, 1], Span.BLOCK, "match")


def _operation(tokens: Sequence[Token]) -> Cells:
    return _whole(tokens, "")


TABLES = {
    "family": _family_row,
    "operand": _operand_row,
    "forms": _form_row,
    "prefix": _prefix_row,
    "banked": _banked_row,
    "bank": _bank_row,
    "match": _arm,
    "device": _operation,
    **DESIGN_TABLES,
}

# ---------------------------------------------------------------- bodies


def _property(tokens: Sequence[Token], keyword: str) -> Cells:
    if keyword in ("valid", "forms"):
        return _whole(tokens, keyword)
    title = ""
    if keyword == "expect":
        tokens, title = without_title(tokens)
    starts = [0, 1, 2] if keyword == "see" else [0, 1, -1]
    cells = Cells(cut(tokens, keyword, starts), [0, 2, 1], Span.BLOCK, "property")
    cells.tail = title
    return cells


def _statement(sentence: Sentence, tokens: Sequence[Token], keyword: str) -> Cells:
    if sentence.opens:
        return _whole(tokens, keyword)
    if keyword == "if":
        then = find(tokens, "THEN")
        if then > 0:
            texts = cut(tokens, keyword, [0, then])
            return Cells(texts, [0, 1], Span.RUN, "if", limit=8)
    if keyword == "require":
        otherwise = _last(tokens, "ELSE")
        texts = cut(tokens, keyword, [0, otherwise])
        return Cells(texts, [0, 1], Span.RUN, "require", limit=8)
    if keyword == "let":
        colon, equals = find(tokens, "COLON"), find(tokens, "EQUAL")
        texts = cut(tokens, keyword, [0, colon, equals])
        group = "let with a type" if colon > 0 else "let"
        return Cells(texts, [0, 1, 1], Span.RUN, group, limit=6)
    if keyword == "":
        equals = find(tokens, "EQUAL")
        if equals > 0:
            texts = cut(tokens, keyword, [0, equals])
            # Parts of one thing, or plain names of about one length.
            plain = equals == 1
            group = "place" if plain else f"parts of {tokens[0]}"
            return Cells(texts, [0, 1], Span.RUN, group, limit=3 if plain else 12)
    if keyword == "host":
        body, title = without_title(tokens)
        cells = _whole(body, keyword)
        cells.tail = title
        return cells
    return _whole(tokens, keyword)


def _last(tokens: Sequence[Token], kind: str) -> int:
    found = -1
    while True:
        i = find(tokens, kind, start=found + 1)
        if i < 0:
            return found
        found = i
