"""A state to start from: code can be fetched, memory reached, and traps lead to handlers.

Where the bench has none, it is found: conditions of a few short forms are turned round until they
read and write memory, and until each trap is delivered; what had to be chosen for that is kept.  A
program's registers are not part of it, nor is its level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from popek.isa import ir
from popek.isa.footprint import spaces
from popek.oracles.oracle import Bench, Home
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.ground import Ground
from popek.validation.guards import Guards
from popek.validation.paths import Paths
from popek.validation.search import Search
from popek.validation.starts import starts
from popek.validation.stepping import CLAUSE, Stepped, Stepper
from popek.validation.trace import OK
from popek.validation.world import FIELD, WHOLE, Place

#: Beginnings of the search for the first state.
STARTS = 6
#: What a start draws for itself.
OPEN = (ir.Role.REGISTER, ir.Role.MODE)
#: Paths of a form that are looked at.
FEW = 40


def with_home(isa: ir.Isa, bench: Bench, seed: int) -> Bench:
    """The bench, with a home if it has none."""
    if bench.home is not None:
        return bench
    home: dict[Place, int] = {}
    for form in _reaching(isa):
        best = max(_explored(isa, form, bench, seed, home)[1], key=_reach, default=None)
        if best is not None and _reach(best):
            home = {**_kept(isa, best), **home}
            break
    for trap, form in _raising(isa):
        search, runs = _explored(isa, form, bench, seed, home)
        for run in runs:
            if run.ending == trap and (shown := search.shown(run)) is not None:
                home = {**_kept(isa, shown), **home}
                break
    return _at(bench, home)


def _at(bench: Bench, places: dict[Place, int]) -> Bench:
    """The bench with these places as its home."""
    cells: dict[str, dict[int, int]] = defaultdict(dict)
    for (name, i), value in places.items():
        if i != WHOLE:
            cells[name][i] = value
    whole = {name: value for (name, i), value in places.items() if i == WHOLE}
    return replace(bench, home=Home(whole, dict(cells)))


def _explored(
    isa: ir.Isa, form: ir.Form, bench: Bench, seed: int, home: dict[Place, int]
) -> tuple[Search, list[Stepped]]:
    ground = Ground(_at(bench, home))
    stepper = Stepper.of(isa, form, ground)
    search = Search(stepper, Z3Conditions())
    guards = Guards(isa, stepper.names, form.span)
    paths = Paths(isa, form.body, CLAUSE, search, guards, FEW)
    paths.explore(starts(search, f"{seed}/home/{'/'.join(form.key)}", STARTS))
    return search, list(paths.reached.values())


def _reach(run: Stepped) -> int:
    """How many accesses a step makes; none where it does not complete."""
    return 0 if run.ending else sum(c.outcome == OK for c in run.trace.crossings)


def _size(form: ir.Form) -> tuple[int, int]:
    return sum(1 for _ in ir.statements(form.body)), len(form.fields)


def _reaching(isa: ir.Isa) -> Iterator[ir.Form]:
    """Forms that read and write memory as programs do, the shortest first."""
    ordinary = {t.name for t in isa.translations.values() if not t.processor}
    found = [
        form
        for form in isa.forms
        if spaces(form.body) & ordinary
        and {type(s) for s in ir.statements(form.body)} >= {ir.Load, ir.Store}
    ]
    return iter(sorted(found, key=_size)[:3])


def _raising(isa: ir.Isa) -> Iterator[tuple[str, ir.Form]]:
    """For each trap that a step can take, the shortest form that raises it."""
    for trap in isa.traps.values():
        if trap.kind is ir.TrapKind.INTERRUPT:
            continue
        through = {
            t.name
            for t in isa.translations.values()
            if any(isinstance(s, ir.Require) and s.trap == trap.name for s in _behind(isa, t))
        }
        found = [
            form
            for form in isa.forms
            if spaces(form.body) & through
            or any(
                isinstance(s, ir.Require) and s.trap == trap.name for s in ir.statements(form.body)
            )
        ]
        if found:
            yield trap.name, min(found, key=_size)


def _behind(isa: ir.Isa, translation: ir.Translation) -> Iterator[ir.Stmt]:
    """The statements of a translation and of those that it leads to."""
    yield from ir.statements(translation.body)
    if (next_one := isa.translations.get(translation.target)) is not None:
        yield from _behind(isa, next_one)


def _kept(isa: ir.Isa, run: Stepped) -> dict[Place, int]:
    """What of a step's state others may start with: all but registers, fields and code."""
    world, found = run.world, dict[Place, int]()
    for c in isa.components.values():
        if c.size is None and c.role not in OPEN:
            found[c.name, WHOLE] = world.value((c.name, WHOLE), c.width)
    touched = dict.fromkeys(run.trace.touched)
    for place in touched:
        name, _ = place
        component = isa.components.get(name)
        if component is not None and component.role not in OPEN:
            found[place] = world.value(place, component.width)
        elif name in isa.memories and place not in run.cells:
            found[place] = world.value(place, isa.memories[name].width)
    return {p: v for p, v in found.items() if not p[0].startswith(FIELD)}
