"""An obligation: premises, and the ways in which what is claimed can go wrong.

Built over the algebra: symbolically it is what a solver is asked, over ints it is the
re-evaluation of a solver's answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Generic

from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import LeftOpen, Step, Trapped
from popek.source import Span
from popek.theory.states import Premise


class Fault(StrEnum):
    """How a step goes wrong, or differs."""

    TRAPS = "traps"
    TRAPS_DIFFER = "traps differ"
    COMPLETES = "completes"
    SHUTS_DOWN = "shuts down"
    LEFT_OPEN = "left open"
    WAITS = "waits"
    ACCESSES = "accesses differ"
    DEVICE = "device event"
    CHANGES = "changes"
    DIFFERS = "differs"
    TRANSLATION = "translation changes"
    STORAGE = "memory outside the guest's"


@dataclass(frozen=True, slots=True)
class Violation(Generic[V]):
    """One way to go wrong.  `side` names the run it shows in; `component` where one is involved."""

    fault: Fault
    condition: V
    side: str = ""
    component: str = ""
    span: Span | None = None

    def within(self, algebra: Algebra[V, B], guard: V) -> Violation[V]:
        """The same violation, where `guard` holds."""
        return replace(self, condition=algebra.both(guard, self.condition))


@dataclass(frozen=True)
class Obligation(Generic[V, B]):
    """`premises` and some violation together are satisfiable, or the claim is proved.

    `runs` are the steps compared, by side, `states` the states they start from.
    """

    premises: tuple[Premise[V], ...]
    violations: tuple[Violation[V], ...]
    runs: Mapping[str, Step[V, B]]
    states: Mapping[str, Mapping[str, V | B]]
    fields: Mapping[str, V] = field(default_factory=dict)

    def with_violations(self, *violations: Violation[V]) -> Obligation[V, B]:
        """The same runs, with what counts as going wrong."""
        return replace(self, violations=violations)

    def without_violations(self, algebra: Algebra[V, B]) -> Obligation[V, B]:
        """The premises alone: satisfiable exactly if the obligation is not vacuous."""
        return self.with_violations(Violation(Fault.COMPLETES, algebra.const(1, 1)))

    def with_premises(self, *premises: Premise[V]) -> Obligation[V, B]:
        """The same runs, further restricted."""
        return replace(self, premises=(*self.premises, *premises))


def any_of(algebra: Algebra[V, B], conditions: Iterable[V]) -> V:
    """Whether one of the conditions holds."""
    result = algebra.const(0, 1)
    for condition in conditions:
        result = algebra.either(result, condition)
    return result


class Guards(Generic[V, B]):
    """The guards of a step's outcomes, as single conditions."""

    def __init__(self, algebra: Algebra[V, B], step: Step[V, B]) -> None:
        self._algebra = algebra
        self._step = step
        self.completes = step.completes
        self.waits = step.waits

    def any(self, conditions: Iterable[V]) -> V:
        return any_of(self._algebra, conditions)

    @property
    def traps(self) -> V:
        return self._algebra.negation(self.no_trap)

    @property
    def own_traps(self) -> V:
        """Traps other than memory traps."""
        return self.any([t.guard for t in self._step.traps if not t.memory])

    @property
    def memory_traps(self) -> V:
        return self.any([t.guard for t in self._step.traps if t.memory])

    @cached_property
    def no_trap(self) -> V:
        """Every other outcome: the guards cover everything, and these are far fewer."""
        others = [e.guard for e in self._step.exits if not isinstance(e, Trapped)]
        return self.any([self.completes, *others])

    @property
    def ends_well(self) -> V:
        """Next, Wait or Unpredictable: the step completes, as the definitions have it."""
        return self.any(
            [self.completes, *(e.guard for e in self._step.exits if isinstance(e, LeftOpen))]
        )

    def left_open(self) -> dict[str, LeftOpen[V]]:
        """The unpredictable exits by site; a site that is reached in several ways is one exit."""
        found: dict[str, LeftOpen[V]] = {}
        for e in self._step.exits:
            if isinstance(e, LeftOpen):
                if (same := found.get(e.site)) is not None:
                    e = replace(e, guard=self._algebra.either(same.guard, e.guard))
                found[e.site] = e
        return found

    @property
    def events(self) -> V:
        return self.any([e.guard for e in self._step.events])

    @property
    def promises(self) -> V:
        """That the host's promises hold wherever the step relies on them."""
        algebra = self._algebra
        result = algebra.const(1, 1)
        for promise in self._step.promises:
            broken = algebra.both(promise.guard, algebra.negation(promise.condition))
            result = algebra.both(result, algebra.negation(broken))
        return result
