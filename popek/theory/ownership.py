"""Whose a symbol of the real machine's state is, the host's or the guest's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from popek.isa import ir
from popek.semantics.storage import CELL, PERMITS
from popek.terms import Op, Term, symbols_of
from popek.theory.direct import DIRECT, HOST
from popek.theory.states import LEFT


def is_hosts(isa: ir.Isa, symbol: str) -> bool:
    """Whether a symbol is the host's: its machine, real state or tables."""
    component = isa.components.get(symbol.removesuffix(DIRECT).removesuffix(LEFT))
    if component is None:
        return symbol.endswith((DIRECT, HOST))
    match component.role:
        case ir.Role.PARAMETER:
            return True
        case ir.Role.CONTROL:
            return False
        case ir.Role.MODE | ir.Role.RESOURCE:
            # As a step has left it, too: that steps leave it as it was is proved apart
            # (`popek.theory.deliveries.left_changed`).
            return symbol.endswith((DIRECT, LEFT))
        case _:
            return symbol.endswith(DIRECT) or (component.banked and symbol.endswith(LEFT))


def guests(isa: ir.Isa, state: Mapping[str, Term]) -> frozenset[str]:
    """The symbols in a state that are not the host's."""
    names = (symbol.name for symbol in symbols_of(state.values()))
    return frozenset(name for name in names if not is_hosts(isa, name))


def compared(said: Sequence[Term], *, stored: bool = True) -> frozenset[str]:
    """The names of the variables of terms, but for those that only say where to look; with or
    without what was stored in memory on the way.
    """
    found: set[str] = set()
    seen = set[Term]()
    waiting = list(said)
    while waiting:
        term = waiting.pop()
        if term in seen:
            continue
        seen.add(term)
        match term.op:
            case Op.VAR:
                found.add(str(term.payload))
            case Op.SELECT:
                waiting.append(term.args[0])
            case Op.SHL | Op.LSHR | Op.ASHR if term.args[0].op is not Op.CONST:
                waiting.append(term.args[0])
            case Op.STORE:
                waiting += (term.args[0], term.args[2]) if stored else (term.args[0],)
            case Op.APPLY if term.payload[0].startswith((CELL, PERMITS)):
                pass
            case _:
                waiting += term.args
    return frozenset(found)


def equated(said: Sequence[Term]) -> frozenset[str]:
    """As `compared`, of conditions, but for orders: a bound of the host's may lie beyond all that
    is compared with it, while it is equal to one value alone.
    """
    waiting, atoms = list(said), list[Term]()
    while waiting:
        term = waiting.pop()
        match term.op:
            case Op.AND | Op.OR | Op.NOT | Op.ITE if term.width == 1:
                waiting += term.args
            case Op.ULT | Op.ULE | Op.SLT | Op.SLE:
                pass
            case _:
                atoms.append(term)
    return compared(atoms)
