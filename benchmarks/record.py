"""A whole check, with every obligation kept, and the time that goes into building them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, process_time

import popek
from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.symbols import Symbols
from popek.smt import Answer, Budget, Query, Z3InProcess
from popek.smt import Stats as Taken
from popek.terms import Term
from popek.theory.check import Check, Options, check
from popek.theory.obligation import Fault, Obligation
from popek.theory.prover import Body, Build, Prover
from popek.theory.verdict import Finding, Witness

Accept = Callable[[Witness], bool]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `Prover.find` was asked, what it said, and what that took: seconds of wall clock and of
    processor time, and the solver's steps.
    """

    name: str
    body: Body
    build: Build
    form: ir.Form | None
    accept: Accept
    finding: Finding
    seconds: float
    cpu: float
    rlimit: int


@dataclass
class TimedSolver:
    """z3 in this process, with the seconds of processor time that it takes."""

    seconds: float = 0.0
    _solver: Z3InProcess = field(default_factory=Z3InProcess)

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Taken]:
        start = process_time()
        try:
            return self._solver.solve(query, budget)
        finally:
            self.seconds += process_time() - start


@dataclass
class Recorder(Prover):
    """A prover that remembers.  `building` and `rewriting` are seconds of processor time: running
    clauses over terms, and joining what comes out into the goal.
    """

    recorded: list[Recorded] = field(default_factory=list)
    building: float = 0.0
    rewriting: float = 0.0

    def find(
        self,
        name: str,
        body: Body,
        build: Build,
        form: ir.Form | None = None,
        accept: Accept = lambda witness: True,
        hint: Witness | None = None,
    ) -> Finding:
        def timed(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            if not hasattr(algebra, "terms"):
                return build(algebra, flat)
            start = process_time()
            try:
                return build(algebra, flat)
            finally:
                self.building += process_time() - start

        wall, cpu, steps = perf_counter(), process_time(), self.stats.rlimit
        finding = super().find(name, body, timed, form, accept, hint)
        took = perf_counter() - wall, process_time() - cpu, self.stats.rlimit - steps
        self.recorded.append(Recorded(name, body, build, form, accept, finding, *took))
        return finding

    def _goal(self, algebra: Symbols, obligation: Obligation[Term, Term], but: list[Fault]) -> Term:
        start = process_time()
        try:
            return super()._goal(algebra, obligation, but)
        finally:
            self.rewriting += process_time() - start


@dataclass(frozen=True)
class Run:
    """One cold check of a whole spec.  Seconds are of processor time, of this process."""

    check: Check
    recorder: Recorder
    loading: float
    seconds: float
    solving: float


def run(spec: str) -> Run:
    """Checks a spec, by path or bundled name, as `popek check` does."""
    import z3  # noqa: F401, PLC0415, TID251 -- not to be counted as solving

    start = process_time()
    isa = popek.load(spec)
    loaded = process_time()
    solver = TimedSolver()
    recorder = Recorder(isa, solver)
    result = check(recorder, Options())
    end = process_time()
    return Run(result, recorder, loaded - start, end - loaded, solver.seconds)
