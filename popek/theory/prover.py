"""From an obligation to a finding: rewriter first, then the solver, then re-evaluation.

A SAT answer is believed only after the same obligation, built over Python ints from the model,
has all its premises true and goes wrong.  A witness is first sought where translations are the
identity; only if there is none is the unrestricted obligation asked (solver.md, item 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.ints import Interpretation, Ints
from popek.semantics.outcome import LeftOpen, ShutDown, Step, Trapped
from popek.semantics.symbols import Symbols
from popek.smt import Answer, Budget, By, Sat, Solver, Unsat, decide, query
from popek.smt import Undecided as OutOfBudget
from popek.source import Span
from popek.terms import ArrayValue, Term, Terms
from popek.theory.obligation import Fault, Obligation
from popek.theory.verdict import (
    Decider,
    Finding,
    Proved,
    Ran,
    Refuted,
    Sighting,
    Undecided,
    Witness,
)


#: The statements that an obligation is about: a form's clause, a delivery, the reset.
Body = tuple[ir.Stmt, ...]


class Build(Protocol):
    """Builds one obligation over any algebra; `flat`: the special case for witnesses."""

    def __call__(self, algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]: ...


class Disagreement(Exception):
    """A solver's answer that the ints do not confirm: a bug in popek (exit 70)."""


@dataclass
class Stats:
    """What the proofs cost.  `hinted`: SAT answers found where translations are the identity."""

    queries: int = 0
    without_solver: int = 0
    refuted: int = 0
    proved: int = 0
    proved_without_solver: int = 0
    undecided: int = 0
    solver_calls: int = 0
    solver_seconds: float = 0.0
    rlimit: int = 0


