"""Which lines make two instruction sets differ, as far as one form has to do with them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.semantics.storage import translation_reads
from popek.source import Span
from popek.theory.anatomy import reads_of
from popek.theory.raising import delivered, raised

Body = tuple[ir.Stmt, ...]


def lines_between(
    before: ir.Isa, after: ir.Isa, old: ir.Form | None, new: ir.Form | None
) -> tuple[Span, ...]:
    """The lines of two specs by which a form of theirs differs: its own, or, where they are the
    same, those of the state, the translations and the traps that it has to do with.

    A form that one of them lacks differs by its declaration.
    """
    if old is None or new is None:
        return tuple(form.span for form in (old, new) if form is not None)
    found = list(_clauses(old, new)) or list(_surroundings(before, after, old, new))
    by_line = {(span.path, span.line): span for span in reversed(found)}
    return tuple(by_line[key] for key in sorted(by_line))


def _clauses(old: ir.Form, new: ir.Form) -> Iterator[Span]:
    if old.decode != new.decode or old.length != new.length:
        yield from (old.span, new.span)
    yield from _bodies(old.body, new.body)


def _bodies(old: Body, new: Body) -> Iterator[Span]:
    """The statements that only one of the bodies has.

    One that stands on the same line in both was carried along by a change before it (the number of
    a local, say).
    """
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if j - i == m - k:
            for a, b in zip(old[i:j], new[k:m], strict=True):
                yield from _pair(a, b)
        else:
            yield from (stmt.span for stmt in (*old[i:j], *new[k:m]))


def _pair(a: ir.Stmt, b: ir.Stmt) -> Iterator[Span]:
    match a, b:
        case ir.If(), ir.If() if a.condition == b.condition or _same_place(a.span, b.span):
            yield from _bodies(a.then, b.then)
            yield from _bodies(a.otherwise, b.otherwise)
        case _ if not _same_place(a.span, b.span):
            yield from (a.span, b.span)


def _same_place(a: Span, b: Span) -> bool:
    return (a.path, a.line) == (b.path, b.line)


# ---------------------------------------------------------------- around the clause


def _surroundings(before: ir.Isa, after: ir.Isa, old: ir.Form, new: ir.Form) -> Iterator[Span]:
    names = _concerns(before, old) | _concerns(after, new)
    for name in sorted(names):
        a, b = before.components.get(name), after.components.get(name)
        if a != b:
            yield from (component.span for component in (a, b) if component is not None)
    for space in sorted(before.translations.keys() & after.translations.keys() & names):
        yield from _bodies(before.translations[space].body, after.translations[space].body)
    for trap in sorted(before.traps.keys() & after.traps.keys() & names):
        yield from _bodies(before.traps[trap].delivery, after.traps[trap].delivery)
    for mine, others in ((before, after), (after, before)):
        known = {predicate.text for predicate in _predicates(others)}
        for predicate in _predicates(mine):
            if predicate.text not in known and reads_of(predicate) & names:
                yield predicate.span


def _predicates(isa: ir.Isa) -> tuple[ir.Predicate, ...]:
    return (*isa.invariants, *isa.hosts, *isa.contracts)


def _concerns(isa: ir.Isa, form: ir.Form) -> frozenset[str]:
    """Components, spaces and traps that a form has to do with, in deliveries too."""
    traps = delivered(isa, raised(isa, form.body))
    names = set(traps)
    for body in (form.body, *(isa.traps[trap].delivery for trap in traps)):
        names |= reads(body) | writes(body)
    waiting = [name for name in names if name in isa.translations]
    while waiting:
        space = waiting.pop()
        names |= translation_reads(isa, space) | {space}
        target = isa.translations[space].target
        if target in isa.translations and target not in names:
            waiting.append(target)
    return frozenset(names)
