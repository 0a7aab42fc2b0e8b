"""States in which two readings of a form do not come to the same, by the solver; or that there are
none.

Both are run over terms from one state, memory an array and translations walked, and their outcomes
laid beside each other: how the step ends, and the state in which it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from popek.isa import ir
from popek.isa.fetching import fetching
from popek.semantics.outcome import DeviceEvent, LeftOpen, ShutDown, Step, Trapped
from popek.semantics.step import Run, step
from popek.semantics.storage import Walk
from popek.semantics.symbols import Symbols
from popek.smt import Answer, Budget, Model, Sat, Undecided, Unsat, Z3InProcess, decide
from popek.terms import ArrayValue, Term, Terms, Value, symbols_of
from popek.validation.search import Search
from popek.validation.stepping import Stepped
from popek.validation.world import FIELD, WHOLE, Place, World

#: What one question may cost, while it can still be split, and then.
SMALL: Final = Budget(rlimit=1_000_000, seconds=5.0)
LARGE: Final = Budget(rlimit=20_000_000, seconds=60.0)
#: Fields up to this width choose between rows of operands: questions are split by them.
NARROW: Final = 3
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
        return self._split(other, {})

    def states(self, other: ir.Form, known: Mapping[str, Value]) -> Iterator[Stepped]:
        """Steps of the form in states in which the other comes to something else, from a model of
        one: near home, without a trap, whose delivery may undo what differs, then without one of
        memory; then from anywhere, then that state.  Where functions that proofs leave open are
        too hard for the solver by what defines them, they are left open.
        """
        narrow = {n: known.get(FIELD + n) for n in self._narrow()}
        fixed = {n: v for n, v in narrow.items() if isinstance(v, int)}
        for algebra in (_Defined(Terms()), Symbols(Terms())):
            readings = _Readings(self, algebra, other, fixed)
            calm, home = readings.calm(), readings.fixed(self.home)
            for narrower in ([readings.complete(), *home], [*calm, *home], calm):
                answer = self._asked(algebra.terms, [*readings.certain(), *narrower], LARGE)
                if isinstance(answer, Sat):
                    yield from self._stepped({**self._fields(fixed), **answer.model})
        yield from self._stepped(known)

    # ------------------------------------------------------------ questions

    def _split(self, other: ir.Form, fixed: Mapping[str, int]) -> Answer:
        """As `same`, where narrow fields have these values."""
        terms = Terms()
        goal = _Readings(self, Symbols(terms), other, fixed).possible()
        open_fields = {s.name for s in symbols_of(goal)} & {FIELD + n for n in self._narrow()}
        answer = self._asked(terms, goal, SMALL if open_fields else LARGE)
        if isinstance(answer, Sat):
            return Sat(Model({**self._fields(fixed), **answer.model}))
        if isinstance(answer, Unsat) or not open_fields:
            return answer
        name = min(open_fields).removeprefix(FIELD)
        undecided: Undecided | None = None
        for value in range(1 << self.form.fields[name]):
            part = self._split(other, {**fixed, name: value})
            if isinstance(part, Sat):
                return part
            if isinstance(part, Undecided):
                undecided = part
        return Unsat() if undecided is None else undecided

    def _narrow(self) -> list[str]:
        return [n for n, width in self.form.fields.items() if width <= NARROW]

    @staticmethod
    def _fields(fixed: Mapping[str, int]) -> dict[str, Value]:
        return {FIELD + n: v for n, v in fixed.items()}

    def _asked(self, terms: Terms, goal: Sequence[Term], budget: Budget) -> Answer:
        name = f"telling {'/'.join(self.form.key)}"
        return decide(terms, name, goal, Z3InProcess(), budget).answer

    # ------------------------------------------------------------ states

    def _stepped(self, model: Mapping[str, Value]) -> Iterator[Stepped]:
        """Useful steps from the state of a model; what it does not say is as at home.

        Of banks of registers it says all; of memory what it names, then all, too.
        """
        arrays = {name: value for name, value in model.items() if isinstance(value, ArrayValue)}
        for said in (arrays.keys() - self.isa.memories.keys(), arrays.keys()):
            home = {place: value for place, value in self.home.items() if place[0] not in said}
            yield from self._near(home, model, arrays)

    def _near(
        self,
        home: Mapping[Place, int],
        model: Mapping[str, Value],
        arrays: Mapping[str, ArrayValue],
    ) -> Iterator[Stepped]:
        chosen = dict(home)
        for name, value in model.items():
            match value:
                case int():
                    chosen[name, WHOLE] = value
                case ArrayValue():
                    chosen |= {(name, i): v for i, v in value.entries.items()}
        run = self.search.step(World("telling", chosen))
        for _ in range(TURNS):
            if run is None:
                return
            used = {
                (name, i): arrays[name].select(i)
                for name, i in run.trace.touched
                if name in arrays and (name, i) not in run.world.chosen
            }
            if not used:
                break
            run = self.search.step(run.world.but(used))
        useful = None if run is None else self.search.repaired(run)
        if useful is not None:
            yield useful
            if not useful.shows and (shown := self.search.shown(useful)) is not None:
                yield shown


class _Defined(Symbols):
    """Functions that have a definition are what it says."""

    def interprets(self, function: ir.AbstractFunction) -> bool:
        return function.result is None


class _Readings:
    """Both readings over terms, where some fields have one value."""

    def __init__(
        self, telling: Telling, algebra: Symbols, other: ir.Form, fixed: Mapping[str, int]
    ) -> None:
        self._isa = isa = telling.isa
        self._form = form = telling.form
        self._other = other
        self._stepper = telling.search.stepper
        self._terms = algebra.terms
        self._algebra = algebra
        self._state: dict[str, Term] = {
            c.name: algebra.variable(c.name, c.width)
            if c.size is None
            else algebra.bank_variable(c.name, c.index_width, c.width)
            for c in isa.components.values()
        } | {
            m.name: algebra.bank_variable(m.name, m.index_width, m.width)
            for m in isa.memories.values()
        }
        self._fields = {
            n: algebra.const(fixed[n], w) if n in fixed else algebra.variable(FIELD + n, w)
            for n, w in form.fields.items()
        }

    def possible(self) -> list[Term]:
        """That they differ, if what is undefined is all zeros or if it is all ones."""
        zeros, ones = self._differ(ones=False), self._differ(ones=True)
        return [self._terms.or_(zeros, ones), *self._premises()]

    def certain(self) -> list[Term]:
        """That they differ in either case."""
        return [self._differ(ones=False), self._differ(ones=True), *self._premises()]

    def complete(self) -> Term:
        """That the form's step raises nothing."""
        return self._read(self._form, ones=False).completes

    def calm(self) -> list[Term]:
        """That the form's step says what happens, and memory traps nowhere."""
        wild = [
            e.guard
            for e in self._read(self._form, ones=False).exits
            if not isinstance(e, Trapped) or e.memory
        ]
        return [self._terms.not_(guard) for guard in wild]

    def fixed(self, places: Mapping[Place, int]) -> list[Term]:
        """That components hold these values."""
        terms = self._terms
        found: list[Term] = []
        for (name, i), value in places.items():
            component = self._isa.components.get(name)
            if component is None:
                continue
            held = self._state[name]
            if component.size is not None:
                held = terms.select(held, terms.const(i, component.index_width))
            found.append(terms.eq(held, terms.const(value, component.width)))
        return found

    def _read(self, form: ir.Form, *, ones: bool) -> Read:
        """The step; what is undefined is all zeros, or all ones."""

        def inputs(kind: str, site: str, width: int) -> Term:
            return self._terms.const((1 << width) - 1 if ones else 0, width)

        return step(self._isa, form, self._algebra, Walk(), self._state, self._fields, inputs)

    def _differ(self, *, ones: bool) -> Term:
        both = [self._read(form, ones=ones) for form in (self._form, self._other)]
        return _Outcomes(self._isa, self._algebra, *both).differ()

    def _premises(self) -> list[Term]:
        """What holds in every state of use: the bench, the invariants, that the code is there."""
        isa, algebra = self._isa, self._algebra
        run: Run[Term, Term] = Run(isa, algebra, Walk(), self._state, self._fields, _never)
        found = self.fixed(self._stepper.ground.fixed)
        for invariant in isa.invariants:
            run.run(invariant.setup)
            found.append(run.value(invariant.condition))
        found += [run.value(condition) for condition in self._stepper.decoding()]
        space, leading = fetching(isa)
        args = [algebra.const(v, w) for v, w in leading]
        pc = run.value(ir.Read(isa.pc, isa.components[isa.pc].width))
        run.storage.check(run, ir.Access.FETCH, space, [*args, pc], 1, self._form.span)
        return [*found, *(self._terms.not_(e.guard) for e in run.exits)]


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
