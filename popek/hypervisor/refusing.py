"""Accesses of the guest's that the real machine refuses, where translations are abstract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from popek.hypervisor.abstraction import Abstraction
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
    state: Mapping[str, V | B],
    trap: Trapped[V, B],
    instruction: Instruction[V, B],
) -> Handled[V, B]:
    """A memory trap of the real machine's that left the host in this state.

    Where relocation is proved, the guest takes the virtual machine's own: so handlers were found to
    do.  Otherwise the trap is any that a translation raises, with any arguments.
    """
    if alpha.reach is Reach.RELOCATED:
        guests = replace(trap, state=alpha.virtual(state))
        return Handled(exits=[guests], left=[state])
    algebra, every = alpha.algebra, Handled[V, B]()
    left = trap.guard
    for number, (body, params) in enumerate(_handlers(alpha.design.isa, alpha).items()):
        this = algebra.variable(f"refusal.{number}", 1)
        handling = Handling(alpha, state, algebra.both(left, this), instruction)
        left = algebra.both(left, algebra.negation(this))
        handling.locals = {
            argument(p.name): algebra.variable(f"refusal.{number}.{p.name}", p.width)
            for p in params
        }
        every.extend(handling.complete(body))
    return every


def _handlers(
    isa: ir.Isa, alpha: Abstraction[V, B]
) -> dict[tuple[ir.Stmt, ...], tuple[ir.Local, ...]]:
    """What the design does at the traps of translations, with the arguments of these traps."""
    found: dict[tuple[ir.Stmt, ...], tuple[ir.Local, ...]] = {}
    for name in sorted(raised_behind(isa, isa.translations)):
        handler = alpha.design.handlers.get(name)
        if handler is not None:
            found[handler.body] = (*found.get(handler.body, ()), *isa.traps[name].params)
    return found
