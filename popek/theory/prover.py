"""From an obligation to a finding: rewriter first, then the solver, then re-evaluation.

A SAT answer is believed only after the same obligation, built over Python ints from the model,
has all its premises true and goes wrong.  A witness is first sought where translations are the
identity; only if there is none is the unrestricted obligation asked (solver.md, item 5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Protocol

from popek.guest import canonical, sample_fields
from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.ints import Interpretation, Ints
from popek.semantics.outcome import LeftOpen, ShutDown, Step, Trapped
from popek.semantics.sampled import Sampled
from popek.semantics.storage import memory_of
from popek.semantics.symbols import Symbols
from popek.smt import Answer, Budget, By, Sat, Solver, Unsat, decide, query
from popek.smt import Undecided as OutOfBudget
from popek.terms import ArrayValue, Term, Terms
from popek.theory.anatomy import Anatomy
from popek.theory.blame import blamed
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

#: How many random states are tried before the rewriter, and before the solver.
FIRST_SAMPLES = 1
ALL_SAMPLES = 12
#: Of what is no clause: nearly all that is asked of deliveries holds.
FEW_SAMPLES = 3
#: How many once a solver has found it hard, or where its witness is turned down.
PATIENT_SAMPLES = 400
#: How many encodings of a form the random states take turns with.
DECODED = 4

#: The statements that an obligation is about: a form's clause, a delivery, the reset.
Body = tuple[ir.Stmt, ...]


class Build(Protocol):
    """Builds one obligation over any algebra; `flat`: the special case for witnesses."""

    def __call__(self, algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]: ...


class Disagreement(Exception):
    """A solver's answer that the ints do not confirm: a bug in popek (exit 70)."""


class _Spurious(Exception):
    """The one answer of a solver that need not hold over the ints (`accesses_differ`)."""


