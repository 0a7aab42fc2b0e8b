"""What a validation comes to, subject by subject; plain values that can be kept in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from popek.oracles.oracle import Bench, Case, Identity, Memory, Outcome, Value
from popek.validation.cases import LARGE
from popek.validation.comparison import Difference
from popek.validation.prediction import is_silence
from popek.validation.stepping import CLAUSE


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A case in which an oracle shows another state than the spec.

    `oracle` is its name, `ending` the trap that the spec takes, "" if none, `access`, `argument`,
    `wraps` and `then` are as in `prediction.Predicted`.  `after` is as in `after_of`.  `votes`: of
    the other oracles that showed the case, whether they agree with the spec.  `case` leaves out the
    cells that are as at home.
    """

    oracle: str
    ending: str
    access: bool
    argument: int
    wraps: bool
    then: tuple[str, ...]
    code: str
    case: Mapping[str, Any]
    differs: tuple[Difference, ...]
    after: Mapping[str, Any]
    votes: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Subjected:
    """The result of one subject: a clause, or what a form leads to (`scope`).

    Counts of paths are as in `cases.Population`; `exercised` are those of which an oracle showed a
    state, `left` says why the others were not, with how many.  `cases` were run, each on every
    oracle; `agree` and `disagree` count by oracle.
    """

    name: str
    mnemonic: str
    text: str
    scope: str
    feasible: int
    exercised: int
    infeasible: int
    beyond: int
    unknown: int
    cut: bool
    ways: int
    cases: int
    agree: int
    disagree: int
    left: Mapping[str, int]
    died: int
    disagreements: tuple[Disagreement, ...]
    scopes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """That of the form."""
        return self.name, self.text

    @property
    def is_clause(self) -> bool:
        return self.scope == CLAUSE


@dataclass(frozen=True, slots=True)
class Stats:
    """What it cost; all that may differ between two runs."""

    seconds: float = 0.0
    reused: int = 0


@dataclass
class Validation:
    """The results so far.  `partial`: it was interrupted; `lost`: an oracle ended for good."""

    oracles: tuple[Identity, ...]
    seed: int
    #: What the cases are drawn from.
    bench: Bench | None = None
    subjects: list[Subjected] = field(default_factory=list)
    partial: bool = False
    lost: str = ""
    stats: Stats = field(default_factory=Stats)

    def total(self, count: str) -> int:
        """The sum of a count over all subjects."""
        return sum(getattr(s, count) for s in self.subjects)

    @property
    def left(self) -> Counter[str]:
        """Why paths were not exercised, with how many."""
        found: Counter[str] = Counter()
        for s in self.subjects:
            found.update(s.left)
        return found

    @property
    def silent(self) -> int:
        """Of how many paths nothing was to be shown: the spec says nothing of where they end."""
        return sum(n for why, n in self.left.items() if is_silence(why))

    @property
    def forms(self) -> list[Subjected]:
        """The results of clauses."""
        return [s for s in self.subjects if s.is_clause]

    @property
    def processor(self) -> list[Subjected]:
        """The results of deliveries and translations."""
        return [s for s in self.subjects if not s.is_clause]


def case_document(case: Case, home: Memory) -> dict[str, Any]:
    """A case as JSON: numbers in hexadecimal; banks as lists, large ones as what is not 0 by index;
    cells by address, without those that are as at home.
    """
    own = {
        n: {cell: v for cell, v in cells.items() if home.get(n, {}).get(cell) != v}
        for n, cells in case.memory.items()
    }
    return {
        "state": {n: _value_document(v) for n, v in case.state.items()},
        "memory": memory_document(own),
    }


def memory_document(memory: Memory) -> dict[str, Any]:
    """Cells as JSON: by address, in hexadecimal."""
    return {
        n: {f"{cell:#x}": f"{v:#x}" for cell, v in sorted(cells.items())}
        for n, cells in memory.items()
    }


def _value_document(value: Value) -> Any:
    match value:
        case int():
            return f"{value:#x}"
        case tuple() if len(value) > LARGE:
            return {f"{i:#x}": f"{e:#x}" for i, e in enumerate(value) if e}
        case tuple():
            return [f"{e:#x}" for e in value]


def state_of(document: Mapping[str, Any]) -> dict[str, Value]:
    """The state of a case that was made JSON, but for large banks."""
    return {
        name: int(value, 16) if isinstance(value, str) else tuple(int(e, 16) for e in value)
        for name, value in document["state"].items()
        if not isinstance(value, dict)
    }


def after_of(case: Case, seen: Outcome) -> dict[str, Value]:
    """The components that the oracle changed, but for large banks: what differs says enough."""
    return {
        name: value
        for name, value in seen.state.items()
        if value != case.state[name] and (isinstance(value, int) or len(value) <= LARGE)
    }
