"""What a concrete run records: its conditions, as terms over the state before the step.

A trace belongs to one run from one world.  It keeps each condition with its truth and the place in
the spec that asks, each index that was used, and which symbol stands for which place of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from popek.terms import Term, Terms, symbols_of
from popek.validation.ground import Ground
from popek.validation.world import WHOLE, Place

#: An item of a path: the number of a statement, and how it came out ("yes", "no", "ok", or the
#: name of a trap).
Item = tuple[int, str]

YES: Final = "yes"
NO: Final = "no"
OK: Final = "ok"


class Kind(Enum):
    """What a condition is to the search."""

    #: Holds in every state that is of use: the code means the form, the cells can be set up.
    PREMISE = 1
    #: As above, because of the oracle alone.
    BENCH = 2
    #: Of an `if` or a `require`.
    DECISION = 3
    #: Of a choice between two values, inside an expression.
    CHOICE = 4
    #: Of how the code was fetched: another way will do.
    FETCHED = 5
    #: That two indices lead to one cell, of which one was written: nothing that has to stay so.
    ALIAS = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A condition that was met.  `scope`: the clause, translation or delivery that asks.

    `trap`: what is raised where a `require` does not hold, "" for an `if`.  `repeats`: it is one of
    many copies, and no item of a path.
    """

    kind: Kind
    scope: str
    site: int
    term: Term
    truth: bool
    trap: str = ""
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """An access of a clause or a delivery: the entries `first` to `last - 1` are its translation's.

    `outcome` is "ok", or the name of the trap; `made`: not only the checks of its first stage.
    `state` is what it was made in, components by name.
    """

    scope: str
    site: int
    space: str
    access: str
    first: int
    last: int
    outcome: str
    made: bool
    units: int
    args: tuple[Term, ...]
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a body did: its path, and for each item the number of its entry in the trace, or, below
    zero, of its crossing, counted from 1.
    """

    scope: str
    items: tuple[Item, ...]
    at: tuple[int, ...]


class Names:
    """The symbols of one form, the same in all of its runs."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._elements: dict[tuple[str, Term], Term] = {}
        self._variables: dict[str, Term] = {}
        self._changed: dict[tuple[Term | str, ...], str] = {}
        #: Of the symbols for elements, by name: the bank, and the index.
        self.indices: dict[str, tuple[str, Term]] = {}
        self._mentioned: dict[Term, frozenset[str]] = {}

    def element(self, bank: str, index: Term, width: int) -> Term:
        found = self._elements.get((bank, index))
        if found is None:
            name = f"{bank}#{len(self._elements)}"
            found = self._elements[bank, index] = self.whole(name, width)
            self.indices[name] = bank, index
        return found

    def changed(self, bank: str, *by: Term | str) -> str:
        """The name of what a bank has become by this: nothing else is known of it."""
        return self._changed.setdefault((bank, *by), f"{bank}'{len(self._changed)}")

    def congruent(self, one: str, other: str) -> Term:
        """That two symbols of a bank's elements agree where their indices do."""
        terms = self.terms
        first, second = (self.indices[name][1] for name in (one, other))
        alike = terms.eq(self.variable(one), self.variable(other))
        return terms.or_(terms.not_(terms.eq(first, second)), alike)

    def whole(self, name: str, width: int) -> Term:
        """The symbol of a component or field."""
        found = self._variables.get(name)
        if found is None:
            found = self._variables[name] = self.terms.var(name, width)
        return found

    def variable(self, name: str) -> Term:
        """The symbol of this name."""
        return self._variables[name]

    def mentioned(self, term: Term) -> frozenset[str]:
        """The names of the symbols in a term."""
        found = self._mentioned.get(term)
        if found is None:
            found = self._mentioned[term] = frozenset(s.name for s in symbols_of([term]))
        return found


