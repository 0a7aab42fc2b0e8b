"""The cases of a subject: a state for every path and every way, and others drawn at random.

A subject is the clause of a form; or a delivery or a translation, which is then met on the way
through a form that leads there.  Everything here is a function of the spec, the seed and the bench:
two runs have the same cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from popek.isa import ir
from popek.oracles.oracle import Case, Value
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.ground import Ground
from popek.validation.guards import Guards
from popek.validation.paths import Key, Paths
from popek.validation.refuting import Verdict
from popek.validation.search import Search
from popek.validation.starts import starts
from popek.validation.stepping import CLAUSE, DELIVERY, Stepped, Stepper
from popek.validation.trace import Kind
from popek.validation.world import FIELD, WHOLE, World

#: States in which the search for paths begins, and states drawn beside it.
STARTS, RANDOM = 4, 6
#: Further states of each path, in which only what the path depends on is the same.
VARIANTS = 2

#: Elements of a bank beyond which only those are given a value that the step uses, and only those
#: are written down that are not 0.
LARGE = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """What is enumerated, on the way through which form.  `scope`: see `stepping`.

    `attempt`: that many times before it was, too, with other states; then of `wanted` paths alone.
    """

    form: tuple[str, str]
    scope: str = CLAUSE
    attempt: int = 0
    wanted: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    """A case, and the paths of the subject that it takes."""

    case: Case
    fields: Mapping[str, int]
    code: bytes
    paths: tuple[Key, ...]
    world: World


@dataclass(frozen=True, slots=True)
class Population:
    """The cases of a subject, and what is known of its paths.

    `paths` are those that some state takes.  `beyond` (no state that the oracle can be set up as),
    `infeasible` and `unknown` count beginnings of paths; `cut`: there are more paths.  `scopes` are
    the deliveries and translations that paths lead to.
    """

    subject: Subject
    made: tuple[Made, ...]
    paths: tuple[Key, ...]
    infeasible: int
    beyond: int
    unknown: int
    ways: int
    cut: bool
    scopes: frozenset[str]


def body_of(isa: ir.Isa, form: ir.Form, scope: str) -> tuple[ir.Stmt, ...]:
    """The statements of a scope."""
    if scope == CLAUSE:
        return form.body
    if scope.startswith(DELIVERY):
        return isa.traps[scope.removeprefix(DELIVERY)].delivery
    return isa.translations[scope.split(".", maxsplit=1)[0]].body


def examples(found: Population) -> tuple[World, ...]:
    """A state for each path."""
    worlds: dict[Key, World] = {}
    for made in found.made:
        for path in made.paths:
            worlds.setdefault(path, made.world)
    return tuple(worlds.values())


def population(
    isa: ir.Isa, subject: Subject, ground: Ground, seed: int, like: Iterable[World] = ()
) -> Population:
    """The cases of a subject.  `like`: states to begin with, of a form that is like it."""
    (form,) = (form for form in isa.forms if form.key == subject.form)
    scope, wanted = subject.scope, subject.wanted
    stepper = Stepper.of(isa, form, ground)
    search = Search(stepper, Z3Conditions())
    guards = Guards(isa, stepper.names, form.span)
    name = "/".join([str(seed), *form.key, *(["again"] * subject.attempt)])
    begun = [run for world in like if (run := search.start(world)) is not None]
    begun = begun or list(starts(search, name, STARTS))
    paths = Paths(isa, form.body, CLAUSE, search, guards)
    if scope == CLAUSE:
        paths.wanted = wanted
    paths.explore(begun)
    if scope != CLAUSE:
        leading = [run for run in _runs(paths) if run.through(scope)]
        paths = Paths(isa, body_of(isa, form, scope), scope, search, guards, wanted=wanted)
        paths.explore(leading)
    sought = [key for key in paths.reached if not wanted or key in wanted]
    taking = [_best(search, scope, paths.runs(key)) for key in sought]
    # Others of a path show it where an oracle is wrong, or refuses, for the sake of something else.
    others = [run for key in sought for run in paths.runs(key)]
    if wanted:
        # An oracle may fail where the spec does not, as one whose stack pointer is stepped before a
        # frame is written: another level has another stack.
        others += [o for run in taking for o in _at_other_levels(search, run)]
    ways = [] if wanted else paths.ways.values()
    steps = list({id(run): run for run in (*taking, *others, *ways)}.values())
    for number in range(VARIANTS):
        steps += _variants(search, taking, f"{name}/variant {number}")
    if scope == CLAUSE and not wanted:
        steps += starts(search, f"{name}/random", RANDOM, anywhere=True)
    # What only random steps have met is not found again.
    scopes = {s.scope for run in _runs(paths) for s in (*run.stretches, *run.trace.walks)}
    return Population(
        subject,
        tuple(made_of(isa, scope, run, ground) for run in steps),
        tuple(paths.reached),
        paths.count(Verdict.INFEASIBLE),
        paths.count(Verdict.BEYOND),
        paths.count(Verdict.UNKNOWN),
        len(paths.ways),
        paths.cut,
        frozenset(scopes - {CLAUSE}),
    )


def _runs(paths: Paths) -> Iterable[Stepped]:
    return (*paths.reached.values(), *paths.ways.values())


def _best(search: Search, scope: str, runs: Sequence[Stepped]) -> Stepped:
    """Of steps on one path, or near them, one that ends in a state that an oracle can show."""
    for run in runs:
        for near in (run, *(() if run.shows else _at_other_levels(search, run))):
            better = search.shown(near)
            if better is not None and _paths(run, scope) <= _paths(better, scope):
                return better
    return runs[0]


def _at_other_levels(search: Search, run: Stepped) -> Iterator[Stepped]:
    """The same step by a program at another level: with that level's registers, where a fault of
    the stack, say, does not keep the processor from using its own.
    """
    isa = search.stepper.isa
    if not isinstance(isa.mode.level, ir.Read):
        return
    level, width = isa.mode.level.component, isa.mode.level.width
    values = [one.value for one in isa.mode.levels]
    now = values.index(run.world.value((level, WHOLE), width))
    # Wherever it is kept.
    modes = [
        (c.name, WHOLE)
        for c in isa.components.values()
        if c.role is ir.Role.MODE and c.size is None and c.width == width
    ]
    for position, value in enumerate(values):
        if position == now:
            continue
        changed = dict.fromkeys(modes, value)
        for c in isa.components.values():
            if c.banked:
                changed[c.name, position] = run.world.value((c.name, now), c.width)
                changed[c.name, now] = run.world.value((c.name, position), c.width)
        other = search.start(run.world.but(changed))
        if other is not None:
            yield other


def _variants(search: Search, runs: Iterable[Stepped], seed: str) -> Iterator[Stepped]:
    """The same paths from states that are alike only where a condition looks, and in the cells of
    home: handlers are found.
    """
    names, stepper = search.stepper.names, search.stepper
    cells = {p: v for p, v in stepper.ground.home.items() if p[0] in stepper.isa.memories}
    for number, run in enumerate(runs):
        trace = run.trace
        kept: set[str] = {n for n in trace.values if n.startswith(FIELD)}
        for e in trace.entries:
            if e.kind is not Kind.CHOICE:
                kept |= names.mentioned(e.term)
        for index in trace.indices:
            kept |= names.mentioned(index)
        places = {trace.place(n, trace.indices.__getitem__): trace.values[n] for n in kept}
        other = search.step(World(f"{seed}/{number}", {**cells, **places}))
        if other is not None and other.good:
            yield other


def made_of(isa: ir.Isa, scope: str, run: Stepped, ground: Ground) -> Made:
    """The case that a step starts from."""
    world, used = run.world, run.trace.touched.keys() | run.cells.keys()
    given = defaultdict[str, set[int]](set)
    for name, i in (*world.chosen, *used):
        given[name].add(i)

    def shown(c: ir.Component) -> Value:
        if c.size is None:
            return world.value((c.name, WHOLE), c.width)
        elements = [0] * c.size
        for i in range(c.size) if c.size <= LARGE else given[c.name]:
            elements[i] = world.value((c.name, i), c.width)
        for i, constant in c.hardwired:
            elements[i] = constant
        return tuple(elements)

    state = {c.name: shown(c) for c in isa.components.values()}
    memory = {name: dict(ground.shown(name)) for name in isa.memories}
    for name, cell in sorted(used):
        if name in memory:
            memory[name][cell] = world.value((name, cell), isa.memories[name].width)
    taken = tuple(sorted(_paths(run, scope)))
    return Made(Case(state, memory), run.fields, run.code, taken, run.world)


def _paths(run: Stepped, scope: str) -> frozenset[Key]:
    return frozenset(s.items for s in run.through(scope))
