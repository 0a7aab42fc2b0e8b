"""Results that are kept, so that only what has changed is validated again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from popek.isa import ir
from popek.oracles.oracle import Bench, Identity
from popek.validation import cases, paths, search, sites
from popek.validation.comparison import Difference
from popek.validation.result import Disagreement, Subjected

#: Of the search and of the files; another number makes all kept results stale.
VERSION = 5


@dataclass(frozen=True)
class Store:
    """A folder with a file for each result.  `common` stands for all that results depend on beside
    the subject: the spec without its forms, the oracles, the seed.
    """

    folder: Path
    common: str

    def get(self, form: ir.Form, scope: str) -> Subjected | None:
        """The result, if it was kept under the same circumstances."""
        try:
            return _read(json.loads(self._path(form, scope).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, form: ir.Form, result: Subjected) -> None:
        """Keeps a result; all of it or nothing."""
        path = self._path(form, result.scope)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(result)), encoding="utf-8")
        temporary.replace(path)

    def _path(self, form: ir.Form, scope: str) -> Path:
        return self.folder / f"{_digest(self.common, repr(form), scope)}.json"


def common_of(
    isa: ir.Isa,
    benches: Sequence[Bench],
    oracles: Sequence[Identity],
    seed: int,
) -> str:
    """A digest of what all results of a run depend on; places in the text do not count."""
    constants = (
        VERSION,
        cases.STARTS,
        cases.RANDOM,
        cases.VARIANTS,
        paths.TRIES,
        paths.DETOURS,
        paths.MANY,
        search.REPAIRS,
        sites.COPIES,
    )
    spec = (
        isa.title,
        isa.components,
        isa.mode,
        isa.memories,
        isa.translations,
        isa.traps,
        isa.invariants,
        isa.functions,
        isa.prefixes,
    )
    # A set has another order in another process.
    set_up = [(b.fixed, b.regions, sorted(b.unseen), b.conditions, b.home) for b in benches]
    parts = (constants, spec, set_up, list(oracles), seed)
    return _digest(*map(repr, parts))


def _digest(*texts: str) -> str:
    found = sha256()
    for text in texts:
        found.update(text.encode())
        found.update(b"\0")
    return found.hexdigest()


def _read(document: dict[str, Any]) -> Subjected:
    found = [
        Disagreement(
            **{
                **d,
                "differs": tuple(Difference(**x) for x in d["differs"]),
                "then": tuple(d["then"]),
            }
        )
        for d in document["disagreements"]
    ]
    return Subjected(
        **{**document, "disagreements": tuple(found), "scopes": tuple(document["scopes"])}
    )