class Trace:
    """The record of a run."""

    def __init__(
        self,
        names: Names,
        value: Callable[[Place, int], int],
        ground: Ground,
    ) -> None:
        self.names = names
        self._value = value
        self._ground = ground
        self.entries: list[Entry] = []
        self.crossings: list[Crossing] = []
        self.walks: list[Stretch] = []
        #: The value of each symbol.
        self.values: dict[str, int] = {}
        #: The indices of banks and memories, with their values.
        self.indices: dict[Term, int] = {}
        #: Cells of memories that were used, in their order.
        self.touched: dict[Place, None] = {}
        #: The cells of the code, and the index of its first.
        self.code: frozenset[Place] = frozenset()
        self.code_index: Term | None = None
        #: Who asks.
        self.scope = ""
        #: Set after a trap in the middle of an access.
        self.ended = False
        self._asked: set[tuple[Kind, Term]] = set()
        #: Conditions of choices, by who asks.
        self._chosen: set[tuple[str, Term]] = set()

    # ------------------------------------------------------------ symbols

    def variable(self, name: str, width: int) -> Term:
        """The symbol of a component or field."""
        if name not in self.values:
            self.values[name] = self._value((name, WHOLE), width)
        return self.names.whole(name, width)

    def symbol(self, bank: str, index: Term, width: int) -> Term:
        """The symbol of what a bank holds at an index that has been touched."""
        symbol = self.names.element(bank, index, width)
        if symbol.payload not in self.values:
            self.values[symbol.payload] = self._value((bank, self.indices[index]), width)
        return symbol

    def touch(self, bank: str, index: Term, value: int) -> None:
        """An index is used."""
        self.indices[index] = value
        self.touched[bank, value] = None
        self.reach(bank, index, value)
        self._beside_code(bank, index, value)

    def place_code(self, cells: frozenset[Place]) -> None:
        """These hold the code: what has been read of them on the way there was something else."""
        self.code = cells
        for name in self.values:
            if name in self.names.indices:
                bank, index = self.names.indices[name]
                self._beside_code(bank, index, self.indices[index])

    def _beside_code(self, bank: str, index: Term, value: int) -> None:
        """What a step reads of its own code is no data that could be chosen."""
        if (bank, value) not in self.code or self.code_index is None:
            return
        terms, first = self.names.terms, self.code_index
        size = terms.const(len(self.code), index.width)
        apart = terms.ule(size, terms.sub(index, first))
        if (Kind.PREMISE, apart) not in self._asked:
            self._asked.add((Kind.PREMISE, apart))
            self.premise(Kind.PREMISE, apart, False)

    def reach(self, of: str, index: Term, value: int) -> None:
        """A cell of a memory, or a place of a device, that the bench has to have."""
        inside = self._ground.inside(self.names.terms, of, index)
        if inside is not None and (Kind.BENCH, inside) not in self._asked:
            self._asked.add((Kind.BENCH, inside))
            self.premise(Kind.BENCH, inside, self._ground.contains(of, value))

    # ------------------------------------------------------------ conditions

    def premise(self, kind: Kind, term: Term, truth: bool) -> None:
        """A condition that every state has to meet."""
        if not term.is_const or not truth:
            self.entries.append(Entry(kind, self.scope, -1, term, truth))

    def decide(self, site: int, term: Term, truth: bool, trap: str, repeats: bool) -> int:
        """A condition of a statement.  Returns the number of its entry."""
        self.entries.append(Entry(Kind.DECISION, self.scope, site, term, truth, trap, repeats))
        return len(self.entries) - 1

    def choose(self, term: Term, truth: bool) -> None:
        """A condition inside an expression."""
        if term.is_const or self.ended or (self.scope, term) in self._chosen:
            return
        self._chosen.add((self.scope, term))
        self.entries.append(Entry(Kind.CHOICE, self.scope, -1, term, truth))

    def alias(self, term: Term) -> None:
        """What is read here was written in this step."""
        if not term.is_const and (Kind.ALIAS, term) not in self._asked:
            self._asked.add((Kind.ALIAS, term))
            self.entries.append(Entry(Kind.ALIAS, self.scope, -1, term, True))

    @contextmanager
    def within(self, scope: str) -> Iterator[None]:
        """What is recorded meanwhile is asked by `scope`."""
        outer, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = outer

    def place(self, symbol: str, index: Callable[[Term], int]) -> Place:
        """Where in a world the value of a symbol is; `index` gives the values of indices."""
        if symbol in self.names.indices:
            bank, term = self.names.indices[symbol]
            return bank, index(term)
        return symbol, WHOLE
