"""Which traps a step can end in, those of its translations included, and what was done before."""

from __future__ import annotations

from collections.abc import Mapping

from popek.isa import ir
from popek.isa.footprint import raised_behind, remembered, spaces, translations_behind, writes

Body = tuple[ir.Stmt, ...]


def raised(isa: ir.Isa, body: Body) -> frozenset[str]:
    """The traps that the body raises, itself or in a translation that it goes through."""
    own = frozenset(s.trap for s in ir.statements(body) if isinstance(s, ir.Require))
    return own | raised_behind(isa, spaces(body))


def delivered(isa: ir.Isa, traps: frozenset[str]) -> frozenset[str]:
    """These traps, and those that their deliveries raise in turn."""
    found: set[str] = set()
    waiting = set(traps)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _raised_by_deliveries(isa)[name] - found
    return frozenset(found)


@remembered(4)
def _raised_by_deliveries(isa: ir.Isa) -> Mapping[str, frozenset[str]]:
    """For each trap: those that its delivery raises."""
    return {name: raised(isa, trap.delivery) for name, trap in isa.traps.items()}


def lasts(isa: ir.Isa, body: Body) -> frozenset[str]:
    """The components that a step may write for good, whatever fault follows."""
    return frozenset(
        stmt.component
        for part in (body, *translations_behind(isa, spaces(body)))
        for stmt in ir.statements(part)
        if isinstance(stmt, ir.Write) and stmt.lasting
    )


@remembered(4)
def left_by(isa: ir.Isa) -> Mapping[str, frozenset[str]]:
    """For each trap: the components that may be changed when it is delivered, because it keeps the
    effects of its step (an interrupt is one, too), or one does whose delivery raises it.
    """
    left: dict[str, set[str]] = {name: set() for name in isa.traps}
    for body in (*(f.body for f in isa.forms), *(i.body for i in isa.interrupts)):
        for name, written in _left(isa, body).items():
            left[name] |= written
    raises = {name: _left(isa, trap.delivery) for name, trap in isa.traps.items()}
    waiting = list(isa.traps)
    while waiting:
        name = waiting.pop()
        for second, written in raises[name].items():
            # A fault undoes what the delivery did (but for what lasts), not what was left before.
            more = left[name] | written
            if not more <= left[second]:
                left[second] |= more
                waiting.append(second)
    return {name: frozenset(names) for name, names in left.items()}


@remembered(4)
def left_by_deliveries(isa: ir.Isa) -> frozenset[str]:
    """The components that a delivery may have changed when it raises a trap in turn."""
    found: set[str] = set()
    for trap in isa.traps.values():
        found = found.union(*_left(isa, trap.delivery).values())
    return frozenset(found)


def _left(isa: ir.Isa, body: Body) -> dict[str, set[str]]:
    """For each trap that the body raises: what it may have changed and the trap does not undo."""
    found: dict[str, set[str]] = {}
    _follow(isa, body, set(), found)
    lasting = lasts(isa, body)
    return {
        name: written & lasting if isa.traps[name].kind.undoes else written
        for name, written in found.items()
    }


def _follow(isa: ir.Isa, body: Body, written: set[str], found: dict[str, set[str]]) -> None:
    """Adds to `written` what the body may write, and to `found`, for each trap that it raises, what
    may be written by then.
    """
    for stmt in body:
        match stmt:
            case ir.Require(trap=trap):
                found.setdefault(trap, set()).update(written)
            case ir.If(then=then, otherwise=otherwise):
                branches = [set(written), set(written)]
                _follow(isa, then, branches[0], found)
                _follow(isa, otherwise, branches[1], found)
                written |= branches[0] | branches[1]
            case ir.Write(component=name) | ir.WriteElement(component=name):
                written.add(name)
            case ir.Load() | ir.Store() | ir.Check():
                # Which of its translations comes first is not asked.
                for translation in translations_behind(isa, [stmt.space]):
                    written |= writes(translation) & isa.components.keys()
                for trap in raised_behind(isa, [stmt.space]):
                    found.setdefault(trap, set()).update(written)
            case _:
                pass
