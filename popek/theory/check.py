"""`popek check`: from an ISA to its verdicts.  The one entry point of the theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy
from popek.theory.assumptions import Assumed, isa_assumptions, resting_on
from popek.theory.classify import Studied, classify, shows_clock, study
from popek.theory.direct import Coupling, delivered_elsewhere, direct_execution
from popek.theory.host import Choice, Value, choosable, choose
from popek.theory.invariants import Kept, induct
from popek.theory.obligation import Obligation
from popek.theory.prover import Prover, Stats
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
    the ISA's forms were loaded, so that nothing is said about invariants.
    """

    host: Mapping[str, Value] = field(default_factory=dict)
    top: str | None = None
    partial: bool = False


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
    isa = prover.isa
    anatomy = Anatomy(isa, options.top)
    studied: list[Studied] = []
    verdicts: list[FormVerdict] = []
    interrupted = False
    total = len(isa.forms)
    components = choosable(isa)
    try:
        for i, form in enumerate(isa.forms):
            progress("studying", i, total)
            studied.append(study(Subject(prover, anatomy, form), components))
        choice = choose(anatomy, [s.trial for s in studied], options.host)
    except KeyboardInterrupt:
        interrupted = True
        studied = studied[:-1] if studied else []
        choice = choose(anatomy, [], options.host)
    deliveries: dict[str, Finding] = {}
    kept: tuple[Kept, ...] = ()
    try:
        if not interrupted:
            deliveries = _deliveries(prover, anatomy, choice)
            kept = tuple(
                Kept(i, (Undecided("induction", "not all forms were loaded"),))
                if options.partial
                else induct(prover, i)
                for i in isa.invariants
            )
            for i, one in enumerate(studied):
                progress("classifying", i, total)
                verdict = _led_astray(classify(one, choice.host, studied), deliveries)
                resting = resting_on(one, choice.host, kept, verdict.kind)
                verdicts.append(replace(verdict, assumptions=resting))
    except KeyboardInterrupt:
        interrupted = True
    one_ = vmm(verdicts, choice.admissible)
    if interrupted:
        one_ = Theorem(Verdict.UNDECIDED, (), "interrupted")
        return Check(
            isa, options, choice, tuple(verdicts), one_, one_, one_, one_, kept, deliveries,
            isa_assumptions(isa, verdicts, kept), prover.stats, True,
        )  # fmt: skip
    two = recursive(one_, _timed(anatomy, studied, verdicts, options), _clocks(verdicts))
    without = _hybrid(studied, verdicts, choice, contract=False)
    three = _hybrid(studied, verdicts, choice, contract=True) if isa.contracts else without
    return Check(
        isa, options, choice, tuple(verdicts), one_, two, three, without, kept, deliveries,
        isa_assumptions(isa, verdicts, kept), prover.stats, False,
    )  # fmt: skip


def _deliveries(prover: Prover, anatomy: Anatomy, choice: Choice) -> dict[str, Finding]:
    """For each trap that a form raises: that its vector is the hypervisor's."""
    found: dict[str, Finding] = {}
    raised = {
        stmt.trap
        for form in anatomy.isa.forms
        for stmt in ir.statements(form.body)
        if isinstance(stmt, ir.Require)
    }
    for trap in anatomy.isa.traps.values():
        if trap.name not in raised:
            continue

        def build(
            algebra: Algebra[V, B], flat: bool, trap: ir.Trap = trap
        ) -> Obligation[V, B]:
            coupling = Coupling(anatomy, anatomy.lowest, choice.host, flat=flat)
            return delivered_elsewhere(coupling, trap, algebra)

        found[trap.name] = prover.find(f"delivery of {trap.name}", trap.delivery, build)
    return found


def _led_astray(verdict: FormVerdict, deliveries: Mapping[str, Finding]) -> FormVerdict:
    """A safe verdict rests on the traps of its form leading to the host."""
    if verdict.kind is Class.CRITICAL:
        return verdict
    for stmt in ir.statements(verdict.form.body):
        if isinstance(stmt, ir.Require) and not isinstance(deliveries.get(stmt.trap), Proved):
            return replace(
                verdict,
                kind=Class.UNDECIDED,
                label=None,
                reason=f"not proved that the trap {stmt.trap} is delivered to the host",
            )
    return verdict


def _clocks(verdicts: list[FormVerdict]) -> list[str]:
    return [v.form.mnemonic for v in verdicts if v.shows_clock]


def _timed(
    anatomy: Anatomy, studied: list[Studied], verdicts: list[FormVerdict], options: Options
) -> Theorem:
    """Theorem 1 with timing not exempt: only forms that show a clock can change."""
    if not any(shows_clock(s.subject.form) for s in studied):
        return vmm(verdicts, True)
    timed = [
        replace(s.trial, timing_exempt=False, _dx={}, _stops={}, _always={})
        if shows_clock(s.subject.form)
        else s.trial
        for s in studied
    ]
    choice = choose(anatomy, timed, options.host)
    failing = [
        v for v, t in zip(verdicts, timed, strict=True) if t.unsafe(choice.host) is not False
    ]
    if failing:
        names = tuple(dict.fromkeys(v.form.mnemonic for v in failing))
        return Theorem(Verdict.REFUTED, names, "the premise fails once timing counts")
    return Theorem(Verdict.PROVED, (), "")


def _hybrid(
    studied: list[Studied], verdicts: list[FormVerdict], choice: Choice, *, contract: bool
) -> Theorem:
    """DX in the least privileged level, under the spec's contract for it or without."""
    failing: list[FormVerdict] = []
    undecided: list[FormVerdict] = []
    for one, verdict in zip(studied, verdicts, strict=True):
        user = verdict.user
        if contract and user is True:
            subject = one.subject
            coupling = Coupling(
                subject.anatomy, subject.anatomy.lowest, choice.host, contract=True
            )
            name = "DX in user mode under the contract"
            user = some([subject.couple(name, direct_execution, coupling)])
        if user is True:
            failing.append(verdict)
        elif user is None:
            undecided.append(verdict)
    return hybrid(failing, undecided)

