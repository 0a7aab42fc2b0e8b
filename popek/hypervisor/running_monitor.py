"""A hypervisor that runs: its virtual CPU, over integers, and what it does at traps.

The machine that it runs on has a state of its own, which may be that of another hypervisor's
guest: a monitor takes the state of the machine, and gives it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from popek.hypervisor.abstraction import Abstraction
from popek.hypervisor.design import Design, Disposition
from popek.hypervisor.handling import Handled, Handling
from popek.hypervisor.machines import Instruction
from popek.hypervisor.placing import Piece, Reach
from popek.hypervisor.running_machine import (
    Ended,
    Fetched,
    Processor,
    State,
    Trap,
    taken,
    trap_of,
)
from popek.isa import ir
from popek.isa.footprint import expression_reads
from popek.isa.statements import argument
from popek.semantics.outcome import DeviceEvent, LeftOpen, Trapped
from popek.semantics.running import Cells
from popek.semantics.storage import Walk
from popek.terms import ArrayValue

#: A machine's state behind a trap of its own, which is given with the state that it left.
Upward = Callable[[Trap, Instruction[int, ArrayValue] | None], State]

#: Ways in which the host does an instruction itself.
INTERPRETED = (Disposition.INTERPRET, Disposition.TRANSLATE, Disposition.REPLACED)

#: Whether the names in a rule mean a form.
Selects = Callable[[ir.Form, tuple[str, ...]], bool]


@dataclass
class Turn:
    """What a monitor's guest was given while the machine did one thing.

    `stepped`: a step of its own.  `offered`: the interrupts that were injected, due or not, in
    order; `woken`: one trapped.  `events`: what its devices were told.
    """

    stepped: bool = False
    woken: bool = False
    offered: list[str] = field(default_factory=list)
    events: list[DeviceEvent[int]] = field(default_factory=list)


@dataclass
class Monitor:
    """A design, running.  `own` is what the host keeps beside the machine's state.

    `upward` is where traps go that are the guest's own: to the instruction set's delivery, or to
    the monitor that the guest is.  `comes` are the interrupts that
    there are on the machine at all; `say` writes the trace.
    """

    design: Design
    processor: Processor
    own: dict[str, int | ArrayValue]
    selects: Selects
    comes: frozenset[str]
    upward: Upward
    say: Callable[[str], None]
    waits: bool = False
    turn: Turn = field(default_factory=Turn)

    def __post_init__(self) -> None:
        self.alpha: Abstraction[int, ArrayValue] = Abstraction(
            self.design, self.processor.algebra, Reach.WALKED
        )
        self._pieces: Mapping[str, Piece[int]] | None = None
        placed = self.design.placements.values()
        read = {n for p in placed for e in (p.base, p.size) for n in expression_reads(e)}
        #: Whether only parameters say where the guest's memories are.
        self._stay = read <= self.design.parameters.keys()
        self.interprets = any(rule.disposition in INTERPRETED for rule in self.design.rules)

    # ------------------------------------------------------------ the two views of the state

    def pieces(self, host: State) -> Mapping[str, Piece[int]]:
        """Where the guest's memories are in the machine's."""
        if self._pieces is not None:
            return self._pieces
        found = self.alpha.pieces(host)
        if self._stay:
            self._pieces = found
        return found

    def host(self, machine: State) -> dict[str, int | ArrayValue]:
        """The whole state of the host's."""
        return {**machine, **self.own}

    def guest(self, host: State) -> State:
        """alpha; the guest's memories are its pieces of the machine's, counted from 0 on."""
        return self.seen(host, self.alpha.virtual(host))

    def seen(self, host: State, virtual: State) -> State:
        """A guest's state as the guest sees it, where its memories are the machine's."""
        bases = {name: p.base for name, p in self.pieces(host).items()}
        return {**virtual, **self._moved(virtual, bases)}

    def put(self, host: State, guest: State) -> State:
        """The host's state with another state of the guest's, as that sees it."""
        bases = {name: -p.base for name, p in self.pieces(host).items()}
        return self.alpha.put(host, {**guest, **self._moved(guest, bases)})

    def _moved(self, state: State, bases: dict[str, int]) -> dict[str, int | ArrayValue]:
        found: dict[str, int | ArrayValue] = {}
        for name, first in bases.items():
            bank = state[name]
            assert isinstance(bank, Cells)
            found[name] = bank.from_cell(first, self.design.isa.memories[name].index_width)
        return found

    def resume(self, host: State) -> State:
        """The machine's state in which the guest goes on from this state of the host's."""
        loaded = self.alpha.loaded(host)
        self.own = {name: loaded[name] for name in self.own}
        return self.alpha.machine(loaded)

    def broken(self, machine: State) -> str:
        """The first of the design's requirements that does not hold, or ""."""
        host = self.host(machine)
        holds = self.alpha.holds
        return next((p.text for p in self.design.requirements if not holds(p, host)), "")

    # ------------------------------------------------------------ instructions

    def disposition(self, machine: State, form: ir.Form) -> Disposition:
        """What becomes of an instruction of the guest's.  Raises Ended where it is absent."""
        host = self.host(machine)
        for rule in self.design.rules:
            if not self.selects(form, rule.names):
                continue
            if rule.condition is not None and not self.alpha.holds(rule.condition, host):
                continue
            if rule.disposition is Disposition.ABSENT:
                why = f"the guest executes {form.mnemonic}, which it promises not to: {rule.title}"
                raise Ended(why, open=True)
            if rule.disposition is Disposition.TRANSLATE and self.selects(form, ("innocuous",)):
                return Disposition.RUN  # what is innocuous is its own translation
            return rule.disposition
        return Disposition.RUN

    def interpret(self, machine: State, fetched: Fetched) -> State:
        """The machine's state once the host has done the instruction on the virtual CPU."""
        span = fetched.form.span
        instruction = self.processor.instruction(fetched)
        host = self.put(self.host(machine), fetched.state)
        handling = Hosted(self, host, instruction)
        return self._settled(handling.complete((ir.Interpret(span), ir.Resume(span))), instruction)

    def answer(self, trap: Trap, instruction: Instruction[int, ArrayValue] | None) -> State:
        """The machine's state once the handler of its trap has run.  Raises Ended."""
        handler = self.design.handlers.get(trap.name)
        if handler is None:
            raise Ended(f"the design has no handler for {trap.name}")
        self.say(f"{trap.name}: {handler.span.source.path}:{handler.span.line}")
        waited = self.waits
        handling = Hosted(self, self.host(trap.state), instruction)
        params = self.design.isa.traps[trap.name].params
        handling.locals = {
            argument(p.name): value for p, value in zip(params, trap.args, strict=True)
        }
        machine = self._settled(handling.complete(handler.body), instruction)
        if waited and instruction is None:
            self.waits = not self.turn.woken
        return machine

    def _settled(
        self, handled: Handled[int, ArrayValue], instruction: Instruction[int, ArrayValue] | None
    ) -> State:
        """The machine's state in which the guest goes on.  Raises Ended."""
        self.turn.events += [e for e in handled.events if e.guard]
        for stopped in handled.stopped:
            if stopped.guard:
                raise Ended(f"the design stops the guest: {stopped.why}")
        for resumed in handled.resumed:
            if resumed.guard:
                self.waits = bool(resumed.waits)
                return self.resume(resumed.state)
        left = taken(handled.exits)
        match left:
            case Trapped():
                self.turn.stepped, self.waits = True, False
                host = handled.left[handled.exits.index(left)]
                return self.resume(self.reflected(host, left, instruction))
            case LeftOpen():
                raise Ended("what the guest does is left open", open=True)
            case _:
                raise Ended("the virtual processor shuts down")

    def reflected(
        self, host: State, trap: Trap, instruction: Instruction[int, ArrayValue] | None
    ) -> State:
        """The host's state behind a trap of the guest's own, which left it in the trap's state."""
        self.say(f"{trap.name} goes to the guest")
        seen = replace(trap, state=self.seen(host, trap.state))
        return self.put(host, self.upward(seen, instruction))


