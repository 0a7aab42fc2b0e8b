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
from popek.hypervisor.control import escapes, required
from popek.hypervisor.design import Design
from popek.hypervisor.equivalence import unlike
from popek.hypervisor.machines import Stepped, inputs_at
from popek.hypervisor.placing import Piece, Reach, Watched
from popek.hypervisor.virtual_step import Beside, after, host_state
from popek.isa import ir
from popek.isa.footprint import raised_behind
from popek.isa.system import ACCESS_WIDTH, SIZE_WIDTH
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.semantics.storage import memory_of
from popek.theory.direct import BARE, DIRECT, inputs_of
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.states import ARGUMENT, Premise, arguments_of


@dataclass(frozen=True)
class _Reached(Generic[V, B]):
    """An access of one machine, and the real cell that it leads to."""

    stepped: Stepped[V, B]
    cell: V


def relocatable(design: Design) -> bool:
    """Whether translations are such that one unit says all: of one stage each, where any is run by
    the real machine, and traps that are reflected.
    """
    isa = design.isa
    one_stage = all(t.target in isa.memories for t in isa.translations.values())
    # What a handler interprets is an instruction, not an access.
    interprets = any(
        isinstance(stmt, ir.Interpret)
        for name in raised_behind(isa, isa.translations) & design.handlers.keys()
        for stmt in ir.statements(design.handlers[name].body)
    )
    return (one_stage and not interprets) or not design.runs_directly


def astray(design: Design, space: str, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where an access that the real machine makes is not the virtual one's, or leaves the guest's
    piece.
    """
    alpha, host, premises, _ = host_state(design, algebra, None, Reach.WALKED)
    guest, pieces = alpha.virtual(host), alpha.pieces(host)
    kind = algebra.variable(f"{ARGUMENT}access", ACCESS_WIDTH)
    widths = [ACCESS_WIDTH, ACCESS_WIDTH]
    kinds = algebra.const(len(ir.Access), ACCESS_WIDTH)
    known = Premise("an access", algebra.operation(ir.Op.ULT, [kind, kinds], widths, 1))
    bare = _reached(alpha, space, kind, guest, pieces)
    touched = bare.stepped.touched
    runs, states = {BARE: bare.stepped.step}, {BARE: guest}
    violations: list[Violation[V]] = []
    if design.runs_directly:
        real = _reached(alpha, space, kind, alpha.machine(host), None)
        touched = touched + real.stepped.touched
        runs[DIRECT], states[DIRECT] = real.stepped.step, host
        virtual = after(alpha, host, real.stepped, None)
        pair = Beside(alpha, premises, {}, host, guest, pieces, bare.stepped.step, virtual)
        violations += _refused_alike(pair, algebra, real)
        violations += required(alpha, virtual.left)
        touched = touched + virtual.handled.touched
        violations += _same_cell(design.isa, space, algebra, bare, real)
    violations += escapes(design, algebra, pieces, touched)
    return Obligation((*premises, known), tuple(violations), runs, states)


def _reached(
    alpha: Abstraction[V, B],
    space: str,
    kind: V,
    state: Mapping[str, V | B],
    pieces: Mapping[str, Piece[V]] | None,
) -> _Reached[V, B]:
    """The access made in a state of one machine: the virtual one, if it has pieces of memory."""
    isa, algebra = alpha.design.isa, alpha.algebra
    storage: Watched[V, B] = Watched(pieces)
    real_inputs = inputs_of(algebra, DIRECT, clocks_shared=True)
    inputs = real_inputs if pieces is None else inputs_at(alpha, BARE)
    run = Run(isa, algebra, storage, state, {}, inputs)
    params = isa.translations[space].params
    args = list(arguments_of(params, algebra).values())
    start = algebra.variable(f"{ARGUMENT}start", params[-1].width)
    size = algebra.variable(f"{ARGUMENT}size", SIZE_WIDTH)
    cell = storage.unit(run, space, args, start, kind, size)
    return _Reached(Stepped(run.finish(), storage.touched), cell)


def _refused_alike(
    pair: Beside[V, B], algebra: Algebra[V, B], real: _Reached[V, B]
) -> Iterator[Violation[V]]:
    """One machine alone refuses it, or the guest does not take the trap of the virtual one."""
    bare, direct = pair.bare.completes, real.stepped.step.completes
    alone = algebra.negation(algebra.equal(bare, direct, 1))
    yield Violation(Fault.TRAPS, alone, DIRECT)
    alike = algebra.equal(bare, direct, 1)
    for violation in unlike(pair, algebra):
        yield violation.within(algebra, alike)


def _same_cell(
    isa: ir.Isa,
    space: str,
    algebra: Algebra[V, B],
    bare: _Reached[V, B],
    real: _Reached[V, B],
) -> Iterator[Violation[V]]:
    """Both permit it, and it is another cell."""
    memory = memory_of(isa, space)
    differ = algebra.negation(algebra.equal(bare.cell, real.cell, memory.index_width))
    both = algebra.both(bare.stepped.step.completes, real.stepped.step.completes)
    yield Violation(Fault.STORAGE, algebra.both(both, differ), DIRECT, memory.name)
