"""States for proofs: which components two runs share, and which each has for itself.

Everything is written over the algebra, so that the same text builds the symbolic states of an
obligation and, from a model, the ints at which its SAT answer is re-evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, NoReturn

from popek.isa import ir
from popek.isa.footprint import expression_reads, remembered
from popek.isa.ir import Component, Isa, Op
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run, Storage, length_field


@dataclass(frozen=True, slots=True)
class Shared:
    """Equal on both sides: one symbol."""


@dataclass(frozen=True, slots=True)
class Own:
    """Each side has its own."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant."""

    value: int


#: Ends the name of an input that the bare machine may choose freely (`popek.theory.choice`).
CHOICE = "'"

#: Begins the name of an argument of a body that is no clause.
ARGUMENT = "argument."

#: Ends the name of a component that a step before may have left with any value.
LEFT = "@left"

#: How one side gets a component.
Supply = Shared | Own | Fixed


@dataclass(frozen=True, slots=True)
class Premise(Generic[V]):
    """A named condition that restricts the states."""

    name: str
    condition: V


def free(algebra: Algebra[V, B], component: Component, name: str) -> V | B:
    """Any value of a component, or of a bank's elements: the symbol `name`."""
    if component.size is None:
        return algebra.variable(name, component.width)
    return algebra.bank_variable(name, component.index_width, component.width)


def fields_of(form: ir.Form, algebra: Algebra[V, B]) -> dict[str, V]:
    """The fields of the encoding, shared by all runs of a proof."""
    return {name: algebra.variable(f"field.{name}", width) for name, width in form.fields.items()}


def arguments_of(params: Sequence[ir.Local], algebra: Algebra[V, B]) -> dict[str, V]:
    """Any arguments of a body that is no clause."""
    return {p.name: algebra.variable(f"{ARGUMENT}{p.name}", p.width) for p in params}


