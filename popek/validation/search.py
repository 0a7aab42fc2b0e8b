"""From one path to the next: a condition of a run is turned round, and the solver says how.

First everything that the condition does not mention stays as it was, so that the state stays a
useful one; then only the addresses; then nothing, and at last not even how the code is fetched.
What the terms say holds while the run touches the same things in the same order, so each state that
the solver gives is run, and looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from popek.smt.answer import Sat, Undecided, Unsat
from popek.smt.z3_conditions import Z3Conditions
from popek.terms import Term, evaluate
from popek.validation.refuting import Refuting, Verdict
from popek.validation.stepping import FETCH, Stepped, Stepper, Unencodable
from popek.validation.trace import OK, Entry, Item, Kind
from popek.validation.world import Place, World

#: Premises that are put right one after the other before a state is given up.
REPAIRS = 24
#: Premises that are added to a question whose answer breaks them.
LEARNT = 8
#: Steps that are not made again from the same state.
REMEMBERED = 500
#: Symbols of a condition that are tried by themselves.
SINGLE = 3
#: Conditions of a delivery, from its end, of which one is turned round to have it go on.
BACK = 4

_ASSERTED = frozenset({Kind.PREMISE, Kind.BENCH, Kind.DECISION})


class Freedom(StrEnum):
    """What may change, least first."""

    ONE = "one symbol that the condition mentions"
    MENTIONED = "what the condition mentions"
    BOUND = "that, and what it has a condition in common with, but the addresses"
    ADDRESSED = "all but the addresses"
    ALL = "everything"
    FETCHED = "everything, and the code may be fetched in another way"
    ASIDE = "everything, and what is no item of a path: translations, and what repeats"


@dataclass
class Search:
    """Turns conditions of runs round."""

    stepper: Stepper
    solver: Z3Conditions
    #: Every run that was made on the way and is of use.
    found: list[Stepped] = field(default_factory=list)
    runs: int = 0
    _steps: dict[tuple[str, frozenset[tuple[Place, int]]], Stepped | None] = field(
        default_factory=dict
    )

    @cached_property
    def refuting(self) -> Refuting:
        """What proves that there is no state."""
        return Refuting(self.stepper.names, self.solver)

    def step(self, world: World) -> Stepped | None:
        """The step from a world; None where its fields mean no code."""
        state = world.seed, frozenset(world.chosen.items())
        if state not in self._steps:
            if len(self._steps) >= REMEMBERED:
                self._steps.clear()
            self.runs += 1
            try:
                self._steps[state] = self.stepper.step(world)
            except Unencodable:
                self._steps[state] = None
        return self._steps[state]

    def start(self, world: World) -> Stepped | None:
        """A useful step, from a state near this world."""
        run = self.step(world)
        return None if run is None else self.repaired(run)

    def repaired(self, run: Stepped) -> Stepped | None:
        """A useful step, as near to the given one as may be."""
        for _ in range(REPAIRS):
            bad = run.bad
            if bad is None:
                self.found.append(run)
                return run
            better = self._better(run, bad)
            if better is None:
                return None
            run = better
        return None

    def _better(self, run: Stepped, bad: int) -> Stepped | None:
        """A step whose premises hold for longer."""
        entries = run.trace.entries
        for at in self._turns(run, bad):
            wanted = self.holding(entries[at], not entries[at].truth)
            for freedom in Freedom:
                match self._changed(run, at, [wanted], freedom):
                    case World() as world:
                        better = self.step(world)
                        if better is not None and (better.bad is None or better.bad > bad):
                            return better
                    case _:
                        pass
        return None

    def _turns(self, run: Stepped, bad: int) -> list[int]:
        """The entries of which one has to come out otherwise for the premise `bad` to hold."""
        entries = run.trace.entries
        if not entries[bad].term.is_const:
            return [bad]
        # A trap behind an `if`: that is what has to come out otherwise.
        kinds = (Kind.DECISION, Kind.FETCHED, Kind.PREMISE)
        decided = [
            i
            for i in range(bad)
            if entries[i].scope == entries[bad].scope
            and entries[i].kind in kinds
            and not entries[i].term.is_const
        ]
        return decided[: -BACK - 1 : -1]

    def shown(self, run: Stepped) -> Stepped | None:
        """A step along the same path of the clause that ends in a state that can be shown.

        What is turned round are conditions of the delivery, from its end backwards.
        """
        for _ in range(REPAIRS):
            if run.shows:
                return run
            if len(run.stretches) < 2:
                return None
            path, before = run.stretches[0].items, _progress(run)

            def follows(
                other: Stepped, path: tuple[Item, ...] = path, before: tuple[int, int] = before
            ) -> bool:
                """Along the path, and further on in the delivery."""
                return other.stretches[0].items == path and (
                    other.shows or _progress(other) > before
                )

            decided = _deciding(run)
            for at in reversed(decided[-BACK:]):
                entry = run.trace.entries[at]
                wanted = [self.holding(entry, not entry.truth)]
                if (found := self.nearby(run, at, wanted, follows)) is not None:
                    run = found
                    break
            else:
                return None
        return None

    def turned(
        self,
        run: Stepped,
        at: int,
        wanted: Sequence[Term],
        follows: Callable[[Stepped], bool],
        given: Callable[[], Sequence[Term]],
    ) -> Stepped | Verdict:
        """A useful step that meets `wanted` where the run met its entry `at`.

        `follows` says of a step whether it is one that was sought; `given` is what else defines
        that, for a proof that there is none.
        """
        if (found := self.nearby(run, at, wanted, follows)) is not None:
            return found
        return self.proved(run.trace.entries[:at], [*given(), *wanted])

    def nearby(
        self,
        run: Stepped,
        at: int,
        wanted: Sequence[Term],
        follows: Callable[[Stepped], bool] = lambda found: True,
    ) -> Stepped | None:
        """As `turned`, without a proof."""
        for freedom in Freedom:
            learnt: list[Term] = []
            first: Stepped | None = None
            for _ in range(LEARNT):
                world = self._changed(run, at, [*wanted, *learnt], freedom)
                other = self.step(world) if isinstance(world, World) else None
                if other is None:
                    break
                if other.bad is None:
                    self.found.append(other)
                    if follows(other):
                        return other
                    break
                first = first or other
                # What has to hold there is asked for at once: a repair may undo what is sought.
                turns = self._turns(other, other.bad)
                if not turns:
                    break
                entry = other.trace.entries[turns[0]]
                learnt.append(self.holding(entry, not entry.truth))
            useful = None if first is None else self.repaired(first)
            if useful is not None and follows(useful):
                return useful
        return None

    def proved(self, before: Iterable[Entry], wanted: Sequence[Term]) -> Verdict:
        """Why there is no such state, if the solver knows."""
        premises = {Kind.BENCH: list[Term](), Kind.PREMISE: list[Term]()}
        for e in before:
            if e.kind is Kind.BENCH or (e.kind is Kind.PREMISE and e.scope == "state"):
                premises[e.kind].append(self.holding(e, True))
        return self.refuting.verdict([*premises[Kind.PREMISE], *wanted], premises[Kind.BENCH])

    def holding(self, entry: Entry, truth: bool) -> Term:
        """That the condition of an entry has this truth."""
        return entry.term if truth else self.stepper.names.terms.not_(entry.term)

    def _changed(
        self, run: Stepped, at: int, wanted: Sequence[Term], freedom: Freedom
    ) -> World | Unsat | Undecided:
        """A world in which the conditions before `at` are as in the run, and `wanted` holds."""
        trace, names = run.trace, self.stepper.names
        terms = names.terms
        goals = [w for w in wanted if not w.is_value(1)]
        if any(w.is_value(0) for w in goals):
            return Unsat()
        left = _aside(run, at) if freedom is Freedom.ASIDE else frozenset[int]()
        holding = [
            self.holding(e, True if e.kind is Kind.BENCH else e.truth)
            for i, e in enumerate(trace.entries[:at])
            if e.kind in _ASSERTED
            and not e.term.is_const
            and not (freedom is Freedom.FETCHED and e.scope == FETCH)
            and i not in left
        ]
        if freedom is Freedom.ASIDE and not left:
            return Unsat()
        if freedom in (Freedom.BOUND, Freedom.ADDRESSED):
            holding += [
                terms.eq(index, terms.const(value, index.width))
                for index, value in trace.indices.items()
                if not index.is_const
            ]
        free = set[str]().union(*(names.mentioned(w) for w in goals))
        if freedom is Freedom.ONE:
            return self._by_one(run, goals, holding, sorted(free))
        if freedom is Freedom.BOUND:
            free = free.union(*(m for h in holding if (m := names.mentioned(h)) & free))
        if freedom in (Freedom.MENTIONED, Freedom.BOUND, Freedom.ADDRESSED):
            for a, b in self._aliases(run):
                holding.append(terms.eq(names.variable(a), names.variable(b)))
                if a in free or b in free:
                    free |= {a, b}
        few = freedom in (Freedom.MENTIONED, Freedom.BOUND)
        return self._solved(run, goals, holding, free, connected=not few)

    def _by_one(
        self, run: Stepped, goals: Sequence[Term], holding: Sequence[Term], free: Sequence[str]
    ) -> World | Unsat | Undecided:
        """A change of one symbol: first those on which the least depends."""
        names = self.stepper.names
        aliases = {name for pair in self._aliases(run) for name in pair}
        uses = {n: sum(n in names.mentioned(h) for h in holding) for n in free if n not in aliases}
        for name in sorted(uses, key=lambda n: (uses[n], n))[:SINGLE]:
            answer = self._solved(run, goals, holding, {name}, connected=False)
            if isinstance(answer, World):
                return answer
        return Unsat()

    def _solved(
        self,
        run: Stepped,
        goals: Sequence[Term],
        holding: Sequence[Term],
        free: set[str],
        *,
        connected: bool,
    ) -> World | Unsat | Undecided:
        """A world in which these hold, only what is free having changed; with `connected`, what has
        a condition in common with that is free, too.
        """
        names, trace = self.stepper.names, run.trace
        bound = set[str]().union(*(names.mentioned(h) for h in (*goals, *holding)))
        alike: list[Term] = []
        while True:
            relevant = [h for h in dict.fromkeys(holding) if names.mentioned(h) & free]
            if connected:
                relevant, free = self._connected(holding, free)
            conditions = [*goals, *relevant, *alike]
            fixed: dict[Term, int] = {}
            for condition in conditions:
                # What was learnt of another run may be about what this one did not reach.
                for name in sorted((names.mentioned(condition) - free) & trace.values.keys()):
                    fixed[names.variable(name)] = trace.values[name]
            match self.solver.solve(conditions, fixed):
                case Sat(model=model):
                    numbers = {n: v for n, v in model.items() if isinstance(v, int)}
                    clashes = list(self._clashes(run, numbers, bound))
                    if not clashes:
                        return self._world(run, numbers, bound)
                    alike += clashes
                    if connected:
                        free = free.union(*map(names.mentioned, clashes))
                case answer:
                    return answer

    def _aliases(self, run: Stepped) -> Iterator[tuple[str, str]]:
        """Symbols of what was used through different indices, and is one place."""
        trace, names = run.trace, self.stepper.names
        first: dict[Place, str] = {}
        for name in trace.values:
            if name in names.indices:
                bank, index = names.indices[name]
                place = bank, trace.indices[index]
                if place in first:
                    yield first[place], name
                else:
                    first[place] = name

    def _connected(self, holding: Sequence[Term], free: set[str]) -> tuple[list[Term], set[str]]:
        """The conditions that have a symbol in common with the free ones, or with each other."""
        names = self.stepper.names
        left = list(dict.fromkeys(holding))
        found: list[Term] = []
        free = set(free)
        while True:
            near = [h for h in left if names.mentioned(h) & free]
            if not near:
                return found, free
            found += near
            free |= set().union(*(names.mentioned(h) for h in near))
            left = [h for h in left if h not in set(near)]

    def _clashes(self, run: Stepped, model: dict[str, int], bound: set[str]) -> Iterator[Term]:
        """What a model forgets: a place holds one value, whatever index leads there.

        Of symbols that no condition binds one gives way, see `_world`.
        """
        names = self.stepper.names
        values = {**run.trace.values, **model}
        index = self._indices(run, model)
        first: dict[Place, str] = {}
        for name, value in values.items():
            if name in bound and name in names.indices and self._placed(name, values):
                bank, term = names.indices[name]
                other = first.setdefault((bank, index(term)), name)
                if values[other] != value:
                    yield names.congruent(other, name)

    def _world(self, run: Stepped, model: dict[str, int], bound: set[str]) -> World:
        """The run's world with the values of a model, each at its place by the new indices."""
        trace, names = run.trace, self.stepper.names
        values = {**trace.values, **model}
        changed = {n for n, v in model.items() if trace.values.get(n) != v}
        index = self._indices(run, model)
        places: dict[Place, int] = {}
        for name in sorted(values, key=bound.__contains__):
            if name not in names.indices:
                if name in changed:
                    places[trace.place(name, index)] = values[name]
            elif self._placed(name, values):
                bank, term = names.indices[name]
                if name in bound or name in changed or index(term) != trace.indices[term]:
                    places[bank, index(term)] = values[name]
        return run.world.but(places)

    def _placed(self, name: str, values: Mapping[str, int]) -> bool:
        """Whether the index of a symbol is known: that of one from another run may not be."""
        names = self.stepper.names
        return names.mentioned(names.indices[name][1]) <= values.keys()

    def _indices(self, run: Stepped, model: dict[str, int]) -> Callable[[Term], int]:
        """The values of indices by a model, and for the rest as in the run."""
        trace, names = run.trace, self.stepper.names
        values = {**trace.values, **model}
        changed = {n for n, v in model.items() if trace.values.get(n) != v}
        moved: dict[Term, int] = {}

        def index(term: Term) -> int:
            if term not in moved:
                if term in trace.indices and not names.mentioned(term) & changed:
                    moved[term] = trace.indices[term]
                else:
                    number = evaluate(term, values)
                    assert isinstance(number, int)
                    moved[term] = number
            return moved[term]

        return index


