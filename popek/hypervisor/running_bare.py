"""The bare machine, running: it delivers its traps itself."""

from __future__ import annotations

from collections.abc import Iterable

from popek.hypervisor.running_machine import Processor, State, Stepped, Storage, settled, trap_of
from popek.semantics.outcome import DeviceEvent, Trapped
from popek.semantics.storage import Walk


class Bare:
    """A machine that nobody runs but itself.  `events`: what its devices were told."""

    def __init__(self, processor: Processor, state: State) -> None:
        self.processor = processor
        self.state = state
        self.storage: Storage = Walk()
        self.waits = False
        self.events: list[DeviceEvent[int]] = []

    def step(self) -> None:
        """One instruction, and the delivery of its trap.  Raises Ended."""
        fetched = self.processor.fetch(self.storage, self.state)
        if isinstance(fetched, Trapped):
            self.state = self.processor.deliver(self.storage, fetched)
        else:
            done = self.processor.execute(self.storage, fetched)
            self.waits = bool(done.waits)
            self._become(done)

    def take(self, name: str) -> None:
        """The interrupt, if it is due.  Raises Ended."""
        interrupt = self.processor.interrupt(name)
        if self.processor.due(self.storage, self.state, interrupt):
            done = self.processor.interrupted(self.storage, self.state, interrupt)
            self.waits = self.waits and bool(done.completes)
            self._become(done)

    def _become(self, done: Stepped) -> None:
        self.events += [e for e in done.events if e.guard]
        if done.completes:
            self.state = done.state
        else:
            self.state = self.processor.deliver(self.storage, trap_of(done))

    def settle(self) -> None:
        """Forgets what the memories held before."""
        self.state = settled(self.processor.isa, self.state)

    def stuck(self, coming: Iterable[str]) -> bool:
        """Whether it waits for an interrupt, and of those that are coming none is due."""
        due, interrupt = self.processor.due, self.processor.interrupt
        return self.waits and not any(due(self.storage, self.state, interrupt(n)) for n in coming)
