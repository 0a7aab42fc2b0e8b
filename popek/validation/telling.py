"""States in which two readings of a form do not come to the same, by the solver; or that there are
none.

Both are run over terms from one state, memory an array and translations walked, and their outcomes
laid beside each other: how the step ends, and the state in which it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from popek.isa import ir
from popek.semantics.outcome import DeviceEvent, LeftOpen, ShutDown, Step, Trapped
from popek.semantics.step import Run, step
from popek.semantics.storage import Walk
from popek.semantics.symbols import Symbols
from popek.smt import Answer, Budget, Sat, Undecided, Unsat, Z3InProcess, decide
from popek.terms import ArrayValue, Term, Terms
from popek.validation.search import Search
from popek.validation.stepping import Stepped, fetching
from popek.validation.world import FIELD, WHOLE, Place, World

#: What one question may cost.
BUDGET: Final = Budget(rlimit=20_000_000, seconds=60.0)
#: How often cells that a step turns out to use are given the values of the model.
TURNS: Final = 4

Read = Step[Term, Term]


@dataclass(frozen=True)
class Telling:
    """Asks of one form what tells it from others with its encoding."""

    isa: ir.Isa
    form: ir.Form
    search: Search
    home: Mapping[Place, int]

    def same(self, other: ir.Form) -> Answer:
        """Unsat if both come to the same in every state, whatever is undefined; else a state in
        which they do not.  Raises KeyError if the other uses what it does not bind.
        """
        terms = Terms()
        zeros, ones = (self._differ(terms, other, value) for value in (False, True))
        return self._asked(terms, [terms.or_(zeros, ones), *self._premises(terms)])

    def states(self, other: ir.Form) -> Iterator[Stepped]:
        """Steps of the form in states in which the other comes to something else: from home and
        without a trap of memory, then from anywhere, then whatever it ends in.
        """
        terms = Terms()
        differ = [self._differ(terms, other, value) for value in (False, True)]
        goal = [*differ, *self._premises(terms)]
        calm, home = self._calm(terms), self._at_home(terms)
        for narrower in ([*calm, *home], calm, []):
            match self._asked(terms, [*goal, *narrower]):
                case Sat(model=model):
                    run = self._stepped(model)
                    if run is not None:
                        yield run
                        if not run.shows and (shown := self.search.shown(run)) is not None:
                            yield shown
                case Unsat() | Undecided():
                    pass

    # ------------------------------------------------------------ questions

    def _asked(self, terms: Terms, goal: list[Term]) -> Answer:
        name = f"telling {'/'.join(self.form.key)}"
        return decide(terms, name, goal, Z3InProcess(), BUDGET).answer

    def _start(self, terms: Terms) -> tuple[Symbols, dict[str, Term], dict[str, Term]]:
        algebra = Symbols(terms)
        state = {
            c.name: algebra.variable(c.name, c.width)
            if c.size is None
            else algebra.bank_variable(c.name, c.index_width, c.width)
            for c in self.isa.components.values()
        }
        state |= {
            m.name: algebra.bank_variable(m.name, m.index_width, m.width)
            for m in self.isa.memories.values()
        }
        fields = {n: algebra.variable(FIELD + n, w) for n, w in self.form.fields.items()}
        return algebra, state, fields

    def _read(self, terms: Terms, form: ir.Form, *, ones: bool) -> Read:
        """The step; what is undefined is all zeros, or all ones."""
        algebra, state, fields = self._start(terms)

        def inputs(kind: str, site: str, width: int) -> Term:
            return algebra.const((1 << width) - 1 if ones else 0, width)

        return step(self.isa, form, algebra, Walk(), state, fields, inputs)

    def _differ(self, terms: Terms, other: ir.Form, ones: bool) -> Term:
        algebra, _, _ = self._start(terms)
        both = [self._read(terms, form, ones=ones) for form in (self.form, other)]
        return _Outcomes(self.isa, algebra, *both).differ()

    def _premises(self, terms: Terms) -> list[Term]:
        """What holds in every state of use: the bench, the invariants, that the code is there."""
        algebra, state, fields = self._start(terms)
        run: Run[Term, Term] = Run(self.isa, algebra, Walk(), state, fields, _never)
        found = self._fixed(terms, self.search.stepper.ground.fixed)
        for invariant in self.isa.invariants:
            run.run(invariant.setup)
            found.append(run.value(invariant.condition))
        found += [run.value(condition) for condition in self.search.stepper.decoding()]
        space, leading = fetching(self.isa)
        args = [algebra.const(v, w) for v, w in leading]
        pc = run.value(ir.Read(self.isa.pc, self.isa.components[self.isa.pc].width))
        run.storage.check(run, ir.Access.FETCH, space, [*args, pc], 1, self.form.span)
        return [*found, *(terms.not_(e.guard) for e in run.exits)]

    def _calm(self, terms: Terms) -> list[Term]:
        """That the form's step says what happens, and memory traps nowhere."""
        wild = [
            e.guard
            for e in self._read(terms, self.form, ones=False).exits
            if not isinstance(e, Trapped) or e.memory
        ]
        return [terms.not_(guard) for guard in wild]

    def _at_home(self, terms: Terms) -> list[Term]:
        return self._fixed(terms, self.home)

    def _fixed(self, terms: Terms, places: Mapping[Place, int]) -> list[Term]:
        """That components hold these values."""
        _, state, _ = self._start(terms)
        found: list[Term] = []
        for (name, i), value in places.items():
            component = self.isa.components.get(name)
            if component is None:
                continue
            held = state[name]
            if component.size is not None:
                held = terms.select(held, terms.const(i, component.index_width))
            found.append(terms.eq(held, terms.const(value, component.width)))
        return found

    # ------------------------------------------------------------ states

    def _stepped(self, model: Mapping[str, object]) -> Stepped | None:
        """The step from the state of a model; what the model does not say is as at home."""
        chosen: dict[Place, int] = dict(self.home)
        arrays: dict[str, ArrayValue] = {}
        for name, value in model.items():
            match value:
                case int():
                    chosen[name, WHOLE] = value
                case ArrayValue():
                    arrays[name] = value
                    chosen |= {(name, i): v for i, v in value.entries.items()}
        world = World("telling", chosen)
        run: Stepped | None = None
        for _ in range(TURNS):
            run = self.search.step(world)
            if run is None:
                return None
            used = {
                (name, i): arrays[name].select(i)
                for name, i in run.trace.touched
                if name in arrays and (name, i) not in world.chosen
            }
            if not used:
                break
            world = world.but(used)
        return None if run is None else self.search.repaired(run)


