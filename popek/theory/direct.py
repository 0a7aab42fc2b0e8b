"""DX: does direct execution go wrong?  (definitions.md, section 2, the reading `direct`.)

    DX(i) :=  for all v, r, input:   bound(v, r) and not trap(step(i, r))
              implies  for some input':  step(i, v) does not trap,
                                         bound(step(i, v), step(i, r)),
                                         held components of v unchanged, no device event in v,
                                         resources, controls, held loadables, mode of r unchanged,
                                         no device event in r, memory outside the guest's untouched

v is the bare machine (side `@bare`), r the real machine under the guest (`@direct`).  v's input' is
r's input, name by name: that is the choice exhibited.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from popek.isa import ir
from popek.isa.footprint import writes
from popek.isa.ir import Component, Isa, Role
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import ShutDown, Step
from popek.semantics.step import Inputs, Run, step
from popek.semantics.storage import PERMITS, Coupled
from popek.theory.anatomy import Anatomy
from popek.theory.clocks import without_offsets
from popek.theory.obligation import Fault, Guards, Obligation, Violation
from popek.theory.states import (
    CHOICE,
    Fixed,
    Own,
    Premise,
    Shared,
    StateBuilder,
    Supply,
    fields_of,
    level_position,
    no_inputs,
)

#: Banks of up to this many elements are compared one by one.
SMALL_BANK = 16

BARE = "@bare"
DIRECT = "@direct"
#: Ends the name of memory that is the host's own.
HOST = "@host"


class Binding(StrEnum):
    """What the host does with a control or loadable, when it is not a constant."""

    LOADED = "loaded"
    HELD = "held"


#: The host's choice: a constant, `loaded` or `held`, for each control and loadable that matters.
Host = Mapping[str, int | Binding]


@dataclass(frozen=True)
class Coupling:
    """bound(v, r): the level of v, the host's choice, and which of the exemptions hold.

    `timing_exempt`: what a clock shows is an input free on each side.  `contract`: v keeps the
    spec's contract for its level.  `flat`: only coherent translations that are the identity (a
    special case in which witnesses are sought).  `own_choice`: v's inputs are not r's, but free.
    `dropped`: assumptions to do without, by id or by the text of an invariant.
    """

    anatomy: Anatomy
    level: ir.Level
    host: Host
    timing_exempt: bool = True
    contract: bool = False
    flat: bool = False
    own_choice: bool = False
    dropped: frozenset[str] = frozenset()

    @property
    def isa(self) -> Isa:
        return self.anatomy.isa

    def flattened(self, flat: bool) -> Coupling:
        """The same pairs, or only those whose translation is the identity."""
        return replace(self, flat=flat)

    @property
    def key(self) -> Hashable:
        """What the runs of a body depend on."""
        others = (getattr(self, f.name) for f in fields(self) if f.name != "host")
        return (tuple(self.host.items()), *others)

    def choosing_inputs(self) -> Coupling:
        """The same pairs, with v's inputs to be chosen."""
        return replace(self, own_choice=True)

    def bare(self, component: Component) -> Supply:
        """v's value of a component."""
        if component.banked:
            return Own()
        match component.role:
            case Role.REGISTER | Role.PC:
                return Shared()
            case Role.PARAMETER:
                return Own() if "same-processor" in self.dropped else Shared()
            case Role.RESOURCE | Role.MODE:
                return Own()
            case Role.CONTROL:
                return Shared() if self.host.get(component.name) is Binding.LOADED else Own()
            case Role.LOADABLE:
                return Own() if self.held(component) else Shared()
            case Role.HIDDEN:
                return Own() if component.name in self.anatomy.covered_by_coherence else Shared()

    def direct(self, component: Component) -> Supply:
        """r's value of a component."""
        choice = self.host.get(component.name)
        if component.role is Role.CONTROL and isinstance(choice, int) and component.size is None:
            return Fixed(int(choice))
        return self.bare(component)

    def held(self, component: Component) -> bool:
        """Whether v's value sits in the virtual CPU while r runs."""
        match component.role:
            case Role.MODE | Role.RESOURCE | Role.CONTROL:
                return True
            case Role.LOADABLE:
                # A value that the spec gives the real one is not the guest's.
                held = self.host.get(component.name) is Binding.HELD
                return held or component.host is not None
            case Role.REGISTER | Role.PC | Role.PARAMETER | Role.HIDDEN:
                return False


