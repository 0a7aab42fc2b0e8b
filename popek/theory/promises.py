"""The host's promises about its own tables: printed, and satisfiable (definitions.md, section 2).

A `host E` line in a body says what the host put where the processor reads here.  One that no
content of the tables could keep would make every proof behind it vacuous.
"""

from __future__ import annotations

from collections.abc import Iterator

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.ints import Ints
from popek.semantics.outcome import Step
from popek.semantics.symbols import Symbols
from popek.source import Span
from popek.terms import Terms, symbols_of
from popek.theory.anatomy import Anatomy
from popek.theory.deliveries import Entry, delivered_elsewhere, entries
from popek.theory.direct import DIRECT, HOST, Coupling, Host, demoted_completes
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.prover import Build, Prover
from popek.theory.verdict import Proved, Refuted, Undecided

#: A promise: its text, and the line that makes it.
Line = tuple[str, Span]


def keepable(prover: Prover, anatomy: Anatomy, host: Host) -> dict[str, bool | None]:
    """For each promise, by its text: whether it can be kept where a step relies on it.

    Lines with the same text are decided each for itself; all of them have to be kept.
    """
    found: dict[Line, bool | None] = {}
    coupling = Coupling(anatomy, anatomy.lowest, host)
    for line, body, form, build in _places(coupling):
        if found.get(line) is True:
            continue
        match prover.find(f"the host can promise: {line[0]}", body, build, form):
            case Refuted() if not _hosts_own(build, line):
                found[line] = False
            case Refuted(witness=witness):
                # One state usually relies on, and keeps, more than the promise asked about.
                there = build(Ints(witness.model), witness.flat).runs[DIRECT]
                found.update({(p.why, p.span): True for p in there.promises if p.guard})
            case Proved():
                found.setdefault(line, False)
            case Undecided():
                found[line] = None
    result: dict[str, bool | None] = {}
    for (why, _), kept in found.items():
        before = result.get(why, True)
        result[why] = False if False in (before, kept) else None if None in (before, kept) else True
    return result


def _hosts_own(build: Build, line: Line) -> bool:
    """Whether what the promise says depends on anything that is the host's: real state or tables.

    What the guest's registers and memory hold is not the host's to promise.
    """
    run = build(Symbols(Terms()), False).runs[DIRECT]
    said = [p.condition for p in run.promises if (p.why, p.span) == line]
    names = [symbol.name for symbol in symbols_of(said)]
    return not names or any(name.endswith((DIRECT, HOST)) for name in names)


def _places(
    coupling: Coupling,
) -> Iterator[tuple[Line, tuple[ir.Stmt, ...], ir.Form | None, Build]]:
    """Every body with a promise in it, the promise, and how to reach it."""
    isa = coupling.isa
    for form in isa.forms:
        for line in _promises(form.body):

            def by_step(
                algebra: Algebra[V, B], flat: bool, form: ir.Form = form, line: Line = line
            ) -> Obligation[V, B]:
                alone = demoted_completes(coupling.flattened(flat), form, algebra)
                return _kept(alone, algebra, line)

            yield line, form.body, form, by_step
    for entry in entries(isa, isa.traps.values()).values():
        for line in _promises(entry.body):

            def by_delivery(
                algebra: Algebra[V, B], flat: bool, entry: Entry = entry, line: Line = line
            ) -> Obligation[V, B]:
                alone = delivered_elsewhere(coupling.flattened(flat), entry, algebra)
                return _kept(alone, algebra, line)

            yield line, entry.body, None, by_delivery


def _promises(body: tuple[ir.Stmt, ...]) -> list[Line]:
    lines = ((s.why, s.span) for s in ir.statements(body) if isinstance(s, ir.HostRequire))
    return list(dict.fromkeys(lines))


def _kept(alone: Obligation[V, B], algebra: Algebra[V, B], line: Line) -> Obligation[V, B]:
    """States in which the step relies on the promise, all promises kept (a premise already)."""
    run: Step[V, B] = alone.runs[DIRECT]
    return alone.with_violations(
        *(
            Violation(Fault.COMPLETES, p.guard, DIRECT, "", p.span)
            for p in run.promises
            if (p.why, p.span) == line
        )
    )