def _never(kind: str, site: str, width: int) -> Term:
    raise AssertionError("premises have no inputs")


class _Outcomes:
    """Two steps from one state, laid beside each other."""

    def __init__(self, isa: ir.Isa, algebra: Symbols, a: Read, b: Read) -> None:
        self._isa = isa
        self._terms = algebra.terms
        self._algebra = algebra
        self._both = (a, b)

    def differ(self) -> Term:
        """Whether they end otherwise, or in another state, or tell devices something else."""
        terms = self._terms
        a, b = self._both
        endings = sorted({_ending(e) for s in self._both for e in s.exits})
        found = [
            terms.ne(a.completes, b.completes),
            terms.ne(a.waits, b.waits),
            *self._events(a, b),
        ]
        for ending in endings:
            found.append(terms.ne(self._guard(a, ending), self._guard(b, ending)))
            found += self._arguments(ending)
        for name in a.state:
            found.append(self._unlike(name, *(self._after(s, name) for s in self._both)))
        return terms.any_of(found)

    def _guard(self, s: Read, ending: str) -> Term:
        return self._terms.any_of(e.guard for e in s.exits if _ending(e) == ending)

    def _arguments(self, ending: str) -> Iterator[Term]:
        """Whether a trap that both raise has other arguments."""
        terms = self._terms
        merged: list[list[Term]] = []
        for s in self._both:
            own = [e for e in s.exits if isinstance(e, Trapped) and _ending(e) == ending]
            if not own:
                return
            values = list(own[-1].args)
            for e in own[:-1]:
                values = [terms.ite(e.guard, x, y) for x, y in zip(e.args, values, strict=True)]
            merged.append(values)
        guards = [self._guard(s, ending) for s in self._both]
        for x, y in zip(*merged, strict=True):
            yield terms.and_(*guards, terms.ne(x, y))

    def _after(self, s: Read, name: str) -> Term:
        """What a component or memory holds in the end, by whatever way."""
        value = s.state[name]
        for e in s.exits:
            if isinstance(e, Trapped):
                value = self._terms.ite(e.guard, e.state[name], value)
        return value

    def _unlike(self, name: str, a: Term, b: Term) -> Term:
        component = self._isa.components.get(name)
        if component is not None and component.size is None:
            return self._terms.ne(a, b)
        sized = self._isa.memories[name] if component is None else component
        fresh = f"where {name} differs"
        differ = self._algebra.banks_differ(a, b, fresh, sized.index_width, sized.width)
        if component is None or component.size is None:
            return differ
        last = self._terms.const(component.size - 1, component.index_width)
        at = self._terms.var(fresh, component.index_width)
        return self._terms.and_(differ, self._terms.ule(at, last))

    def _events(self, a: Read, b: Read) -> Iterator[Term]:
        terms = self._terms
        for x, y in zip_longest(a.events, b.events):
            if x is None or y is None:
                one: DeviceEvent[Term] = x or y
                yield one.guard
            elif (x.device, x.operation) != (y.device, y.operation):
                yield terms.or_(x.guard, y.guard)
            else:
                yield terms.ne(x.guard, y.guard)
                for v, w in zip(x.args, y.args, strict=True):
                    yield terms.and_(x.guard, terms.ne(v, w))


def _ending(end: Trapped[Term, Term] | LeftOpen[Term] | ShutDown[Term]) -> str:
    match end:
        case Trapped(name=name):
            return name
        case LeftOpen():
            return "left open"
        case ShutDown():
            return "shut down"
