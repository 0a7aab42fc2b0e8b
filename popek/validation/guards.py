"""When an access traps, over all ways that its translation can go.

What memory holds is anything: whatever is refuted here is refuted whatever it holds.
"""

from __future__ import annotations

from popek.isa import ir
from popek.semantics.outcome import Trapped
from popek.semantics.step import Run
from popek.semantics.storage import Walk
from popek.semantics.symbols import Symbols
from popek.source import Span
from popek.terms import Term
from popek.validation.concolic import Bank, Both
from popek.validation.trace import Crossing, Names


class Anything(Symbols):
    """Terms; a bank is a name, and what it holds is a symbol for each index."""

    def __init__(self, names: Names) -> None:
        super().__init__(names.terms)
        self._names = names

    def select(self, bank: str, index: Term, index_width: int, width: int) -> Term:  # type: ignore[override]
        return self._names.element(bank, index, width)

    def store(self, bank: str, index: Term, value: Term, index_width: int, width: int) -> str:  # type: ignore[override]
        return self._names.changed(bank, index, value)

    def bank_ite(self, condition: Term, then: str, otherwise: str) -> str:  # type: ignore[override]
        return then if then == otherwise else self._names.changed(then, condition, otherwise)


class Guards:
    """The guards of the accesses of one form's runs."""

    def __init__(self, isa: ir.Isa, names: Names, span: Span) -> None:
        self._isa = isa
        self._names = names
        self._span = span
        self._known: dict[int, tuple[Crossing, dict[str, Term]]] = {}

    def trapping(self, crossing: Crossing, trap: str) -> Term:
        """That the access raises the trap."""
        return self._of(crossing).get(trap, self._names.terms.false())

    def _of(self, crossing: Crossing) -> dict[str, Term]:
        known = self._known.get(id(crossing))
        if known is None:
            known = self._known[id(crossing)] = crossing, self._computed(crossing)
        return known[1]

    def _computed(self, crossing: Crossing) -> dict[str, Term]:
        """Of the first stage exactly; of those behind it, over any address that leads there."""
        isa, terms = self._isa, self._names.terms
        algebra = Anything(self._names)
        state: dict[str, Term | str] = {}
        for name, value in crossing.state.items():
            match value:
                case Both(term=term):
                    state[name] = term
                case Bank(name=bank, stores=stores):
                    state[name] = f"{bank}@{stores}" if stores else bank

        def inputs(kind: str, site: str, width: int) -> Term:
            return algebra.const(0, width)

        walk: Walk[Term, str] = Walk()
        access = ir.Access(crossing.access)
        guards: dict[str, Term] = {}
        space, args, units = crossing.space, crossing.args, crossing.units
        while True:
            run: Run[Term, str] = Run(isa, algebra, walk, state, {}, inputs)  # type: ignore[arg-type]
            walk.check(run, access, space, args, units, self._span)
            for e in run.exits:
                if isinstance(e, Trapped):
                    guards[e.name] = terms.or_(guards.get(e.name, terms.false()), e.guard)
            space = isa.translations[space].target
            if not crossing.made or space not in isa.translations:
                return guards
            params = isa.translations[space].params
            args = tuple(self._names.whole(f"any.{space}.{p.name}", p.width) for p in params)
            units = 1

    def passing(self, crossing: Crossing) -> Term:
        """That the first stage lets the access pass."""
        terms = self._names.terms
        first = self._isa.translations[crossing.space]
        own = {s.trap for s in ir.statements(first.body) if isinstance(s, ir.Require)}
        guards = self._of(crossing)
        return terms.not_(terms.any_of(g for trap, g in guards.items() if trap in own))


def traps_of(isa: ir.Isa, crossing: Crossing) -> tuple[str, ...]:
    """The traps that an access can raise."""
    found: dict[str, None] = {}
    space = crossing.space
    while (translation := isa.translations.get(space)) is not None:
        for stmt in ir.statements(translation.body):
            if isinstance(stmt, ir.Require):
                found[stmt.trap] = None
        if not crossing.made:
            break
        space = translation.target
    return tuple(found)