class Hosted(Handling[int, ArrayValue]):
    """A handler's body, run for a monitor: interrupts are injected where they are due."""

    def __init__(
        self, monitor: Monitor, host: State, instruction: Instruction[int, ArrayValue] | None
    ) -> None:
        super().__init__(monitor.alpha, host, 1, instruction)
        self.monitor = monitor

    def act(self, action: ir.Action) -> None:
        """Raises Ended where there is no instruction to interpret."""
        match action:
            case ir.Inject(interrupts=names):
                for name in names:
                    if name in self.monitor.comes:
                        self._offer(name)
            case ir.Interpret():
                if self.instruction is None:
                    raise Ended("the design interprets an instruction that could not be fetched")
                self.monitor.turn.stepped = True
                self.monitor.say(f"interprets {self.instruction.form.mnemonic}")
                super().act(action)
            case _:
                super().act(action)

    def _offer(self, name: str) -> None:
        """The guest takes the interrupt, if it is due."""
        monitor, processor = self.monitor, self.monitor.processor
        monitor.turn.offered.append(name)
        interrupt = processor.interrupt(name)
        host = self.now
        guest = monitor.guest(host)
        storage: Walk[int, ArrayValue] = Walk()
        if not processor.due(storage, guest, interrupt):
            return
        monitor.say(f"injects {name}")
        done = processor.interrupted(storage, guest, interrupt)
        if done.completes:
            after = monitor.put(host, done.state)
        else:
            monitor.turn.woken = True
            after = monitor.put(host, monitor.upward(trap_of(done), None))
        self.state = dict(after)
        self.target = self.state[self.isa.pc]  # type: ignore[assignment]
