"""The definitions, word by word, on a machine small enough to try every state.

An oracle for the theory: no term, no solver, no sharing of symbols, no sampling; only the concrete
step, run from each of the 256 states.  The quantifiers are Python loops over the sentences of
definitions.md, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from popek.isa import ir
from popek.isa.ir import Const, Op, Operation, Read, Role
from popek.semantics.ints import Ints
from popek.semantics.outcome import Trapped
from popek.semantics.step import step
from popek.semantics.storage import Walk
from popek.terms import ArrayValue
from popek.theory.direct import Binding
from popek.theory.host import Value
from popek.theory.verdict import Class, Label
from tests.theory.by_hand import SPAN, component

LOADED, HELD = Binding.LOADED, Binding.HELD

#: M: 0 is supervisor, 1 is user.  The host runs guests with IE = 1.
COMPONENTS = {
    c.name: c
    for c in (
        component("M", Role.MODE, 1),
        component("P", Role.PC, 2),
        component("a", Role.REGISTER, 2),
        component("b", Role.REGISTER, 1),
        replace(component("IE", Role.RESOURCE, 1), host=Const(1, 1)),
        component("Q", Role.RESOURCE, 1),
        component("C", Role.CONTROL, 1),
        component("L", Role.LOADABLE, 1),
    )
}
PRIVILEGED = ("M", "IE", "Q", "C", "L")
NAMES = tuple(COMPONENTS)
SITES = ("u", "w")
SUPERVISOR, USER = 0, 1


def machine(*body: ir.Stmt) -> ir.Isa:
    """The machine with one instruction."""
    form = ir.Form(
        "X", "X", "X", "", {}, (), (), (), Const(1, 1), Const(1, 2), body, (), None, (), SPAN
    )
    entered = (ir.Write("M", Const(0, 1), SPAN), ir.Write("P", Const(0, 2), SPAN))
    enter = ir.Delivery("enter", (), entered, SPAN)
    traps = {
        name: ir.Trap(name, (ir.Local("n", 1),), ir.TrapKind.FAULT, enter.body, enter, "", SPAN)
        for name in ("first", "second")
    }
    levels = (ir.Level("supervisor", SUPERVISOR), ir.Level("user", USER))
    return ir.Isa(
        title="brute",
        path="brute",
        sha256="",
        manuals={},
        unit=8,
        bytewise=False,
        endian="big",
        components=COMPONENTS,
        mode=ir.Mode("M", Read("M", 1), levels),
        pc="P",
        memories={},
        translations={},
        devices={},
        traps=traps,
        interrupts=(),
        invariants=(),
        hosts=(),
        contracts=(),
        assumptions=(),
        reset=(),
        functions={},
        prefixes=(),
        groups={},
        forms=(form,),
    )


@dataclass(frozen=True, slots=True)
class State:
    """Values in the order of NAMES; the pc is 0."""

    values: tuple[int, ...]

    def __getitem__(self, name: str) -> int:
        return self.values[NAMES.index(name)]

    def with_(self, **changes: int) -> State:
        return State(tuple(changes.get(n, v) for n, v in zip(NAMES, self.values, strict=True)))

    def agrees(self, other: State, names: tuple[str, ...]) -> bool:
        return all(self[n] == other[n] for n in names)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is next, wait, trap or shutdown; of a trap, `trap` is its name and argument."""

    kind: str
    state: State | None = None
    trap: tuple[str, tuple[int, ...]] | None = None

    @property
    def traps(self) -> bool:
        return self.kind == "trap"

    @property
    def completes(self) -> bool:
        """A shutdown is neither a trap nor a completion."""
        return self.kind in ("next", "wait")


#: Choices behind `undefined`.
CHOICES = tuple(product((0, 1), repeat=len(SITES)))


def every_state() -> Iterator[State]:
    widths = [COMPONENTS[n].width if n != "P" else 0 for n in NAMES]
    for values in product(*(range(1 << w) for w in widths)):
        yield State(values)


