"""The host's choice: one setting of all controls and loadables for all forms.

definitions.md, section 2.  Admissible is a choice that keeps DX for every plain form and stops
none.  Among the admissible: the fewest unsafe forms, then the fewest that always trap when demoted,
then `loaded` before constants, then the lowest values in declaration order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

from popek.isa.footprint import expression_reads
from popek.isa.ir import Component, Isa, Level, Role
from popek.theory.choice import another_choice_matches
from popek.theory.direct import (
    BARE,
    Binding,
    Coupling,
    Host,
    demoted_completes,
    direct_execution,
    stopped,
)
from popek.theory.settings import Settings
from popek.theory.states import definitions
from popek.theory.subject import CoupledClaim, Subject, some
from popek.theory.verdict import Finding, Proved, Refuted, Witness

#: Controls of up to this many bits are tried with every constant; wider ones with 0 and all ones.
EXHAUSTIVE_WIDTH = 3

Value = int | Binding


def domain(component: Component) -> tuple[Value, ...]:
    """What the host may do with a component, preferred first."""
    if component.role is Role.LOADABLE:
        return (Binding.LOADED, Binding.HELD)
    if component.width <= EXHAUSTIVE_WIDTH:
        return (Binding.LOADED, *range(1 << component.width))
    return (Binding.LOADED, 0, (1 << component.width) - 1)


def choosable(isa: Isa) -> tuple[Component, ...]:
    """The controls and loadables that are the host's to choose.

    What an invariant makes a constant (ia32: EFLAGS.VM, CR0.PE) is nobody's choice, and what has a
    `host` clause is chosen already.
    """
    constants = {c.name for c in isa.components.values() if c.role is Role.PARAMETER}
    settled = {
        name
        for invariant in isa.invariants
        for name, value in definitions(isa, invariant)
        if expression_reads(value) <= constants
    }
    settled |= {c.name for c in isa.components.values() if c.host is not None}
    return tuple(
        c
        for c in isa.components.values()
        if c.role in (Role.CONTROL, Role.LOADABLE) and c.size is None and c.name not in settled
    )


def unmatched(subject: Subject, coupling: Coupling) -> Callable[[Witness], bool]:
    """A witness against DX is one if no other choice of the bare machine's helps."""

    def accept(witness: Witness) -> bool:
        if BARE not in witness.choosing:
            return True
        there = replace(coupling, flat=witness.flat)
        matches = another_choice_matches(subject.prover, there, subject.form, witness.model)
        return matches is False

    return accept


def dx(subject: Subject, name: str, coupling: Coupling) -> Finding:
    """DX of a form for one coupling."""
    return subject.couple(name, direct_execution, coupling, unmatched(subject, coupling))


@dataclass
class Trial:
    """One form under any setting of the controls and loadables that matter to it."""

    subject: Subject
    plain: bool | None
    timing_exempt: bool
    relevant: tuple[Component, ...]
    _dx: dict[tuple[Level, tuple[Value, ...]], Finding] = field(default_factory=dict)
    _stops: dict[tuple[Value, ...], bool | None] = field(default_factory=dict)
    _always: dict[tuple[Value, ...], bool | None] = field(default_factory=dict)
    _whatever: dict[tuple[object, ...], Finding] = field(default_factory=dict)
    #: The last witness by claim: what goes wrong under one setting mostly does under others.
    _shown: dict[str, Witness] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.relevant)

    def _at(self, host: Host) -> tuple[Value, ...]:
        return tuple(host[name] for name in self.names)

    def coupling(self, host: Host, level: int = -1) -> Coupling:
        anatomy = self.subject.anatomy
        return Coupling(anatomy, anatomy.levels[level], host, self.timing_exempt)

    def _title(self, host: Host) -> str:
        return ", ".join(f"{n}={host[n]}" for n in self.names)

    def direct(self, host: Host) -> tuple[Finding, ...]:
        """DX at each level that makes a difference, the lowest first."""
        return tuple(self._directly(host))

    def _directly(self, host: Host) -> Iterator[Finding]:
        at = self._at(host)
        for level in reversed(self.subject.levels):
            if (level, at) not in self._dx:
                self._dx[level, at] = self._direct_at(level, host)
            yield self._dx[level, at]

    def _direct_at(self, level: Level, host: Host) -> Finding:
        subject = self.subject
        coupling = Coupling(subject.anatomy, level, host, self.timing_exempt)
        name = f"DX at {level.name}"
        if proof := self._for_any_controls(name, direct_execution, coupling):
            return proof
        return self._under(name, direct_execution, coupling, unmatched(subject, coupling))

    def _under(
        self,
        name: str,
        claim: CoupledClaim,
        coupling: Coupling,
        accept: Callable[[Witness], bool] = lambda witness: True,
    ) -> Finding:
        """Decides a claim under the coupling's setting."""
        title = f"{name} {self._title(coupling.host)}".rstrip()
        hint = self._shown.get(name)
        finding = self.subject.couple(title, claim, coupling, accept, hint)
        if isinstance(finding, Refuted):
            self._shown[name] = finding.witness
        return finding

    def _for_any_controls(
        self, name: str, claim: CoupledClaim, coupling: Coupling
    ) -> Proved | None:
        """The proof of a claim for controls that may be anything on either side, if there is one.

        A choice for them only restricts the pairs: one proof instead of one for each setting.
        """
        controls = {c.name for c in self.relevant if c.role is Role.CONTROL}
        if not controls:
            return None
        host = {n: v for n, v in coupling.host.items() if n not in controls}
        key = (name, tuple(host.items()))
        if key not in self._whatever:
            anyhow = replace(coupling, host=host)
            self._whatever[key] = self.subject.couple(f"{name} any controls", claim, anyhow)
        found = self._whatever[key]
        return found if isinstance(found, Proved) else None

    def unsafe(self, host: Host) -> bool | None:
        return some(self._directly(host))

    def stops(self, host: Host) -> bool | None:
        """Whether the form is plain, and stopped at the level where v and r agree."""
        if self.plain is False:
            return False
        at = self._at(host)
        if at not in self._stops:
            stopped_there = some([self._under("stopped", stopped, self.coupling(host))])
            self._stops[at] = stopped_there if self.plain or not stopped_there else None
        return self._stops[at]

    def always_traps(self, host: Host) -> bool | None:
        """Whether it traps in every state of the demoted guest."""
        at = self._at(host)
        if at not in self._always:
            name = "completes when demoted"
            coupling = self.coupling(host)
            proof = self._for_any_controls(name, demoted_completes, coupling)
            completes = some([proof or self._under(name, demoted_completes, coupling)])
            self._always[at] = None if completes is None else not completes
        return self._always[at]


