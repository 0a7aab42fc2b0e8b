"""The algebra of a run that is concrete and says why: every number beside the term that it is.

The numbers decide where the run goes and what it touches; the terms say over which states before
the step it would have gone the same way.  What a bank or a memory holds at an index is a symbol of
its own, named by the term of the index: two accesses through one term see one symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from popek.isa.ir import AbstractFunction, Op
from popek.semantics.ints import Ints, pseudo_random
from popek.semantics.symbols import Symbols
from popek.terms import Term, Terms
from popek.validation.trace import Trace
from popek.validation.world import WHOLE, World

T = TypeVar("T")


class Both:
    """A number, and the term whose value it is in this run."""

    __slots__ = ("term", "value")

    def __init__(self, value: int, term: Term) -> None:
        self.value = value
        self.term = term


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank or a memory; `written` in this step, by the index's value, in so many stores.

    `writes`: of a bank of registers, the terms of indices and values, the last one first.  Of a
    memory, None: which of its indices are the same is taken to be as it is in the run.  `places`
    has the terms of the indices that were written, by their values.
    """

    name: str
    written: Mapping[int, Both]
    places: Mapping[int, Term]
    stores: int = 0
    writes: tuple[tuple[Term, Term], ...] | None = None


class Concolic:
    """The algebra over both; free symbols are places of a world."""

    def __init__(self, terms: Terms, world: World, trace: Trace) -> None:
        self.terms = terms
        self.world = world
        self.trace = trace
        self._ints = Ints({})
        self._symbols = Symbols(terms)

    def const(self, value: int, width: int) -> Both:
        term = self.terms.const(value, width)
        return Both(term.payload, term)

    def operation(self, op: Op, args: Sequence[Both], widths: Sequence[int], width: int) -> Both:
        value = self._ints.operation(op, [a.value for a in args], widths, width)
        terms = [a.term for a in args]
        if all(t.op == "const" for t in terms):
            return Both(value, self.terms.const(value, width))
        if op is Op.ITE:
            self.trace.choose(terms[0], bool(args[0].value))
        return Both(value, self._symbols.operation(op, terms, widths, width))

    def extract(self, value: Both, high: int, low: int, width: int) -> Both:
        number = self._ints.extract(value.value, high, low, width)
        return Both(number, self.terms.extract(value.term, high, low))

    def ite(self, condition: Both, then: Both, otherwise: Both, width: int) -> Both:
        value = then.value if condition.value else otherwise.value
        return Both(value, self.terms.ite(condition.term, then.term, otherwise.term))

    def both(self, a: Both, b: Both) -> Both:
        return Both(a.value & b.value, self.terms.and_(a.term, b.term))

    def either(self, a: Both, b: Both) -> Both:
        return Both(a.value | b.value, self.terms.or_(a.term, b.term))

    def negation(self, a: Both) -> Both:
        return Both(a.value ^ 1, self.terms.not_(a.term))

    def equal(self, a: Both, b: Both, width: int) -> Both:
        return Both(int(a.value == b.value), self.terms.eq(a.term, b.term))

    def is_true(self, a: Both) -> bool:
        return a.value == 1

    def is_false(self, a: Both) -> bool:
        return a.value == 0

    def select(self, bank: Bank, index: Both, index_width: int, width: int) -> Both:
        if self.trace.ended:
            return self.const(0, width)  # after a trap in an access of several units
        self.trace.touch(bank.name, index.term, index.value)
        found = bank.written.get(index.value)
        if found is not None and bank.writes is None:
            self.trace.alias(self.terms.eq(index.term, bank.places[index.value]))
            return found
        term = self.trace.symbol(bank.name, index.term, width)
        for place, value in reversed(bank.writes or ()):
            term = self.terms.ite(self.terms.eq(place, index.term), value, term)
        if found is not None:
            return Both(found.value, term)
        return Both(self.world.value((bank.name, index.value), width), term)

    def store(self, bank: Bank, index: Both, value: Both, index_width: int, width: int) -> Bank:
        if self.trace.ended:
            return bank
        self.trace.touch(bank.name, index.term, index.value)
        written = {**bank.written, index.value: value}
        writes = None if bank.writes is None else ((index.term, value.term), *bank.writes)
        places = {**bank.places, index.value: index.term}
        return Bank(bank.name, written, places, bank.stores + 1, writes)

    def bank_ite(self, condition: Both, then: Bank, otherwise: Bank) -> Bank:
        return then if condition.value else otherwise

    def banks_differ(self, a: Bank, b: Bank, name: str, index_width: int, width: int) -> Both:
        raise AssertionError("only proofs compare banks")

    def variable(self, name: str, width: int) -> Both:
        value = self.world.value((name, WHOLE), width)
        return Both(value, self.trace.variable(name, width))

    def bank_variable(self, name: str, index_width: int, width: int) -> Bank:
        return Bank(name, {}, {}, writes=())

    def uninterpreted(
        self, name: str, args: Sequence[Both], widths: Sequence[int], width: int
    ) -> Both:
        raise AssertionError("memory is walked for real")

    def interprets(self, function: AbstractFunction) -> bool:
        return function.result is None

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        return make()

    def abstract(self, function: AbstractFunction, args: Sequence[Both], width: int) -> Both:
        """Taken as it comes: nothing is said of other arguments."""
        return self.const(pseudo_random(function.name, [a.value for a in args], width), width)
