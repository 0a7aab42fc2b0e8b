"""`popek check`: from an ISA to its verdicts.  The one entry point of the theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy
from popek.theory.assumptions import Assumed, candidates, isa_assumptions, resting_on
from popek.theory.classify import Studied, classify, premises, shows_clock, study
from popek.theory.deliveries import delivery_findings, keeps_relying, left_changed, not_kept
from popek.theory.deliveries import resting_on as traps_resting_on
from popek.theory.direct import Coupling, bound_states
from popek.theory.host import Choice, Value, choosable, choose, dx
from popek.theory.invariants import Kept, induct
from popek.theory.obligation import Obligation
from popek.theory.promises import keepable
from popek.theory.prover import Disagreement, Prover, Stats
from popek.theory.raising import delivered, raised
from popek.theory.readings import disentangled
from popek.theory.settings import Settings
from popek.theory.subject import Subject, some
from popek.theory.theorems import Theorem, Verdict, hybrid, recursive, vmm
from popek.theory.verdict import (
    Class,
    Finding,
    FormVerdict,
    Proved,
    Undecided,
    worst,
)


@dataclass(frozen=True, slots=True)
class Options:
    """`host`: values fixed by hand.  `top`: the guest's highest level.  `partial`: only some of
    the ISA's forms were loaded, so that nothing is said about invariants.  `about`: the keys of the
    forms whose verdicts are wanted, if not all; the others have a say in the host's choice only.
    """

    host: Mapping[str, Value] = field(default_factory=dict)
    top: str | None = None
    partial: bool = False
    about: frozenset[tuple[str, str]] | None = None

    def wants(self, form: ir.Form) -> bool:
        """Whether the form's verdict is wanted."""
        return self.about is None or form.key in self.about


@dataclass(frozen=True)
class Check:
    """All that `popek check` finds out about one ISA."""

    isa: ir.Isa
    options: Options
    choice: Choice
    verdicts: tuple[FormVerdict, ...]
    vmm: Theorem
    recursive: Theorem
    hybrid: Theorem
    #: Theorem 3 without the spec's contract for user mode; the same where it declares none.
    hybrid_without_contract: Theorem
    invariants: tuple[Kept, ...]
    deliveries: Mapping[str, Finding]
    #: What the host's own tables hold wherever the processor reads them, and whether they can.
    promises: Mapping[str, bool | None]
    assumptions: tuple[Assumed, ...]
    stats: Stats
    interrupted: bool

    def summary(self) -> dict[str, int]:
        """Forms per class."""
        counts = {kind.value: 0 for kind in reversed(Class)}
        for verdict in self.verdicts:
            counts[verdict.kind.value] += 1
        return {"forms": len(self.verdicts), **counts}

    def mnemonics(self) -> dict[str, Class]:
        """Each mnemonic with the worst class of its forms."""
        by_name: dict[str, list[Class]] = {}
        for verdict in self.verdicts:
            by_name.setdefault(verdict.form.mnemonic, []).append(verdict.kind)
        return {name: worst(kinds) for name, kinds in by_name.items()}


#: Told (what, done, total) as the proofs advance.
Progress = Callable[[str, int, int], None]


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


def check(prover: Prover, options: Options, progress: Progress = no_progress) -> Check:
    """Classifies every form and decides the theorems.  Ctrl-C leaves what was decided so far."""
    session = _Session(prover, options, progress)
    try:
        session.run()
    except KeyboardInterrupt:
        return session.partial()
    return session.result()


