"""The guest's own traps are delivered by the ISA's deliveries, on the virtual machine.

That makes a delivery equivalent by itself; that it keeps to what is the guest's is proved here.
"""

from __future__ import annotations

from popek.hypervisor.abstraction import Left
from popek.hypervisor.control import escapes, required
from popek.hypervisor.design import Design
from popek.hypervisor.machines import inputs_at
from popek.hypervisor.placing import Reach, storage_of
from popek.hypervisor.virtual_step import VIRTUAL, host_state
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.step import Run
from popek.theory.direct import BARE
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.states import arguments_of


def delivered_in_control(
    design: Design, by: ir.Delivery, reach: Reach, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Where the delivery of some trap, whatever its arguments, to a guest at any level leaves the
    guest's memory, the host without what the design requires, or the guest with another value than
    a row computes.
    """
    alpha, host, premises, _ = host_state(design, algebra, None, reach)
    guest, pieces = alpha.virtual(host), alpha.pieces(host)
    storage = storage_of(reach, design.isa, algebra, pieces, virtual=True)
    run = Run(design.isa, algebra, storage, guest, {}, inputs_at(alpha, BARE))
    run.locals.update(arguments_of(by.params, algebra))
    run.run(by.body)
    done = run.finish()
    after = alpha.put(host, done.state)
    left: list[Left[V, B]] = [Left(done.completes, alpha.loaded(after))]
    violations = [
        *escapes(design, algebra, pieces, storage.touched),
        *required(alpha, left),
        *(
            Violation(Fault.DIFFERS, algebra.both(done.completes, differs), VIRTUAL, name)
            for name, differs in alpha.forgotten(after, done.state)
        ),
    ]
    return Obligation(premises, tuple(violations), {VIRTUAL: done}, {VIRTUAL: guest})
