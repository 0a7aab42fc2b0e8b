"""What an oracle answered, in a file: for machines that do not have it.

A line of JSON says by which command, on which oracle, from which bench; each further line is a case
of a form, as a world (a seed, and what was chosen), and what the oracle changed.  The states are
made again from that, without a solver, and compared with what the spec says today.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from popek.oracles.oracle import (
    Bench,
    Case,
    Event,
    Home,
    Identity,
    Outcome,
    Region,
    Trap,
    Value,
    bank,
)
from popek.validation.cases import LARGE
from popek.validation.ground import Ground
from popek.validation.world import Place, World

SCHEMA: Final = "popek.recording/1"


@dataclass(frozen=True, slots=True)
class Header:
    """Where a recording comes from.  `spec`: the title."""

    command: str
    spec: str
    seed: int
    oracle: Identity
    bench: Bench


@dataclass(frozen=True, slots=True)
class Recorded:
    """A case, and what was answered: the components and cells that the step changed.

    `changed` has elements of large banks, too, by the names of the banks.
    """

    form: tuple[str, str]
    world: World
    state: Mapping[str, Value]
    changed: Mapping[str, Mapping[int, int]]
    trap: Trap | None
    waits: bool
    events: tuple[Event, ...]

    @classmethod
    def of(cls, form: tuple[str, str], world: World, case: Case, seen: Outcome) -> Recorded:
        others = {n: v for n, v in seen.state.items() if v != case.state[n]}
        large = {n: v for n, v in others.items() if isinstance(v, tuple) and len(v) > LARGE}
        elements = {n: _elements(bank(case.state, n), v) for n, v in large.items()}
        state = {n: v for n, v in others.items() if n not in large}
        changed = {**seen.changed, **elements}
        return cls(form, world, state, changed, seen.trap, seen.waits, seen.events)

    def outcome(self, case: Case) -> Outcome:
        """The answer, to the case that the world is."""
        banks = {
            name: tuple(elements.get(i, e) for i, e in enumerate(bank(case.state, name)))
            for name, elements in self.changed.items()
            if name in case.state
        }
        changed = {name: cells for name, cells in self.changed.items() if name not in banks}
        state = {**case.state, **self.state, **banks}
        return Outcome(state, changed, self.trap, self.waits, self.events)


def _elements(before: tuple[int, ...], after: tuple[int, ...]) -> dict[int, int]:
    """The elements that are others now."""
    pairs = enumerate(zip(before, after, strict=True))
    return {i: element for i, (old, element) in pairs if element != old}


class BadRecording(Exception):
    """A file that is no recording; the text says why."""


def write(path: Path, header: Header, recorded: Iterable[Recorded]) -> None:
    """Writes a recording; the same one gives the same bytes."""
    lines = [_header_document(header), *map(_document, recorded)]
    text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def read(path: Path) -> tuple[Header, tuple[Recorded, ...]]:
    """Reads a recording.  Raises BadRecording."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        first, *rest = map(json.loads, lines)
        if first["schema"] != SCHEMA:
            raise BadRecording(f"{path} is a {first['schema']}, not a {SCHEMA}")
        header = _header(first)
        home = Ground(header.bench).home
        return header, tuple(_recorded(line, home) for line in rest)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise BadRecording(f"{path} cannot be read: {error}") from error


def _header_document(header: Header) -> dict[str, Any]:
    oracle, bench = header.oracle, header.bench
    return {
        "schema": SCHEMA,
        "command": header.command,
        "spec": header.spec,
        "seed": header.seed,
        "oracle": [oracle.name, oracle.version, oracle.model],
        "fixed": dict(bench.fixed),
        "regions": [[r.memory, r.first, r.last] for r in bench.regions],
        "unseen": sorted(bench.unseen),
        "conditions": list(bench.conditions),
        "running": dict(bench.running),
        "home": _home_document(bench.home),
    }


def _home_document(home: Home | None) -> Any:
    if home is None:
        return None
    return [
        dict(home.state),
        {name: [[i, v] for i, v in sorted(own.items())] for name, own in home.cells.items()},
    ]


def _home(document: Any) -> Home | None:
    if document is None:
        return None
    state, cells = document
    return Home(state, {name: dict(own) for name, own in cells.items()})


def _header(document: Mapping[str, Any]) -> Header:
    return Header(
        document["command"],
        document["spec"],
        document["seed"],
        Identity(*document["oracle"]),
        Bench(
            {n: _value(v) for n, v in document["fixed"].items()},
            tuple(Region(*r) for r in document["regions"]),
            frozenset(document.get("unseen", ())),
            conditions=tuple(document.get("conditions", ())),
            home=_home(document.get("home")),
            running=document.get("running", {}),
        ),
    )


def _document(r: Recorded) -> list[Any]:
    chosen = [[name, i, v] for (name, i), v in sorted(r.world.chosen.items())]
    trap = None if r.trap is None else [r.trap.vector, r.trap.code]
    changed = {n: [[c, v] for c, v in sorted(cells.items())] for n, cells in r.changed.items()}
    events = [[e.device, e.operation, list(e.args)] for e in r.events]
    at_home = bool(r.world.home)
    return [*r.form, r.world.seed, chosen, dict(r.state), changed, trap, r.waits, events, at_home]


def _recorded(line: list[Any], home: Mapping[Place, int]) -> Recorded:
    name, text, seed, places, state, changed, trap, waits, events, *at_home = line
    chosen: dict[Place, int] = {(n, i): v for n, i, v in places}
    return Recorded(
        (name, text),
        World(seed, chosen, home if any(at_home) else {}),
        {n: _value(v) for n, v in state.items()},
        {n: dict(cells) for n, cells in changed.items()},
        None if trap is None else Trap(*trap),
        waits,
        tuple(Event(device, operation, tuple(args)) for device, operation, args in events),
    )


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else int(value)


def by_form(recorded: Iterable[Recorded]) -> Iterator[tuple[tuple[str, str], list[Recorded]]]:
    """The cases of each form, in the order of the file."""
    found: dict[tuple[str, str], list[Recorded]] = {}
    for r in recorded:
        found.setdefault(r.form, []).append(r)
    yield from found.items()