@dataclass
class Stats:
    """What the proofs cost."""

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
    _last: tuple[Body, Symbols] | None = None
    #: What was found unsatisfiable last: an obligation may be its own special case.
    _nowhere: Term | None = None
    _witnessed: dict[int, tuple[Body, Witness]] = field(default_factory=dict)
    _fields: dict[tuple[str, str], list[dict[str, int]]] = field(default_factory=dict)

    def find(
        self,
        name: str,
        body: Body,
        build: Build,
        form: ir.Form | None = None,
        accept: Callable[[Witness], bool] = lambda witness: True,
        hint: Witness | None = None,
    ) -> Finding:
        """Whether the obligation has a counterexample.  `form`: whose encoding it is about.

        `hint` is a witness of a similar obligation, whose states are tried first.
        `accept` may turn a witness down on grounds that the obligation cannot state; where the
        solver's is turned down and no other is found, the obligation is undecided.
        """
        self.stats.queries += 1
        if form is None and hint is None and id(body) in self._witnessed:
            # Of deliveries several things are asked, and one state usually shows them all.
            hint = self._witnessed[id(body)][1]
        try:
            finding = self._again(name, body, build, accept, hint) or self._find(
                name, body, build, form, accept
            )
        except _Spurious:
            finding = Undecided(name, "accesses differ in their place in the clause alone")
        if isinstance(finding, Refuted) and not accept(finding.witness):
            samples = range(ALL_SAMPLES, PATIENT_SAMPLES)
            if witness := self._sample(name, body, build, form, samples, accept):
                finding = Refuted(witness, Decider.SAMPLING)
            else:
                finding = Undecided(name, "another choice of the bare machine's may match")
        match finding:
            case Proved(by=by):
                self.stats.proved += 1
                if by is Decider.REWRITER:
                    self.stats.without_solver += 1
                    self.stats.proved_without_solver += 1
            case Refuted(witness=witness, by=by):
                self.stats.refuted += 1
                self.stats.without_solver += by is Decider.SAMPLING
                if form is None:
                    self._witnessed[id(body)] = body, witness
            case Undecided():
                self.stats.undecided += 1
        return finding

    def _again(
        self,
        name: str,
        body: Body,
        build: Build,
        accept: Callable[[Witness], bool],
        hint: Witness | None,
    ) -> Refuted | None:
        """The states of a known witness, if they are one of this obligation too."""
        if hint is None:
            return None
        obligation = build(Ints(hint.model), hint.flat)
        if not _goes_wrong(obligation):
            return None
        witness = self._witness(name, body, obligation, hint.model, hint.flat)
        return Refuted(witness, Decider.SAMPLING) if accept(witness) else None

    def _find(
        self,
        name: str,
        body: Body,
        build: Build,
        form: ir.Form | None,
        accept: Callable[[Witness], bool],
    ) -> Finding:
        if witness := self._sample(name, body, build, form, range(FIRST_SAMPLES), accept):
            return Refuted(witness, Decider.SAMPLING)
        algebra = self.symbols(body)
        obligation = build(algebra, False)
        calls = self.stats.solver_calls
        visible = self._goal(algebra, obligation, [Fault.TRANSLATION])
        if not visible.is_value(0):
            samples = range(FIRST_SAMPLES, FEW_SAMPLES if form is None else ALL_SAMPLES)
            if witness := self._sample(name, body, build, form, samples, accept):
                return Refuted(witness, Decider.SAMPLING)
            flat = self._goal(algebra, build(algebra, True), [Fault.TRANSLATION])
            quick = replace(self.budget, rlimit=self.budget.rlimit // 100)
            patient = range(ALL_SAMPLES, PATIENT_SAMPLES)
            for budget, samples in ((quick, patient), (self.budget, range(0))):
                match self._ask(algebra.terms, f"{name} (flat)", flat, budget):
                    case Sat(model=model):
                        found = self._confirm(name, body, build, True, model)
                        return Refuted(found, Decider.SOLVER)
                    case Unsat():
                        break
                    case OutOfBudget():
                        if witness := self._sample(name, body, build, form, samples, accept):
                            return Refuted(witness, Decider.SAMPLING)
        match self._ask(algebra.terms, name, visible):
            case Sat(model=model):
                return Refuted(self._confirm(name, body, build, False, model), Decider.SOLVER)
            case OutOfBudget(cause=cause):
                return Undecided(name, str(cause))
            case Unsat():
                pass
        # All that is left is a translation that the step changes on one side: no proof, and no
        # witness either, unless no state does it.
        everything = self._goal(algebra, obligation, [])
        by = Decider.SOLVER if self.stats.solver_calls > calls else Decider.REWRITER
        if everything is visible:
            return Proved(name, by)
        match self._ask(algebra.terms, f"{name} (translation)", everything):
            case Unsat():
                return Proved(name, by)
            case Sat():
                return Undecided(name, "whether the translation stays coherent is not decided")
            case OutOfBudget(cause=cause):
                return Undecided(name, str(cause))

    def symbols(self, body: Body) -> Symbols:
        """Where the terms of obligations are made: one table for a body, while it is studied."""
        if self._last is None or self._last[0] is not body:
            self._last = body, Symbols(Terms(simplify=self.simplify))
        return self._last[1]

    def simplified(self, body: Body) -> Symbols:
        """As `symbols`, but simplified even where the proofs do without: for what is read off terms
        as they stand.
        """
        return self.symbols(body) if self.simplify else Symbols(Terms())

    def satisfiable(
        self, name: str, body: Body, build: Build, form: ir.Form | None = None
    ) -> bool | None:
        """Whether the premises alone hold somewhere (vacuity); None if that is not decided."""

        def premises(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return build(algebra, flat).without_violations(algebra)

        match self.find(name, body, premises, form):
            case Refuted():
                return True
            case Proved():
                return False
            case Undecided():
                return None

    def _goal(self, algebra: Symbols, obligation: Obligation[Term, Term], but: list[Fault]) -> Term:
        """The premises, and a violation of a kind other than `but`.

        Each violation is joined with the premises by itself: only there can the rewriter use what
        they say.
        """
        terms = algebra.terms
        premises = terms.all_of(p.condition for p in obligation.premises)
        joined = [
            terms.and_(v.condition, premises)
            for v in obligation.violations
            if v.fault not in but and not v.condition.is_value(0)
        ]
        return terms.any_of(joined)

    def _ask(self, terms: Terms, name: str, goal: Term, budget: Budget | None = None) -> Answer:
        if goal.is_value(0) or goal is self._nowhere:
            return Unsat()
        if self.keep is not None:
            self._write(name, query(name, [goal]).text)
        decision = decide(terms, name, [goal], self.solver, budget or self.budget)
        if decision.by is By.SOLVER:
            self.stats.solver_calls += 1
        self.stats.solver_seconds += decision.stats.seconds
        self.stats.rlimit += decision.stats.rlimit
        if isinstance(decision.answer, Unsat):
            self._nowhere = goal
        return decision.answer

    def _write(self, name: str, text: str) -> None:
        assert self.keep is not None
        safe = "".join(c if c.isalnum() or c in "._-@" else "_" for c in name)
        path = self.keep / f"{safe}.smt2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    # ------------------------------------------------------------ sampling

    def _sample(
        self,
        name: str,
        body: Body,
        build: Build,
        form: ir.Form | None,
        numbers: range,
        accept: Callable[[Witness], bool],
    ) -> Witness | None:
        """A witness among states drawn at random, by the name of the obligation and a number.

        Most obligations that fail do so in nearly any state: evaluating a few over the ints is
        cheaper than a solver, and needs no re-evaluation.
        """
        decoded = self._decoded(form) if form is not None else [{}]
        if not decoded:
            return None
        for number in numbers:
            random = Random(f"{name}/{number}")
            flat = number % 4 != 3
            algebra = Sampled(random, decoded[number % len(decoded)], permissive=flat)
            obligation = build(algebra, flat)
            if not _goes_wrong(obligation):
                continue
            # Once more over plain ints: what was drawn late is then there from the start.
            again = build(Ints(algebra.model), flat)
            if _goes_wrong(again):
                witness = self._witness(name, body, again, algebra.model, flat)
                if accept(witness):
                    return witness
        return None

    def _decoded(self, form: ir.Form) -> list[dict[str, int]]:
        """Fields and decode context that mean the form, under the names of their symbols."""
        if form.key not in self._fields:
            random = Random("/".join(form.key))
            components = self.isa.components
            scalars = (n for n in self._anatomy.decode_context if components[n].size is None)
            context = sorted(scalars)
            found = []
            for number in range(DECODED):
                # Mostly ones: 32-bit code and stacks, say, are the common context.
                given = {n: int(number < DECODED // 2 or random.random() < 0.5) for n in context}
                fields = sample_fields(self.isa, form, given, random)
                if fields is None:
                    continue
                for group in self.isa.prefixes if number < DECODED - 1 else ():
                    # Mostly without prefixes: a LOCK, say, makes most forms trap.
                    without = {**fields, group.field: 0}
                    fields = canonical(self.isa, form, without, given) or fields
                found.append(given | {f"field.{n}": v for n, v in fields.items()})
            self._fields[form.key] = found
        return self._fields[form.key]

    def beside(self, body: Body) -> frozenset[str]:
        """What a witness shows beside the components that the body names.

        The pc, the hidden components that the bytes' meaning depends on, and the memory that the
        body loads from by a translation.
        """
        loaded = {memory_of(self.isa, n).name for n in reads(body) if n in self.isa.translations}
        return self._anatomy.decode_context | {self.isa.pc} | loaded

    @cached_property
    def _anatomy(self) -> Anatomy:
        return Anatomy(self.isa)

    # ------------------------------------------------------------ re-evaluation

    def _confirm(
        self, name: str, body: Body, build: Build, flat: bool, model: Interpretation
    ) -> Witness:
        """The witness in the model, re-evaluated."""
        obligation = build(Ints(model), flat)
        for premise in obligation.premises:
            if not premise.condition:
                raise Disagreement(f"{name}: the premise `{premise.name}` fails over the ints")
        sightings = sightings_of(obligation)
        if not sightings:
            if any(v.fault is Fault.ACCESSES for v in obligation.violations):
                raise _Spurious
            raise Disagreement(f"{name}: nothing goes wrong over the ints")
        return self._witness(name, body, obligation, model, flat)

    def _witness(
        self,
        name: str,
        body: Body,
        obligation: Obligation[int, ArrayValue],
        model: Interpretation,
        flat: bool,
    ) -> Witness:
        """The witness that a re-evaluated obligation is."""
        found = witness_of(name, body, obligation, sightings_of(obligation), self.beside(body))
        return replace(found, model=model, flat=flat)


def _goes_wrong(obligation: Obligation[int, ArrayValue]) -> bool:
    """Whether the premises hold, and more is seen than a translation that changes."""
    return all(p.condition for p in obligation.premises) and any(
        s.fault is not Fault.TRANSLATION for s in sightings_of(obligation)
    )


def sightings_of(obligation: Obligation[int, ArrayValue]) -> tuple[Sighting, ...]:
    """What goes wrong in an obligation over ints, a change of the translation last: by itself it
    refutes nothing.
    """
    found = [
        Sighting(v.fault, v.side, v.component, v.span) for v in obligation.violations if v.condition
    ]
    return tuple(sorted(found, key=lambda sighting: sighting.fault is Fault.TRANSLATION))


def witness_of(
    name: str,
    body: Body,
    obligation: Obligation[int, ArrayValue],
    sightings: tuple[Sighting, ...],
    beside: frozenset[str] = frozenset(),
) -> Witness:
    """The re-evaluated states, cut down to what matters: what the body names, and what is `beside`
    it.
    """
    touched = reads(body) | writes(body) | beside
    sides = list(obligation.runs)
    states = obligation.states
    differing = {
        n for n in states[sides[0]] if any(states[s].get(n) != states[sides[0]][n] for s in sides)
    }
    shown = [n for n in states[sides[0]] if n in touched or n in _seen(sightings)]
    runs = {}
    for side in sides:
        run = obligation.runs[side]
        runs[side] = Ran(
            {n: states[side][n] for n in shown},
            {n: run.state[n] for n in run.state if n in shown or run.state[n] != states[side][n]},
            ending(run),
        )
    causes = tuple(n for n in states[sides[0]] if n in differing and n in reads(body))
    return Witness(
        query=name,
        fields=dict(obligation.fields),
        runs=runs,
        sightings=sightings,
        blame=blamed(obligation, sightings),
        causes=causes,
        choosing=tuple(s for s in sides if any(g for g, _ in obligation.runs[s].inputs)),
    )


def _seen(sightings: tuple[Sighting, ...]) -> set[str]:
    return {s.component for s in sightings if s.component}


def ending(run: Step[int, ArrayValue]) -> str | None:
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
