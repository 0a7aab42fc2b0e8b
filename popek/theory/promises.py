"""The host's promises about its own tables: printed, and satisfiable (definitions.md, section 2).

A `host E` line in a body says what the host put where the processor reads here.  One that no
content of the tables could keep would make every proof behind it vacuous.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.ints import Ints
from popek.semantics.symbols import Symbols
from popek.source import Span
from popek.terms import Term, symbols_of
from popek.theory.anatomy import Anatomy
from popek.theory.deliveries import Entry, delivered_elsewhere, entries, reached
from popek.theory.direct import DIRECT, Coupling, Host, demoted_completes
from popek.theory.obligation import Fault, Obligation, Violation
from popek.theory.ownership import compared, equated, guests, is_hosts
from popek.theory.prover import Build, Prover
from popek.theory.states import ARGUMENT
from popek.theory.verdict import Proved, Refuted, Undecided

#: A promise: its text, and the line that makes it.
Line = tuple[str, Span]


@dataclass(frozen=True)
class _Place:
    """A body with promises in it, and the steps of the real machine through it."""

    isa: ir.Isa
    body: tuple[ir.Stmt, ...]
    form: ir.Form | None
    step: Build

    @property
    def lines(self) -> list[Line]:
        made = ((s.why, s.span) for s in ir.statements(self.body) if isinstance(s, ir.HostRequire))
        return list(dict.fromkeys(made))

    def relying_on(self, line: Line) -> Build:
        """Steps that rely on a promise, all promises kept (a premise already)."""

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            alone = self.step(algebra, flat)
            relied = (p for p in alone.runs[DIRECT].promises if (p.why, p.span) == line)
            return alone.with_violations(
                *(Violation(Fault.COMPLETES, p.guard, DIRECT, "", p.span) for p in relied)
            )

        return build

    def not_hosts(self, algebra: Symbols) -> frozenset[Line]:
        """The promises that are not about what is the host's: its machine, real state or tables.

        What the guest's registers and memory hold is not the host's to promise, nor what a control
        is, which may be loaded, nor an input; they may say only where to look.  Nor is anything of
        the host's equal to whatever argument a trap has.
        """
        made = self.step(algebra, False)
        said: dict[Line, list[Term]] = {}
        for p in made.runs[DIRECT].promises:
            said.setdefault((p.why, p.span), []).append(p.condition)
        own = guests(self.isa, made.states[DIRECT])
        return frozenset(line for line, about in said.items() if not self._is_about(about, own))

    def _is_about(self, said: Sequence[Term], own: frozenset[str]) -> bool:
        names = [symbol.name for symbol in symbols_of(said)]
        of_host = not names or any(is_hosts(self.isa, name) for name in names)
        others = any(n in own or n.startswith("input.") for n in compared(said))
        return of_host and not others and not any(n.startswith(ARGUMENT) for n in equated(said))


def keepable(prover: Prover, anatomy: Anatomy, host: Host) -> dict[str, bool | None]:
    """For each promise, by its text: whether it can be kept where a step relies on it.

    Lines with the same text are decided each for itself; all of them have to be kept.
    """
    found: dict[Line, bool | None] = {}
    #: Those that are, somewhere, about what is not the host's.
    astray: set[Line] = set()
    coupling = Coupling(anatomy, anatomy.lowest, host)
    for place in _places(coupling):
        if not place.lines:
            continue
        astray |= place.not_hosts(prover.simplified(place.body))
        for line in place.lines:
            if line in astray or found.get(line) is True:
                continue
            build = place.relying_on(line)
            match prover.find(f"the host can promise: {line[0]}", place.body, build, place.form):
                case Refuted(witness=witness):
                    # One state usually relies on, and keeps, more than the promise asked about.
                    there = build(Ints(witness.model), witness.flat).runs[DIRECT]
                    relied = {(p.why, p.span) for p in there.promises if p.guard}
                    found.update(dict.fromkeys(relied, True))
                case Proved():
                    found.setdefault(line, False)
                case Undecided():
                    found[line] = None
    found.update(dict.fromkeys(astray, False))
    result: dict[str, bool | None] = {}
    for (why, _), kept in sorted(found.items(), key=_place_in_the_spec):
        before = result.get(why, True)
        result[why] = False if False in (before, kept) else None if None in (before, kept) else True
    return result


def _place_in_the_spec(found: tuple[Line, bool | None]) -> tuple[str, int]:
    """For an order that is the same in every run: what a state relies on is a set."""
    (_, span), _ = found
    return span.path, span.start


def _places(coupling: Coupling) -> Iterator[_Place]:
    """The clauses and deliveries with promises in them."""
    isa = coupling.isa
    for form in isa.forms:

        def by_step(algebra: Algebra[V, B], flat: bool, form: ir.Form = form) -> Obligation[V, B]:
            return demoted_completes(coupling.flattened(flat), form, algebra)

        yield _Place(isa, form.body, form, by_step)
    for entry in entries(isa, reached(isa)).values():

        def by_delivery(
            algebra: Algebra[V, B], flat: bool, entry: Entry = entry
        ) -> Obligation[V, B]:
            return delivered_elsewhere(coupling.flattened(flat), entry, algebra)

        yield _Place(isa, entry.body, None, by_delivery)
