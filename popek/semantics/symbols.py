"""The symbolic algebra: hash-consed terms."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from popek.isa.ir import AbstractFunction, Op
from popek.terms import Term, Terms

T = TypeVar("T")


class Symbols:
    """The algebra over terms; free symbols are variables of the same name."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._made: dict[Hashable, Any] = {}
        self._unary = {Op.NOT: terms.not_, Op.NEG: terms.neg}
        self._binary = {
            Op.ADD: terms.add,
            Op.SUB: terms.sub,
            Op.MUL: terms.mul,
            Op.UDIV: terms.udiv,
            Op.UREM: terms.urem,
            Op.SDIV: terms.sdiv,
            Op.SREM: terms.srem,
            Op.SHL: terms.shl,
            Op.LSHR: terms.lshr,
            Op.ASHR: terms.ashr,
            Op.EQ: terms.eq,
            Op.ULT: terms.ult,
            Op.ULE: terms.ule,
            Op.SLT: terms.slt,
            Op.SLE: terms.sle,
        }
        self._flat = {
            Op.AND: terms.and_,
            Op.OR: terms.or_,
            Op.XOR: terms.xor,
            Op.CONCAT: terms.concat,
        }

    def const(self, value: int, width: int) -> Term:
        return self.terms.const(value, width)

    def operation(self, op: Op, args: Sequence[Term], widths: Sequence[int], width: int) -> Term:
        if flat := self._flat.get(op):
            return flat(*args)
        if binary := self._binary.get(op):
            return binary(args[0], args[1])
        if unary := self._unary.get(op):
            return unary(args[0])
        match op:
            case Op.ITE:
                return self.terms.ite(args[0], args[1], args[2])
            case Op.ZEXT:
                return self.terms.zext(args[0], width)
            case Op.SEXT:
                return self.terms.sext(args[0], width)
            case _:
                raise AssertionError(f"no term constructor for {op}")

    def extract(self, value: Term, high: int, low: int, width: int) -> Term:
        return self.terms.extract(value, high, low)

    def ite(self, condition: Term, then: Term, otherwise: Term, width: int) -> Term:
        return self.terms.ite(condition, then, otherwise)

    def both(self, a: Term, b: Term) -> Term:
        return self.terms.and_(a, b)

    def either(self, a: Term, b: Term) -> Term:
        return self.terms.or_(a, b)

    def negation(self, a: Term) -> Term:
        return self.terms.not_(a)

    def equal(self, a: Term, b: Term, width: int) -> Term:
        return self.terms.eq(a, b)

    def is_true(self, a: Term) -> bool:
        return a.is_value(1)

    def is_false(self, a: Term) -> bool:
        return a.is_value(0)

    def select(self, bank: Term, index: Term, index_width: int, width: int) -> Term:
        return self.terms.select(bank, index)

    def store(self, bank: Term, index: Term, value: Term, index_width: int, width: int) -> Term:
        return self.terms.store(bank, index, value)

    def bank_ite(self, condition: Term, then: Term, otherwise: Term) -> Term:
        return self.terms.ite(condition, then, otherwise)

    def banks_differ(self, a: Term, b: Term, name: str, index_width: int, width: int) -> Term:
        return self.terms.array_differs(a, b, self.terms.var(name, index_width))

    def variable(self, name: str, width: int) -> Term:
        return self.terms.var(name, width)

    def bank_variable(self, name: str, index_width: int, width: int) -> Term:
        return self.terms.array(name, index_width, width)

    def uninterpreted(
        self, name: str, args: Sequence[Term], widths: Sequence[int], width: int
    ) -> Term:
        return self.terms.apply(name, tuple(args), width)

    def interprets(self, function: AbstractFunction) -> bool:
        return True

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def abstract(self, function: AbstractFunction, args: Sequence[Term], width: int) -> Term:
        return self.terms.apply(function.name, tuple(args), width)
