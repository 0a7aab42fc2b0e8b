"""Accesses of the guest's that the real machine refuses, where translations are abstract."""

from __future__ import annotations

from dataclasses import replace

from popek.hypervisor.abstraction import Abstraction, State
from popek.hypervisor.handling import Handled, Handling
from popek.hypervisor.machines import Instruction
from popek.hypervisor.placing import Reach
from popek.isa import ir
from popek.isa.footprint import raised_behind
from popek.isa.statements import argument
from popek.semantics.algebra import B, V
from popek.semantics.outcome import Trapped


def refused(
    alpha: Abstraction[V, B],
    host: State[V, B],
    trap: Trapped[V, B],
    instruction: Instruction[V, B],
) -> Handled[V, B]:
    """A memory trap of the real machine's in its step from a state of the host's.

    Where relocation is proved, the guest takes the virtual machine's own: so handlers were found to
    do.  Otherwise the trap is any of those that translations raise and the design handles, with any
    arguments: that the host's tables lead to no other is a part of what is assumed.
    """
    state: State[V, B] = {**host, **trap.state}
    if alpha.reach is Reach.RELOCATED:
        guests = replace(trap, state=alpha.virtual(state))
        return Handled(exits=[guests], left=[state])
    algebra, isa, every = alpha.algebra, alpha.design.isa, Handled[V, B]()
    left = trap.guard
    names = sorted(raised_behind(isa, isa.translations) & alpha.design.handlers.keys())
    for name in names:
        last = name == names[-1]
        this = algebra.const(1, 1) if last else algebra.variable(f"refusal.{name}", 1)
        as_left = host if isa.traps[name].kind is ir.TrapKind.FAULT else state
        handling = Handling(alpha, as_left, algebra.both(left, this), instruction)
        left = algebra.both(left, algebra.negation(this))
        handling.locals = {
            argument(p.name): algebra.variable(f"refusal.{name}.{p.name}", p.width)
            for p in isa.traps[name].params
        }
        every.extend(handling.complete(alpha.design.handlers[name].body))
    return every
