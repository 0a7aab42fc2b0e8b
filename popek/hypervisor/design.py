"""A design after elaboration: a frozen value, names resolved, every width a number.

definitions.md, section 5.  The host machine's state is that of the ISA; beside it stands the
virtual CPU, whose entries are called `vcpu.NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from popek.isa import ir
from popek.source import Span

#: Under this name designs speak of the virtual CPU.
VCPU = "vcpu"


def kept(name: str) -> str:
    """The entry of the virtual CPU for something of the guest's."""
    return f"{VCPU}.{name}"


class Property(StrEnum):
    """What is claimed of a design (Popek and Goldberg, section 3)."""

    EQUIVALENCE = "equivalence"
    CONTROL = "control"
    EFFICIENCY = "efficiency"


class Disposition(StrEnum):
    """What becomes of an instruction of the guest's.

    `run`: the machine executes it, and may trap.  `trap`: as `run`, and it traps in every state.
    `interpret`: the host does it on the virtual CPU.  `translate`: the guest's code is translated
    before it runs; an innocuous instruction is its own translation, any other becomes a call of the
    host, which interprets it.  `replaced`: the guest is ported, and has a call of the host in its
    place, which interprets it; a guest that executes it nevertheless breaks its contract, and is to
    be in control all the same.  `absent`: the guest promises not to execute it.
    """

    RUN = "run"
    TRAP = "trap"
    INTERPRET = "interpret"
    TRANSLATE = "translate"
    REPLACED = "replaced"
    ABSENT = "absent"

    @property
    def runs(self) -> bool:
        """Whether the real machine may come to execute the instruction itself."""
        return self not in {Disposition.INTERPRET, Disposition.ABSENT}


@dataclass(frozen=True, slots=True)
class Direct:
    """The guest's value is the real machine's own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The guest's value is in the virtual CPU, or, with `value`, computed from what is there.

    `real` is what the machine holds; None: anything.
    """

    value: ir.Expr | None
    real: ir.Expr | None


@dataclass(frozen=True, slots=True)
class Selected:
    """Of a banked register: the copy that the guest's level selects is the real machine's, in the
    level that guests run in; the others are in the virtual CPU.
    """


#: One row of the map from real states to virtual ones.
Row = Direct | Kept | Selected


@dataclass(frozen=True, slots=True)
class Placement:
    """The guest's cell i of a memory, for each i below `size`, is the real cell `base` + i."""

    memory: str
    base: ir.Expr
    size: ir.Expr


@dataclass(frozen=True, slots=True)
class Rule:
    """Of the rules that fit an instruction, the first whose condition holds counts."""

    names: tuple[str, ...]
    condition: ir.Predicate | None
    disposition: Disposition
    title: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Handler:
    """What the host does at a trap of the real machine; the trap's arguments are locals."""

    trap: str
    body: tuple[ir.Stmt, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expectation:
    """`expect counterexample PROPERTY at NAMES`."""

    property: Property
    names: tuple[str, ...]
    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """What each way of executing costs, in steps of the real machine."""

    run: int = 1
    trap: int = 0
    interpret: int = 0
    translate: int = 0


@dataclass(frozen=True)
class Design:
    """A whole hypervisor design.

    `parameters` are constants of the host's, `extras` what it keeps beside the guest's state, all
    by the names of their entries.  `rows` has every component of the ISA.  `requirements` hold
    whenever the guest runs.  `devices` are virtual.  `dropped` are the ids of assumptions that
    are not made.
    """

    title: str
    path: str
    sha256: str
    isa: ir.Isa
    parameters: Mapping[str, ir.Component]
    requirements: tuple[ir.Predicate, ...]
    extras: Mapping[str, ir.Component]
    rows: Mapping[str, Row]
    placements: Mapping[str, Placement]
    devices: frozenset[str]
    #: The translations for which the host has tables of its own.
    shadowed: frozenset[str]
    rules: tuple[Rule, ...]
    handlers: Mapping[str, Handler]
    cost: Cost | None
    assumptions: tuple[ir.Assumption, ...]
    contracts: tuple[ir.Predicate, ...]
    proves: tuple[Property, ...]
    expectations: tuple[Expectation, ...]
    span: Span = field(compare=False, repr=False)
    dropped: frozenset[str] = frozenset()

    @cached_property
    def machine(self) -> ir.Isa:
        """The ISA with the design's parameters and the virtual CPU among its components."""
        own = {
            kept(c.name): replace(c, name=kept(c.name))
            for c in self.isa.components.values()
            if self.stored(c.name)
        }
        components = {**self.isa.components, **self.parameters, **own, **self.extras}
        return replace(self.isa, components=components)

    @property
    def same_storage(self) -> bool:
        """Whether guests are taken to use no more storage than the host gives them."""
        return any(a.id == "same-storage" for a in self.assumptions)

    @property
    def runs_directly(self) -> bool:
        """Whether any instruction of the guest's is run by the real machine."""
        return any(r.disposition.runs for r in self.rules)

    def stored(self, component: str) -> bool:
        """Whether the guest's value of a component has an entry in the virtual CPU."""
        match self.rows[component]:
            case Kept(value=None) | Selected():
                return True
            case _:
                return False
