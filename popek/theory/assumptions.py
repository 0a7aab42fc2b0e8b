"""What a verdict rests on, as data (definitions.md, section 6.4).

An assumption is an id of the registry or an expression of the spec.  Each is dropped in turn: a
proof that still holds without it does not list it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from popek.isa import ir
from popek.isa.assumptions import REGISTRY
from popek.theory.anatomy import reads_of
from popek.theory.classify import Studied, shows_clock
from popek.theory.direct import Coupling, Host, bare_completes, demoted_completes, direct_execution
from popek.theory.invariants import Kept
from popek.theory.readings import plain, read_general
from popek.theory.verdict import Class, FormVerdict, Proved


@dataclass(frozen=True, slots=True)
class Assumed:
    id: str
    text: str


def resting_on(
    studied: Studied, host: Host, kept: Sequence[Kept], verdict: Class
) -> tuple[str, ...]:
    """The assumptions that this form's verdict rests on.

    A critical form's witness rests on none: it is there.  For the others DX is proved again
    without each that the clause could need, and so is what else the class says.  What has been
    dropped stays so: of two that each would do, one is listed.
    """
    if verdict is Class.CRITICAL:
        return ()
    resting: list[str] = []
    dropped: frozenset[str] = frozenset()
    for i in candidates(studied, kept):
        without = dropped | {i}
        if _needed(studied, host, without) or _tells_classes_apart(studied, host, without, verdict):
            resting.append(i)
        else:
            dropped = without
    return tuple(resting)


def candidates(studied: Studied, kept: Sequence[Kept]) -> Iterator[str]:
    """What the clause could rest on, by what it touches."""
    isa = studied.subject.anatomy.isa
    form = studied.subject.form
    if any(_ordinary(isa, s) for s in ir.statements(form.body)):
        yield "coherent-translation"
    if studied.trial.timing_exempt and shows_clock(form):
        yield "timing-exempt"
    # What ties a component to another carries over to what is said of the other.
    about = studied.subject.anatomy.bonded(studied.subject.touches)
    if _same_processor(isa, form, about):
        yield "same-processor"
    for one in kept:
        if one.inductive is not True and about & reads_of(one.invariant):
            yield one.invariant.text


def _needed(studied: Studied, host: Host, dropped: frozenset[str]) -> bool:
    """Whether DX is no longer proved at some level once the assumptions are dropped."""
    subject = studied.subject
    exempt = studied.trial.timing_exempt and "timing-exempt" not in dropped
    without = _title(dropped)
    return any(
        not isinstance(
            subject.couple(
                f"DX at {level.name} {without}",
                direct_execution,
                Coupling(subject.anatomy, level, host, exempt, dropped=dropped),
            ),
            Proved,
        )
        for level in subject.levels
    )


def _tells_classes_apart(
    studied: Studied, host: Host, dropped: frozenset[str], verdict: Class
) -> bool:
    """Whether an invariant is what makes an innocuous form plain or a privileged one trap, or what
    keeps a guarded one that traps from completing anywhere.
    """
    subject = studied.subject
    without = frozenset(dropped - REGISTRY.keys())
    if not without:
        return False
    match verdict:
        case Class.INNOCUOUS:
            freer = replace(subject, dropped=without)
            return plain(freer, read_general(freer)) is not True
        case Class.PRIVILEGED:
            return not _always_traps(studied, host, without)
        case Class.GUARDED if _always_traps(studied, host, frozenset()):
            # Else it would be privileged, or perhaps innocuous.
            top = replace(studied.trial.coupling(host, 0), dropped=without)
            name = f"completes at {top.level.name} {_title(without)}"
            completes = not isinstance(subject.couple(name, bare_completes, top), Proved)
            return completes or not _always_traps(studied, host, without)
        case _:
            return False


def _always_traps(studied: Studied, host: Host, without: frozenset[str]) -> bool:
    """Whether it is proved, without these invariants, that the form traps when demoted."""
    coupling = replace(studied.trial.coupling(host), dropped=without)
    name = f"completes when demoted {_title(without)}".rstrip()
    return isinstance(studied.subject.couple(name, demoted_completes, coupling), Proved)


def _title(without: frozenset[str]) -> str:
    return f"without {' and '.join(sorted(without))}" if without else ""


def _ordinary(isa: ir.Isa, stmt: ir.Stmt) -> bool:
    """Whether the statement is an access of the program's own."""
    match stmt:
        case ir.Load(space=space) | ir.Store(space=space) | ir.Check(space=space):
            translation = isa.translations.get(space)
            return translation is not None and not translation.processor
        case _:
            return False


def _same_processor(isa: ir.Isa, form: ir.Form, about: frozenset[str]) -> bool:
    """Whether parameters have to do with the form, or it calls an abstract function."""
    parameters = {c.name for c in isa.components.values() if c.role is ir.Role.PARAMETER}
    return bool(about & parameters) or any(
        isinstance(part, ir.Apply)
        for stmt in ir.statements(form.body)
        for expr in ir.expressions(stmt)
        for part in ir.subexpressions(expr)
    )


def isa_assumptions(
    isa: ir.Isa, verdicts: Iterable[FormVerdict], kept: Sequence[Kept]
) -> tuple[Assumed, ...]:
    """All assumptions that some verdict rests on, and those that the spec declares."""
    used = dict.fromkeys(a for v in verdicts for a in v.assumptions)
    declared = {a.id: a.text for a in isa.assumptions}
    found = [
        Assumed(i, declared.get(i) or REGISTRY.get(i, ""))
        for i in {**declared, **used}
        if i in declared or i in REGISTRY
    ]
    found += unmodelled(isa)
    found += [Assumed("invariant", one.invariant.text) for one in kept if one.inductive is not True]
    return tuple(dict.fromkeys(found))


def unmodelled(isa: ir.Isa) -> list[Assumed]:
    """What the spec leaves out, on purpose."""
    bodies = (
        *(form.body for form in isa.forms),
        *(interrupt.body for interrupt in isa.interrupts),
        *(trap.delivery for trap in isa.traps.values()),
        *(translation.body for translation in isa.translations.values()),
    )
    return [
        Assumed("unmodelled", s.unmodelled)
        for body in bodies
        for s in ir.statements(body)
        if isinstance(s, ir.Unpredictable) and s.unmodelled
    ]