@dataclass
class Prover:
    """Decides obligations of one ISA.  `keep`: where every query's text is written."""

    isa: ir.Isa
    solver: Solver
    budget: Budget = field(default_factory=Budget)
    simplify: bool = True
    keep: Path | None = None
    stats: Stats = field(default_factory=Stats)

    def find(self, name: str, body: Body, build: Build) -> Finding:
        """Whether the obligation has a counterexample."""
        self.stats.queries += 1
        finding = self._find(name, body, build)
        match finding:
            case Proved(by=by):
                self.stats.proved += 1
                if by is Decider.REWRITER:
                    self.stats.without_solver += 1
                    self.stats.proved_without_solver += 1
            case Refuted():
                self.stats.refuted += 1
            case Undecided():
                self.stats.undecided += 1
        return finding

    def _find(self, name: str, body: Body, build: Build) -> Finding:
        algebra = Symbols(Terms(simplify=self.simplify))
        obligation = build(algebra, False)
        calls = self.stats.solver_calls
        visible = self._goal(algebra, obligation, [Fault.TRANSLATION])
        if not visible.is_value(0):
            flat = self._goal(algebra, build(algebra, True), [Fault.TRANSLATION])
            match self._ask(algebra.terms, f"{name} (flat)", flat):
                case Sat(model=model):
                    return Refuted(self._confirm(name, body, build, True, model))
                case _:
                    pass
        match self._ask(algebra.terms, name, visible):
            case Sat(model=model):
                return Refuted(self._confirm(name, body, build, False, model))
            case OutOfBudget(cause=cause):
                return Undecided(name, str(cause))
            case Unsat():
                pass
        # All that is left is a translation that the step changes on one side: no proof, and no
        # witness either, unless no state does it.
        match self._ask(algebra.terms, f"{name} (translation)", self._goal(algebra, obligation, [])):
            case Unsat():
                by = Decider.SOLVER if self.stats.solver_calls > calls else Decider.REWRITER
                return Proved(name, by)
            case Sat():
                return Undecided(name, "whether the translation stays coherent is not decided")
            case OutOfBudget(cause=cause):
                return Undecided(name, str(cause))

    def satisfiable(self, name: str, body: Body, build: Build) -> bool | None:
        """Whether the premises alone hold somewhere (vacuity); None if that is not decided."""

        def premises(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return build(algebra, flat).without_violations(algebra)

        match self.find(name, body, premises):
            case Refuted():
                return True
            case Proved():
                return False
            case Undecided():
                return None

    def _goal(
        self, algebra: Symbols, obligation: Obligation[Term, Term], but: list[Fault]
    ) -> Term:
        """The premises, and a violation of a kind other than `but`."""
        terms = algebra.terms
        wrong = terms.any_of(v.condition for v in obligation.violations if v.fault not in but)
        if wrong.is_value(0):
            return wrong
        return terms.and_(wrong, *(p.condition for p in obligation.premises))

    def _ask(self, terms: Terms, name: str, goal: Term) -> Answer:
        if goal.is_value(0):
            return Unsat()
        if self.keep is not None:
            self._write(name, query(name, [goal]).text)
        decision = decide(terms, name, [goal], self.solver, self.budget)
        if decision.by is By.SOLVER:
            self.stats.solver_calls += 1
        self.stats.solver_seconds += decision.stats.seconds
        self.stats.rlimit += decision.stats.rlimit
        return decision.answer

    def _write(self, name: str, text: str) -> None:
        assert self.keep is not None
        safe = "".join(c if c.isalnum() or c in "._-@" else "_" for c in name)
        path = self.keep / f"{safe}.smt2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    # ------------------------------------------------------------ re-evaluation

    def _confirm(
        self, name: str, body: Body, build: Build, flat: bool, model: Interpretation
    ) -> Witness:
        """The witness in the model, re-evaluated."""
        obligation = build(Ints(model), flat)
        for premise in obligation.premises:
            if not premise.condition:
                raise Disagreement(f"{name}: the premise `{premise.name}` fails over the ints")
        sightings = tuple(
            Sighting(v.fault, v.side, v.component, v.span)
            for v in obligation.violations
            if v.condition
        )
        if not sightings:
            raise Disagreement(f"{name}: nothing goes wrong over the ints")
        return witness_of(name, body, obligation, sightings)


def witness_of(
    name: str,
    body: Body,
    obligation: Obligation[int, ArrayValue],
    sightings: tuple[Sighting, ...],
) -> Witness:
    """The re-evaluated states, cut down to what matters."""
    touched = reads(body) | writes(body)
    sides = list(obligation.runs)
    states = obligation.states
    differing = {
        n
        for n in states[sides[0]]
        if any(states[s].get(n) != states[sides[0]][n] for s in sides)
    }
    shown = [n for n in states[sides[0]] if n in touched or n in _seen(sightings)]
    runs = {}
    for side in sides:
        run = obligation.runs[side]
        runs[side] = Ran(
            {n: states[side][n] for n in shown},
            {n: run.state[n] for n in _changed(run, states[side]) | set(shown)},
            _ending(run),
        )
    causes = tuple(n for n in states[sides[0]] if n in differing and n in reads(body))
    return Witness(
        name, dict(obligation.fields), runs, sightings, _blame(obligation, sightings), causes
    )


def _seen(sightings: tuple[Sighting, ...]) -> set[str]:
    return {s.component for s in sightings if s.component}


def _changed(
    run: Step[int, ArrayValue], before: object
) -> set[str]:
    assert isinstance(before, dict)
    return {n for n, value in run.state.items() if value != before[n]}


def _ending(run: Step[int, ArrayValue]) -> str | None:
    """How the run ends if it does not complete."""
    for e in run.exits:
        if e.guard:
            match e:
                case Trapped(name=name, args=args):
                    return f"{name}({', '.join(f'{a:#x}' for a in args)})" if args else name
                case LeftOpen(unmodelled=what):
                    return what or "unpredictable"
                case ShutDown():
                    return "shutdown"
    return None


def _blame(
    obligation: Obligation[int, ArrayValue], sightings: tuple[Sighting, ...]
) -> Span | None:
    """The line of the spec to blame: where it first goes wrong, on the side that shows it."""
    for sighting in sightings:
        if sighting.span is not None:
            return sighting.span
        for side, run in obligation.runs.items():
            if sighting.side in ("", side):
                for entry in reversed(run.assigned):
                    if entry.guard and entry.component == sighting.component:
                        return entry.span
                for access in reversed(run.accesses):
                    if access.guard and access.access == "write":
                        return access.span
    return None

