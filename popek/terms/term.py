"""The node: an operator, its arguments, and what the operator needs beside them.

Terms are made by `popek.terms.builder.Terms` alone, which keeps one object per structure: two
terms of one builder are structurally equal exactly when they are the same object.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from popek.terms.sorts import Array, BitVec, Sort


class Op(StrEnum):
    """The operators, with the semantics that SMT-LIB gives to their namesakes in QF_AUFBV."""

    CONST = "const"
    VAR = "var"
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    UDIV = "udiv"
    UREM = "urem"
    SDIV = "sdiv"
    SREM = "srem"
    NEG = "neg"
    AND = "and"
    OR = "or"
    XOR = "xor"
    NOT = "not"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"
    EQ = "eq"
    ULT = "ult"
    ULE = "ule"
    SLT = "slt"
    SLE = "sle"
    CONCAT = "concat"
    EXTRACT = "extract"
    ZEXT = "zext"
    SEXT = "sext"
    ITE = "ite"
    SELECT = "select"
    STORE = "store"
    CONST_ARRAY = "constant-array"
    APPLY = "apply"

    # Enum hashes in Python; every interning hashes an operator.
    __hash__ = str.__hash__


Payload: TypeAlias = Any
"""Fixed by the operator: the value (`int`) of CONST, the name of VAR, `(hi, lo)` of EXTRACT, the
resulting width of ZEXT and SEXT, the index width of CONST_ARRAY, `(name, width)` of APPLY, else
None. Left as Any because a narrowing at each use would sit in the innermost loop."""


_TRANSPARENT: Final = frozenset(
    {Op.AND, Op.OR, Op.XOR, Op.NOT, Op.NEG, Op.ADD, Op.MUL, Op.CONCAT, Op.EXTRACT, Op.SEXT, Op.ITE}
)
"""Operators through which a rule may push another operator down to the arguments."""


_NAMES: Final = {op: op.value for op in Op}
"""`op.value` at the price of a lookup; Enum makes it a call."""


class Term:
    """An immutable expression; compared and hashed by identity.

    `width` is the number of bits, and 0 for an array. `digest` hashes the structure: it depends on
    nothing but operators, payloads, widths and arguments, hence never on the order of creation or
    on PYTHONHASHSEED, and orders the arguments of commutative operators. `reach` is the height of
    the part of the term through which operators are pushed; rules stop where it exceeds a bound, so
    that no term, however deep, exhausts the stack.
    """

    __slots__ = ("args", "digest", "op", "payload", "reach", "sort", "width")

    op: Final[Op]
    args: Final[tuple[Term, ...]]
    payload: Final[Payload]
    sort: Final[Sort]
    width: Final[int]
    digest: Final[bytes]
    reach: Final[int]

    def __init__(self, op: Op, args: tuple[Term, ...], payload: Payload, sort: Sort) -> None:
        self.op = op
        self.args = args
        self.payload = payload
        self.sort = sort
        self.width = sort.width if isinstance(sort, BitVec) else 0
        text = f"{_NAMES[op]} {payload} {self.width or sort}".encode()
        self.digest = blake2b(text + b"".join([a.digest for a in args]), digest_size=16).digest()
        # A read passes a write without a call, so a write adds nothing.
        passing = args[0].reach if op is Op.STORE else 0
        self.reach = 1 + max([a.reach for a in args]) if op in _TRANSPARENT else passing

    def __repr__(self) -> str:
        """The term as an S-expression, cut short below depth 4."""
        return _show(self, 4)

    @property
    def is_const(self) -> bool:
        """Whether the term is a constant, whose value is then `payload`."""
        return self.op is Op.CONST

    def is_value(self, value: int) -> bool:
        """Whether the term is the constant `value`, given without sign."""
        return self.op is Op.CONST and self.payload == value

    @property
    def is_array(self) -> bool:
        """Whether the term denotes an array."""
        return isinstance(self.sort, Array)


def _show(term: Term, depth: int) -> str:
    if term.op is Op.CONST:
        return f"{term.payload:#x}:{term.width}"
    if term.op is Op.VAR:
        return str(term.payload)
    if depth == 0:
        return "..."
    head = term.op.value if term.payload is None else f"{term.op.value}{term.payload}"
    return f"({head} {' '.join(_show(a, depth - 1) for a in term.args)})"
