"""A handler of a design, run over a state of the host's in which a trap has left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

from popek.hypervisor.abstraction import Abstraction, State
from popek.hypervisor.machines import Instruction, inputs_at, virtual_step
from popek.hypervisor.placing import Touched, Watched
from popek.isa import ir
from popek.isa.statements import argument
from popek.semantics.algebra import B, T, V
from popek.semantics.outcome import Assigned, DeviceEvent, Exit, Trapped
from popek.semantics.step import Run
from popek.source import Span
from popek.theory.direct import BARE
from popek.theory.states import free

#: Ends the names of what the virtual machine has after an interrupt of its own.
INJECTED = "@injected"

#: Begins the entries of a state that say what the guest's is to be.
EXPECTED = "expected."


def expected(virtual: Mapping[str, T]) -> dict[str, T]:
    """Entries that remember the guest's state, through all that a handler does."""
    return {f"{EXPECTED}{name}": value for name, value in virtual.items()}


@dataclass(frozen=True, slots=True)
class Resumed(Generic[V, B]):
    """Back to the guest, the virtual CPU waiting or not; `state` is the host's."""

    guard: V
    waits: V
    state: Mapping[str, V | B]


@dataclass(frozen=True, slots=True)
class Stopped(Generic[V]):
    """The guest is run no further."""

    guard: V
    why: str
    span: Span


@dataclass(frozen=True, slots=True)
class Acted(Generic[V]):
    """An action that a handler takes behind `guard`."""

    guard: V
    action: ir.Action


@dataclass(frozen=True, slots=True)
class Alike(Generic[V, B]):
    """After a step of the bare machine's that the host has made: the host's state, and the guest's
    as it has to be in it.
    """

    guard: V
    state: Mapping[str, V | B]
    guest: Mapping[str, V | B]


@dataclass
class Handled(Generic[V, B]):
    """What becomes of a guest in a handler.

    `exits` are those of the virtual machine's step, a trap of the guest's that is to be delivered
    to it among them; `left` are the host's states there, by position.  `touched` are the real
    cells that were reached on the way, `events` what virtual devices are told.
    """

    resumed: list[Resumed[V, B]] = field(default_factory=list)
    stopped: list[Stopped[V]] = field(default_factory=list)
    exits: list[Exit[V, B]] = field(default_factory=list)
    left: list[Mapping[str, V | B]] = field(default_factory=list)
    touched: list[Touched[V]] = field(default_factory=list)
    events: list[DeviceEvent[V]] = field(default_factory=list)
    #: The host's states in which interrupts are injected, up to where it is as if it resumed.
    injected: list[Resumed[V, B]] = field(default_factory=list)
    #: What the handlers did, in order: for the line to blame, and for what it costs.
    acts: list[Acted[V]] = field(default_factory=list)
    assigned: list[Assigned[V]] = field(default_factory=list)

    #: Where the guest's step is that of the bare machine, and what is left then; the other lists
    #: leave these out.
    bare: list[V] = field(default_factory=list)
    alike: list[Alike[V, B]] = field(default_factory=list)

    def extend(self, other: Handled[V, B]) -> None:
        """Adds what becomes of it in another handler."""
        self.resumed += other.resumed
        self.stopped += other.stopped
        self.exits += other.exits
        self.left += other.left
        self.touched += other.touched
        self.events += other.events
        self.injected += other.injected
        self.bare += other.bare
        self.alike += other.alike
        self.acts += other.acts
        self.assigned += other.assigned