class Brute:
    """One instruction, all of its steps, and what the definitions say of it."""

    def __init__(self, isa: ir.Isa) -> None:
        self.isa = isa
        (self.form,) = isa.forms
        self.choices = CHOICES if self._chooses else CHOICES[:1]
        self.table = {
            (state, choice): self._step(state, choice)
            for state in every_state()
            for choice in self.choices
        }

    @property
    def _chooses(self) -> bool:
        return any(
            isinstance(part, ir.Input)
            for stmt in ir.statements(self.form.body)
            for expr in ir.expressions(stmt)
            for part in ir.subexpressions(expr)
        )

    @cached_property
    def touched(self) -> frozenset[str]:
        """Components in the text of the clause."""
        found = set()
        for stmt in ir.statements(self.form.body):
            if isinstance(stmt, ir.Write):
                found.add(stmt.component)
            for expr in ir.expressions(stmt):
                found |= {e.component for e in ir.subexpressions(expr) if isinstance(e, Read)}
        return frozenset(found)

    def _step(self, state: State, choice: tuple[int, ...]) -> Outcome:
        inputs = dict(zip(SITES, choice, strict=True))
        before: dict[str, int | ArrayValue] = dict(zip(NAMES, state.values, strict=True))
        storage: Walk[int, ArrayValue] = Walk()
        run = step(
            self.isa, self.form, Ints({}), storage, before, {}, lambda kind, site, w: inputs[site]
        )
        if run.completes:
            after = []
            for name in NAMES:
                value = run.state[name]
                assert isinstance(value, int)
                after.append(value)
            return Outcome("wait" if run.waits else "next", State(tuple(after)))
        (end,) = (e for e in run.exits if e.guard)
        if isinstance(end, Trapped):
            return Outcome("trap", trap=(end.name, end.args))
        return Outcome("shutdown")

    def _all(self, **fixed: int) -> Iterator[tuple[State, tuple[int, ...], Outcome]]:
        for (state, choice), outcome in self.table.items():
            if all(state[n] == v for n, v in fixed.items()):
                yield state, choice, outcome

    # ------------------------------------------------------------ the reading general

    def _control(self, level: int) -> bool:
        """Some non-trapping step changes a privileged component, waits or shuts down."""
        for state, _, outcome in self._all(M=level):
            if outcome.kind in ("wait", "shutdown"):
                return True
            if outcome.state is not None and not outcome.state.agrees(state, PRIVILEGED):
                return True
        return False

    @cached_property
    def mode_sensitive(self) -> bool:
        for higher, choice, above in self._all(M=SUPERVISOR):
            below = self.table[higher.with_(M=USER), choice]
            if above.traps and not below.traps:
                return True
            if not above.traps and not below.traps:
                if self._differ(higher, above, higher.with_(M=USER), below):
                    return True
        return False

    def _resource(self, level: int, *, equal: tuple[str, ...] = ()) -> bool:
        """Two states of one level that differ in privileged components alone (not in `equal`)."""
        varied = [n for n in PRIVILEGED if n != "M" and n not in equal]
        for state, choice, _ in self._all(M=level, **dict.fromkeys(varied, 0)):
            family = []
            for values in product((0, 1), repeat=len(varied)):
                other = state.with_(**dict(zip(varied, values, strict=True)))
                family.append((other, self.table[other, choice]))
            for one, first in family:
                for two, second in family:
                    if first.traps != second.traps:
                        return True
                    if first.traps and first.trap != second.trap:
                        return True
                    if not first.traps and self._differ(one, first, two, second):
                        return True
        return False

    @staticmethod
    def _differ(one: State, first: Outcome, two: State, second: Outcome) -> bool:
        """Outcomes without a trap differ in kind, or in what the two states agreed on."""
        if first.kind != second.kind:
            return True
        if first.state is None or second.state is None:
            return False
        return any(one[n] == two[n] and first.state[n] != second.state[n] for n in NAMES)

    @cached_property
    def control_sensitive(self) -> bool:
        return self._control(SUPERVISOR) or self._control(USER)

    @cached_property
    def resource_sensitive(self) -> bool:
        return self._resource(SUPERVISOR) or self._resource(USER)

    @property
    def sensitive(self) -> bool:
        return self.control_sensitive or self.mode_sensitive or self.resource_sensitive

    @cached_property
    def user_sensitive(self) -> bool:
        return self._control(USER) or self._resource(USER)

    @cached_property
    def plain(self) -> bool:
        if self.control_sensitive or self.mode_sensitive:
            return False
        return not any(self._resource(level, equal=("C",)) for level in (SUPERVISOR, USER))

    @cached_property
    def privileged_in_general(self) -> bool:
        return all(o.traps for *_, o in self._all(M=USER)) and any(
            o.completes for *_, o in self._all(M=SUPERVISOR)
        )

    @property
    def general(self) -> Class:
        if self.privileged_in_general:
            return Class.PRIVILEGED
        return Class.CRITICAL if self.sensitive else Class.INNOCUOUS

    # ------------------------------------------------------------ the reading pg74 (R is empty)

    @cached_property
    def pg74(self) -> Class:
        pairs = [
            (higher, above, self.table[higher.with_(M=USER), choice])
            for higher, choice, above in self._all(M=SUPERVISOR)
        ]
        if all(below.traps and not above.traps for _, above, below in pairs):
            return Class.PRIVILEGED
        changes_mode = any(
            o.state is not None and o.state["M"] != s["M"] for s, _, o in self._all()
        )
        differs = any(
            above.state is not None
            and below.state is not None
            and above.state["M"] == SUPERVISOR
            and below.state["M"] == USER
            and above.state.with_(M=USER) != below.state
            for _, above, below in pairs
        )
        return Class.CRITICAL if changes_mode or differs else Class.INNOCUOUS

    # ------------------------------------------------------------ the reading direct

    def real(self, v: State, host: Mapping[str, Value]) -> Iterator[State]:
        """The states of the real machine that are bound to v."""
        for q in (0, 1):
            for held in (0, 1) if host["L"] is HELD else (v["L"],):
                c = host["C"]
                yield v.with_(M=USER, IE=1, Q=q, L=held, C=v["C"] if isinstance(c, Binding) else c)

    def _bound(self, level: int, host: Mapping[str, Value]) -> Iterator[tuple[State, State]]:
        for v in every_state():
            if v["M"] == level:
                for r in self.real(v, host):
                    yield v, r

    def fails(self, level: int, host: Mapping[str, Value]) -> bool:
        """not DX for v in this level."""
        for v, r in self._bound(level, host):
            for choice in self.choices:
                real = self.table[r, choice]
                if real.traps:
                    continue
                if not any(
                    self._matched(v, self.table[v, ours], r, real, host) for ours in self.choices
                ):
                    return True
        return False

    def exhibited_choice_fails(self, level: int, host: Mapping[str, Value]) -> bool:
        """The same, where v's choices are r's."""
        return any(
            not self.table[r, choice].traps
            and not self._matched(v, self.table[v, choice], r, self.table[r, choice], host)
            for v, r in self._bound(level, host)
            for choice in self.choices
        )

    @staticmethod
    def _matched(
        v: State, bare: Outcome, r: State, real: Outcome, host: Mapping[str, Value]
    ) -> bool:
        if bare.kind != real.kind or bare.state is None or real.state is None:
            return False  # Shutdown is never matched.
        held: tuple[str, ...] = ("M", "IE", "Q", "C")
        shared: tuple[str, ...] = ("P", "a", "b")
        if host["L"] is HELD:
            held += ("L",)
        else:
            shared += ("L",)
        return (
            bare.state.agrees(real.state, shared)
            and bare.state.agrees(v, held)
            and real.state.agrees(r, held)
        )

    def unsafe(self, host: Mapping[str, Value]) -> bool:
        return self.fails(SUPERVISOR, host) or self.fails(USER, host)

    def _demoted(self, host: Mapping[str, Value]) -> Iterator[Outcome]:
        for v in every_state():
            for r in self.real(v, host):
                for choice in self.choices:
                    yield self.table[r, choice]

    def always_traps(self, host: Mapping[str, Value]) -> bool:
        return all(outcome.traps for outcome in self._demoted(host))

    def stops(self, host: Mapping[str, Value]) -> bool:
        """Plain, and r traps where v, in its mode, does not."""
        return self.plain and any(
            self.table[r, choice].traps and not self.table[v, choice].traps
            for v, r in self._bound(USER, host)
            for choice in self.choices
        )

    def _bare(self, level: int, host: Mapping[str, Value]) -> Iterator[Outcome]:
        """The outcomes at a level of the bare machine, with the host's controls."""
        c = host["C"]
        fixed = {} if isinstance(c, Binding) else {"C": c}
        return (o for *_, o in self._all(M=level, **fixed))

    def kind(self, host: Mapping[str, Value]) -> tuple[Class, Label | None]:
        """The class under a host's choice."""
        if self.unsafe(host):
            return Class.CRITICAL, None
        always = self.always_traps(host)
        if always and any(o.completes for o in self._bare(SUPERVISOR, host)):
            return Class.PRIVILEGED, None
        if self.plain and not always:
            return Class.INNOCUOUS, None
        if all(o.traps for level in (SUPERVISOR, USER) for o in self._bare(level, host)):
            return Class.GUARDED, Label.ALWAYS
        if "L" in self.touched and self.unsafe({**host, "L": HELD}):
            return Class.GUARDED, Label.LOADED
        traps = any(outcome.traps for outcome in self._demoted(host))
        return Class.GUARDED, Label.TRAPS if traps else Label.MATCHED

    def choose(self) -> tuple[dict[str, Value], int, bool]:
        """The host's choice, how many are as good, and whether it is admissible."""
        domains: dict[str, tuple[Value, ...]] = {"C": (LOADED, 0, 1), "L": (LOADED, HELD)}
        free = [n for n in domains if n in self.touched]
        settings: list[dict[str, Value]] = [
            {"C": LOADED, "L": LOADED, **dict(zip(free, values, strict=True))}
            for values in product(*(domains[n] for n in free))
        ]
        bad = [self.stops(s) or (self.plain and self.unsafe(s)) for s in settings]
        candidates = [s for s, b in zip(settings, bad, strict=True) if b == min(bad)]
        for cost in (self.unsafe, self.always_traps):
            candidates = _cheapest(candidates, cost)

        def preference(setting: dict[str, Value]) -> tuple[int, list[int]]:
            values = [setting[n] for n in ("C", "L")]
            return sum(v is not LOADED for v in values), [
                v if isinstance(v, int) else -1 for v in values
            ]

        return min(candidates, key=preference), len(candidates), not min(bad)


def _cheapest(
    settings: list[dict[str, Value]], cost: Callable[[dict[str, Value]], bool]
) -> list[dict[str, Value]]:
    costs = [cost(s) for s in settings]
    return [s for s, c in zip(settings, costs, strict=True) if c == min(costs)]


__all__ = ["COMPONENTS", "NAMES", "SITES", "Brute", "Const", "Op", "Operation", "machine"]
