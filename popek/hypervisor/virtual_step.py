"""One step of a guest under a design, beside the same step of the bare machine.

definitions.md, section 5: the real machine runs the instruction, or traps, and a handler acts on
the virtual CPU.  The host's states are made from the guest's, so that alpha of them is the guest's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from popek.hypervisor.abstraction import Abstraction, Left, State
from popek.hypervisor.design import Design, Direct, Disposition, Kept
from popek.hypervisor.handling import Handled, Handling, Instruction
from popek.hypervisor.placing import Piece, Placed, Touched, Watched
from popek.isa import ir
from popek.isa.statements import argument
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Step, Trapped
from popek.semantics.step import step
from popek.theory.direct import BARE, DIRECT, inputs_of
from popek.theory.states import Own, Premise, Shared, StateBuilder, Supply, fields_of

#: The side of a witness that is the guest under the design.
VIRTUAL = "@virtual"


@dataclass(frozen=True)
class Case:
    """What is proved of a form at one level of the guest's: what becomes of it under which rule.

    `condition` is the rule's, `others` those of the rules before it, which do not hold.
    """

    design: Design
    form: ir.Form
    level: ir.Level
    disposition: Disposition
    condition: ir.Predicate | None
    others: tuple[ir.Predicate, ...]

    @property
    def key(self) -> tuple[object, ...]:
        return (self.form.key, self.level, self.disposition, self.condition, self.others)


@dataclass
class Ran(Generic[V, B]):
    """The guest's step under the design, as a step of its own, and what was done to the host.

    `left` are the host's states in which the guest goes on.
    """

    step: Step[V, B]
    left: list[Left[V, B]]
    touched: list[Touched[V]]
    #: The real machine's own step, where it ran the instruction.
    direct: Step[V, B] | None


@dataclass
class Beside(Generic[V, B]):
    """A host's state, the guest's state in it, and a step from there on both machines."""

    alpha: Abstraction[V, B]
    premises: tuple[Premise[V], ...]
    fields: Mapping[str, V]
    host: State[V, B]
    guest: State[V, B]
    pieces: Mapping[str, Piece[V]]
    bare: Step[V, B]
    bare_touched: list[Touched[V]]
    virtual: Ran[V, B]


def host_state(
    design: Design, algebra: Algebra[V, B], level: ir.Level | None
) -> tuple[Abstraction[V, B], State[V, B], tuple[Premise[V], ...], StateBuilder[V, B]]:
    """Any state of the host's in which the guest, at a level of its own, runs."""
    isa = design.isa
    alpha: Abstraction[V, B] = Abstraction(design, algebra)
    host: State[V, B] = {
        name: algebra.variable(f"{name}@host", c.width) for name, c in design.parameters.items()
    }
    for name, c in design.extras.items():
        host[name] = (
            algebra.variable(name, c.width)
            if c.size is None
            else algebra.bank_variable(name, c.index_width, c.width)
        )

    def supply(component: ir.Component) -> Supply:
        return Shared() if isinstance(design.rows[component.name], Direct) else Own()

    builder: StateBuilder[V, B] = StateBuilder(isa, algebra, BARE, Watched())
    builder.supply(supply)
    for name, row in design.rows.items():
        if isinstance(row, Kept) and row.value is not None:
            builder.state[name] = alpha.value(row.value, {**builder.state, **host})
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    if level is not None:
        builder.level(level)
    builder.invariants()
    _real(design, algebra, host)
    host = alpha.loaded(alpha.put(host, builder.state))
    required = [Premise(f"require {p.text}", alpha.holds(p, host)) for p in design.requirements]
    assumed = [Premise(f"assume {p.text}", alpha.holds(p, host)) for p in design.contracts]
    return alpha, host, (*builder.premises, *required, *assumed), builder


def _real(design: Design, algebra: Algebra[V, B], host: State[V, B]) -> None:
    """What the real machine holds where no row says what: anything."""
    for component in design.isa.components.values():
        name = component.name
        row = design.rows[name]
        if isinstance(row, Kept) and row.real is None:
            symbol = f"{name}{DIRECT}"
            host[name] = (
                algebra.variable(symbol, component.width)
                if component.size is None
                else algebra.bank_variable(symbol, component.index_width, component.width)
            )


def beside(case: Case, algebra: Algebra[V, B]) -> Beside[V, B]:
    """Both machines' steps, from any state of the case."""
    return algebra.once(("beside", case.key), lambda: _beside(case, algebra))


