"""The baseline: the same obligation as a product that shares nothing.

Every component is a symbol of its own on each side, and what the two sides agree on is said by
equations: between the sides, with the constants of the level and of the host, and by the
invariants.  Nothing is simplified and no witness is sought where translations are the identity.
It is built from the same declarations: `StateBuilder` alone is another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from unittest.mock import patch

from popek.isa import ir
from popek.isa.ir import Component, Isa
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Storage
from popek.semantics.symbols import Symbols
from popek.smt import Query, query
from popek.terms import Terms
from popek.terms.smtlib import symbol_text
from popek.theory import direct, invariants, pairs
from popek.theory.obligation import Fault
from popek.theory.prover import Build
from popek.theory.states import Fixed, Own, Shared, StateBuilder, Supply


@dataclass
class Ties:
    """By the name that two sides would share: the names that stand for it, one for each side."""

    names: dict[str, list[str]] = field(default_factory=dict)

    def own(self, name: str, side: str) -> str:
        """The side's own name for something shared."""
        own = name + side
        known = self.names.setdefault(name, [])
        if own not in known:
            known.append(own)
        return own

    def equations(self, declared: set[str]) -> Iterator[str]:
        """Assertions that the sides agree, among the symbols that occur."""
        for names in self.names.values():
            for a, b in pairwise(n for n in names if n in declared):
                yield f"(assert (= {symbol_text(a)} {symbol_text(b)}))"


class UnsharedState(StateBuilder[V, B]):
    """One side's state, whose every part is a symbol."""

    def __init__(
        self, ties: Ties, isa: Isa, algebra: Algebra[V, B], side: str, storage: Storage[V, B]
    ) -> None:
        super().__init__(isa, algebra, side, storage)
        self._ties = ties

    def _component(self, component: Component, supply: Supply) -> V | B:
        own = super()._component(component, Own())
        match supply:
            case Shared():
                self._ties.own(component.name, self.side)
            case Fixed(value=value):
                self._given(component.name, own, self.algebra.const(value, component.width))
            case Own():
                pass
        return own

    def _given(self, name: str, a: V | B, b: V | B) -> None:
        """`name`, a scalar, has a value."""
        width = self.isa.components[name].width
        same = self.algebra.equal(a, b, width)  # type: ignore[arg-type]
        self.say(f"{name} is given", lambda: same)

    def memory(self, entry: str, symbol: str, memory: ir.Memory) -> None:
        super().memory(entry, self._ties.own(symbol, self.side), memory)

    def level(self, level: ir.Level, *, of_both: bool = False) -> None:
        expr = self.isa.mode.level
        value = self.algebra.const(level.value, expr.width)
        equal = self.algebra.equal(self.value(expr), value, expr.width)
        self.say(f"level {level.name}", lambda: equal)

    def share_banked(self) -> None:
        for component in self.isa.components.values():
            if component.banked:
                selected = self._ties.own(f"{component.name}.selected", self.side)
                self.state[component.name] = self.algebra.store(
                    self.state[component.name],  # type: ignore[arg-type]
                    self.position(component.index_width),
                    self.algebra.variable(selected, component.width),
                    component.index_width,
                    component.width,
                )

    def host(self) -> None:
        for component in self.isa.components.values():
            if component.host is not None:
                name = component.name
                self._given(name, self.state[name], self.value(component.host))
        for predicate in self.isa.hosts:
            self.restrict("host", predicate)

    def invariants(self, but: frozenset[str] = frozenset()) -> None:
        for predicate in self.isa.invariants:
            if predicate.text not in but:
                self.restrict("invariant", predicate)

    def contract(self, level: ir.Level) -> None:
        for predicate in self.isa.contracts:
            if predicate.level == level.name:
                self.restrict("contract", predicate)


@contextmanager
def _unshared(ties: Ties) -> Iterator[None]:
    """Within it, obligations are built without sharing."""

    def builder(
        isa: Isa, algebra: Algebra[V, B], side: str, storage: Storage[V, B]
    ) -> UnsharedState[V, B]:
        return UnsharedState(ties, isa, algebra, side, storage)

    with (
        patch.object(direct, "StateBuilder", builder),
        patch.object(pairs, "StateBuilder", builder),
        patch.object(invariants, "StateBuilder", builder),
    ):
        yield


def unshared(name: str, build: Build) -> Query:
    """The query of an obligation, as `Prover` asks it first, without all that makes it easy."""
    ties = Ties()
    algebra = Symbols(Terms(simplify=False))
    with _unshared(ties):
        obligation = build(algebra, False)
    terms = algebra.terms
    premises = terms.all_of(p.condition for p in obligation.premises)
    wrong = terms.any_of(
        v.condition for v in obligation.violations if v.fault is not Fault.TRANSLATION
    )
    asked = query(name, [premises, wrong])
    equations = "\n".join(ties.equations({s.name for s in asked.symbols}))
    text = asked.text.replace("(check-sat)", f"{equations}\n(check-sat)")
    return Query(asked.name, text, asked.symbols)
