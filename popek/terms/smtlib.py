"""Terms as SMT-LIB 2 text, logic QF_AUFBV.

The text is a function of the structure alone: the same in every process and for every order in
which the terms were made. A subterm that occurs more than once is written once, as a definition
without arguments named `$0`, `$1`, ... in the order of a walk over the assertions.

Terms of width 1 are Bool wherever they are variables, connectives, comparisons or choices; where a
bit is wanted (parts of a concatenation, arguments of arithmetic, of functions, of arrays) they are
converted by `(ite b #b1 #b0)`, and a bit that comes from there is converted back by `(= b #b1)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from popek.terms.sorts import Array, Sort
from popek.terms.symbols import Function, Symbol, symbols_of
from popek.terms.term import Op, Term
from popek.terms.traversal import bottom_up

_SIMPLE: Final = re.compile(r"[A-Za-z~!@%^&*_+=<>.?/-][0-9A-Za-z~!@$%^&*_+=<>.?/-]*")
_RESERVED: Final = frozenset(
    [
        "!",
        "_",
        "as",
        "let",
        "exists",
        "forall",
        "match",
        "par",
        "true",
        "false",
        "not",
        "and",
        "or",
        "xor",
        "ite",
        "distinct",
        "select",
        "store",
        "concat",
        "const",
        "BINARY",
        "DECIMAL",
        "HEXADECIMAL",
        "NUMERAL",
        "STRING",
        "assert",
    ]
)

_LONGEST: Final = 4000
"""A text longer than this is written as a definition even if used once: texts grow by copying."""

_HEADS: Final = {
    Op.ADD: "bvadd",
    Op.SUB: "bvsub",
    Op.MUL: "bvmul",
    Op.UDIV: "bvudiv",
    Op.UREM: "bvurem",
    Op.SDIV: "bvsdiv",
    Op.SREM: "bvsrem",
    Op.NEG: "bvneg",
    Op.AND: "bvand",
    Op.OR: "bvor",
    Op.XOR: "bvxor",
    Op.NOT: "bvnot",
    Op.SHL: "bvshl",
    Op.LSHR: "bvlshr",
    Op.ASHR: "bvashr",
    Op.ULT: "bvult",
    Op.ULE: "bvule",
    Op.SLT: "bvslt",
    Op.SLE: "bvsle",
    Op.CONCAT: "concat",
}
_COMPARISONS: Final = frozenset({Op.ULT, Op.ULE, Op.SLT, Op.SLE})
_CONNECTIVES: Final = {Op.AND: "and", Op.OR: "or", Op.XOR: "xor", Op.NOT: "not"}


class _Text(NamedTuple):
    """A printed term of width 1 is a Bool or a bit; any other is neither."""

    text: str
    is_bool: bool = False


def to_smtlib(assertions: Sequence[Term], name: str) -> str:
    """A complete script asserting that each term, of width 1, is 1; `name` goes into a comment."""
    lines = [f"; {line}" for line in name.splitlines()]
    lines.append("(set-logic QF_AUFBV)")
    lines.extend(_declaration(symbol) for symbol in symbols_of(assertions))
    uses = _uses(assertions)
    defined = 0
    texts = dict[Term, _Text]()
    for term in bottom_up(assertions):
        printed = _printed(term, texts)
        for a in term.args:
            if uses[a] == 1:
                texts.pop(a, None)  # it has been copied into its only user
        long = len(printed.text) > _LONGEST
        if term.args and (uses[term] > 1 or long):
            symbol = f"${defined}"
            defined += 1
            sort = "Bool" if printed.is_bool else sort_text(term.sort)
            lines.append(f"(define-fun {symbol} () {sort} {printed.text})")
            printed = _Text(symbol, printed.is_bool)
        texts[term] = printed
    lines.extend(f"(assert {_as_bool(texts[term])})" for term in assertions)
    lines.append("(check-sat)")
    return "\n".join(lines) + "\n"


def symbol_text(name: str) -> str:
    """The name as an SMT-LIB symbol, between bars where it needs them."""
    plain = _SIMPLE.fullmatch(name) and name not in _RESERVED and not name.startswith("bv")
    return name if plain else f"|{name}|"


def sort_text(sort: Sort) -> str:
    """The sort in SMT-LIB; width 1 as the bit-vector that it is inside arrays and functions."""
    if isinstance(sort, Array):
        return f"(Array (_ BitVec {sort.index}) (_ BitVec {sort.element}))"
    return f"(_ BitVec {sort.width})"


def _declaration(symbol: Symbol) -> str:
    name = symbol_text(symbol.name)
    if isinstance(symbol, Function):
        arguments = " ".join(f"(_ BitVec {w})" for w in symbol.arguments)
        return f"(declare-fun {name} ({arguments}) (_ BitVec {symbol.width}))"
    sort = symbol.sort
    boolean = not isinstance(sort, Array) and sort.width == 1
    return f"(declare-const {name} {'Bool' if boolean else sort_text(sort)})"


def _uses(assertions: Sequence[Term]) -> dict[Term, int]:
    uses = dict.fromkeys(assertions, 0)
    for term in assertions:
        uses[term] += 1
    for term in bottom_up(assertions):
        for a in term.args:
            uses[a] = uses.get(a, 0) + 1
    return uses


def _as_bool(printed: _Text) -> str:
    return printed.text if printed.is_bool else f"(= {printed.text} #b1)"


def _as_bits(printed: _Text) -> str:
    if not printed.is_bool:
        return printed.text
    constant = _BITS.get(printed.text)
    return constant or f"(ite {printed.text} #b1 #b0)"


_BITS: Final = {"true": "#b1", "false": "#b0"}


def _printed(term: Term, texts: dict[Term, _Text]) -> _Text:
    op, args = term.op, [texts[a] for a in term.args]
    narrow = term.width == 1
    if op is Op.CONST:
        return _constant(term)
    if op is Op.VAR:
        return _Text(symbol_text(term.payload), narrow)
    if narrow and op in _CONNECTIVES:
        return _Text(f"({_CONNECTIVES[op]} {' '.join(map(_as_bool, args))})", True)
    if op is Op.EQ:
        side = _as_bool if all(a.is_bool for a in args) else _as_bits
        return _Text(f"(= {side(args[0])} {side(args[1])})", True)
    if op is Op.ITE:
        boolean = narrow and any(a.is_bool for a in args[1:])
        side = _as_bool if boolean else _as_bits
        return _Text(f"(ite {_as_bool(args[0])} {side(args[1])} {side(args[2])})", boolean)
    bits = [_as_bits(a) for a in args]
    if op is Op.ZEXT or op is Op.SEXT:
        (inner,) = term.args
        head = "zero_extend" if op is Op.ZEXT else "sign_extend"
        return _Text(f"((_ {head} {term.width - inner.width}) {bits[0]})")
    if op is Op.EXTRACT:
        return _Text(f"((_ extract {term.payload[0]} {term.payload[1]}) {bits[0]})")
    if op is Op.SELECT or op is Op.STORE:
        return _Text(f"({op.value} {' '.join(bits)})")
    if op is Op.CONST_ARRAY:
        return _Text(f"((as const {sort_text(term.sort)}) {bits[0]})")
    if op is Op.APPLY:
        return _Text(f"({symbol_text(term.payload[0])} {' '.join(bits)})")
    head = _HEADS[op]
    if len(bits) <= 2:
        return _Text(f"({head} {' '.join(bits)})", op in _COMPARISONS)
    # The standard's operators take two arguments; all of these associate.
    text = bits[-1]
    for part in reversed(bits[:-1]):
        text = f"({head} {part} {text})"
    return _Text(text)


def _constant(term: Term) -> _Text:
    width, value = term.width, term.payload
    if width == 1:
        return _Text("true" if value else "false", True)
    if width % 4 == 0:
        return _Text(f"#x{value:0{width // 4}x}")
    return _Text(f"#b{value:0{width}b}")
