"""One step of a guest under a design, beside the same step of the bare machine.

definitions.md, section 5: the real machine runs the instruction, or traps, and a handler acts on
the virtual CPU.  The host's states are made from the guest's, so that alpha of them is the guest's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from popek.hypervisor.abstraction import Abstraction, Left, State
from popek.hypervisor.design import Design, Direct, Disposition, Kept, Selected
from popek.hypervisor.handling import Handled, Handling, Resumed, answered
from popek.hypervisor.machines import Instruction, Stepped, real_step, virtual_step
from popek.hypervisor.placing import Piece, Reach
from popek.hypervisor.refusing import refused
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import Step, Trapped
from popek.semantics.storage import MEMORY_TRAP, Walk
from popek.theory.direct import BARE, DIRECT, host_memory
from popek.theory.states import Own, Premise, Shared, StateBuilder, Supply, fields_of, free

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
    reach: Reach

    @property
    def key(self) -> tuple[object, ...]:
        how = (self.reach, self.disposition, self.condition, self.others)
        return (self.design.sha256, self.form.key, self.level, *how)

    @property
    def title(self) -> str:
        """How queries about it are called."""
        return f"{self.form.name} [{self.form.text}] at {self.level.name} {self.disposition}"


@dataclass
class Ran(Generic[V, B]):
    """The guest's step under the design, as a step of its own, and what was done to the host.

    `left` are the host's states in which the guest goes on, `handled` is what handlers do.
    """

    step: Step[V, B]
    left: list[Left[V, B]]
    handled: Handled[V, B]
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
    virtual: Ran[V, B]


def host_state(
    design: Design, algebra: Algebra[V, B], level: ir.Level | None, reach: Reach
) -> tuple[Abstraction[V, B], State[V, B], tuple[Premise[V], ...], StateBuilder[V, B]]:
    """Any state of the host's in which the guest runs, at this level of its own, or any."""
    isa = design.isa
    alpha: Abstraction[V, B] = Abstraction(design, algebra, reach)
    host: State[V, B] = {
        name: algebra.variable(f"{name}@host", c.width) for name, c in design.parameters.items()
    }
    host |= {name: free(algebra, c, name) for name, c in design.extras.items()}

    def supply(component: ir.Component) -> Supply:
        return Shared() if isinstance(design.rows[component.name], Direct) else Own()

    builder: StateBuilder[V, B] = StateBuilder(isa, algebra, BARE, Walk())
    builder.supply(supply)
    for name, row in design.rows.items():
        if isinstance(row, Kept) and row.value is not None:
            builder.state[name] = alpha.value(row.value, {**builder.state, **host})
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    if level is not None:
        builder.level(level)
    builder.invariants()
    for memory in isa.memories.values() if reach is not Reach.WALKED else ():
        entry = host_memory(memory.name)
        widths = memory.index_width, memory.width
        host[entry] = algebra.bank_variable(f"memory.{entry}", *widths)
    for component in isa.components.values():
        match design.rows[component.name]:
            case Kept(real=None) | Selected():  # the real machine may hold anything
                host[component.name] = free(algebra, component, f"{component.name}{DIRECT}")
            case _:
                pass
    host = alpha.loaded(alpha.put(host, builder.state))
    required = [Premise(f"require {p.text}", alpha.holds(p, host)) for p in design.requirements]
    assumed = [Premise(f"assume {p.text}", alpha.holds(p, host)) for p in design.contracts]
    return alpha, host, (*builder.premises, *required, *assumed), builder


def beside(case: Case, algebra: Algebra[V, B]) -> Beside[V, B]:
    """Both machines' steps, from any state of the case."""
    return algebra.once(("beside", case.key), lambda: _beside(case, algebra))


