"""The real machine with the monitors on it, each but the first a guest of the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from popek.guest import Decoder
from popek.hypervisor.design import Design
from popek.hypervisor.machines import Instruction
from popek.hypervisor.running_machine import Fetched, Processor, State, Trap, settled, trap_of
from popek.hypervisor.running_monitor import INTERPRETED, Monitor, Selects
from popek.hypervisor.running_start import Image, blank, start
from popek.isa import ir
from popek.semantics.outcome import DeviceEvent, Trapped
from popek.semantics.running import Cells, Running
from popek.semantics.step import Run
from popek.semantics.storage import Walk, memory_of
from popek.source import Span
from popek.terms import ArrayValue
from popek.theory.direct import BARE, DIRECT


class Reached(Walk[int, ArrayValue]):
    """The real machine's memory; `cells` are those that programs' accesses reach, by memory, and
    not those that the processor reads on its own behalf: tables are the host's.
    """

    def __init__(self) -> None:
        self.cells: dict[str, list[int]] = {}

    def _cells(
        self,
        run: Run[int, ArrayValue],
        access: ir.Access,
        space: str,
        args: Sequence[int],
        units: int,
        span: Span,
    ) -> list[int]:
        found = super()._cells(run, access, space, args, units, span)
        translation = run.isa.translations.get(space)
        own = translation is not None and translation.processor
        if run.translating is None and not own and run.path:
            self.cells.setdefault(memory_of(run.isa, space).name, []).extend(found)
        return found


class Stack:
    """The topmost monitor's guest is the guest.

    `told`: what real devices were told while the guest ran on the machine, `touched` the cells of
    its memories that it reached then.  `notes` say what monitors did.
    """

    def __init__(
        self,
        designs: Sequence[Design],
        algebra: Running,
        image: Image,
        given: Mapping[str, int],
        selects: Selects,
        comes: frozenset[str],
    ) -> None:
        isa = designs[0].isa
        decoder = Decoder(isa)
        self.comes = comes
        #: What the guest sees of a processor; what devices answer is its own, as on the bare one.
        self.virtual = Processor(isa, algebra, decoder, BARE)
        self.real = Processor(isa, algebra, decoder, DIRECT)
        self.monitors: list[Monitor] = []
        self.notes: list[str] = []
        self.told: list[DeviceEvent[int]] = []
        self.touched: dict[str, list[int]] = {}
        self.machine: State = {
            **{c.name: blank(c) for c in isa.components.values()},
            **{name: Cells({}, {}) for name in isa.memories},
        }
        for level, design in enumerate(designs):
            inner = len(designs) - level - 1
            self._host(design, image, given, selects, inner)

    def _host(
        self,
        design: Design,
        image: Image,
        given: Mapping[str, int],
        selects: Selects,
        inner: int,
    ) -> None:
        """Starts a monitor on the machine that there is by now; `inner` others come into it."""
        views = self.views
        if inner:
            image, given = Image({}), {}
        begun = start(design, self.virtual, views[-1], given, image)
        level = len(self.monitors)

        def say(text: str) -> None:
            self.notes.append(text if not level and not inner else f"monitor {level}: {text}")

        own = begun.own
        monitor = Monitor(design, self.virtual, own, selects, self.comes, self._delivered, say)
        if self.monitors:
            self.monitors[-1].upward = monitor.answer
        self.machine = self._lowered(begun.machine, views)
        self.monitors.append(monitor)
        self._views.clear()
        self.bare = begun.bare

    def _delivered(self, trap: Trap, instruction: Instruction[int, ArrayValue] | None) -> State:
        """The guest's state behind a trap of its own."""
        return self.virtual.deliver(Walk(), trap)

    # ------------------------------------------------------------ the views of the state

    @property
    def top(self) -> Monitor:
        """The monitor whose guest is the guest."""
        return self.monitors[-1]

    @property
    def machine(self) -> State:
        """The state of the real machine."""
        return self._machine

    @machine.setter
    def machine(self, state: State) -> None:
        self._machine = state
        self._views: list[State] = []

    @property
    def views(self) -> Sequence[State]:
        """The state of each machine, the real one first, the guest's last."""
        if not self._views:
            self._views = [self._machine]
            for monitor in self.monitors:
                self._views.append(monitor.guest(monitor.host(self._views[-1])))
        return self._views

    def _lowered(self, state: State, views: Sequence[State]) -> State:
        """The real machine's state, where a monitor's machine, the last of `views`, has this."""
        for monitor, view in zip(
            reversed(self.monitors[: len(views) - 1]), reversed(views[:-1]), strict=True
        ):
            state = monitor.resume(monitor.put(monitor.host(view), state))
        return state

    # ------------------------------------------------------------ what happens

    def instruct(self) -> None:
        """One instruction: the topmost host that does it itself, else the real machine, whose trap
        goes to the monitor on it.  Raises Ended.
        """
        views = self.views
        for level in reversed(range(len(self.monitors))):
            if self._interpreted(level, views):
                return
        storage = Reached()
        fetched = self.real.fetch(storage, self.machine)
        if isinstance(fetched, Trapped):
            self.machine = self.monitors[0].answer(fetched, None)
            return
        for monitor, view in zip(self.monitors, views, strict=False):
            monitor.disposition(view, fetched.form)
        self._run(fetched, storage)

    def _run(self, fetched: Fetched, storage: Reached) -> None:
        """The real machine runs an instruction."""
        done = self.real.execute(storage, fetched)
        self.told += [e for e in done.events if e.guard]
        self.touched = storage.cells
        if done.completes:
            self.machine = done.state
            self.top.turn.stepped, self.top.waits = True, bool(done.waits)
        else:
            instruction = self.virtual.instruction(fetched)
            self.machine = self.monitors[0].answer(trap_of(done), instruction)

    def _interpreted(self, level: int, views: Sequence[State]) -> bool:
        """Whether the monitor of a level does the guest's instruction itself, and did."""
        monitor, machine = self.monitors[level], views[level]
        if not monitor.interprets:
            return False
        fetched = self.virtual.fetch(Walk(), views[level + 1])
        if isinstance(fetched, Trapped):
            return False  # the machine meets the trap, too
        if monitor.disposition(machine, fetched.form) not in INTERPRETED:
            return False
        self.machine = self._lowered(monitor.interpret(machine, fetched), views[: level + 1])
        return True

    def due(self, name: str) -> bool:
        """Whether an interrupt of the real machine's can come."""
        return self.real.due(Walk(), self.machine, self.real.interrupt(name))

    def arrive(self, name: str) -> None:
        """An interrupt of the real machine's that is due.  Raises Ended."""
        interrupt = self.real.interrupt(name)
        done = self.real.interrupted(Walk(), self.machine, interrupt)
        if done.completes:
            self.machine = done.state
        else:
            self.machine = self.monitors[0].answer(trap_of(done), None)

    def settle(self) -> set[int]:
        """Forgets what the memories held before; the cells that were stored in."""
        self.machine, cells = settled(self.real.isa, self.machine)
        return cells