def host_memory(name: str) -> str:
    """The entry of r's memory outside the guest's, where the host keeps the processor's tables."""
    return name + HOST


def storage_of(coupling: Coupling, algebra: Algebra[V, B], side: str) -> Coupled[V, B]:
    def permitted(
        run: Run[V, B], name: str, at: str, args: Sequence[V], widths: Sequence[int]
    ) -> V:
        # r may refuse more than v: what r permits, v permits.
        in_r = algebra.uninterpreted(f"{PERMITS}{name}", args, widths, 1)
        if side == DIRECT:
            return in_r
        more = algebra.uninterpreted(f"{PERMITS}{name}.more{at}", args, widths, 1)
        return algebra.either(in_r, more)

    coherent = "coherent-translation" not in coupling.dropped
    return Coupled(
        isa=coupling.isa,
        memory=lambda name: name,
        own=host_memory if side == DIRECT else lambda name: name,
        side=side,
        permitted=permitted,
        # Identities are coherent: they would show nothing.
        flat=coupling.flat and coherent,
        coherent=coherent,
    )


def _bare_state(
    coupling: Coupling, algebra: Algebra[V, B], *, with_host_controls: bool = False
) -> StateBuilder[V, B]:
    isa = coupling.isa
    builder = StateBuilder(isa, algebra, BARE, storage_of(coupling, algebra, BARE))
    builder.supply(coupling.direct if with_host_controls else coupling.bare)
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
    builder.level(coupling.level)
    builder.share_banked()
    builder.invariants(but=coupling.dropped)
    if coupling.contract:
        builder.contract(coupling.level)
    return builder


def direct_state(
    coupling: Coupling, algebra: Algebra[V, B], *, side: str = DIRECT
) -> StateBuilder[V, B]:
    """`side` ends the names of what is r's alone."""
    isa = coupling.isa
    builder = StateBuilder(isa, algebra, side, storage_of(coupling, algebra, DIRECT))
    builder.supply(coupling.direct)
    for memory in isa.memories.values():
        builder.memory(memory.name, f"memory.{memory.name}", memory)
        builder.memory(host_memory(memory.name), f"memory.{host_memory(memory.name)}", memory)
    builder.level(coupling.anatomy.lowest)
    builder.share_banked()
    builder.host()
    builder.invariants(but=coupling.dropped)
    return builder


def inputs_of(algebra: Algebra[V, B], side: str, *, clocks_shared: bool) -> Inputs[V]:
    """The inputs of one side: shared by name, but for clocks where timing is not exempt."""

    def read(kind: str, site: str, width: int) -> V:
        own = kind == "device" or (kind == "clock" and not clocks_shared)
        return algebra.variable(f"input.{kind}.{site}{side if own else ''}", width)

    return read


def chosen_inputs(algebra: Algebra[V, B], *, clocks_free: bool) -> Inputs[V]:
    """v's inputs, free to match."""

    def read(kind: str, site: str, width: int) -> V:
        free = kind == "undefined" or (kind == "clock" and clocks_free)
        return algebra.variable(f"input.{kind}.{site}{CHOICE if free else BARE}", width)

    return read


def demoted_completes(
    coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]
) -> Obligation[V, B]:
    """States of the demoted guest in which the form does not trap (memory traps are traps)."""
    alone = _demoted(coupling, form, algebra)
    guards = Guards(algebra, alone.runs[DIRECT])
    return alone.with_violations(Violation(Fault.COMPLETES, guards.no_trap, DIRECT))