def _beside(case: Case, algebra: Algebra[V, B]) -> Beside[V, B]:
    design, form = case.design, case.form
    alpha, host, premises, builder = host_state(design, algebra, case.level, case.reach)
    fields = fields_of(form, algebra)
    decode = builder.decode(form, fields)
    conditions = []
    if case.condition is not None:
        conditions.append(Premise("when", alpha.holds(case.condition, host)))
    for other in case.others:
        conditions.append(Premise("otherwise", algebra.negation(alpha.holds(other, host))))
    guest = alpha.virtual(host)
    instruction: Instruction[V, B] = Instruction(form, fields, guest)
    bare = virtual_step(alpha, instruction, host).step
    match case.disposition:
        case Disposition.RUN | Disposition.TRAP:
            virtual = _run(alpha, host, instruction)
        case Disposition.INTERPRET | Disposition.TRANSLATE | Disposition.REPLACED:
            virtual = _interpreted(alpha, host, instruction)
        case Disposition.ABSENT:
            raise AssertionError("what the guest promises not to do is not run")
    return Beside(
        alpha,
        (*premises, decode, *conditions),
        fields,
        host,
        guest,
        alpha.pieces(host),
        bare,
        virtual,
    )


def _interpreted(
    alpha: Abstraction[V, B], host: State[V, B], instruction: Instruction[V, B]
) -> Ran[V, B]:
    """The host does the instruction on the virtual CPU, and goes back to the guest."""
    algebra = alpha.algebra
    span = instruction.form.span
    handling = Handling(alpha, host, algebra.const(1, 1), instruction)
    return _ran(alpha, handling.complete((ir.Interpret(span), ir.Resume(span))), None)


def _run(alpha: Abstraction[V, B], host: State[V, B], instruction: Instruction[V, B]) -> Ran[V, B]:
    """The real machine runs the instruction; where it traps, the handler does the rest."""
    return after(alpha, host, real_step(alpha, instruction, host), instruction)


def after(
    alpha: Abstraction[V, B],
    host: State[V, B],
    direct: Stepped[V, B],
    instruction: Instruction[V, B] | None,
) -> Ran[V, B]:
    """What the host makes of a step of the real machine's."""
    step = direct.step
    every: Handled[V, B] = Handled(touched=list(direct.touched))
    every.resumed.append(Resumed(step.completes, step.waits, {**host, **step.state}))
    refusals: list[Trapped[V, B]] = []
    rest = step.completes
    for left in step.exits:
        if isinstance(left, Trapped) and left.name == MEMORY_TRAP:
            refusals.append(left)
            continue
        rest = alpha.algebra.either(rest, left.guard)
        match left:
            case Trapped(state=state):
                # Where nobody handles it, the guest does not go on.
                every.extend(answered(alpha, {**host, **state}, left, instruction))
            case _:
                every.exits.append(left)
                every.left.append(host)
    if refusals:
        assert instruction is not None
        some = alpha.algebra.negation(rest)
        every.extend(refused(alpha, host, refusals, some, instruction))
    return _ran(alpha, every, step)


def _ran(alpha: Abstraction[V, B], handled: Handled[V, B], direct: Step[V, B] | None) -> Ran[V, B]:
    """All ways in which the guest goes on, as one step of the guest's."""
    algebra = alpha.algebra
    completes = waits = algebra.const(0, 1)
    state: State[V, B] = {}
    left: list[Left[V, B]] = [Left(one.guard, one.state) for one in handled.alike]
    for way in handled.resumed:
        if algebra.is_false(way.guard):
            continue
        left.append(Left(way.guard, way.state))
        virtual = alpha.virtual(way.state)
        completes = algebra.either(completes, way.guard)
        waits = algebra.either(waits, algebra.both(way.guard, way.waits))
        state = alpha.chosen(way.guard, virtual, state) if state else virtual
    for e, reached in zip(handled.exits, handled.left, strict=True):
        left.append(Left(e.guard, reached))
    step: Step[V, B] = Step(
        exits=tuple(handled.exits),
        completes=completes,
        waits=waits,
        state=state,
        accesses=(),
        events=tuple(handled.events),
        promises=(),
        assigned=() if direct is None else direct.assigned,
        inputs=(),
    )
    return Ran(step, left, handled, direct)
