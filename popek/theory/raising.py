"""Which traps a step can end in, those of its translations included, and what was done before."""

from __future__ import annotations

from collections.abc import Mapping

from popek.isa import ir
from popek.isa.footprint import remembered, spaces

Body = tuple[ir.Stmt, ...]


def raised(isa: ir.Isa, body: Body) -> frozenset[str]:
    """The traps that the body raises, itself or in a translation that it goes through."""
    found: set[str] = set()
    for part in (body, *_translations(isa, body)):
        found |= {s.trap for s in ir.statements(part) if isinstance(s, ir.Require)}
    return frozenset(found)


def _translations(isa: ir.Isa, body: Body) -> list[Body]:
    """The bodies of the translations behind the accesses of a body."""
    found: dict[str, Body] = {}
    for name in spaces(body):
        space = name
        while (translation := isa.translations.get(space)) is not None:
            found[space] = translation.body
            space = translation.target
    return list(found.values())


def delivered(isa: ir.Isa, traps: frozenset[str]) -> frozenset[str]:
    """These traps, and those that their deliveries raise in turn."""
    found: set[str] = set()
    waiting = set(traps)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= raised(isa, isa.traps[name].delivery) - found
    return frozenset(found)


def lasts(isa: ir.Isa, body: Body) -> frozenset[str]:
    """The components that a step may write for good, whatever fault follows."""
    return frozenset(
        stmt.component
        for part in (body, *_translations(isa, body))
        for stmt in ir.statements(part)
        if isinstance(stmt, ir.Write) and stmt.lasting
    )


@remembered(4)
def left_by(isa: ir.Isa) -> Mapping[str, frozenset[str]]:
    """For each trap: the components that may be changed when it is delivered, because it keeps the
    effects of its step, or one does whose delivery raises it.
    """
    left: dict[str, set[str]] = {name: set() for name in isa.traps}
    for form in isa.forms:
        for name, written in _left(isa, form.body).items():
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
                for translation in _translations(isa, (stmt,)):
                    _follow(isa, translation, written, found)
            case _:
                pass