def _beside(case: Case, algebra: Algebra[V, B]) -> Beside[V, B]:
    design, form = case.design, case.form
    alpha, host, premises, builder = host_state(design, algebra, case.level)
    fields = fields_of(form, algebra)
    decode = builder.decode(form, fields)
    conditions = []
    if case.condition is not None:
        conditions.append(Premise("when", alpha.holds(case.condition, host)))
    for other in case.others:
        conditions.append(Premise("otherwise", algebra.negation(alpha.holds(other, host))))
    guest = alpha.virtual(host)
    pieces = alpha.pieces(host)
    placed: Placed[V, B] = Placed(pieces)
    inputs = inputs_of(algebra, BARE, clocks_shared=True)
    bare = step(design.isa, form, algebra, placed, guest, fields, inputs)
    instruction = Instruction(form, fields, inputs)
    match case.disposition:
        case Disposition.RUN | Disposition.TRAP:
            virtual = _run(alpha, host, instruction, algebra)
        case Disposition.INTERPRET | Disposition.TRANSLATE:
            virtual = _interpreted(alpha, host, instruction)
        case Disposition.ABSENT:
            raise AssertionError("what the guest promises not to do is not run")
    return Beside(
        alpha,
        (*premises, decode, *conditions),
        fields,
        host,
        guest,
        pieces,
        bare,
        placed.touched,
        virtual,
    )


def _interpreted(
    alpha: Abstraction[V, B], host: State[V, B], instruction: Instruction[V]
) -> Ran[V, B]:
    """The host does the instruction on the virtual CPU, and goes back to the guest."""
    algebra = alpha.algebra
    span = instruction.form.span
    handling = Handling(alpha, host, algebra.const(1, 1), instruction, instruction.inputs)
    handled = handling.complete((ir.Interpret(span), ir.Resume(span)))
    return _ran(alpha, [], handled, None, [])


def _run(
    alpha: Abstraction[V, B],
    host: State[V, B],
    instruction: Instruction[V],
    algebra: Algebra[V, B],
) -> Ran[V, B]:
    """The real machine runs the instruction; where it traps, the handler does the rest."""
    design = alpha.design
    names = (*design.isa.components, *design.isa.memories)
    machine = {name: host[name] for name in names}
    storage: Watched[V, B] = Watched()
    inputs = inputs_of(algebra, DIRECT, clocks_shared=True)
    direct = step(
        design.isa, instruction.form, algebra, storage, machine, instruction.fields, inputs
    )
    after: State[V, B] = {**host, **direct.state}
    parts: list[tuple[V, V, Mapping[str, V | B]]] = [(direct.completes, direct.waits, after)]
    every: Handled[V, B] = Handled([], [], [], [], [], [], [])
    for left in direct.exits:
        if not isinstance(left, Trapped):
            every.exits.append(left)
            every.left.append(host)
            continue
        handler = design.handlers.get(left.name)
        if handler is None:
            continue  # nobody is there: the guest does not go on
        state = {**host, **left.state}
        handling = Handling(alpha, state, left.guard, instruction, instruction.inputs)
        handling.locals = argument_locals(design, left)
        every.extend(handling.complete(handler.body))
    return _ran(alpha, parts, every, direct, storage.touched)


def argument_locals(design: Design, trap: Trapped[V, B]) -> dict[str, V]:
    """The arguments of a trap, as its handler names them."""
    params = design.isa.traps[trap.name].params
    return {argument(p.name): value for p, value in zip(params, trap.args, strict=True)}


def _ran(
    alpha: Abstraction[V, B],
    parts: Sequence[tuple[V, V, Mapping[str, V | B]]],
    handled: Handled[V, B],
    direct: Step[V, B] | None,
    touched: list[Touched[V]],
) -> Ran[V, B]:
    """All ways in which the guest goes on, as one step of the guest's."""
    algebra = alpha.algebra
    ways = [*parts, *((r.guard, r.waits, r.state) for r in handled.resumed)]
    ways = [way for way in ways if not algebra.is_false(way[0])]
    completes = waits = algebra.const(0, 1)
    state: Mapping[str, V | B] | None = None
    left: list[Left[V, B]] = []
    for guard, waiting, reached in ways:
        left.append(Left(guard, reached))
        virtual = alpha.virtual(reached)
        completes = algebra.either(completes, guard)
        waits = algebra.either(waits, algebra.both(guard, waiting))
        state = virtual if state is None else alpha.chosen(guard, virtual, state)
    for e, reached in zip(handled.exits, handled.left, strict=True):
        left.append(Left(e.guard, reached))
    step: Step[V, B] = Step(
        exits=tuple(handled.exits),
        completes=completes,
        waits=waits,
        state=state if state is not None else {},
        accesses=(),
        events=tuple(handled.events),
        promises=(),
        assigned=() if direct is None else direct.assigned,
        inputs=(),
    )
    return Ran(step, left, [*touched, *handled.touched], direct)