def _aside(run: Stepped, at: int) -> frozenset[int]:
    """The conditions that are no items of a path: those of which there are many copies, and those
    of the translations of earlier accesses that raise nothing.
    """
    entries = run.trace.entries
    translating = (
        i
        for crossing in run.trace.crossings
        if crossing.last <= at
        for i in range(crossing.first, crossing.last)
        if (e := entries[i]).kind is Kind.DECISION and not e.trap
    )
    return frozenset((*translating, *(i for i in range(at) if entries[i].repeats)))


def _deciding(run: Stepped) -> list[int]:
    """The conditions that led to the end of the first delivery: its own, or those of the
    translation in which it trapped.
    """
    delivery, entries = run.stretches[1], run.trace.entries
    span, scope = range(len(entries)), delivery.scope
    if delivery.at and delivery.at[-1] < 0:
        crossing = run.trace.crossings[-delivery.at[-1] - 1]
        if crossing.outcome != OK:
            span, scope = range(crossing.first, crossing.last), ""
    return [
        i
        for i in span
        if (e := entries[i]).kind is Kind.DECISION
        and not e.term.is_const
        and scope in ("", e.scope)
    ]


def _progress(run: Stepped) -> tuple[int, int]:
    """How far the first delivery gets: its items, and how far an access that traps at its end."""
    delivery = run.stretches[1]
    if delivery.at and delivery.at[-1] < 0:
        crossing = run.trace.crossings[-delivery.at[-1] - 1]
        if crossing.outcome != OK:
            return len(delivery.items) - 1, crossing.last - crossing.first
    return len(delivery.items), 0
