"""The line of a spec to blame for what a witness shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from popek.semantics.outcome import Assigned
from popek.source import Span
from popek.terms import ArrayValue
from popek.theory.direct import host_memory
from popek.theory.obligation import Fault, Obligation
from popek.theory.verdict import Sighting

State = Mapping[str, int | ArrayValue]


def blamed(obligation: Obligation[int, ArrayValue], sightings: Iterable[Sighting]) -> Span | None:
    """The trap, access or event of the first sighting that has one, or the last assignment that
    left what should not be; None where no line of the clause did anything.
    """
    for sighting in sightings:
        if (span := sighting.span or _assignment(obligation, sighting)) is not None:
            return span
    return None


def _assignment(obligation: Obligation[int, ArrayValue], sighting: Sighting) -> Span | None:
    """The last assignment that left the sighting's component other than it was, or, where the
    sighting is of no one side, other than the other side has it.

    The second side comes first: it is the machine under the guest.
    """
    name = sighting.component
    if sighting.fault is Fault.STORAGE:
        name = host_memory(name)
    for side, run in reversed(tuple(obligation.runs.items())):
        if sighting.side not in ("", side):
            continue
        others = [r.state for s, r in obligation.runs.items() if s != side]
        other = obligation.states[side] if sighting.side else others[0]
        for entry in reversed(run.assigned):
            if entry.guard and entry.component == name and _differ(entry, run.state, other):
                return entry.span
    return None


def _differ(entry: Assigned[int], state: State, other: State) -> bool:
    """Whether what was assigned is worth something else in the other state."""
    mine, theirs = state[entry.component], other[entry.component]
    if entry.index is not None:
        assert isinstance(mine, ArrayValue)
        assert isinstance(theirs, ArrayValue)
        return mine.select(entry.index) != theirs.select(entry.index)
    return mine != theirs