def demoted_traps(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States of the demoted guest in which the form traps, memory traps apart."""
    alone = _demoted(coupling, form, algebra)
    guards = Guards(algebra, alone.runs[DIRECT])
    return alone.with_violations(Violation(Fault.TRAPS, guards.own_traps, DIRECT))


def _demoted(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The real machine's step alone, under the guest: what r can be, and what it does."""
    return algebra.once(
        ("demoted", coupling.key, form.key), lambda: _demoted_step(coupling, form, algebra)
    )


def _demoted_step(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    fields = fields_of(form, algebra)
    builder, run = _real(coupling, form, algebra, fields)
    premises = (
        *builder.premises,
        builder.decode(form, fields),
        Premise("the host's tables", Guards(algebra, run).promises),
    )
    return Obligation(premises, (), {DIRECT: run}, {DIRECT: builder.state}, fields)


def _real(
    coupling: Coupling, form: ir.Form, algebra: Algebra[V, B], fields: Mapping[str, V]
) -> tuple[StateBuilder[V, B], Step[V, B]]:
    """r, which is the same whatever the level of v is: its states, and its step."""

    def make() -> tuple[StateBuilder[V, B], Step[V, B]]:
        builder = direct_state(coupling, algebra)
        return builder, _step(coupling, form, algebra, builder, fields, DIRECT)

    lowest = coupling.anatomy.lowest
    alike = replace(coupling, level=lowest, contract=False, own_choice=False)
    return algebra.once((DIRECT, alike.key, form.key), make)


def _bare(
    coupling: Coupling, form: ir.Form, algebra: Algebra[V, B], fields: Mapping[str, V]
) -> tuple[StateBuilder[V, B], Step[V, B]]:
    """v, which is the same whatever constants the host chooses: its states, and its step."""

    def make() -> tuple[StateBuilder[V, B], Step[V, B]]:
        builder = _bare_state(coupling, algebra)
        return builder, _step(coupling, form, algebra, builder, fields, BARE)

    bindings = {n: b for n, b in coupling.host.items() if isinstance(b, Binding)}
    return algebra.once((BARE, replace(coupling, host=bindings).key, form.key), make)


def bare_completes(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """States of the coupling's level, with the host's control values, in which the bare machine
    completes.
    """
    alone = _bare_alone(coupling, form, algebra)
    condition = Guards(algebra, alone.runs[BARE]).ends_well
    return alone.with_violations(Violation(Fault.COMPLETES, condition, BARE))


def bare_silent(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The same states, in which it does not trap: a shutdown is neither."""
    alone = _bare_alone(coupling, form, algebra)
    condition = Guards(algebra, alone.runs[BARE]).no_trap
    return alone.with_violations(Violation(Fault.COMPLETES, condition, BARE))


def _bare_alone(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    fields = fields_of(form, algebra)
    builder = _bare_state(coupling, algebra, with_host_controls=True)
    run = _step(coupling, form, algebra, builder, fields, BARE)
    premises = (*builder.premises, builder.decode(form, fields))
    return Obligation(premises, (), {BARE: run}, {BARE: builder.state}, fields)


def _step(
    coupling: Coupling,
    form: ir.Form,
    algebra: Algebra[V, B],
    builder: StateBuilder[V, B],
    fields: Mapping[str, V],
    side: str,
) -> Step[V, B]:
    inputs = inputs_of(algebra, side, clocks_shared=coupling.timing_exempt)
    if coupling.own_choice and side == BARE:
        inputs = chosen_inputs(algebra, clocks_free=coupling.timing_exempt)
    processor = side if "same-processor" in coupling.dropped else ""
    if coupling.timing_exempt:
        form = replace(form, body=without_offsets(form.body))
    return step(
        coupling.isa,
        form,
        algebra,
        builder.storage,
        builder.state,
        fields,
        inputs,
        processor,
    )


def bound_states(coupling: Coupling, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The bound pairs, whatever they execute; no step is made."""
    sides = {BARE: _bare_state(coupling, algebra), DIRECT: direct_state(coupling, algebra)}
    premises = [p for builder in sides.values() for p in builder.premises]
    runs = {side: builder.run({}).finish() for side, builder in sides.items()}
    return Obligation(tuple(premises), (), runs, {s: b.state for s, b in sides.items()})


def unbound(
    coupling: Coupling, algebra: Algebra[V, B], texts: frozenset[str] | None
) -> Obligation[V, B]:
    """Bare states to which no real one is bound, as far as invariants and `host` lines say (those
    of these texts): the one exhibited has v's value wherever it may, the level and the host's
    constants apart.
    """
    bare = _bare_state(coupling, algebra)
    real = direct_state(coupling, algebra, side=BARE)
    found = [
        Violation(Fault.DIFFERS, algebra.negation(premise.condition), DIRECT, premise.name)
        for premise in real.premises
        if texts is None or premise.name.partition(" ")[2] in texts
    ]
    runs = {BARE: bare.run({}).finish(), DIRECT: real.run({}).finish()}
    states = {BARE: bare.state, DIRECT: real.state}
    return Obligation(tuple(bare.premises), tuple(found), runs, states)


def bound(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """The bound pairs and both steps; the violations of DX come on top (`direct_execution`)."""
    return algebra.once(("bound", coupling.key, form.key), lambda: _bound(coupling, form, algebra))


def _bound(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    fields = fields_of(form, algebra)
    bare, v = _bare(coupling, form, algebra, fields)
    real, r = _real(coupling, form, algebra, fields)
    premises = (
        *bare.premises,
        *real.premises,
        bare.decode(form, fields),
        Premise("the host's tables", Guards(algebra, r).promises),
    )
    return Obligation(
        premises, (), {BARE: v, DIRECT: r}, {BARE: bare.state, DIRECT: real.state}, fields
    )


def direct_execution(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """not DX(form) for v in the coupling's level: the bound pairs, and what goes wrong."""
    pair = bound(coupling, form, algebra)
    v, r = pair.runs[BARE], pair.runs[DIRECT]
    in_v, in_r = Guards(algebra, v), Guards(algebra, r)
    silent = Premise("the real machine does not trap", in_r.no_trap)
    violations = _outcomes(algebra, form, v, r, in_v, in_r)
    both = algebra.both(in_v.completes, in_r.completes)
    # What was changed says more than what differs because of it: it is named first.
    frames = _frames(coupling, form, algebra, pair)
    frames.sort(key=lambda violation: violation.fault is Fault.DIFFERS)
    violations += [x.within(algebra, both) for x in frames]
    # Where v's outcome is left open, r's still has to keep to the guest's own.
    left = in_v.any([e.guard for e in in_v.left_open().values()])
    chosen = algebra.both(left, in_r.completes)
    violations += [x.within(algebra, chosen) for x in frames if x.side == DIRECT]
    return pair.with_premises(silent).with_violations(*violations)


def stopped(coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]) -> Obligation[V, B]:
    """Bound pairs in which r traps, memory traps apart, and v does not: the form is stopped."""
    pair = bound(coupling, form, algebra)
    in_v, in_r = Guards(algebra, pair.runs[BARE]), Guards(algebra, pair.runs[DIRECT])
    condition = algebra.both(in_r.own_traps, in_v.no_trap)
    return pair.with_violations(Violation(Fault.TRAPS, condition, DIRECT))


def _outcomes(
    algebra: Algebra[V, B],
    form: ir.Form,
    v: Step[V, B],
    r: Step[V, B],
    in_v: Guards[V, B],
    in_r: Guards[V, B],
) -> list[Violation[V]]:
    """Outcomes of different kinds."""
    found = [Violation(Fault.TRAPS, t.guard, BARE, t.name, t.span) for t in v.traps]
    for side, run in ((BARE, v), (DIRECT, r)):
        found += [
            Violation(Fault.SHUTS_DOWN, e.guard, side, "", e.span)
            for e in run.exits
            if isinstance(e, ShutDown)
        ]
        found += [Violation(Fault.DEVICE, e.guard, side, e.device, e.span) for e in run.events]
    open_v, open_r = in_v.left_open(), in_r.left_open()
    for site in sorted(open_v.keys() | open_r.keys()):
        here = open_r.get(site) or open_v[site]
        zero = algebra.const(0, 1)
        in_both = algebra.both(
            open_v[site].guard if site in open_v else zero,
            open_r[site].guard if site in open_r else zero,
        )
        for side, exits in ((BARE, open_v), (DIRECT, open_r)):
            if site not in exits:
                continue
            wrong = exits[site].guard
            if not here.beyond_privilege:
                # What v leaves open it may choose as r did; what r leaves open v must too.
                zero_or_alone = algebra.both(wrong, algebra.negation(in_both))
                wrong = zero if side == BARE else zero_or_alone
            found.append(Violation(Fault.LEFT_OPEN, wrong, side, here.unmodelled, here.span))
    one_waits = algebra.negation(algebra.equal(v.waits, r.waits, 1))
    completes = algebra.both(v.completes, r.completes)
    waiting = next((s.span for s in ir.statements(form.body) if isinstance(s, ir.Wait)), None)
    found.append(Violation(Fault.WAITS, algebra.both(completes, one_waits), span=waiting))
    return found


def _frames(
    coupling: Coupling, form: ir.Form, algebra: Algebra[V, B], pair: Obligation[V, B]
) -> list[Violation[V]]:
    """Where both complete: what must be equal, and what must not have changed."""
    isa, anatomy = coupling.isa, coupling.anatomy
    written = writes(form.body) | {isa.pc}
    found: list[Violation[V]] = []
    before = {side: pair.states[side] for side in (BARE, DIRECT)}
    after = {side: pair.runs[side].state for side in (BARE, DIRECT)}

    def differs(component: Component, a: V | B, b: V | B) -> V:
        return components_differ(algebra, component, a, b)

    for component in isa.components.values():
        name = component.name
        if name not in written:
            continue
        if component.banked:
            found += _banked(coupling, algebra, component, pair)
        elif coupling.held(component):
            for side in (BARE, DIRECT):
                changed = differs(component, before[side][name], after[side][name])
                found.append(Violation(Fault.CHANGES, changed, side, name))
        elif name in anatomy.covered_by_coherence:
            for side in (BARE, DIRECT):
                changed = differs(component, before[side][name], after[side][name])
                found.append(Violation(Fault.TRANSLATION, changed, side, name))
        else:
            differ = differs(component, after[BARE][name], after[DIRECT][name])
            found.append(Violation(Fault.DIFFERS, differ, "", name))
    for memory in isa.memories.values():
        shape = (f"index.{memory.name}", memory.index_width, memory.width)
        differ = algebra.banks_differ(after[BARE][memory.name], after[DIRECT][memory.name], *shape)  # type: ignore[arg-type]
        found.append(Violation(Fault.DIFFERS, differ, "", memory.name))
        own = host_memory(memory.name)
        touched = algebra.banks_differ(before[DIRECT][own], after[DIRECT][own], *shape)  # type: ignore[arg-type]
        found.append(Violation(Fault.STORAGE, touched, DIRECT, memory.name))
    return found


def components_differ(algebra: Algebra[V, B], component: Component, a: V | B, b: V | B) -> V:
    """Whether two values of a component differ.

    A small bank is compared element by element: that may be negated, a free index may not.
    """
    if component.size is None:
        same = algebra.equal(a, b, component.width)  # type: ignore[arg-type]
        return algebra.negation(same)
    if component.size <= SMALL_BANK:
        differ = algebra.const(0, 1)
        for i in range(component.size if a is not b else 0):
            index = algebra.const(i, component.index_width)
            x, y = (
                algebra.select(bank, index, component.index_width, component.width)  # type: ignore[arg-type]
                for bank in (a, b)
            )
            same = algebra.equal(x, y, component.width)
            differ = algebra.either(differ, algebra.negation(same))
        return differ
    shape = (f"index.{component.name}", component.index_width, component.width)
    return algebra.banks_differ(a, b, *shape)  # type: ignore[arg-type]


def _banked(
    coupling: Coupling,
    algebra: Algebra[V, B],
    component: Component,
    pair: Obligation[V, B],
) -> list[Violation[V]]:
    """The selected copies are equal, the others unchanged."""
    isa = coupling.isa
    before = pair.states
    width, index_width = component.width, component.index_width
    selected: dict[str, V] = {}
    found: list[Violation[V]] = []
    for side in (BARE, DIRECT):
        after = pair.runs[side].state
        storage: Coupled[V, B] = Coupled(isa, str, str, side, None, True)
        run: Run[V, B] = Run(isa, algebra, storage, after, {}, no_inputs)
        level = run.value(isa.mode.level)
        at = level_position(isa, algebra, level, index_width)
        bank = after[component.name]
        selected[side] = algebra.select(bank, at, index_width, width)  # type: ignore[arg-type]
        hidden = algebra.store(
            before[side][component.name],  # type: ignore[arg-type]
            at,
            selected[side],
            index_width,
            width,
        )
        changed = components_differ(algebra, component, hidden, bank)
        found.append(Violation(Fault.CHANGES, changed, side, component.name))
    same = algebra.equal(selected[BARE], selected[DIRECT], width)
    found.append(Violation(Fault.DIFFERS, algebra.negation(same), "", component.name))
    return found