class StateBuilder(Generic[V, B]):
    """Builds one side's state before the step, with the conditions that restrict it.

    A condition may make a component a constant, or a term over others, which only says the same
    states with fewer symbols: all conditions are said once more of the state as it has become.
    """

    def __init__(self, isa: Isa, algebra: Algebra[V, B], side: str, storage: Storage[V, B]) -> None:
        self.isa = isa
        self.algebra = algebra
        self.side = side
        self.storage = storage
        self.state: dict[str, V | B] = {}
        self._said: list[tuple[str, Callable[[], V]]] = []
        self._premises: list[Premise[V]] | None = None
        #: Components whose value here is a symbol of their own, and those that the sides share.
        self._own: set[str] = set()
        self._shared: set[str] = set()
        #: Components with the same value in all of these states.
        self._known: dict[str, int] = {}

    @property
    def premises(self) -> list[Premise[V]]:
        """The conditions; the state is not changed any more once they have been asked for, but for
        `forget`.
        """
        if self._premises is None:
            self._premises = [Premise(name, condition()) for name, condition in self._said]
        return self._premises

    def say(self, name: str, condition: Callable[[], V]) -> None:
        """Adds a condition on the state as it will be."""
        assert self._premises is None
        self._said.append((name, condition))

    def supply(self, choose: Callable[[Component], Supply]) -> None:
        """Gives every component its symbol or constant."""
        for component in self.isa.components.values():
            self.state[component.name] = self._component(component, choose(component))

    def _component(self, component: Component, supply: Supply) -> V | B:
        name = component.name
        match supply:
            case Shared():
                self._shared.add(component.name)
            case Own():
                self._own.add(component.name)
                name += self.side
            case Fixed(value=value):
                return self.algebra.const(value, component.width)
        return free(self.algebra, component, name)

    def memory(self, entry: str, symbol: str, memory: ir.Memory) -> None:
        self.state[entry] = self.algebra.bank_variable(symbol, memory.index_width, memory.width)

    def level(self, level: ir.Level, *, of_both: bool = False) -> None:
        """Puts the state into a level; `of_both`: the other side's is the same."""
        expr = self.isa.mode.level
        value = self.algebra.const(level.value, expr.width)
        if isinstance(expr, ir.Read):
            self.state[expr.component] = value
            self._known[expr.component] = level.value
            self._own.discard(expr.component)
            if of_both:
                self._shared.add(expr.component)
            else:
                self._shared.discard(expr.component)
        equal = self.algebra.equal
        self.say(f"level {level.name}", lambda: equal(self.value(expr), value, expr.width))

    def share_banked(self) -> None:
        """The selected copy of a banked register is visible: one symbol for both sides."""
        for component in self.isa.components.values():
            if component.banked:
                self.state[component.name] = self.algebra.store(
                    self.state[component.name],  # type: ignore[arg-type]
                    self.position(component.index_width),
                    self.algebra.variable(f"{component.name}.selected", component.width),
                    component.index_width,
                    component.width,
                )

    def position(self, width: int) -> V:
        """The current level's position in the order of levels."""
        return level_position(self.isa, self.algebra, self.value(self.isa.mode.level), width)

    def forget(self, names: frozenset[str]) -> None:
        """Gives components any value again; what was said of them stays said of the old one."""
        self._premises = self.premises
        for component in self.isa.components.values():
            if component.name in names:
                symbol = replace(component, name=component.name + LEFT)
                self.state[component.name] = self._component(symbol, Shared())

    def host(self) -> None:
        """What the real machine satisfies while a guest runs: `host` clauses and lines."""
        for component in self.isa.components.values():
            if component.host is not None:
                self._hosted(component, component.host)
        for predicate in self.isa.hosts:
            self.restrict("host", predicate)

    def _hosted(self, component: Component, host: ir.Expr) -> None:
        """Gives a component, or every element of a bank, the value of its `host` clause, unless the
        sides share it: then (the decode context) the bare machine's has to be the same.
        """
        name = component.name
        shared = name in self._shared
        value = self.value(host)
        self._own.discard(name)
        if component.size is None:
            if not shared:
                self.state[name] = value
            self.say(f"host {name}", lambda: self._equal(component, self.state[name], host))  # type: ignore[arg-type]
            return
        for i in range(component.size):
            at = self.algebra.const(i, component.index_width)
            if not shared:
                bank: B = self.state[name]  # type: ignore[assignment]
                widths = component.index_width, component.width
                self.state[name] = self.algebra.store(bank, at, value, *widths)
            self.say(f"host {name}", partial(self._element_is, component, at, host))

    def _element_is(self, component: Component, at: V, host: ir.Expr) -> V:
        bank: B = self.state[component.name]  # type: ignore[assignment]
        here = self.algebra.select(bank, at, component.index_width, component.width)
        return self._equal(component, here, host)

    def _equal(self, component: Component, value: V, host: ir.Expr) -> V:
        return self.algebra.equal(value, self.value(host), component.width)

    def invariants(self, but: frozenset[str] = frozenset()) -> None:
        """Restricts to the invariants.  `but`: those to do without, by their text."""
        kept = [p for p in self.isa.invariants if p.text not in but]
        for predicate in kept:
            everywhere = definitions(self.isa, predicate)
            for name, value in definitions(self.isa, predicate, self._known):
                if self._definable(name, value):
                    if name in self._shared and (name, value) not in everywhere:
                        self._alike(name, value)
                    self._define(name, value)
            self.restrict("invariant", predicate)

    def contract(self, level: ir.Level) -> None:
        """Restricts to what programs of a level keep to."""
        for predicate in self.isa.contracts:
            if predicate.level == level.name:
                for name, value in definitions(self.isa, predicate):
                    if name in self._own:
                        self._define(name, value)
                self.restrict("contract", predicate)

    def restrict(self, kind: str, predicate: ir.Predicate) -> None:
        """Adds a condition of the spec's."""
        self.say(f"{kind} {predicate.text}", lambda: self.predicate(predicate))

    def _alike(self, name: str, value: ir.Expr) -> None:
        """Says that a component that the sides share has the value on the other side, too."""
        shared: V = self.state[name]  # type: ignore[assignment]
        width = self.isa.components[name].width
        self.say(f"shared {name}", lambda: self.algebra.equal(shared, self.value(value), width))

    def _define(self, name: str, value: ir.Expr) -> None:
        self.state[name] = self.value(value)
        self._own.discard(name)
        if isinstance(value, ir.Const):
            self._known[name] = value.value

    def _definable(self, name: str, value: ir.Expr) -> bool:
        """Whether the component is a symbol that an equal value may take the place of.

        One that the sides share is equal on both only if the value is.
        """
        if name in self._shared:
            return expression_reads(value) <= self._shared
        return name in self._own

    def run(self, fields: Mapping[str, V]) -> Run[V, B]:
        """An evaluation from this state."""
        return Run(self.isa, self.algebra, self.storage, self.state, fields, no_inputs)

    def value(self, expr: ir.Expr) -> V:
        return self.run({}).value(expr)

    def predicate(self, predicate: ir.Predicate) -> V:
        run = self.run({})
        run.run(predicate.setup)
        return run.value(predicate.condition)

    def decode(self, form: ir.Form, fields: Mapping[str, V]) -> Premise[V]:
        """That the fields, in this decode context, mean this form and have its length."""
        run = self.run(fields)
        condition = run.value(form.decode)
        for group in self.isa.prefixes:
            # A field of a prefix group holds a position in it; no byte gives the other values.
            if group.field in form.fields and len(group.codes) + 1 < 1 << group.width:
                position = ir.Field(group.field, group.width)
                last = ir.Const(len(group.codes), group.width)
                exists = run.value(ir.Operation(Op.ULE, (position, last), 1))
                condition = self.algebra.both(condition, exists)
        if not isinstance(form.length, ir.Const):
            width = form.length.width
            field = ir.Operation(Op.ZEXT, (length_field(form),), width)
            same = self.algebra.equal(run.value(field), run.value(form.length), width)
            condition = self.algebra.both(condition, same)
        return Premise("decode", condition)