class _Session:
    """One run of `check`: what is decided so far, so that an interrupt loses nothing of it."""

    def __init__(self, prover: Prover, options: Options, progress: Progress) -> None:
        self.prover = prover
        self.isa = prover.isa
        self.options = options
        self.progress = progress
        self.anatomy = disentangled(prover, Anatomy(self.isa, options.top))
        self.components = choosable(self.isa)
        self.possible = Settings(prover, self.anatomy)
        self.choice = choose(self.possible, [], options.host)
        self.deliveries: dict[str, Finding] = {}
        self.promises: dict[str, bool | None] = {}
        #: For each trap, the assumptions that it leads to the host by.
        self.resting: dict[str, list[str]] = {}
        self.kept: tuple[Kept, ...] = ()
        self.studied: dict[tuple[str, str], Studied] = {}
        self.verdicts: dict[tuple[str, str], FormVerdict] = {}
        self.theorems: tuple[Theorem, Theorem, Theorem, Theorem] | None = None

    def run(self) -> None:
        """Everything, in the order in which it can be of use."""
        isa, options = self.isa, self.options
        # Whatever the host's controls are: what holds for all of them holds for its choice.
        self.promises = keepable(self.prover, self.anatomy, {})
        self.deliveries = delivery_findings(self.prover, self.anatomy, self.promises)
        for i, form in enumerate(isa.forms):
            self.progress("studying", i, len(isa.forms))
            one = study(Subject(self.prover, self.anatomy, form), self.components)
            self.studied[form.key] = one
            if not one.trial.relevant and options.wants(form):
                self._classify(one)
        studied = list(self.studied.values())
        self.choice = choose(self.possible, [s.trial for s in studied], options.host)
        wanted = [s for s in studied if options.wants(s.subject.form)]
        for i, one in enumerate(wanted):
            self.progress("classifying", i, len(wanted))
            if one.trial.relevant:
                self._classify(one)
        if level := self._vacant():
            self._give_up(f"no state at the level {level} is bound to a real one")
        if options.partial:
            unknown = Undecided("induction", "not all forms were loaded")
            self.kept = tuple(Kept(i, (unknown,)) for i in isa.invariants)
        else:
            self.kept = induct(self.prover)
        for i, one in enumerate(wanted):
            self.progress("dropping assumptions", i, len(wanted))
            key = one.subject.form.key
            verdict = self.verdicts[key]
            resting = resting_on(one, self.choice.host, self.kept, verdict.kind)
            if verdict.kind is not Class.CRITICAL:
                resting = tuple(dict.fromkeys((*resting, *self._of_traps(verdict.form))))
            self.verdicts[key] = replace(verdict, assumptions=resting)
        if options.about is None:
            self.theorems = self._theorems(studied)
        else:
            self.theorems = _no_theorems("only some forms were classified")

    def _classify(self, one: Studied) -> None:
        verdict = classify(one, self.choice.host, self.possible, list(self.studied.values()))
        # A critical form goes wrong where nothing traps.
        if verdict.kind is not Class.CRITICAL and (reason := self._astray(verdict.form)):
            verdict = replace(verdict, kind=Class.UNDECIDED, label=None, reason=reason)
        _consistent(verdict)
        possible = tuple(candidates(one, self.kept))
        self.verdicts[verdict.key] = replace(verdict, assumptions=possible)

    def _vacant(self) -> str | None:
        """A level at which there is nothing to run: a form that does not see the mode is not asked
        about there.
        """
        for level in self.anatomy.levels:
            coupling = Coupling(self.anatomy, level, self.choice.host)

            def build(
                algebra: Algebra[V, B], flat: bool, coupling: Coupling = coupling
            ) -> Obligation[V, B]:
                return bound_states(coupling.flattened(flat), algebra)

            if self.prover.satisfiable(f"bound at {level.name}", (), build) is not True:
                return level.name
        return None

    def _give_up(self, why: str) -> None:
        """Leaves no safe verdict."""
        for key, verdict in self.verdicts.items():
            if verdict.kind not in (Class.CRITICAL, Class.UNDECIDED):
                undecided = replace(verdict, kind=Class.UNDECIDED, label=None, reason=why)
                self.verdicts[key] = undecided

    def _astray(self, form: ir.Form) -> str | None:
        """A safe verdict rests on the traps of its form leading to the host, and on what the host
        promises being possible: the one that is not proved, if any.
        """
        if broken := not_kept(form.body, self.promises):
            return broken
        for trap in sorted(delivered(self.isa, raised(self.isa, form.body))):
            if not isinstance(self.deliveries.get(trap), Proved):
                return f"not proved that the trap {trap} is delivered to the host"
        if keeps_relying(self.isa, form.body):
            subject = Subject(self.prover, self.anatomy, form)
            coupling = Coupling(self.anatomy, self.anatomy.lowest, {})
            if some([subject.couple("left changed", left_changed, coupling)]) is not False:
                return "not proved that what is the host's is as it was where its trap is delivered"
        return None

    def _of_traps(self, form: ir.Form) -> list[str]:
        """The assumed invariants that the form's traps lead to the host by."""
        assumed = [one.invariant.text for one in self.kept if one.inductive is not True]
        if not assumed:
            return []
        found: list[str] = []
        for name in sorted(delivered(self.isa, raised(self.isa, form.body))):
            if name not in self.resting:
                self.resting[name] = traps_resting_on(
                    self.prover, self.anatomy, self.promises, self.isa.traps[name], assumed
                )
            found += self.resting[name]
        return found

    def _theorems(self, studied: list[Studied]) -> tuple[Theorem, Theorem, Theorem, Theorem]:
        verdicts = [self.verdicts[f.key] for f in self.isa.forms]
        one = vmm(verdicts, self.choice.admissible)
        two = recursive(
            one, _timed(self.possible, studied, verdicts, self.options), _clocks(verdicts)
        )
        # The safe ones among them are undecided already.
        critical = (v.form for v in verdicts if v.kind is Class.CRITICAL)
        astray = frozenset(form.key for form in critical if self._astray(form))
        without = _hybrid(studied, verdicts, self.choice, astray, contract=False)
        three = without
        if self.isa.contracts:
            three = _hybrid(studied, verdicts, self.choice, astray, contract=True)
        return one, two, three, without

    def result(self) -> Check:
        """The whole check."""
        assert self.theorems is not None
        return self._check(self.theorems, interrupted=False)

    def partial(self) -> Check:
        """What was decided before an interrupt; no theorem is."""
        return self._check(_no_theorems("interrupted"), interrupted=True)

    def _check(
        self, theorems: tuple[Theorem, Theorem, Theorem, Theorem], *, interrupted: bool
    ) -> Check:
        forms = (f.key for f in self.isa.forms)
        verdicts = tuple(self.verdicts[key] for key in forms if key in self.verdicts)
        return Check(
            isa=self.isa,
            options=self.options,
            choice=self.choice,
            verdicts=verdicts,
            vmm=theorems[0],
            recursive=theorems[1],
            hybrid=theorems[2],
            hybrid_without_contract=theorems[3],
            invariants=self.kept,
            deliveries=self.deliveries,
            promises=self.promises,
            assumptions=isa_assumptions(self.isa, verdicts, self.kept),
            stats=self.prover.stats,
            interrupted=interrupted,
        )


