"""The constructors of terms, with simplification or without.

A `Terms` owns the table in which each structure occurs once. Its methods check widths, then try the
rewrite rules of `popek.terms.rules`, then intern what is left. With simplification, booleans come
out as AND, XOR, NOT and ITE of width 1 (`a or b` is `not (not a and not b)`, `a == b` on booleans
is `not (a xor b)`), `a <= b` as `not (b < a)`, subtraction as a sum, and zero extension, constant
shifts and constant masks as concatenations: one form for each, so that equal things meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from popek.terms.rules.registry import Fire, rules_for
from popek.terms.sorts import Array, Sort, SortError, array_of, bit_vector
from popek.terms.term import Op, Payload, Term

_BOOLEAN = frozenset({Op.EQ, Op.ULT, Op.ULE, Op.SLT, Op.SLE})

RESERVED = "$"
"""Names beginning thus belong to the printer."""


class Terms:
    """A table of hash-consed terms and the constructors that fill it.

    Constructors raise SortError for arguments whose widths do not fit. Terms of different tables
    must not be combined.
    """

    __slots__ = ("_nodes", "_results", "_rules", "_signatures", "_simplify", "forms")

    def __init__(self, simplify: bool = True) -> None:
        self._simplify = simplify
        self._nodes: dict[tuple[object, ...], Term] = {}
        self._results: dict[tuple[object, ...], Term] = {}
        self._rules: dict[tuple[Op, Op], tuple[Fire, ...]] = {}
        self._signatures: dict[str, Sort | tuple[tuple[int, ...], int]] = {}
        self.forms: dict[Term, tuple[dict[Term, int], int]] = {}
        """The linear forms of sums already read; see `popek.terms.linear`."""

    def verbatim(self) -> Terms:
        """A view of the same table whose constructors do not simplify."""
        view = Terms(simplify=False)
        view._nodes = self._nodes
        view._signatures = self._signatures
        return view

    # The two steps behind every constructor.

    def make(self, op: Op, args: tuple[Term, ...], payload: Payload = None) -> Term:
        """The simplest known term equal to `op` on `args`; widths must have been checked."""
        if not self._simplify:
            return self.node(op, args, payload)
        key = (op, payload, args)
        found = self._results.get(key)
        if found is not None:
            return found
        kind = (op, args[0].op)
        fires = self._rules.get(kind)
        if fires is None:
            fires = self._rules[kind] = rules_for(*kind)
        for fire in fires:
            result = fire(self, op, args, payload)
            if result is not None:
                break
        else:
            result = self.node(op, args, payload)
        self._results[key] = result
        return result

    def node(self, op: Op, args: tuple[Term, ...], payload: Payload = None) -> Term:
        """The term `op` on `args` as it stands, no rule applied."""
        key = (op, payload, args)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Term(op, args, payload, _sort_of(op, args, payload))
        return found

    # Leaves.

    def const(self, value: int, width: int) -> Term:
        """`value` modulo 2^width."""
        sort = bit_vector(width)
        key = (value & ((1 << width) - 1), width)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Term(Op.CONST, (), key[0], sort)
        return found

    def true(self) -> Term:
        """The constant 1 of width 1."""
        return self.const(1, 1)

    def false(self) -> Term:
        """The constant 0 of width 1."""
        return self.const(0, 1)

    def var(self, name: str, width: int) -> Term:
        """The bit-vector variable `name`; SortError if the name has another sort already."""
        return self._named(name, bit_vector(width))

    def array(self, name: str, index: int, element: int) -> Term:
        """The array variable `name`, from `index` bits to `element` bits."""
        return self._named(name, array_of(index, element))

    def _named(self, name: str, sort: Sort) -> Term:
        self._declare(name, sort)
        key = (name,)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Term(Op.VAR, (), name, sort)
        return found

    def _declare(self, name: str, signature: Sort | tuple[tuple[int, ...], int]) -> None:
        known = self._signatures.setdefault(name, signature)
        if known is signature:
            # SMT-LIB quotes any symbol but one with a bar or a backslash.
            if not name or name[0] == RESERVED or "|" in name or "\\" in name:
                raise SortError(f"{name!r} cannot be the name of a variable or function")
        elif known != signature:
            raise SortError(f"{name} is {known}, and cannot be {signature} too")

    # Arithmetic, modulo 2^width.

    def add(self, a: Term, b: Term) -> Term:
        """a + b."""
        return self._binary(Op.ADD, a, b)

    def sub(self, a: Term, b: Term) -> Term:
        """a - b."""
        return self._binary(Op.SUB, a, b)

    def mul(self, a: Term, b: Term) -> Term:
        """a * b."""
        return self._binary(Op.MUL, a, b)

    def udiv(self, a: Term, b: Term) -> Term:
        """The quotient without sign; all ones for b = 0."""
        return self._binary(Op.UDIV, a, b)

    def urem(self, a: Term, b: Term) -> Term:
        """The remainder without sign; a for b = 0."""
        return self._binary(Op.UREM, a, b)

    def sdiv(self, a: Term, b: Term) -> Term:
        """The signed quotient, rounded toward zero; for b = 0, 1 if a < 0 and else -1."""
        return self._binary(Op.SDIV, a, b)

    def srem(self, a: Term, b: Term) -> Term:
        """The signed remainder, with the sign of a; a for b = 0."""
        return self._binary(Op.SREM, a, b)

    def neg(self, a: Term) -> Term:
        """-a."""
        return self._unary(Op.NEG, a)

    # Bitwise; on width 1 the connectives.

    def and_(self, a: Term, *rest: Term) -> Term:
        """The bitwise conjunction."""
        return self._n_ary(Op.AND, a, rest)

    def or_(self, a: Term, *rest: Term) -> Term:
        """The bitwise disjunction."""
        return self._n_ary(Op.OR, a, rest)

    def xor(self, a: Term, *rest: Term) -> Term:
        """The bitwise exclusive disjunction."""
        return self._n_ary(Op.XOR, a, rest)

    def not_(self, a: Term) -> Term:
        """The bitwise complement."""
        return self._unary(Op.NOT, a)

    def all_of(self, conditions: Iterable[Term]) -> Term:
        """The conjunction of conditions; true for none."""
        given = tuple(conditions)
        return self.and_(*given) if given else self.true()

    def any_of(self, conditions: Iterable[Term]) -> Term:
        """The disjunction of conditions; false for none."""
        given = tuple(conditions)
        return self.or_(*given) if given else self.false()

    def implies(self, a: Term, b: Term) -> Term:
        """Not a, or b; both of width 1."""
        return self.or_(self.not_(a), b)

    def shl(self, a: Term, amount: Term) -> Term:
        """a shifted left; 0 for amounts from the width upward. `amount` is as wide as a."""
        return self._binary(Op.SHL, a, amount)

    def lshr(self, a: Term, amount: Term) -> Term:
        """a shifted right, zeros coming in."""
        return self._binary(Op.LSHR, a, amount)

    def ashr(self, a: Term, amount: Term) -> Term:
        """a shifted right, copies of the sign coming in."""
        return self._binary(Op.ASHR, a, amount)

    # Comparisons, of width 1.

    def eq(self, a: Term, b: Term) -> Term:
        """a = b, on bit-vectors; for arrays there is `array_differs`."""
        return self._binary(Op.EQ, a, b)

    def ne(self, a: Term, b: Term) -> Term:
        """Not a = b."""
        return self.not_(self.eq(a, b))

    def ult(self, a: Term, b: Term) -> Term:
        """a < b without sign."""
        return self._binary(Op.ULT, a, b)

    def ule(self, a: Term, b: Term) -> Term:
        """a <= b without sign."""
        return self._binary(Op.ULE, a, b)

    def slt(self, a: Term, b: Term) -> Term:
        """a < b in two's complement."""
        return self._binary(Op.SLT, a, b)

    def sle(self, a: Term, b: Term) -> Term:
        """a <= b in two's complement."""
        return self._binary(Op.SLE, a, b)

    # Widths.

    def concat(self, a: Term, *rest: Term) -> Term:
        """The arguments side by side, the first in the most significant bits."""
        if not rest:
            return a
        if not a.width or not all(b.width for b in rest):
            raise SortError(f"concat of {[str(x.sort) for x in (a, *rest)]}")
        return self.make(Op.CONCAT, (a, *rest))

    def extract(self, a: Term, hi: int, lo: int) -> Term:
        """Bits hi down to lo, both included, bit 0 the least significant."""
        if not 0 <= lo <= hi < a.width:
            raise SortError(f"bits {hi}..{lo} of {a.sort}")
        return self.make(Op.EXTRACT, (a,), (hi, lo))

    def zext(self, a: Term, width: int) -> Term:
        """a with zeros above, `width` bits in all; a itself if it is so wide already."""
        return self._extended(Op.ZEXT, a, width)

    def sext(self, a: Term, width: int) -> Term:
        """a with copies of its sign above, `width` bits in all."""
        return self._extended(Op.SEXT, a, width)

    def ite(self, condition: Term, a: Term, b: Term) -> Term:
        """a if the condition (of width 1) is 1, else b; bit-vectors or arrays of one sort."""
        if condition.width != 1 or a.width != b.width or (not a.width and a.sort != b.sort):
            raise SortError(f"ite of {condition.sort}, {a.sort}, {b.sort}")
        return self.make(Op.ITE, (condition, a, b))

    # Arrays and functions.

    def select(self, array: Term, index: Term) -> Term:
        """The element of `array` at `index`."""
        sort = array.sort
        if not isinstance(sort, Array) or sort.index != index.width:
            raise SortError(f"select from {sort} at {index.sort}")
        return self.make(Op.SELECT, (array, index))

    def store(self, array: Term, index: Term, value: Term) -> Term:
        """`array` but for `value` at `index`."""
        sort = array.sort
        if not isinstance(sort, Array) or sort.index != index.width or sort.element != value.width:
            raise SortError(f"store into {sort} at {index.sort} of {value.sort}")
        return self.make(Op.STORE, (array, index, value))

    def constant_array(self, index_width: int, value: Term) -> Term:
        """The array with `value` everywhere."""
        array_of(index_width, value.width)
        return self.node(Op.CONST_ARRAY, (value,), index_width)

    def apply(self, name: str, args: Sequence[Term], width: int) -> Term:
        """The uninterpreted function `name` on `args`, with a result of `width` bits."""
        given = tuple(args)
        if not given or not all(a.width for a in given):
            raise SortError(f"{name} applied to {[str(a.sort) for a in given]}")
        self._declare(name, (tuple([a.width for a in given]), bit_vector(width).width))
        return self.node(Op.APPLY, given, (name, width))

    def array_differs(self, a: Term, b: Term, fresh: Term) -> Term:
        """Whether the arrays differ at index `fresh`.

        With a variable that occurs nowhere else, satisfiable exactly when the arrays can differ.
        Equal stores on both sides are peeled off, so that arrays with the same history are equal
        without a solver.
        """
        if a.sort != b.sort:
            raise SortError(f"comparison of {a.sort} and {b.sort}")
        guard, conditions = self.true(), []
        while self._simplify and a is not b:
            if not (a.op is Op.STORE and b.op is Op.STORE and a.args[1] is b.args[1]):
                break
            here = self.eq(fresh, a.args[1])
            conditions.append(self.and_(guard, here, self.ne(a.args[2], b.args[2])))
            guard = self.and_(guard, self.not_(here))
            a, b = a.args[0], b.args[0]
        if self._simplify and a is b:
            return self.any_of(conditions)
        differ = self.ne(self.select(a, fresh), self.select(b, fresh))
        return self.or_(*conditions, self.and_(guard, differ)) if conditions else differ

    # Checks.

    def _unary(self, op: Op, a: Term) -> Term:
        if not a.width:
            raise SortError(f"{op.value} of {a.sort}")
        return self.make(op, (a,))

    def _binary(self, op: Op, a: Term, b: Term) -> Term:
        if a.width != b.width or not a.width:
            raise SortError(f"{op.value} of {a.sort} and {b.sort}")
        return self.make(op, (a, b))

    def _n_ary(self, op: Op, a: Term, rest: tuple[Term, ...]) -> Term:
        for b in rest:
            if b.width != a.width:
                raise SortError(f"{op.value} of {a.sort} and {b.sort}")
        if not a.width:
            raise SortError(f"{op.value} of {a.sort}")
        return self.make(op, (a, *rest)) if rest else a

    def _extended(self, op: Op, a: Term, width: int) -> Term:
        if not 0 < a.width <= width:
            raise SortError(f"{op.value} of {a.sort} to {width} bits")
        return a if width == a.width else self.make(op, (a,), width)


def _sort_of(op: Op, args: tuple[Term, ...], payload: Payload) -> Sort:
    if op in _BOOLEAN:
        return bit_vector(1)
    if op is Op.CONCAT:
        return bit_vector(sum([a.width for a in args]))
    if op is Op.EXTRACT:
        return bit_vector(payload[0] - payload[1] + 1)
    if op is Op.ZEXT or op is Op.SEXT:
        return bit_vector(payload)
    if op is Op.ITE:
        return args[1].sort
    if op is Op.SELECT:
        sort = args[0].sort
        assert isinstance(sort, Array)
        return bit_vector(sort.element)
    if op is Op.CONST_ARRAY:
        return array_of(payload, args[0].width)
    if op is Op.APPLY:
        return bit_vector(payload[1])
    return args[0].sort