def no_inputs(kind: str, site: str, width: int) -> NoReturn:
    """For evaluations that read no input.  Raises AssertionError: the caller is wrong."""
    raise AssertionError(f"a predicate reads the input {site}")


def level_position(isa: Isa, algebra: Algebra[V, B], level: V, width: int) -> V:
    """Where a level's value stands in the order of levels."""
    position = algebra.const(0, width)
    for i, candidate in enumerate(isa.mode.levels):
        value = algebra.const(candidate.value, isa.mode.level.width)
        here = algebra.equal(level, value, isa.mode.level.width)
        position = algebra.ite(here, algebra.const(i, width), position, width)
    return position


def definitions(
    isa: Isa, predicate: ir.Predicate, known: Mapping[str, int] | None = None
) -> list[tuple[str, ir.Expr]]:
    """The components that a predicate defines by equations, with their values: where the components
    in `known` have these.

    Only a way to state the same states with fewer symbols: the predicate itself stays a premise.
    """
    if predicate.setup:
        return []
    return _equations(predicate.condition, _read_by_mode(isa), known or {})


@remembered(16)
def _read_by_mode(isa: Isa) -> frozenset[str]:
    return expression_reads(isa.mode.level)


def _equations(
    condition: ir.Expr, mode: frozenset[str], known: Mapping[str, int]
) -> list[tuple[str, ir.Expr]]:
    """The components, those of the mode aside, whose value the condition gives."""

    def solve(condition: ir.Expr) -> list[tuple[str, ir.Expr]]:
        match condition:
            case ir.Read(component=name):
                return [(name, ir.Const(1, 1))]
            case ir.Operation(op=Op.NOT, args=(ir.Read(component=name),)):
                return [(name, ir.Const(0, 1))]
            case ir.Operation(op=Op.AND, args=args, width=1):
                return [found for arg in args for found in solve(arg)]
            case ir.Operation(op=Op.OR, args=args, width=1):
                left = [arg for arg in args if not _fails(arg, known)]
                return solve(left[0]) if len(left) == 1 else []
            case ir.Operation(op=Op.EQ, args=(a, b)):
                return [
                    (place.component, value)
                    for place, value in ((a, b), (b, a))
                    if isinstance(place, ir.Read)
                    and place.component not in (mode | expression_reads(value))
                ]
            case _:
                return []

    return solve(condition)


def _fails(condition: ir.Expr, known: Mapping[str, int]) -> bool:
    """Whether known values alone make the condition false."""
    match condition:
        case ir.Read(component=name):
            return known.get(name) == 0
        case ir.Operation(op=Op.NOT, args=(ir.Read(component=name),)):
            return known.get(name) == 1
        case ir.Operation(op=Op.EQ, args=(ir.Read(component=name), ir.Const(value=value))):
            return known.get(name, value) != value
        case _:
            return False