@dataclass(frozen=True)
class Choice:
    """The host's choice.  `tied`: how many settings were as good; `fixed`: those set by hand."""

    host: Mapping[str, Value]
    tied: int
    fixed: tuple[str, ...]
    admissible: bool


def choose(possible: Settings, trials: Sequence[Trial], fixed: Mapping[str, Value]) -> Choice:
    """The best admissible choice; components that matter to no form of `trials` are `loaded`."""
    components = choosable(possible.anatomy.isa)
    host: dict[str, Value] = {c.name: fixed.get(c.name, Binding.LOADED) for c in components}
    tied = 1
    admissible = True
    for group in _groups(components, trials):
        names = {c.name for c in group}
        concerned = [t for t in trials if names & set(t.names)]
        best, ties, ok = _best(group, concerned, fixed, possible)
        host.update(best)
        tied *= ties
        admissible = admissible and ok
    return Choice(host, tied, tuple(n for n in host if n in fixed), admissible)


def _groups(
    components: Iterable[Component], trials: Sequence[Trial]
) -> list[tuple[Component, ...]]:
    """Components that have to be chosen together, because both matter to some form."""
    touched = {name for t in trials for name in t.names}
    groups = [{c.name} for c in components if c.name in touched]
    for trial in trials:
        together = [g for g in groups if not g.isdisjoint(trial.names)]
        if len(together) > 1:
            groups = [g for g in groups if g not in together] + [set().union(*together)]
    order = {c.name: (i, c) for i, c in enumerate(components)}
    return [
        tuple(order[name][1] for name in sorted(group, key=lambda n: order[n][0]))
        for group in groups
    ]


def _best(
    group: tuple[Component, ...],
    trials: Sequence[Trial],
    fixed: Mapping[str, Value],
    possible: Settings,
) -> tuple[dict[str, Value], int, bool]:
    """The best setting of one group, how many tie with it, and whether it is admissible."""
    domains = [(fixed[c.name],) if c.name in fixed else domain(c) for c in group]
    names = [c.name for c in group]
    settings = [dict(zip(names, values, strict=True)) for values in product(*domains)]
    assert len(settings) == prod(map(len, domains))
    # A setting that the spec's invariants and `host` lines rule out is none.
    settings = [s for s in settings if possible(s)] or settings

    def stopped_forms(setting: dict[str, Value]) -> int:
        """How far from admissible: plain forms that it stops or makes unsafe."""
        bad = (t.plain is not False and t.unsafe(setting) is not False for t in trials)
        stops = (t.stops(setting) is not False for t in trials)
        return sum(a or b for a, b in zip(bad, stops, strict=True))

    faults = [stopped_forms(s) for s in settings]
    fewest = min(faults)
    candidates = [s for s, f in zip(settings, faults, strict=True) if f == fewest]
    unsafe = [sum(t.unsafe(s) is not False for t in trials) for s in candidates]
    candidates = [s for s, u in zip(candidates, unsafe, strict=True) if u == min(unsafe)]
    always = [sum(t.always_traps(s) is not False for t in trials) for s in candidates]
    candidates = [s for s, a in zip(candidates, always, strict=True) if a == min(always)]
    return min(candidates, key=_preference), len(candidates), fewest == 0


def _preference(setting: dict[str, Value]) -> tuple[int, tuple[int, ...]]:
    """`loaded` before constants (and before held), then the lowest values in declaration order."""
    given = [v for v in setting.values() if v is not Binding.LOADED]
    values = tuple(v if isinstance(v, int) else -1 for v in setting.values())
    return len(given), values
