"""That relocation is coherent: what the proofs of forms with abstract translations rest on.

Of one unit of any access, from any state of the host's: the real machine permits it exactly where
the virtual one does, both lead to the same cell of the guest's, which is in its piece, and where
the real machine refuses it, the handlers give the guest the trap of the virtual one.  An access of
several units is made unit by unit, in the same order on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

from popek.hypervisor.abstraction import Abstraction
from popek.hypervisor.control import escapes
from popek.hypervisor.design import Design
from popek.hypervisor.equivalence import unlike
from popek.hypervisor.machines import Stepped
from popek.hypervisor.placing import Piece, Reach, Watched
from popek.hypervisor.virtual_step import Beside, after, host_state
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.semantics.storage import memory_of
from popek.theory.direct import BARE, DIRECT, inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.states import ARGUMENT, arguments_of


@dataclass(frozen=True)
class Unit:
    """One unit, of `size`, of an access that the guest makes at a level of its own."""

    design: Design
    space: str
    access: ir.Access
    size: int
    level: ir.Level

    @property
    def name(self) -> str:
        return f"{self.access} {self.space}, one of {self.size}"


def units(design: Design, level: ir.Level) -> Iterator[Unit]:
    """All that instructions do to memory through translations."""
    made = {a for form in design.isa.forms for a in map(_access, ir.statements(form.body)) if a}
    for space, access, size in sorted(made):
        if space in design.isa.translations:
            yield Unit(design, space, access, size, level)


def _access(stmt: ir.Stmt) -> tuple[str, ir.Access, int] | None:
    """The space, kind and units of a statement's access."""
    match stmt:
        case ir.Load(space=space, units=size):
            return space, ir.Access.READ, size
        case ir.Store(space=space, units=size):
            return space, ir.Access.WRITE, size
        case ir.Check(space=space, access=access, units=size):
            return space, access, size
        case _:
            return None


@dataclass(frozen=True)
class _Reached(Generic[V, B]):
    """An access of one machine, and the real cell that it leads to."""

    stepped: Stepped[V, B]
    cell: V


def astray(unit: Unit, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where the real machine does otherwise than the virtual one, or leaves the guest's piece."""
    design = unit.design
    alpha, host, premises, _ = host_state(design, algebra, unit.level, Reach.WALKED)
    guest, pieces = alpha.virtual(host), alpha.pieces(host)
    bare = _reached(unit, alpha, guest, pieces)
    touched = bare.stepped.touched
    runs, states = {BARE: bare.stepped.step}, {BARE: guest}
    violations: list[Violation[V]] = []
    if design.runs_directly:
        real = _reached(unit, alpha, alpha.machine(host), None)
        virtual = after(alpha, host, real.stepped, None)
        pair = Beside(alpha, premises, {}, host, guest, pieces, bare.stepped.step, virtual)
        touched = touched + real.stepped.touched
        runs[DIRECT], states[DIRECT] = real.stepped.step, host
        violations += [*unlike(pair, algebra), *_elsewhere(unit, algebra, bare, real)]
    violations += escapes(design, algebra, pieces, touched)
    return Obligation(premises, tuple(violations), runs, states)


def _reached(
    unit: Unit,
    alpha: Abstraction[V, B],
    state: Mapping[str, V | B],
    pieces: Mapping[str, Piece[V]] | None,
) -> _Reached[V, B]:
    """The access made in a state of one machine: the virtual one, if it has pieces of memory."""
    isa, algebra = unit.design.isa, alpha.algebra
    storage: Watched[V, B] = Watched(pieces)
    inputs = inputs_of(algebra, DIRECT if pieces is None else BARE, clocks_shared=True)
    run = Run(isa, algebra, storage, state, {}, inputs)
    params = isa.translations[unit.space].params
    args = list(arguments_of(params, algebra).values())
    start = algebra.variable(f"{ARGUMENT}start", params[-1].width)
    cell = storage.unit(run, unit.space, unit.access, args, start, unit.size)
    return _Reached(Stepped(run.finish(), storage.touched), cell)


def _elsewhere(
    unit: Unit,
    algebra: Algebra[V, B],
    bare: _Reached[V, B],
    real: _Reached[V, B],
) -> Iterator[Violation[V]]:
    """Both permit it, and it is another cell."""
    memory = memory_of(unit.design.isa, unit.space)
    differ = algebra.negation(algebra.equal(bare.cell, real.cell, memory.index_width))
    both = algebra.both(bare.stepped.step.completes, real.stepped.step.completes)
    yield Violation(Fault.STORAGE, algebra.both(both, differ), DIRECT, memory.name)