def _no_theorems(why: str) -> tuple[Theorem, Theorem, Theorem, Theorem]:
    """None of them is decided."""
    unknown = Theorem(Verdict.UNDECIDED, (), why)
    return unknown, unknown, unknown, unknown


def _consistent(verdict: FormVerdict) -> None:
    """Critical (direct) implies sensitive (general) and not privileged (general), section 3.

    Raises Disagreement with the pair where it does not.
    """
    if verdict.kind is not Class.CRITICAL:
        return
    general = verdict.general
    if general.sensitive is False or general.privileged is True:
        raise Disagreement(
            f"{verdict.form.name} [{verdict.form.text}] is critical in the reading direct, but in "
            f"general it is {general.kind}"
        )


def _clocks(verdicts: list[FormVerdict]) -> list[str]:
    return [v.form.mnemonic for v in verdicts if v.shows_clock]


def _timed(
    possible: Settings, studied: list[Studied], verdicts: list[FormVerdict], options: Options
) -> Theorem:
    """Theorem 1 with timing not exempt: only forms that show a clock can change."""
    if not any(shows_clock(s.subject.form) for s in studied):
        return vmm(verdicts, True)
    timed = [
        replace(s.trial, timing_exempt=False, _dx={}, _stops={}, _always={}, _whatever={})
        if shows_clock(s.subject.form)
        else s.trial
        for s in studied
    ]
    choice = choose(possible, timed, options.host)
    unsafe = [
        (v.form.mnemonic, t.unsafe(choice.host)) for v, t in zip(verdicts, timed, strict=True)
    ]
    if failing := tuple(dict.fromkeys(name for name, found in unsafe if found is True)):
        return Theorem(Verdict.REFUTED, failing, "the premise fails once timing counts")
    if undecided := tuple(dict.fromkeys(name for name, found in unsafe if found is None)):
        return Theorem(Verdict.UNDECIDED, undecided, "the premise is not decided")
    return Theorem(Verdict.PROVED, (), "")


def _hybrid(
    studied: list[Studied],
    verdicts: list[FormVerdict],
    choice: Choice,
    astray: frozenset[tuple[str, str]],
    *,
    contract: bool,
) -> Theorem:
    """DX in the least privileged level, under the spec's contract for it or without.

    `astray`: the critical forms that are safe nowhere, because of where their traps lead.
    """
    failing: list[FormVerdict] = []
    undecided: list[FormVerdict] = []
    for one, verdict in zip(studied, verdicts, strict=True):
        user = verdict.user
        if contract and user is True:
            subject = one.subject
            coupling = Coupling(subject.anatomy, subject.anatomy.lowest, choice.host, contract=True)
            name = "DX in user mode under the contract"
            user = some([dx(subject, name, coupling)])
            kept = some([subject.couple("bound under the contract", premises, coupling)])
            if user is False and kept is not True:
                user = None
        if user is True:
            failing.append(verdict)
        elif user is None or verdict.kind is Class.UNDECIDED or verdict.key in astray:
            # A vacuous premise, or a trap that is not proved to reach the host, proves nothing.
            undecided.append(verdict)
    return hybrid(failing, undecided)
