"""The concrete algebra: Python ints, straight from the IR.

It never sees a term, a rewriter or a solver (definitions.md, section 6): every SAT answer is
re-evaluated here, and the two share no arithmetic.  Division by zero is as in SMT-LIB's QF_BV.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

from popek.isa.ir import AbstractFunction, Op
from popek.terms import ArrayValue, FunctionValue

#: A model: what each free symbol stands for.
Interpretation = Mapping[str, int | ArrayValue | FunctionValue]


T = TypeVar("T")


def signed(value: int, width: int) -> int:
    """The two's complement reading of a `width`-bit value."""
    return value - (1 << width) if value >> (width - 1) else value


class Ints:
    """The algebra over ints; free symbols are read from `model`, 0 (everywhere) where it is silent.

    An abstract function that the model does not interpret is its executable definition, or, where
    the spec gives none, a fixed pseudo-random function of its name and arguments.
    """

    def __init__(self, model: Interpretation) -> None:
        self._model = model

    def const(self, value: int, width: int) -> int:
        return value & ((1 << width) - 1)

    def operation(self, op: Op, args: Sequence[int], widths: Sequence[int], width: int) -> int:
        mask = (1 << width) - 1
        match op:  # the most frequent first: they are tried in turn
            case Op.EQ:
                return int(args[0] == args[1])
            case Op.AND:
                result = mask
                for arg in args:
                    result &= arg
                return result
            case Op.ITE:
                return args[1] if args[0] else args[2]
            case Op.ZEXT:
                return args[0]
            case Op.CONCAT:
                result = 0
                for arg, w in zip(args, widths, strict=True):
                    result = result << w | arg
                return result
            case Op.OR:
                result = 0
                for arg in args:
                    result |= arg
                return result
            case Op.ADD:
                return (args[0] + args[1]) & mask
            case Op.NOT:
                return ~args[0] & mask
            case Op.ULE:
                return int(args[0] <= args[1])
            case Op.ULT:
                return int(args[0] < args[1])
            case Op.SUB:
                return (args[0] - args[1]) & mask
            case Op.MUL:
                return (args[0] * args[1]) & mask
            case Op.UDIV:
                return args[0] // args[1] if args[1] else mask
            case Op.UREM:
                return args[0] % args[1] if args[1] else args[0]
            case Op.SDIV:
                a, b = signed(args[0], width), signed(args[1], width)
                if b == 0:
                    return 1 if a < 0 else mask
                return (abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)) & mask
            case Op.SREM:
                a, b = signed(args[0], width), signed(args[1], width)
                if b == 0:
                    return args[0]
                return (abs(a) % abs(b) * (-1 if a < 0 else 1)) & mask
            case Op.XOR:
                result = 0
                for arg in args:
                    result ^= arg
                return result
            case Op.NEG:
                return -args[0] & mask
            case Op.SHL:
                return (args[0] << args[1]) & mask if args[1] < width else 0
            case Op.LSHR:
                return args[0] >> args[1] if args[1] < width else 0
            case Op.ASHR:
                return (signed(args[0], width) >> min(args[1], width)) & mask
            case Op.SLT:
                return int(signed(args[0], widths[0]) < signed(args[1], widths[1]))
            case Op.SLE:
                return int(signed(args[0], widths[0]) <= signed(args[1], widths[1]))
            case Op.SEXT:
                return signed(args[0], widths[0]) & mask

    def extract(self, value: int, high: int, low: int, width: int) -> int:
        return value >> low & ((1 << (high - low + 1)) - 1)

    def ite(self, condition: int, then: int, otherwise: int, width: int) -> int:
        return then if condition else otherwise

    def both(self, a: int, b: int) -> int:
        return a & b

    def either(self, a: int, b: int) -> int:
        return a | b

    def negation(self, a: int) -> int:
        return a ^ 1

    def equal(self, a: int, b: int, width: int) -> int:
        return int(a == b)

    def is_true(self, a: int) -> bool:
        return a == 1

    def is_false(self, a: int) -> bool:
        return a == 0

    def select(self, bank: ArrayValue, index: int, index_width: int, width: int) -> int:
        return bank.entries.get(index, bank.default)

    def store(
        self, bank: ArrayValue, index: int, value: int, index_width: int, width: int
    ) -> ArrayValue:
        return ArrayValue(bank.default, {**bank.entries, index: value})

    def bank_ite(self, condition: int, then: ArrayValue, otherwise: ArrayValue) -> ArrayValue:
        return then if condition else otherwise

    def banks_differ(
        self, a: ArrayValue, b: ArrayValue, name: str, index_width: int, width: int
    ) -> int:
        indices = a.entries.keys() | b.entries.keys()
        covered = len(indices) == 1 << index_width
        if a.default != b.default and not covered:
            return 1
        return int(any(a.entries.get(i, a.default) != b.entries.get(i, b.default) for i in indices))

    def variable(self, name: str, width: int) -> int:
        value = self._model.get(name, 0)
        assert isinstance(value, int), f"{name} is a bank or a function in the model"
        return value & ((1 << width) - 1)

    def bank_variable(self, name: str, index_width: int, width: int) -> ArrayValue:
        value = self._model.get(name, ArrayValue(0, {}))
        assert isinstance(value, ArrayValue), f"{name} is not a bank in the model"
        return value

    def uninterpreted(
        self, name: str, args: Sequence[int], widths: Sequence[int], width: int
    ) -> int:
        value = self._model.get(name, 0)
        match value:
            case FunctionValue(default=default, entries=entries):
                return entries.get(tuple(args), default)
            case int():
                return value
            case ArrayValue():
                raise AssertionError(f"{name} is a bank in the model")

    def interprets(self, function: AbstractFunction) -> bool:
        return function.result is None or function.name in self._model

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        return make()

    def abstract(self, function: AbstractFunction, args: Sequence[int], width: int) -> int:
        if function.name in self._model:
            return self.uninterpreted(function.name, args, [], width)
        return pseudo_random(function.name, args, width)


def pseudo_random(name: str, args: Sequence[int], width: int) -> int:
    """A fixed function of its arguments, for abstract functions without a definition."""
    text = f"{name}({','.join(map(str, args))})".encode()
    digest = b"".join(
        blake2b(text, salt=i.to_bytes(8, "little")).digest() for i in range(width // 512 + 1)
    )
    return int.from_bytes(digest, "little") & ((1 << width) - 1)
