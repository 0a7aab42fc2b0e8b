"""A witness as a table: the two states side by side, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from popek.isa import ir
from popek.report.values import component_of, scalars
from popek.theory.obligation import Fault
from popek.theory.verdict import Sighting, Witness

#: What differs where the runs end in different ways.
OUTCOME = "outcome"

#: How a run ends that completes.
COMPLETES = "completes"


@dataclass(frozen=True, slots=True)
class Side:
    """One run: `before` and `after` by component or element.  `after` is empty if it traps."""

    name: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    outcome: str
    trapped: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Both runs.  `keys` are in the order of the spec; `wrong` says how they go wrong."""

    sides: tuple[Side, ...]
    keys: tuple[str, ...]
    wrong: Mapping[str, str]

    @property
    def differs(self) -> tuple[str, ...]:
        """The components and elements that go wrong."""
        return tuple(self.wrong)

    def side(self, name: str) -> Side | None:
        """The run on this side, if it has one."""
        return next((s for s in self.sides if s.name == name), None)


def table(isa: ir.Isa, witness: Witness) -> Table:
    """What a witness shows."""
    runs = list(witness.runs.values())
    flat = scalars(isa, *(r.before for r in runs), *(r.after for r in runs))
    sides = tuple(
        Side(
            name.removeprefix("@"),
            before,
            {} if run.trap is not None else after,
            COMPLETES if run.trap is None else run.trap,
            run.trap is not None,
        )
        for (name, run), before, after in zip(
            witness.runs.items(), flat[: len(runs)], flat[len(runs) :], strict=True
        )
    )
    found = dict.fromkeys(key for side in sides for key in (*side.before, *side.after))
    order = {name: i for i, name in enumerate((*isa.components, *isa.memories))}
    keys = sorted(
        found, key=lambda key: (order.get(component_of(key), len(order)), component_of(key))
    )
    sides = tuple(replace(s, before=_in(keys, s.before), after=_in(keys, s.after)) for s in sides)
    wrong: dict[str, str] = {}
    for sighting in witness.sightings:
        for key in _goes_wrong(sighting, sides, keys):
            wrong.setdefault(key, _how(sighting))
    return Table(sides, tuple(keys), wrong)


def _in(keys: list[str], state: Mapping[str, int]) -> dict[str, int]:
    """The state in the order of `keys`."""
    return {key: state[key] for key in keys if key in state}


def _how(sighting: Sighting) -> str:
    if sighting.fault in (Fault.CHANGES, Fault.STORAGE, Fault.TRANSLATION):
        return "changes"
    return "differs"


def _goes_wrong(sighting: Sighting, sides: tuple[Side, ...], keys: list[str]) -> list[str]:
    """The components and elements in which a sighting shows."""
    here = [key for key in keys if component_of(key) == sighting.component]
    match sighting.fault:
        case Fault.DIFFERS:
            values = [[side.after.get(key) for side in sides] for key in here]
            changed = [k for k, v in zip(here, values, strict=True) if len(set(v)) > 1]
            return changed or [sighting.component]
        case Fault.CHANGES | Fault.TRANSLATION | Fault.STORAGE:
            changed = [
                key
                for key in here
                for side in sides
                if sighting.side in ("", f"@{side.name}")
                and key in side.before
                and side.before[key] != side.after.get(key)
            ]
            return changed or [sighting.component]
        case _:
            return [OUTCOME]


class Telling(Enum):
    """What a row is to a reader."""

    SHOWN = "it changes, or differs between the sides"
    SAME = "it takes part, and is the same throughout"
    IDLE = "an element of a bank that no field of the instruction selects"


def telling(isa: ir.Isa, table: Table, key: str, fields: Mapping[str, int]) -> Telling:
    """Whether a row helps a reader."""
    values = {side.before.get(key) for side in table.sides}
    values |= {side.after.get(key) for side in table.sides if not side.trapped}
    if key in table.wrong or len(values) > 1:
        return Telling.SHOWN
    _, bracket, index = key.partition("[")
    bank = bracket and component_of(key) in isa.components
    if bank and index.removesuffix("]") not in {str(v) for v in fields.values()}:
        return Telling.IDLE
    return Telling.SAME
