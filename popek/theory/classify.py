"""The class of an instruction form (definitions.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory.clocks import clock_readings
from popek.theory.direct import (
    BARE,
    Binding,
    Coupling,
    Host,
    bare_completes,
    bare_silent,
    bound,
    demoted_traps,
    direct_execution,
)
from popek.theory.host import Trial, Value, domain
from popek.theory.obligation import Fault, Obligation
from popek.theory.readings import plain, read_general, read_pg74
from popek.theory.settings import Settings
from popek.theory.shrink import shrink
from popek.theory.subject import Subject, some
from popek.theory.verdict import (
    Class,
    Finding,
    FormVerdict,
    Label,
    Proved,
    Refuted,
    Sensitivity,
    Undecided,
    Unless,
    Witness,
)


@dataclass(frozen=True)
class Studied:
    """A form with what does not depend on the host's choice."""

    subject: Subject
    general: Sensitivity
    trial: Trial


def shows_clock(form: ir.Form) -> bool:
    """Whether the clause reads a clock."""
    return bool(clock_readings(form.body))


def study(
    subject: Subject, choosable: Sequence[ir.Component], *, timing_exempt: bool = True
) -> Studied:
    """The reading `general`, and the form ready to be tried under any host."""
    general = read_general(subject)
    # A control that something else is tied to decides what that is on the real machine.
    bonded = subject.anatomy.bonded(subject.touches)
    relevant = tuple(c for c in choosable if c.name in bonded)
    trial = Trial(subject, plain(subject, general), timing_exempt, relevant)
    return Studied(subject, general, trial)


def classify(
    studied: Studied, host: Host, possible: Settings, others: Sequence[Studied]
) -> FormVerdict:
    """The class under the host's choice.  `others`: all forms, for the price of another choice.

    What it rests on is found out afterwards (`popek.theory.assumptions`).
    """
    trial = studied.trial
    form = studied.subject.form
    direct = trial.direct(host)
    kind, label = _class(studied, host, direct)
    witness = _witness(studied, host, direct)
    unless: tuple[Unless, ...] = ()
    if kind is Class.CRITICAL:
        unless = tuple(_unless(studied, host, possible, others))
    return FormVerdict(
        form=form,
        kind=kind,
        label=label,
        reason=_reason(studied, kind, label, direct, witness),
        # The lowest level comes first.
        user=some(direct[:1]),
        plain=trial.plain,
        shows_clock=shows_clock(form),
        pg74=read_pg74(studied.subject),
        general=studied.general,
        direct=direct,
        witness=witness,
        unless=unless,
    )


def _witness(studied: Studied, host: Host, direct: Sequence[Finding]) -> Witness | None:
    """The witness at the most privileged level at which DX fails, made small."""
    subject, trial = studied.subject, studied.trial
    for level, finding in zip(subject.levels, reversed(direct), strict=True):
        if isinstance(finding, Refuted):
            coupling = Coupling(subject.anatomy, level, host, trial.timing_exempt)

            def build(
                algebra: Algebra[V, B], flat: bool, coupling: Coupling = coupling
            ) -> Obligation[V, B]:
                return direct_execution(replace(coupling, flat=flat), subject.form, algebra)

            beside = subject.prover.beside(subject.form.body)
            return shrink(subject.form.body, build, finding.witness, subject.touches, beside)
    return None


def _class(studied: Studied, host: Host, direct: Sequence[Finding]) -> tuple[Class, Label | None]:
    """The first class that holds."""
    trial, subject = studied.trial, studied.subject
    fails = some(direct)
    if fails is True:
        return Class.CRITICAL, None
    if fails is None or _vacuous(studied, host) is not False:
        return Class.UNDECIDED, None
    always = trial.always_traps(host)
    at_top = _completes_at(studied, host, subject.anatomy.levels[0])
    if always is None or at_top is None:
        return Class.UNDECIDED, None
    if always and at_top:
        return Class.PRIVILEGED, None
    if trial.plain is None:
        return Class.UNDECIDED, None
    if trial.plain and not always and not (trial.timing_exempt and shows_clock(subject.form)):
        return Class.INNOCUOUS, None
    label = _label(studied, host)
    return (Class.UNDECIDED, None) if label is None else (Class.GUARDED, label)


def _vacuous(studied: Studied, host: Host) -> bool | None:
    """Whether, at some level, no bound pair decodes the form."""
    subject, trial = studied.subject, studied.trial
    result: bool | None = False
    for level in subject.levels:
        coupling = Coupling(subject.anatomy, level, host, trial.timing_exempt)
        finding = subject.couple(f"bound at {level.name}", premises, coupling)
        match finding:
            case Proved():
                return True
            case Undecided():
                result = None
            case Refuted():
                pass
    return result


