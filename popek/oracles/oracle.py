"""The interface of every oracle: concrete states in batches, and what one step makes of them.

Names and widths are those of the spec (`popek.isa.ir.Isa.components`, `.memories`), so that what an
oracle says can be laid beside a step of the spec, component by component.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

#: A component's value: a number, or the elements of a bank in the order of their indices.
Value: TypeAlias = int | tuple[int, ...]

#: Components by name, the pc and the mode among them.
State: TypeAlias = Mapping[str, Value]

#: Memories by name: their cells by index, a number each.
Memory: TypeAlias = Mapping[str, Mapping[int, int]]


def number(state: State, name: str) -> int:
    """The value of a component that is no bank."""
    value = state[name]
    assert isinstance(value, int), f"{name} is a bank"
    return value


def bank(state: State, name: str) -> tuple[int, ...]:
    """The elements of a bank."""
    value = state[name]
    assert isinstance(value, tuple), f"{name} is no bank"
    return value


@dataclass(frozen=True, slots=True)
class Case:
    """A concrete state between two instructions.

    `state` has every component of the spec.  `memory` has the code at the pc among its contents, at
    the cells to which the spec's translation takes it; cells that are not named hold 0.
    """

    state: State
    memory: Memory


@dataclass(frozen=True, slots=True)
class Trap:
    """A trap as the ISA's manual numbers it.

    `vector`: the vector of the 68000 and of IA-32, the cause of RISC-V, the interruption code of
    the S/370.  `code`: what comes with it beside the frame in memory (an error code), if anything.
    """

    vector: int
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An operation of a device, under the spec's name for it; `args` as far as they are shown."""

    device: str
    operation: str
    args: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything after one step; where it traps, at the first instruction of the handler.

    `state` has the components of the case.  `changed` are the cells that hold another value than
    before.  `waits`: the step completed, and the processor waits for an interrupt.
    """

    state: State
    changed: Memory
    trap: Trap | None = None
    waits: bool = False
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The oracle cannot show this case; `why` names the limit, in words that group such cases.

    `always`: nor another case that takes the same path.
    """

    why: str
    always: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """The oracle crashed or hung on this case, and is running again for the next."""

    why: str


Answer: TypeAlias = Outcome | Refused | Died


@dataclass(frozen=True, slots=True)
class Identity:
    """Which oracle: its name on the command line, its version, and what it is set up to be."""

    name: str
    version: str
    model: str


@dataclass(frozen=True, slots=True)
class Region:
    """Cells `first` to `last`, both included, of a memory of the spec; or places of a device, by
    the first argument of its operations.
    """

    memory: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Home:
    """Part of a state in which programs run and traps reach handlers.

    `state` has components that are no banks, `cells` elements of banks and cells of memories.  The
    latter are in every case, even where the spec does not look: an oracle that traps where the spec
    does not finds handlers, too.
    """

    state: Mapping[str, int]
    cells: Memory


@dataclass(frozen=True, slots=True)
class Bench:
    """What the oracle can be set up as: the part of the state space that its cases come from.

    `fixed`: components that hold one value in every case.  `regions`: the cells that a case may
    name and that a step may touch; a memory without a region is whole.  `unseen`: components that
    an outcome has as they were, as the oracle does not show them.  `conditions`: what holds in
    every case, in the language of the spec and over its names.  `home`: near which cases are to be
    looked for; without one, a state is searched for that will do.  `running`: bits of
    components that change by themselves between setting up and being shown.
    """

    fixed: Mapping[str, Value]
    regions: tuple[Region, ...]
    unseen: frozenset[str] = frozenset()
    conditions: tuple[str, ...] = ()
    home: Home | None = None
    running: Mapping[str, int] = field(default_factory=dict)

    @property
    def cells(self) -> Memory:
        """What cells hold in every case that chooses nothing else."""
        return {} if self.home is None else self.home.cells


class Oracle(Protocol):
    """An emulator, ready to run cases of one ISA."""

    @property
    def identity(self) -> Identity: ...

    @property
    def bench(self) -> Bench:
        """Where its cases are to be drawn from: a case elsewhere is likely to be refused."""
        ...

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        """One answer per case, in their order.

        A level is entered as the ISA enters it (a return from an exception), not by writing the
        mode.  Cases do not see each other.
        """
        ...


class OracleMissing(Exception):
    """An oracle that is not installed; the text says how to get it."""
