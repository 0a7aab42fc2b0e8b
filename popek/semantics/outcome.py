"""What a step comes to (definitions.md, section 1).

    Outcome = Next(State) | Trap(name, arguments, state) | Wait | Unpredictable | Shutdown

A symbolic step has all of them at once, each behind a guard; the guards exclude each other and
cover everything.  A concrete step is the case where the guards are 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from popek.isa.ir import Input
from popek.semantics.algebra import B, V
from popek.source import Span


@dataclass(frozen=True, slots=True)
class Trapped(Generic[V, B]):
    """`memory`: raised while the translation of an access at the current level was evaluated.

    `processor`: raised by an access on the processor's own behalf (a descriptor table).
    `keeps`: effects of the step; a fault undoes them, but for what lasts.
    `state` is the state as the trap leaves it, before delivery.
    """

    guard: V
    name: str
    args: tuple[V, ...]
    widths: tuple[int, ...]
    memory: bool
    processor: bool
    keeps: bool
    state: Mapping[str, V | B]
    span: Span


@dataclass(frozen=True, slots=True)
class LeftOpen(Generic[V]):
    """Unpredictable, at `site`; `unmodelled` where it is the spec that leaves it open."""

    guard: V
    site: str
    beyond_privilege: bool
    unmodelled: str
    span: Span


@dataclass(frozen=True, slots=True)
class ShutDown(Generic[V]):
    guard: V
    span: Span


Exit = Trapped[V, B] | LeftOpen[V] | ShutDown[V]


@dataclass(frozen=True, slots=True)
class Accessed(Generic[V]):
    """One entry of the list of accesses.  `access` is read, write or fetch.

    `site` identifies the statement of the clause, functions inlined, that makes it: two runs of
    one clause have the same sites.
    """

    guard: V
    space: str
    access: str
    units: int
    args: tuple[V, ...]
    widths: tuple[int, ...]
    span: Span
    site: int


@dataclass(frozen=True, slots=True)
class DeviceEvent(Generic[V]):
    guard: V
    device: str
    operation: str
    args: tuple[V, ...]
    widths: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class HostPromise(Generic[V]):
    """Where the step reads the processor's own tables: what the host put there, behind `guard`."""

    guard: V
    condition: V
    why: str
    span: Span


@dataclass(frozen=True, slots=True)
class Assigned(Generic[V]):
    """A trace entry: `component` was assigned `value` behind `guard` at `span`.

    `index` is that of the element, in a bank or a memory.
    """

    guard: V
    component: str
    index: V | None
    value: V
    span: Span


@dataclass(frozen=True, slots=True)
class Step(Generic[V, B]):
    """All outcomes of one step.

    `completes` guards Next and Wait, whose state is `state`; `waits` guards Wait alone.
    """

    exits: tuple[Exit[V, B], ...]
    completes: V
    waits: V
    state: Mapping[str, V | B]
    accesses: tuple[Accessed[V], ...]
    events: tuple[DeviceEvent[V], ...]
    promises: tuple[HostPromise[V], ...]
    assigned: tuple[Assigned[V], ...]
    inputs: tuple[tuple[V, Input], ...] = field(default=())

    @property
    def traps(self) -> tuple[Trapped[V, B], ...]:
        return tuple(e for e in self.exits if isinstance(e, Trapped))