def premises(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The bound pairs that decode the form: that there is one (section 6, vacuity)."""
    return bound(coupling, form, algebra).without_violations(algebra)


def _completes_at(studied: Studied, host: Host, level: ir.Level) -> bool | None:
    subject = studied.subject
    coupling = Coupling(subject.anatomy, level, host, studied.trial.timing_exempt)
    return some([subject.couple(f"completes at {level.name}", bare_completes, coupling)])


def _label(studied: Studied, host: Host) -> Label | None:
    """Why it is safe; None where that is not decided."""
    subject, trial = studied.subject, studied.trial
    silent = some(
        subject.couple(
            f"does not trap at {level.name}",
            bare_silent,
            Coupling(subject.anatomy, level, host, trial.timing_exempt),
        )
        for level in subject.levels
    )
    if silent is None:
        return None
    if not silent:
        return Label.ALWAYS
    if trial.timing_exempt and shows_clock(subject.form):
        return Label.EXEMPT
    held = {c.name: Binding.HELD for c in trial.relevant if c.role is ir.Role.LOADABLE}
    if held:
        unsafe = trial.unsafe({**host, **held})
        if unsafe is not False:
            return None if unsafe is None else Label.LOADED
    traps = some([subject.couple("traps when demoted", demoted_traps, trial.coupling(host))])
    if traps is None:
        return None
    return Label.TRAPS if traps else Label.MATCHED


def _unless(
    studied: Studied, host: Host, possible: Settings, others: Sequence[Studied]
) -> list[Unless]:
    """Other choices under which a critical form is safe: those that change the least."""
    trial = studied.trial
    found: list[tuple[int, dict[str, Value]]] = []
    for values in product(*(domain(c) for c in trial.relevant)):
        setting = dict(zip(trial.names, values, strict=True))
        changed = {n: v for n, v in setting.items() if host[n] != v}
        other = {**host, **changed}
        if changed and possible(setting) and trial.unsafe(other) is False:
            if _vacuous(studied, other) is False:
                found.append((len(changed), changed))
    if not found:
        return []
    fewest = min(n for n, _ in found)
    return [
        Unless(
            {n: v if isinstance(v, int) else v.value for n, v in changed.items()},
            Class.PRIVILEGED if trial.always_traps({**host, **changed}) else Class.GUARDED,
            tuple(
                other.subject.form.key
                for other in others
                if set(changed) & set(other.trial.names)
                and other.trial.stops({**host, **changed}) is True
            ),
        )
        for n, changed in found
        if n == fewest
    ]


# ---------------------------------------------------------------- one line of reason


def _reason(
    studied: Studied,
    kind: Class,
    label: Label | None,
    direct: Sequence[Finding],
    witness: Witness | None,
) -> str:
    match kind:
        case Class.CRITICAL:
            assert witness is not None
            return _critical_reason(studied, witness)
        case Class.UNDECIDED:
            causes = [f"{f.query}: {f.cause}" for f in direct if isinstance(f, Undecided)]
            return "; ".join(causes) or "a query that the class depends on is not decided"
        case Class.PRIVILEGED:
            return "traps in every state of the demoted guest"
        case Class.INNOCUOUS:
            return "does the same in every mode and under every host"
        case Class.GUARDED:
            assert label is not None
            return {
                Label.ALWAYS: "traps in every mode",
                Label.EXEMPT: "shows a clock, which the timing exemption covers",
                Label.LOADED: "safe because the host loads the guest's own value",
                Label.TRAPS: "traps wherever direct execution would go wrong",
                Label.MATCHED: "the bare machine does the same",
            }[label]


def _critical_reason(studied: Studied, witness: Witness) -> str:
    """What the guest sees, in one line, from the re-evaluated witness."""
    sighting = witness.sightings[0]
    name = sighting.component
    causes = [c for c in witness.causes if c != name]
    by = f", which depends on {' and '.join(causes)}" if causes else ""
    match sighting.fault:
        case Fault.TRAPS:
            return f"runs on where the bare machine traps ({name}){by}"
        case Fault.CHANGES if sighting.side == BARE:
            return f"{name} would change on the bare machine; demoted it does not trap{by}"
        case Fault.CHANGES:
            return f"changes the real {name} without a trap{by}"
        case Fault.DIFFERS if causes:
            return f"shows {' and '.join(causes)} in {name} without a trap"
        case Fault.DIFFERS:
            return f"{name} differs from the bare machine's, without a trap"
        case Fault.DEVICE:
            return f"reaches the device {name} without a trap"
        case Fault.STORAGE:
            return "writes the tables of the host"
        case Fault.LEFT_OPEN:
            return f"{name or 'unpredictable behaviour'} without a trap"
        case Fault.WAITS:
            return "waits on one side only"
        case Fault.SHUTS_DOWN:
            where = "the bare machine" if sighting.side == BARE else "the real machine"
            return f"shuts {where} down"
        case _:
            return f"{sighting.fault}{by}"