class Handling(Run[V, B]):
    """One evaluation of a handler's body.

    `guard` is that of the trap.  Components are the real machine's and, under `vcpu.`, what the
    host keeps; the state's pc is the real machine's, as the trap left it.
    """

    def __init__(
        self,
        alpha: Abstraction[V, B],
        state: Mapping[str, V | B],
        guard: V,
        instruction: Instruction[V, B] | None,
    ) -> None:
        fields = instruction.fields if instruction is not None else {}
        own: Watched[V, B] = Watched()
        inputs = inputs_at(alpha, BARE)
        super().__init__(alpha.design.machine, alpha.algebra, own, state, fields, inputs)
        self.alpha = alpha
        #: Whether the trap has moved the pc on; an interpreted instruction starts from its own.
        self.moved = False
        self._own = own
        self.instruction = instruction
        self.handled: Handled[V, B] = Handled()
        self._prefix = guard

    @property
    def now(self) -> State[V, B]:
        """The host's state, with the pc that was assigned last."""
        return self._after()

    def complete(self, body: tuple[ir.Stmt, ...]) -> Handled[V, B]:
        """Runs the body; its end is a `resume`."""
        self.run(body)
        if not self.algebra.is_false(self._live):
            self._resume()
        self.handled.touched += self._own.touched
        self.handled.assigned += self.assigned
        return self.handled

    def _jump(self, target: ir.Expr, span: Span) -> None:
        """In a handler the pc reads as it was assigned last."""
        super()._jump(target, span)
        self.state[self.isa.pc] = self.target

    def act(self, action: ir.Action) -> None:
        self.handled.acts.append(Acted(self.path, action))
        match action:
            case ir.Interpret():
                assert self.instruction is not None
                self._interpret(self.instruction)
            case ir.Reflect(trap=name, args=args, span=span):
                values = tuple(self.value(a) for a in args)
                widths = tuple(a.width for a in args)
                kind = self.alpha.design.isa.traps[name].kind
                virtual = self.alpha.virtual(self.now)
                keeps = not kind.undoes
                self.handled.exits.append(
                    Trapped(self.path, name, values, widths, False, False, keeps, virtual, span)
                )
                self.handled.left.append(self.now)
                self.stop()
            case ir.Inject():
                self._inject()
            case ir.Resume():
                self._resume()
            case ir.Stop(why=why, span=span):
                self.handled.stopped.append(Stopped(self.path, why, span))
                self.stop()

    def _inject(self) -> None:
        """The virtual machine takes those of the interrupts that are due, as it would by itself: it
        is then in any state, which what follows has to leave alone.
        """
        design, algebra = self.alpha.design, self.algebra
        self.handled.injected.append(Resumed(self.path, self.waits, self.now))
        fresh: State[V, B] = {}
        for c in design.isa.components.values():
            fresh[c.name] = free(algebra, c, f"{c.name}{INJECTED}")
        for m in design.isa.memories.values():
            fresh[m.name] = algebra.bank_variable(
                f"memory.{m.name}{INJECTED}", m.index_width, m.width
            )
        now = self.alpha.put(self.now, fresh)
        self.target = now[self.isa.pc]  # type: ignore[assignment]
        self.state = {**now, **expected(self.alpha.virtual(now))}

    def _resume(self) -> None:
        loaded = self.alpha.loaded(self.now)
        self.handled.resumed.append(Resumed(self.path, self.waits, loaded))
        self.stop()

    def _at(self, instruction: Instruction[V, B]) -> State[V, B]:
        """The host's state, with the pc at the instruction again if its trap has moved it."""
        if not self.moved:
            return self.now
        pc = {self.isa.pc: instruction.guest[self.isa.pc]}
        return self.alpha.put(self.now, {**self.alpha.virtual(self.now), **pc})

    def _interpret(self, instruction: Instruction[V, B]) -> None:
        """The step of the virtual machine; traps in it are the guest's own."""
        algebra, path, before = self.algebra, self.path, self._at(instruction)
        virtual = self.alpha.virtual(before)
        stepped = virtual_step(self.alpha, instruction, before)
        done = stepped.step

        def within(guard: V) -> V:
            return algebra.both(path, guard)

        for left in done.exits:
            self.handled.exits.append(replace(left, guard=within(left.guard)))
            state = left.state if isinstance(left, Trapped) else virtual
            self.handled.left.append(self.alpha.put(before, state))
        self.handled.touched += [replace(t, guard=within(t.guard)) for t in stepped.touched]
        self.handled.events += [replace(e, guard=within(e.guard)) for e in done.events]
        self.state = self.alpha.put(before, done.state)
        self.target = self.state[self.isa.pc]  # type: ignore[assignment]
        self.waits = algebra.either(self.waits, done.waits)
        self._live = algebra.both(self._live, done.completes)


def answered(
    alpha: Abstraction[V, B],
    state: Mapping[str, V | B],
    trap: Trapped[V, B],
    instruction: Instruction[V, B] | None,
) -> Handled[V, B]:
    """What the design's handler makes of a trap of the real machine's that left the host in this
    state; nothing, where there is no handler.
    """
    design = alpha.design
    handler = design.handlers.get(trap.name)
    if handler is None:
        return Handled()
    handling = Handling(alpha, state, trap.guard, instruction)
    handling.moved = design.isa.traps[trap.name].kind is not ir.TrapKind.FAULT
    params = design.isa.traps[trap.name].params
    handling.locals = {argument(p.name): v for p, v in zip(params, trap.args, strict=True)}
    return handling.complete(handler.body)
