"""A machine that runs, over integers: it fetches, decodes, steps, and delivers traps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from popek.guest import Decoded, Decoder, Disassembler, Undecodable
from popek.hypervisor.machines import Instruction
from popek.isa import ir
from popek.isa.fetching import fetching
from popek.semantics.outcome import Exit, LeftOpen, ShutDown, Step, Trapped
from popek.semantics.running import Cells, Running
from popek.semantics.step import Run, step
from popek.semantics.storage import Walk, memory_of
from popek.source import Source
from popek.terms import ArrayValue
from popek.theory.direct import inputs_of

#: Deliveries in a row before the processor counts as lost.
DELIVERIES = 8

#: Where a fetch is said in the spec: nowhere.
_FETCH: Final = Source("fetch", "").span(0, 0)

#: Components and memories by name.
State = Mapping[str, int | ArrayValue]

Trap = Trapped[int, ArrayValue]
Stepped = Step[int, ArrayValue]
Storage = Walk[int, ArrayValue]


class Ended(Exception):
    """A machine goes no further.  `open`: anything may follow, so that nothing differs from it."""

    def __init__(self, why: str, *, open: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.open = open


@dataclass(frozen=True, slots=True)
class Fetched:
    """An instruction as it was read, and the state after that."""

    form: ir.Form
    fields: Mapping[str, int]
    code: bytes
    state: State


@dataclass
class Processor:
    """What is done to a state of the instruction set's; it has none of its own.

    `side` ends the names of inputs that machines do not share: what devices answer.
    """

    isa: ir.Isa
    algebra: Running
    decoder: Decoder
    side: str
    _meanings: dict[tuple[bytes, tuple[int, ...]], Decoded | Undecodable] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        isa = self.isa
        self.inputs = inputs_of(self.algebra, self.side, clocks_shared=True)
        space, leading = fetching(isa)
        self._space, self._leading = space, [value for value, _ in leading]
        memory, units = memory_of(isa, space), self.decoder.units
        self._cells = max(1, units.bits // memory.width)
        self._reach = max(1, units.addresses(self.decoder.reach))
        self._pc_mask = (1 << isa.components[isa.pc].width) - 1
        self._context = [
            c.name for c in isa.components.values() if c.role is ir.Role.HIDDEN and c.size is None
        ]

    def run(self, storage: Storage, state: State) -> Run[int, ArrayValue]:
        """An evaluation between two instructions."""
        return Run(self.isa, self.algebra, storage, state, {}, self.inputs)

    # ------------------------------------------------------------ instructions

    def fetch(self, storage: Storage, state: State) -> Fetched | Trap:
        """The instruction at the pc, or the trap of reading it.  Raises Ended if it is none."""
        run = self.run(storage, state)
        pc = number(state, self.isa.pc)
        context = self._read_by(state)
        code, size = b"", self.decoder.units.size
        for at in range(0, self._reach, self._cells):
            args = [*self._leading, (pc + at) & self._pc_mask]
            unit = storage.fetch(run, self._space, args, self._cells, _FETCH)
            if run.exits:
                return trap_of(run.finish())
            code += unit.to_bytes(size, "big" if self.isa.endian == "big" else "little")
            match self._meaning(code, context):
                case Decoded(form=form, fields=fields):
                    return Fetched(form, fields, code, run.finish().state)
                case Undecodable.UNKNOWN:
                    break
                case Undecodable.TRUNCATED:
                    pass
        raise Ended(f"{code.hex()} at {pc:#x} is no instruction")

    def _read_by(self, state: State) -> dict[str, int]:
        """What says how code is read."""
        return {name: number(state, name) for name in self._context}

    def _meaning(self, code: bytes, context: Mapping[str, int]) -> Decoded | Undecodable:
        key = (code, tuple(context.values()))
        found = self._meanings.get(key)
        if found is None:
            found = self._meanings[key] = self.decoder.decode(code, context)
        return found

    def execute(self, storage: Storage, fetched: Fetched) -> Stepped:
        """The step, its trap not yet delivered."""
        return step(
            self.isa,
            fetched.form,
            self.algebra,
            storage,
            fetched.state,
            fetched.fields,
            self.inputs,
        )

    def instruction(self, fetched: Fetched) -> Instruction[int, ArrayValue]:
        """As handlers of traps see it."""
        return Instruction(fetched.form, fetched.fields, fetched.state)

    def text(self, state: State) -> str:
        """The instruction at the pc as assembly, or why there is none."""
        try:
            fetched = self.fetch(Walk(), state)
        except Ended as end:
            return end.why
        if isinstance(fetched, Trapped):
            return f"a fetch that ends in {fetched.name}"
        disassembler = Disassembler(self.isa, self._read_by(state))
        return disassembler.text(fetched.form, fetched.fields)

    # ------------------------------------------------------------ between instructions

    def interrupt(self, name: str) -> ir.Interrupt:
        """The interrupt of this name."""
        return next(i for i in self.isa.interrupts if i.name == name)

    def due(self, storage: Storage, state: State, interrupt: ir.Interrupt) -> bool:
        """Whether an interrupt can come."""
        run = self.run(storage, state)
        run.run(interrupt.setup)
        return bool(run.value(interrupt.condition))

    def interrupted(self, storage: Storage, state: State, interrupt: ir.Interrupt) -> Stepped:
        """The interrupt's own step, its trap not yet delivered."""
        run = self.run(storage, state)
        run.run(interrupt.setup)
        run.run(interrupt.body)
        return run.finish()

    def deliver(self, storage: Storage, trap: Trap) -> State:
        """The state after the instruction set's own delivery of a trap.  Raises Ended."""
        for _ in range(DELIVERIES):
            run = self.run(storage, trap.state)
            params = self.isa.traps[trap.name].params
            run.locals = {p.name: v for p, v in zip(params, trap.args, strict=True)}
            run.run(self.isa.traps[trap.name].delivery)
            done = run.finish()
            if done.completes:
                return done.state
            trap = trap_of(done)
        raise Ended("trap after trap is delivered")


def taken(exits: Sequence[Exit[int, ArrayValue]]) -> Exit[int, ArrayValue] | None:
    """The exit that a step over integers takes."""
    return next((e for e in exits if e.guard), None)


def trap_of(done: Stepped) -> Trap:
    """The trap that a step ends in.  Raises Ended where it ends otherwise."""
    match taken(done.exits):
        case Trapped() as trap:
            return trap
        case LeftOpen(unmodelled=what):
            raise Ended(f"what follows is left open: {what or 'unpredictable'}", open=True)
        case ShutDown():
            raise Ended("the processor shuts down")
        case None:
            raise AssertionError("the step completes")


def number(state: State, name: str) -> int:
    """The value of a scalar component."""
    value = state[name]
    assert isinstance(value, int)
    return value


def settled(isa: ir.Isa, state: State) -> State:
    """The same state, with nothing stored in its memories since; the one before is void."""
    banks = {name: state[name] for name in isa.memories}
    return {**state, **{n: b.settle() for n, b in banks.items() if isinstance(b, Cells)}}
