"""One step of the spec from a world, traced: fetch, clause, and the delivery of its trap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from popek.guest import canonical, encode
from popek.guest.units import Units
from popek.isa import ir
from popek.isa.fetching import fetching
from popek.semantics.outcome import Exit, LeftOpen, ShutDown, Trapped
from popek.semantics.step import Run, length_field, next_pc
from popek.semantics.storage import Walk
from popek.source import Span
from popek.terms import Terms
from popek.validation.concolic import Bank, Both, Concolic
from popek.validation.ground import Ground
from popek.validation.sites import Sites, raises, sites_of
from popek.validation.trace import NO, OK, YES, Crossing, Item, Kind, Names, Stretch, Trace
from popek.validation.world import FIELD, WHOLE, Place, World

CLAUSE = "clause"
FETCH = "fetch"
DELIVERY = "delivery of "

#: Deliveries in a row: a fault on the way to the handler, and the double fault on the way to that.
DELIVERIES = 3


@dataclass(frozen=True, slots=True)
class Passing:
    """The condition under which a statement does not raise the trap, if there is one."""

    condition: Both
    trap: str


class Traced(Run[Both, Bank]):
    """A run that goes one way at each condition, and records which."""

    def __init__(
        self,
        isa: ir.Isa,
        algebra: Concolic,
        state: Mapping[str, Both | Bank],
        fields: Mapping[str, Both],
        inputs: Callable[[str, str, int], Both],
        sites: Sites,
    ) -> None:
        super().__init__(isa, algebra, Crossed(), state, fields, inputs)
        self.trace = algebra.trace
        self.sites = sites
        #: The path so far, and which entries its items are.
        self.items: list[Item] = []
        self.at: list[int] = []

    def _branch(
        self, condition: Both, then: tuple[ir.Stmt, ...], otherwise: tuple[ir.Stmt, ...]
    ) -> None:
        if trap := raises(then):
            self.decided(condition, Passing(self.algebra.negation(condition), trap))
        else:
            self.decided(condition, Passing(condition, raises(otherwise)))
        self.run(then if condition.value else otherwise)

    def _require(self, condition: Both, trap: str, args: Sequence[ir.Expr], span: Span) -> None:
        self.decided(condition, Passing(condition, trap), required=True)
        super()._require(condition, trap, args, span)

    def _event(self, device: str, operation: str, args: Sequence[ir.Expr], span: Span) -> None:
        super()._event(device, operation, args, span)
        if self.events[-1].args:
            first = self.events[-1].args[0]
            self.trace.reach(device, first.term, first.value)

    def require(self, condition: Both, trapped: Callable[[Both], Exit[Both, Bank]]) -> None:
        if not condition.value:
            self.exits.append(trapped(self.algebra.const(1, 1)))
            self.stop()
            self.trace.ended = True

    def decided(self, condition: Both, passing: Passing, *, required: bool = False) -> None:
        """A condition of the clause, or of a translation that runs for it."""
        sites = self.sites if self.translating is None else sites_of(self.translating.body)
        site = sites.number(self.site)
        repeats = sites.repeated(site) and bool(not required or condition.value)
        holds = passing.condition
        entry = self.trace.decide(site, holds.term, bool(holds.value), passing.trap, repeats)
        if repeats:
            return
        if sites.repeated(site):
            site = sites.first(site)
        self.items.append((site, YES if condition.value else NO))
        self.at.append(entry)


class Fetched(Traced):
    """The fetch of an instruction.  The spec's step begins behind it: a fetch that would write, as
    where a page is marked as accessed, is not the step that the spec describes.
    """

    def _branch(
        self, condition: Both, then: tuple[ir.Stmt, ...], otherwise: tuple[ir.Stmt, ...]
    ) -> None:
        writes = [any(isinstance(s, ir.Store) for s in body) for body in (otherwise, then)]
        if any(writes):
            holds = condition if writes[0] else self.algebra.negation(condition)
            self.trace.premise(Kind.PREMISE, holds.term, bool(holds.value))
        super()._branch(condition, then, otherwise)


class Crossed(Walk[Both, Bank]):
    """The translation walked for real; each access is an item of the path that makes it."""

    def load(
        self, run: Run[Both, Bank], space: str, args: Sequence[Both], units: int, span: Span
    ) -> Both:
        with Access(run, space, ir.Access.READ, args, units, made=True):
            return super().load(run, space, args, units, span)

    def store(
        self,
        run: Run[Both, Bank],
        space: str,
        args: Sequence[Both],
        units: int,
        value: Both,
        span: Span,
    ) -> None:
        with Access(run, space, ir.Access.WRITE, args, units, made=True):
            super().store(run, space, args, units, value, span)

    def check(
        self,
        run: Run[Both, Bank],
        access: ir.Access,
        space: str,
        args: Sequence[Both],
        units: int,
        span: Span,
    ) -> None:
        with Access(run, space, access, args, units, made=False):
            super().check(run, access, space, args, units, span)

    def _translate(
        self,
        run: Run[Both, Bank],
        translation: ir.Translation,
        access: ir.Access,
        args: Sequence[Both],
        start: Both,
        units: int,
    ) -> Both:
        assert isinstance(run, Traced)
        if run.trace.ended:
            return run.algebra.const(0, translation.result.width)
        scope = f"{translation.name}.{access}"
        (items, at), run.items, run.at = (run.items, run.at), [], []
        site = run.site
        with run.trace.within(scope):
            result = super()._translate(run, translation, access, args, start, units)
            run.trace.walks.append(Stretch(scope, tuple(run.items), tuple(run.at)))
        run.items, run.at, run.site = items, at, site
        return result


class Access:
    """The extent of one access: what its translation records belongs to it."""

    def __init__(
        self,
        run: Run[Both, Bank],
        space: str,
        access: ir.Access,
        args: Sequence[Both],
        units: int,
        *,
        made: bool,
    ) -> None:
        assert isinstance(run, Traced)
        self._made = made
        self._args = tuple(a.term for a in args)
        self._units = units
        self._state = dict(run.state)
        self._run = run
        self._space = space
        self._access = access
        self._site = run.site
        #: A translation's own accesses are part of it; plain memory never traps.
        self._counts = run.translating is None and space in run.isa.translations
        self._first = len(run.trace.entries)
        self._exits = len(run.exits)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        run = self._run
        if not self._counts:
            return
        outcome = OK
        if len(run.exits) > self._exits:
            end = run.exits[-1]
            outcome = end.name if isinstance(end, Trapped) else type(end).__name__
        site = run.sites.number(self._site)
        trace = run.trace
        crossing = Crossing(
            trace.scope,
            site,
            self._space,
            self._access.value,
            self._first,
            len(trace.entries),
            outcome,
            self._made,
            self._units,
            self._args,
            self._state,
        )
        trace.crossings.append(crossing)
        if outcome != OK or not run.sites.repeated(site):
            run.items.append((site if outcome == OK else run.sites.first(site), outcome))
            run.at.append(-len(trace.crossings))


@dataclass(frozen=True)
class Stepped:
    """A step, and what became of its traps.

    `good`: all premises hold.  `ending`: "" where it completes, else the trap, or why the spec says
    nothing.  `shows`: the step ends in a state that an oracle could show.
    """

    world: World
    fields: Mapping[str, int]
    code: bytes
    trace: Trace
    stretches: tuple[Stretch, ...]
    ending: str
    shows: bool
    cells: Mapping[Place, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return self.bad is None

    @property
    def bad(self) -> int | None:
        """The number of the first entry that a useful state does not have so."""
        for i, e in enumerate(self.trace.entries):
            if e.kind in (Kind.PREMISE, Kind.BENCH) and not e.truth:
                return i
        return None

    def through(self, scope: str) -> tuple[Stretch, ...]:
        """The paths taken through a body: of a translation, as often as it was walked."""
        return tuple(s for s in (*self.stretches, *self.trace.walks) if s.scope == scope)


class Unencodable(Exception):
    """The fields of a world mean no code of the form."""


@dataclass(frozen=True)
class Stepper:
    """Steps of one form."""

    isa: ir.Isa
    form: ir.Form
    ground: Ground
    names: Names

    @classmethod
    def of(cls, isa: ir.Isa, form: ir.Form, ground: Ground) -> Stepper:
        return cls(isa, form, ground, Names(Terms()))

    def coded(self, world: World) -> tuple[World, dict[str, int], bytes]:
        """The world with the fields as decoding gives them.  Raises Unencodable."""
        isa, form = self.isa, self.form
        context = {
            c.name: world.value((c.name, WHOLE), c.width)
            for c in isa.components.values()
            if c.role is ir.Role.HIDDEN and c.size is None
        }
        fields = {n: world.value((FIELD + n, WHOLE), w) for n, w in form.fields.items()}
        meant = canonical(isa, form, fields, context)
        if meant is None:
            raise Unencodable
        if meant != fields:
            world = world.but({(FIELD + n, WHOLE): v for n, v in meant.items()})
        return world, meant, encode(isa, form, meant, context)

    def step(self, world: World) -> Stepped:
        """The step from a world, whose code is put at the pc.  Raises Unencodable."""
        world, numbers, code = self.coded(world)
        world = world.but(self.ground.fixed)
        isa = self.isa

        def value(place: Place, width: int) -> int:
            return algebra.world.value(place, width)  # the world then, once the code is there

        trace = Trace(self.names, value, self.ground)
        algebra = Concolic(self.names.terms, world, trace)
        state = self._state(algebra)
        fields = {
            n: Both(numbers[n], trace.variable(FIELD + n, w)) for n, w in self.form.fields.items()
        }
        run = Traced(isa, algebra, state, fields, _inputs(algebra), sites_of(self.form.body))
        with trace.within("state"):
            self._premises(run)
        fetch = Fetched(isa, algebra, state, {}, _inputs(algebra), run.sites)
        cells = self._fetch(fetch, code)
        algebra.world = world = world.but(cells)
        if trace.ended:
            return Stepped(world, numbers, code, trace, (), FETCH, False, cells)
        run.target = run.value(next_pc(isa, self.form))
        with trace.within(CLAUSE):
            run.run(self.form.body)
        stretches = [Stretch(CLAUSE, tuple(run.items), tuple(run.at))]
        ending, shows = "", True
        traced: Traced = run
        while traced.exits:
            end = traced.exits[-1]
            match end:
                case LeftOpen():
                    ending, shows = ending or "left open", False
                    break
                case ShutDown():
                    ending, shows = ending or "shutdown", False
                    break
                case Trapped(name=name):
                    ending = ending or name
            if len(stretches) > DELIVERIES:
                shows = False
                break
            traced, stretch = self._deliver(algebra, end)
            stretches.append(stretch)
        return Stepped(world, numbers, code, trace, tuple(stretches), ending, shows, cells)

    def _state(self, algebra: Concolic) -> dict[str, Both | Bank]:
        state: dict[str, Both | Bank] = {
            c.name: algebra.variable(c.name, c.width)
            if c.size is None
            else algebra.bank_variable(c.name, c.index_width, c.width)
            for c in self.isa.components.values()
        }
        return state | {m.name: Bank(m.name, {}, {}) for m in self.isa.memories.values()}

    def _premises(self, run: Traced) -> None:
        """The bench, the invariants, and that the fields mean this form."""
        algebra, trace, isa = run.algebra, run.trace, self.isa
        for (name, i), value in self.ground.fixed.items():
            if i == WHOLE:
                now: Any = run.state[name]
                width = isa.components[name].width
                same = algebra.equal(now, algebra.const(value, width), width)
                trace.premise(Kind.BENCH, same.term, bool(same.value))
        for invariant in isa.invariants:
            run.run(invariant.setup)
            holds = run.value(invariant.condition)
            trace.premise(Kind.PREMISE, holds.term, bool(holds.value))
        for condition in self.decoding():
            holds = run.value(condition)
            trace.premise(Kind.PREMISE, holds.term, bool(holds.value))
        run.locals.clear()

    def decoding(self) -> list[ir.Expr]:
        """When the fields, in this context, mean the form and have its length."""
        form = self.form
        found: list[ir.Expr] = [form.decode]
        for group in self.isa.prefixes:
            if group.field in form.fields and len(group.codes) + 1 < 1 << group.width:
                position = ir.Field(group.field, group.width)
                last = ir.Const(len(group.codes), group.width)
                found.append(ir.Operation(ir.Op.ULE, (position, last), 1))
        if not isinstance(form.length, ir.Const):
            width = form.length.width
            length = ir.Operation(ir.Op.ZEXT, (length_field(form),), width)
            found.append(ir.Operation(ir.Op.EQ, (length, form.length), 1))
        return found

    def _fetch(self, run: Traced, code: bytes) -> dict[Place, int]:
        """The cells of the code; that it can be fetched is a premise."""
        isa, trace, algebra = self.isa, run.trace, run.algebra
        memory = next(iter(isa.memories.values()))
        units = Units.of(isa)
        per_unit = max(1, units.bits // memory.width)
        space, leading = fetching(isa)
        pc_width = isa.components[isa.pc].width
        cells: dict[Place, int] = {}
        size = memory.width // 8
        first = len(trace.entries)
        walk = Crossed()
        with trace.within(FETCH):
            for at in range(0, len(code) // units.address_size, per_unit):
                pc = run.value(ir.Read(isa.pc, pc_width))
                start = algebra.operation(
                    ir.Op.ADD, [pc, algebra.const(at, pc_width)], [pc_width] * 2, pc_width
                )
                args = [algebra.const(v, w) for v, w in leading] + [start]
                for i, cell in enumerate(
                    walk._cells(run, ir.Access.FETCH, space, args, per_unit, self.form.span)
                ):
                    if trace.ended:
                        break
                    place = (memory.name, cell.value)
                    if trace.code_index is None:
                        trace.code_index = cell.term
                    trace.touch(memory.name, cell.term, cell.value)
                    cells[place] = int.from_bytes(
                        code[(at + i) * size : (at + i + 1) * size], "big"
                    )
            trace.place_code(frozenset(cells))
        del trace.crossings[:], trace.walks[:]
        for i in range(first, len(trace.entries)):
            e = trace.entries[i]
            # The translation traps where a `require` does not hold.
            if e.kind is Kind.DECISION:
                kind = Kind.PREMISE if e.trap else Kind.FETCHED
                trace.entries[i] = replace(e, kind=kind, scope=FETCH)
        return cells

    def _deliver(self, algebra: Concolic, end: Trapped[Both, Bank]) -> tuple[Traced, Stretch]:
        """The delivery of a trap, from the state in which it leaves the step."""
        isa, trace = self.isa, algebra.trace
        trap = isa.traps[end.name]
        trace.ended = False
        run = Traced(isa, algebra, end.state, {}, _inputs(algebra), sites_of(trap.delivery))
        for param, value in zip(trap.params, end.args, strict=True):
            run.locals[param.name] = value
        scope = delivery_of(end.name)
        with trace.within(scope):
            run.run(trap.delivery)
        return run, Stretch(scope, tuple(run.items), tuple(run.at))


def delivery_of(trap: str) -> str:
    """The scope of a delivery."""
    return DELIVERY + trap


def _inputs(algebra: Concolic) -> Callable[[str, str, int], Both]:
    """What is not state is 0: another value changes what is compared, see `prediction`."""
    return lambda kind, site, width: algebra.const(0, width)
