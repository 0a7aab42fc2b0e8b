"""All feasible paths of a body, each with a state that takes it.

A path is one truth assignment to the conditions of the body, functions inlined, and one outcome
for each of its accesses: that it is made, or which trap.  What repeats in a body (`sites.COPIES`)
is not combined: its ways out are counted one by one, as are the choices inside expressions, and
each part of a condition that decides alone.  Of these the search reports how many it reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from popek.isa import ir
from popek.smt.z3_conditions import MIDDLE, SMALL
from popek.terms import Op, Term
from popek.validation.guards import Guards, traps_of
from popek.validation.refuting import Verdict
from popek.validation.search import BACK, REPAIRS, Search
from popek.validation.sites import sites_of
from popek.validation.stepping import Stepped
from popek.validation.trace import NO, OK, YES, Crossing, Item, Kind, Stretch

#: A path, or the beginning of one.
Key = tuple[Item, ...]

#: What is counted beside the paths: where, and how it came out.
Way = tuple[str, object, object]

#: Attempts at one way.
TRIES = 2
#: Conditions of a translation that are turned in search of one trap.
DETOURS = 10
#: From how many steps what is unknown is sought again, in each round; and steps kept of each path.
ROUNDS, KEPT = (4, 16), 4
#: Paths of one body, after which the search stops and says so.
MANY = 4000


@dataclass
class Paths:
    """The paths of one body (`scope`) through the steps of one form."""

    isa: ir.Isa
    body: tuple[ir.Stmt, ...]
    scope: str
    search: Search
    guards: Guards
    most: int = MANY
    #: If not all are sought: those that are.
    wanted: frozenset[Key] = frozenset()
    reached: dict[Key, Stepped] = field(default_factory=dict)
    #: Beginnings that no state was found for.
    settled: dict[Key, Verdict] = field(default_factory=dict)
    ways: dict[Way, Stepped] = field(default_factory=dict)
    #: Set where the search was cut short.
    cut: bool = False
    _begun: set[Key] = field(default_factory=set)
    _tries: dict[Way, int] = field(default_factory=dict)
    _others: dict[Key, list[tuple[Stepped, Stretch]]] = field(default_factory=dict)
    _queue: deque[tuple[Stepped, Stretch]] = field(default_factory=deque)

    def explore(self, starts: Iterable[Stepped]) -> None:
        """Goes from the paths of these steps to all others."""
        for run in starts:
            self._enter(run)
        self._collect()
        self._all_around()
        for many in ROUNDS:
            unknown = self._again(many)
            if not unknown:
                break
            self.search.solver.budget = MIDDLE
            self._all_around()
            for key in filter(self._open, unknown):
                self.settled[key] = Verdict.UNKNOWN
        self.search.solver.budget = SMALL
        for key in self._begun & self.settled.keys():
            del self.settled[key]  # reached after all, on the way to something else

    def _all_around(self) -> None:
        while self._queue:
            if len(self.reached) > self.most:
                self.cut = True
                return
            self._around(*self._queue.popleft())

    def _again(self, many: int) -> list[Key]:
        """Has what was left unknown asked for once more, from other steps that begin alike."""
        unknown = [k for k, v in self.settled.items() if v is Verdict.UNKNOWN]
        for key in unknown:
            del self.settled[key]
            beginning = key[:-1]
            near = [
                other
                for items, others in self._others.items()
                if items[: len(beginning)] == beginning
                for other in others
            ]
            self._queue += near[-many:]
        return unknown

    def runs(self, key: Key) -> list[Stepped]:
        """Some of the steps that took a path."""
        return [run for run, _ in self._others[key]]

    def count(self, verdict: Verdict) -> int:
        """How many beginnings of paths have it."""
        return sum(v is verdict for v in self.settled.values())

    # ------------------------------------------------------------ what a run shows

    def _collect(self) -> None:
        found = self.search.found
        while found:
            self._enter(found.pop(0))

    def _enter(self, run: Stepped) -> None:
        for stretch in run.through(self.scope):
            for n in range(1, len(stretch.items) + 1):
                self._begun.add(stretch.items[:n])
            if stretch.items not in self.reached:
                self.reached[stretch.items] = run
                self._queue.append((run, stretch))
            others = self._others.setdefault(stretch.items, [])
            if len(others) < KEPT:
                others.append((run, stretch))
            for way in self._ways(run):
                self.ways.setdefault(way, run)

    def _ways(self, run: Stepped) -> Iterator[Way]:
        for e in run.trace.entries:
            if e.scope == self.scope:
                if e.kind is Kind.CHOICE:
                    yield ("choice", e.term, e.truth)
                elif e.kind is Kind.DECISION and not e.term.is_const:
                    yield ("condition", e.site, e.truth)
        for c in run.trace.crossings:
            if c.scope == self.scope:
                site = c.site if c.outcome == OK else sites_of(self.body).first(c.site)
                yield ("access", site, c.outcome)

    def _takes(self, run: Stepped, key: Key) -> bool:
        return any(s.items[: len(key)] == key for s in run.through(self.scope))

    def _given(self, run: Stepped, at: int) -> list[Term]:
        """What the path is before an entry: its conditions, and that its accesses are made.

        Not how their translations go, nor what repeats, which may be another way: what is refuted
        with these alone is refuted whatever they do.
        """
        conditions = [
            self.search.holding(e, e.truth)
            for e in run.trace.entries[:at]
            if e.kind is Kind.DECISION and e.scope == self.scope and not e.repeats
        ]
        accesses = [
            self.guards.passing(c)
            for c in run.trace.crossings
            if c.scope == self.scope and c.last <= at
        ]
        return [*conditions, *accesses]

    def _open(self, key: Key) -> bool:
        return key not in self._begun and key not in self.settled and self._leads(key)

    def _leads(self, key: Key) -> bool:
        """Whether it is a path that is sought, or the beginning of one."""
        return not self.wanted or any(path[: len(key)] == key for path in self.wanted)

    # ------------------------------------------------------------ what is next to it

    def _around(self, run: Stepped, stretch: Stretch) -> None:
        for n, (item, at) in enumerate(zip(stretch.items, stretch.at, strict=True)):
            before = stretch.items[:n]
            if at < 0:
                crossing = run.trace.crossings[-at - 1]
                self._outcomes(run, crossing, before, item[0])
            else:
                self._other(run, at, before, item)
        self._repeated(run, stretch)
        if not self.wanted:
            self._choices(run)

    def _other(self, run: Stepped, at: int, before: Key, item: Item) -> None:
        """The condition turned round, and each part of it alone."""
        entry = run.trace.entries[at]
        if entry.term.is_const:
            return
        key = (*before, (item[0], NO if item[1] == YES else YES))
        if self._open(key):
            wanted = self.search.holding(entry, not entry.truth)
            self._seek(run, at, [wanted], key)
        for i, alone in enumerate(() if self.wanted else self._alone(entry.term)):
            way = ("part", item[0], i)
            if way not in self.ways and self._tries.get(way, 0) < TRIES:
                self._tries[way] = self._tries.get(way, 0) + 1
                if (found := self._turn(run, at, alone)) is not None:
                    self.ways[way] = found

    def _seek(self, run: Stepped, at: int, wanted: list[Term], key: Key) -> None:
        """A path that begins so; if need be, by way of another one that has what is wanted."""
        match self.search.turned(
            run, at, wanted, lambda s: self._takes(s, key), lambda: self._given(run, at)
        ):
            case Verdict() as verdict:
                self._collect()
                if verdict is Verdict.UNKNOWN and self._open(key):
                    astray = self._turn(run, at, wanted)
                    if astray is not None:
                        self._led(astray, key)
                if self._open(key):
                    self.settled[key] = verdict
            case _:
                self._collect()

    def _turn(self, run: Stepped, at: int, wanted: list[Term], key: Key = ()) -> Stepped | None:
        """A useful step in which that holds; with a key, on a path that begins so."""
        found = self.search.nearby(run, at, wanted, lambda s: not key or self._takes(s, key))
        self._collect()
        return found

    def _alone(self, term: Term) -> Iterator[list[Term]]:
        """For each part of a conjunction, or disjunction: that it alone decides."""
        terms = self.search.stepper.names.terms
        inner = term.args[0] if term.op is Op.NOT else term
        if inner.op is not Op.AND or inner.width != 1:
            return
        for i, part in enumerate(inner.args):
            yield [terms.not_(part), *(p for j, p in enumerate(inner.args) if j != i)]

    # ------------------------------------------------------------ accesses

    def _outcomes(self, run: Stepped, crossing: Crossing, before: Key, site: int) -> None:
        """That the access is made, and every trap that it can raise.

        Traps are sought from where it is made: there the whole translation is to be seen.
        """
        made = (*before, (site, OK))
        if crossing.outcome != OK and self._open(made) and not self._repeats(crossing):
            self._made(run, crossing, made)
        if crossing.outcome == OK or made in self.settled:
            for trap in traps_of(self.isa, crossing):
                key = (*before, (site, trap))
                if self._open(key):
                    self._trap(run, crossing, trap, key)

    def _made(self, run: Stepped, crossing: Crossing, key: Key) -> None:
        """The checks of the translation met, one after the other."""
        for _ in range(REPAIRS):
            better = self._further(run, crossing)
            if better is None or key in self._begun:
                break
            run, crossing = better
        if self._open(key):
            given = self._given(run, crossing.first)
            passing = self.guards.passing(crossing)
            before = run.trace.entries[: crossing.first]
            self.settled[key] = self.search.proved(before, [*given, passing])

    def _further(self, run: Stepped, crossing: Crossing) -> tuple[Stepped, Crossing] | None:
        """A step in which the access is checked longer before it traps, or does not trap."""
        for at in reversed(self._inside(run, crossing)[-BACK:]):
            entry = run.trace.entries[at]
            found = self._turn(run, at, [self.search.holding(entry, not entry.truth)])
            if found is None:
                continue
            for other in self._same(found, crossing):
                behind = self._inside(found, other)[-1:]
                if other.outcome == OK or (
                    behind and behind[0] - other.first > at - crossing.first
                ):
                    return found, other
        return None

    def _inside(self, run: Stepped, crossing: Crossing) -> list[int]:
        """The conditions of an access's translation."""
        return [
            at
            for at in range(crossing.first, crossing.last)
            if (e := run.trace.entries[at]).kind is Kind.DECISION
            and not e.term.is_const
            and e.scope != self.scope
        ]

    def _same(self, run: Stepped, crossing: Crossing) -> list[Crossing]:
        """The access, in another run."""
        own = [c for c in run.trace.crossings if c.scope == self.scope]
        return [c for c in own if c.site == crossing.site]

    def _repeats(self, crossing: Crossing) -> bool:
        """Whether the access is one of many copies."""
        return sites_of(self.body).repeated(crossing.site)

    def _trap(self, run: Stepped, crossing: Crossing, trap: str, key: Key) -> None:
        guard = self.guards.trapping(crossing, trap)
        if guard.is_value(0):
            self.settled[key] = Verdict.INFEASIBLE
            return
        # A proof that there is none takes one question, a search in vain a hundred.
        given = self._given(run, crossing.first)
        verdict = self.search.proved(run.trace.entries[: crossing.first], [*given, guard])
        if verdict is not Verdict.UNKNOWN or not self._provoked(run, crossing, trap, key):
            self.settled[key] = verdict

    def _provoked(self, run: Stepped, crossing: Crossing, trap: str, key: Key) -> bool:
        """The trap, by turning conditions of the translation: those that raise it first, and each
        of the others once.
        """
        raising: deque[tuple[Stepped, Crossing, int]] = deque()
        others: deque[tuple[Stepped, Crossing, int]] = deque()
        met: set[tuple[str, int, bool]] = set()

        def note(run: Stepped, crossing: Crossing) -> None:
            # Of what is asked for each unit of the access, the first time.
            asked: set[tuple[str, int]] = set()
            for at in self._inside(run, crossing):
                e = run.trace.entries[at]
                if (e.scope, e.site) in asked:
                    continue
                asked.add((e.scope, e.site))
                if e.trap == trap and e.truth:
                    raising.append((run, crossing, at))
                elif not e.trap and (e.scope, e.site, e.truth) not in met:
                    met.add((e.scope, e.site, e.truth))
                    others.append((run, crossing, at))
            # Where tables are read that an earlier access marked, others may trap.
            aliases = [
                at
                for at in range(crossing.first, crossing.last)
                if run.trace.entries[at].kind is Kind.ALIAS
            ]
            if aliases and (alias := ("", aliases[-1], True)) not in met:
                met.add(alias)
                others.appendleft((run, crossing, aliases[-1]))

        note(run, crossing)
        for _ in range(DETOURS):
            if not raising and not others:
                break
            run, crossing, at = (raising or others).popleft()
            e = run.trace.entries[at]
            wanted = [self.search.holding(e, not e.truth)]
            found = self._turn(run, at, wanted, key if e.trap else ())
            found = found or self._turn(run, at, wanted)
            if key in self._begun:
                return True
            if found is not None and not self._same(found, crossing):
                found = self._led(found, key[:-1])
            if found is not None:
                for other in self._same(found, crossing):
                    note(found, other)
        return False

    def _led(self, run: Stepped, before: Key) -> Stepped | None:
        """A step that begins so, from one that goes astray on the way."""
        reached = -1
        for _ in range(REPAIRS):
            through = run.through(self.scope)
            if not through:
                return None
            stretch = max(through, key=lambda s: _common(s.items, before))
            n = _common(stretch.items, before)
            if n == len(before):
                return run
            if n < reached or n == len(stretch.items) or before[n][0] != stretch.items[n][0]:
                return None
            reached, at = n, stretch.at[n]
            better: Stepped | None = None
            if at >= 0:
                entry = run.trace.entries[at]
                better = self._turn(run, at, [self.search.holding(entry, not entry.truth)])
            elif before[n][1] == OK:
                further = self._further(run, run.trace.crossings[-at - 1])
                better = None if further is None else further[0]
            if better is None:
                return None
            run = better
        return None

    # ------------------------------------------------------------ each way once

    def _repeated(self, run: Stepped, stretch: Stretch) -> None:
        """Conditions and accesses that are no items of the path, being copies of one another."""
        items = set(stretch.at)
        for at, e in enumerate(() if self.wanted else run.trace.entries):
            if e.scope == self.scope and e.kind is Kind.DECISION and at not in items:
                self._way(run, at, ("condition", e.site, not e.truth))
        for n, c in enumerate(run.trace.crossings):
            if c.scope != self.scope or -n - 1 in items or c.outcome != OK:
                continue
            for trap in traps_of(self.isa, c):
                trapped = sites_of(self.body).first(c.site), trap
                way = ("access", *trapped)
                key = (*self._before(run, stretch, c.first), trapped)
                if way in self.ways or self._tries.get(way, 0) >= TRIES or key in self.settled:
                    continue
                if not self._leads(key):
                    continue
                self._tries[way] = self._tries.get(way, 0) + 1
                if self.guards.trapping(c, trap).is_value(0):
                    self.settled[key] = Verdict.INFEASIBLE
                else:
                    self._provoked(run, c, trap, key)

    def _before(self, run: Stepped, stretch: Stretch, first: int) -> Key:
        """The path up to an entry."""
        entries = [at if at >= 0 else run.trace.crossings[-at - 1].first for at in stretch.at]
        return tuple(i for i, at in zip(stretch.items, entries, strict=True) if at < first)

    def _choices(self, run: Stepped) -> None:
        for at, e in enumerate(run.trace.entries):
            if e.scope == self.scope and e.kind is Kind.CHOICE:
                self._way(run, at, ("choice", e.term, not e.truth))

    def _way(self, run: Stepped, at: int, way: Way) -> None:
        entry = run.trace.entries[at]
        if entry.term.is_const or way in self.ways or self._tries.get(way, 0) >= TRIES:
            return
        self._tries[way] = self._tries.get(way, 0) + 1
        self._turn(run, at, [self.search.holding(entry, not entry.truth)])


def _common(items: Key, others: Key) -> int:
    """How many items two paths begin with alike."""
    pairs = enumerate(zip(items, others, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(items), len(others)))
