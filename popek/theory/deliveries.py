"""Whether traps lead to the host: a safe verdict rests on the traps of its form doing so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from popek.isa import ir
from popek.isa.footprint import raised_behind, spaces, writes
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, ShutDown, Trapped
from popek.semantics.step import Run
from popek.semantics.symbols import Symbols
from popek.source import Span
from popek.theory.anatomy import Anatomy, reads_of
from popek.theory.direct import (
    DIRECT,
    Coupling,
    components_differ,
    demoted_completes,
    direct_state,
    host_memory,
    inputs_of,
    storage_of,
)
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.ownership import compared, guests
from popek.theory.prover import Prover
from popek.theory.raising import delivered, lasts, left_by, raised
from popek.theory.states import ARGUMENT, Premise, arguments_of, no_inputs
from popek.theory.verdict import Finding, Proved, Refuted, Undecided


@dataclass(frozen=True, slots=True)
class Entry:
    """What the hardware runs for a trap, or for any trap that a delivery delivers.

    `left`: the components that the step may have changed before, because the trap keeps them.
    """

    name: str
    params: Sequence[ir.Local]
    body: tuple[ir.Stmt, ...]
    left: frozenset[str]
    span: Span


def entry_of(isa: ir.Isa, trap: ir.Trap) -> Entry:
    """The entry by one trap."""
    left = left_by(isa).get(trap.name, frozenset())
    return Entry(trap.name, trap.params, trap.delivery, left, trap.span)


def entries(isa: ir.Isa, traps: Iterable[ir.Trap]) -> dict[str, Entry]:
    """One entry for each delivery of these traps, with any arguments."""
    found: dict[str, Entry] = {}
    for trap in traps:
        by = trap.by
        left = entry_of(isa, trap).left
        if (known := found.get(by.name)) is not None:
            left |= known.left
        found[by.name] = Entry(by.name, by.params, by.body, left, by.span)
    return found


def reached(isa: ir.Isa) -> list[ir.Trap]:
    """The traps that a form raises, or a delivery in turn."""
    names = delivered(isa, frozenset(t for form in isa.forms for t in raised(isa, form.body)))
    return [trap for trap in isa.traps.values() if trap.name in names]


def delivered_elsewhere(
    coupling: Coupling, entry: Entry, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Deliveries in the real machine that do not lead to the host: to the highest level of all,
    where the host's handler runs.

    What a step may have left before its trap is anything.
    """
    made = _delivered(coupling, entry, algebra)
    done = made.runs[DIRECT]
    leaves = Premise("delivered", Guards(algebra, done).no_trap)
    storage = storage_of(coupling, algebra, DIRECT)
    isa = coupling.isa
    after = Run(isa, algebra, storage, done.state, {}, no_inputs)
    level = isa.mode.levels[0]
    width = isa.mode.level.width
    there = algebra.equal(after.value(isa.mode.level), algebra.const(level.value, width), width)
    elsewhere = algebra.both(done.completes, algebra.negation(there))
    violations = [Violation(Fault.DIFFERS, elsewhere, DIRECT, isa.mode.name, entry.span)]
    for e in done.exits:
        match e:
            case ShutDown(guard=guard, span=span):
                violations.append(Violation(Fault.SHUTS_DOWN, guard, DIRECT, "", span))
            case LeftOpen(guard=guard, span=span):
                violations.append(Violation(Fault.LEFT_OPEN, guard, DIRECT, "", span))
            case Trapped():
                pass
    return made.with_premises(leaves).with_violations(*violations)


