"""Accesses of the guest's that the real machine refuses, where translations are abstract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from popek.hypervisor.abstraction import Abstraction, State
from popek.hypervisor.handling import Alike, Handled, Handling
from popek.hypervisor.machines import Instruction, virtual_step
from popek.hypervisor.placing import Reach
from popek.isa import ir
from popek.isa.footprint import raised_behind
from popek.isa.statements import argument
from popek.semantics.algebra import B, V
from popek.semantics.outcome import Trapped


def refused(
    alpha: Abstraction[V, B],
    host: State[V, B],
    traps: Sequence[Trapped[V, B]],
    some: V,
    instruction: Instruction[V, B],
) -> Handled[V, B]:
    """The memory traps of the real machine's step from a state of the host's; `some`: any of them.

    Where relocation is proved, the guest takes the virtual machine's own: so handlers were found to
    do.  Otherwise each is any of those that translations raise and the design handles, with any
    arguments: that the host's tables lead to no other is a part of what is left open.
    """
    every: Handled[V, B] = Handled()
    left = [{**host, **trap.state} for trap in traps]
    if alpha.reach is Reach.RELOCATED:
        for trap, state in zip(traps, left, strict=True):
            every.exits.append(replace(trap, state=alpha.virtual(state)))
            every.left.append(state)
        return every
    algebra, handlers = alpha.algebra, _handlers(alpha)
    rest = algebra.const(1, 1)
    for number, ((body, undone), params) in enumerate(handlers.items()):
        last = number == len(handlers) - 1
        this = rest if last else algebra.both(rest, algebra.variable(f"refusal.{number}", 1))
        rest = algebra.both(rest, algebra.negation(this))
        if undone and _interprets(body):
            every.extend(_bare(alpha, host, algebra.both(some, this), instruction))
            continue
        for trap, state in zip(traps, left, strict=True):
            guard = algebra.both(trap.guard, this)
            handling = Handling(alpha, host if undone else state, guard, instruction)
            handling.locals = {
                argument(p.name): algebra.variable(f"refusal.{number}.{p.name}", p.width)
                for p in params
            }
            every.extend(handling.complete(body))
    return every


def _interprets(body: tuple[ir.Stmt, ...]) -> bool:
    """Whether a handler does no more than to interpret the instruction."""
    match body:
        case (ir.Interpret(),) | (ir.Interpret(), ir.Resume()):
            return True
        case _:
            return False


def _bare(
    alpha: Abstraction[V, B], host: State[V, B], guard: V, instruction: Instruction[V, B]
) -> Handled[V, B]:
    """The instruction is interpreted where it came: the guest's step is the bare machine's."""
    algebra, stepped = alpha.algebra, virtual_step(alpha, instruction, host)
    step = stepped.step
    found: Handled[V, B] = Handled(bare=[guard])
    found.touched += [replace(t, guard=algebra.both(guard, t.guard)) for t in stepped.touched]
    for reached, state in [(step.completes, step.state), *((t.guard, t.state) for t in step.traps)]:
        left = alpha.loaded(alpha.put(host, state))
        found.alike.append(Alike(algebra.both(guard, reached), left, state))
    return found


def _handlers(
    alpha: Abstraction[V, B],
) -> dict[tuple[tuple[ir.Stmt, ...], bool], tuple[ir.Local, ...]]:
    """What the design does at the traps of translations, and whether these undo the step; with the
    arguments that they may have.
    """
    isa, design = alpha.design.isa, alpha.design
    found: dict[tuple[tuple[ir.Stmt, ...], bool], tuple[ir.Local, ...]] = {}
    for name in sorted(raised_behind(isa, isa.translations) & design.handlers.keys()):
        trap = isa.traps[name]
        key = design.handlers[name].body, trap.kind is ir.TrapKind.FAULT
        found[key] = (*found.get(key, ()), *trap.params)
    return found
