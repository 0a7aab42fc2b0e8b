"""The guest's own traps are delivered by the ISA's deliveries, on the virtual machine.

That makes a delivery equivalent by itself; that it keeps to what is the guest's is proved here.
"""

from __future__ import annotations

from dataclasses import dataclass

from popek.hypervisor.abstraction import Left
from popek.hypervisor.control import escapes, required
from popek.hypervisor.design import Design
from popek.hypervisor.machines import virtual_inputs
from popek.hypervisor.placing import Reach, storage_of
from popek.hypervisor.virtual_step import VIRTUAL, host_state
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.theory.obligation import Obligation
from popek.theory.states import arguments_of


@dataclass(frozen=True)
class Delivery:
    """The delivery of some trap, whatever its arguments, to a guest at any level of its own."""

    design: Design
    by: ir.Delivery
    reach: Reach


def delivered_in_control(delivery: Delivery, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Where it leaves the guest's memory, or the host without what the design requires."""
    design = delivery.design
    alpha, host, premises, _ = host_state(design, algebra, None, delivery.reach)
    guest, pieces = alpha.virtual(host), alpha.pieces(host)
    storage = storage_of(delivery.reach, design.isa, algebra, pieces, virtual=True)
    run = Run(design.isa, algebra, storage, guest, {}, virtual_inputs(alpha))
    run.locals.update(arguments_of(delivery.by.params, algebra))
    run.run(delivery.by.body)
    done = run.finish()
    left: list[Left[V, B]] = [Left(done.completes, alpha.loaded(alpha.put(host, done.state)))]
    violations = [
        *escapes(design, algebra, pieces, storage.touched),
        *required(alpha, left),
    ]
    return Obligation(premises, tuple(violations), {VIRTUAL: done}, {VIRTUAL: guest})