def delivered_again(
    coupling: Coupling, entry: Entry, back: frozenset[str], algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """Deliveries in the real machine that raise one of these traps themselves.

    Whether the processor can reach the host's own tables is the host's affair.
    """
    made = _delivered(coupling, entry, algebra)
    again = (trap for trap in made.runs[DIRECT].traps if trap.name in back)
    return made.with_violations(
        *(Violation(Fault.TRAPS, trap.guard, DIRECT, trap.name, trap.span) for trap in again)
    )


def _delivered(coupling: Coupling, entry: Entry, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The real machine delivers a trap of the guest's."""
    key = ("delivered", coupling.key, entry.name, entry.left)
    return algebra.once(key, lambda: _delivery(coupling, entry, algebra))


def _delivery(coupling: Coupling, entry: Entry, algebra: Algebra[V, B]) -> Obligation[V, B]:
    builder = direct_state(coupling, algebra)
    builder.forget(entry.left)
    inputs = inputs_of(algebra, DIRECT, clocks_shared=True)
    run = Run(coupling.isa, algebra, builder.storage, builder.state, {}, inputs)
    run.locals.update(arguments_of(entry.params, algebra))
    run.run(entry.body)
    done = run.finish()
    tables = Premise("the host's tables", Guards(algebra, done).promises)
    premises = (*builder.premises, tables)
    return Obligation(premises, (), {DIRECT: done}, {DIRECT: builder.state})


def delivery_findings(
    prover: Prover, anatomy: Anatomy, promises: Mapping[str, bool | None]
) -> dict[str, Finding]:
    """For each trap that a form raises, or a delivery in turn: that its vector is the
    hypervisor's.

    A delivery that leads to the host whatever its arguments are does so for all its traps; those
    of another are asked about one by one.
    """
    isa = anatomy.isa
    traps = reached(isa)

    def found(entry: Entry, names: frozenset[str]) -> Finding:
        finding = _leads_to_host(prover, anatomy, entry, promises)
        if isinstance(finding, Proved) and not _ends(prover, anatomy, entry, names):
            return Undecided(f"delivery of {entry.name}", "it may never end")
        return finding

    by_any = {
        name: found(entry, frozenset(t.name for t in traps if t.by.name == name))
        for name, entry in entries(isa, traps).items()
    }
    return {
        trap.name: finding
        if isinstance(finding := by_any[trap.by.name], Proved)
        else found(entry_of(isa, trap), frozenset({trap.name}))
        for trap in traps
    }


def _ends(
    prover: Prover,
    anatomy: Anatomy,
    entry: Entry,
    names: frozenset[str],
    dropped: frozenset[str] = frozenset(),
) -> bool:
    """Whether it is proved that the delivery of these traps does not lead to one of them."""
    isa = anatomy.isa
    raises = delivered(isa, raised(isa, entry.body))
    back = frozenset(n for n in raises if not names.isdisjoint(delivered(isa, frozenset({n}))))
    if not back:
        return True
    coupling = Coupling(anatomy, anatomy.lowest, {}, dropped=dropped)

    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        return delivered_again(coupling.flattened(flat), entry, back, algebra)

    return isinstance(prover.find(f"delivery of {entry.name} again", entry.body, build), Proved)


def resting_on(
    prover: Prover,
    anatomy: Anatomy,
    promises: Mapping[str, bool | None],
    trap: ir.Trap,
    assumed: Sequence[str],
) -> list[str]:
    """Which of the assumed invariants the proof that a trap leads to the host rests on: each is
    dropped in turn.
    """
    entry = entry_of(anatomy.isa, trap)
    resting: list[str] = []
    dropped: frozenset[str] = frozenset()
    for text in assumed:
        without = dropped | {text}
        leads = _leads_to_host(prover, anatomy, entry, promises, without)
        if isinstance(leads, Proved) and _ends(
            prover, anatomy, entry, frozenset({trap.name}), without
        ):
            dropped = without
        else:
            resting.append(text)
    return resting


def _leads_to_host(
    prover: Prover,
    anatomy: Anatomy,
    entry: Entry,
    promises: Mapping[str, bool | None],
    dropped: frozenset[str] = frozenset(),
) -> Finding:
    coupling = Coupling(anatomy, anatomy.lowest, {}, dropped=dropped)

    def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        return delivered_elsewhere(coupling.flattened(flat), entry, algebra)

    name = f"delivery of {entry.name}"
    finding = prover.find(name, entry.body, build)
    if not isinstance(finding, Proved):
        return finding
    if broken := not_kept(entry.body, promises):
        return Undecided(name, broken)
    if sayers := _say_where(coupling, entry, prover.simplified(entry.body)):
        return Undecided(name, f"the handler's address depends on {', '.join(sorted(sayers))}")

    def completes(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
        one = algebra.const(1, 1)
        ends = Violation(Fault.COMPLETES, one, DIRECT, "", entry.span)
        return build(algebra, flat).with_violations(ends)

    if not isinstance(prover.find(f"{name} completes", entry.body, completes), Refuted):
        return Undecided(name, "not shown that it ever completes")
    return finding


def _say_where(coupling: Coupling, entry: Entry, algebra: Symbols) -> frozenset[str]:
    """What of the guest's, or of nobody's, decides the address that a delivery leads to (whoever
    raises the trap gives it its arguments): host and hardware have to.  That the frame is not
    pushed over the vectors is not asked.
    """
    isa = coupling.isa
    made = delivered_elsewhere(coupling, entry, algebra)
    own = guests(isa, made.states[DIRECT])
    target = made.runs[DIRECT].state[isa.pc]
    return frozenset(
        name
        for name in compared([target], stored=False)
        if name in own or name.startswith(("input.", ARGUMENT))
    )


def left_changed(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Steps of the real machine that change what is the host's, and end in a trap that keeps it so
    and whose delivery relies on what the host promised.
    """
    alone = demoted_completes(coupling, form, algebra)
    isa, before = coupling.isa, alone.states[DIRECT]
    lowest = len(isa.mode.levels) - 1
    found: list[Violation[V]] = []
    in_memory = raised_behind(isa, spaces(form.body))
    for trap in alone.runs[DIRECT].traps:
        names = {trap.name} if trap.name in isa.traps else in_memory
        if not (trap.keeps and any(_relies(isa, name) for name in names)):
            continue

        def changed(name: str, condition: V, trap: Trapped[V, B] = trap) -> Violation[V]:
            guarded = algebra.both(trap.guard, condition)
            return Violation(Fault.CHANGES, guarded, DIRECT, name, trap.span)

        for name in sorted(writes(form.body) & isa.components.keys()):
            component, (was, now) = isa.components[name], (before[name], trap.state[name])
            if component.banked:
                # The program's own copy is not the host's.
                widths = component.index_width, component.width
                at = algebra.const(lowest, component.index_width)
                own: V = algebra.select(now, at, *widths)  # type: ignore[arg-type]
                was = algebra.store(was, at, own, *widths)  # type: ignore[arg-type]
            elif not coupling.held(component):
                continue
            found.append(changed(name, components_differ(algebra, component, was, now)))
        for memory in isa.memories.values():
            entry = host_memory(memory.name)
            shape = f"index.{memory.name}", memory.index_width, memory.width
            differ = algebra.banks_differ(before[entry], trap.state[entry], *shape)  # type: ignore[arg-type]
            found.append(changed(memory.name, differ))
    return alone.with_violations(*found)


def _relies(isa: ir.Isa, trap: str) -> bool:
    """Whether the delivery of the trap, or of one that it raises, relies on a promise: its own, or
    a `host` line about memory.
    """
    return any(reads_of(line) - isa.components.keys() for line in isa.hosts) or any(
        isinstance(stmt, ir.HostRequire)
        for name in delivered(isa, frozenset({trap}))
        for stmt in ir.statements(isa.traps[name].delivery)
    )


def keeps_relying(isa: ir.Isa, body: tuple[ir.Stmt, ...]) -> bool:
    """Whether the body raises a trap that keeps its effects and relies on a promise."""
    lasting = bool(lasts(isa, body))
    return any(
        (lasting or not isa.traps[name].kind.undoes) and _relies(isa, name)
        for name in raised(isa, body)
    )


def not_kept(body: tuple[ir.Stmt, ...], promises: Mapping[str, bool | None]) -> str | None:
    """What is wrong where the body relies on a promise that the host is not shown able to keep."""
    for stmt in ir.statements(body):
        if isinstance(stmt, ir.HostRequire) and promises.get(stmt.why) is not True:
            return f"not shown that the host can promise: {stmt.why}"
    return None
