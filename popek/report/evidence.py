"""Which queries a verdict rests on, and who decided them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from popek.report.sensitivity import KINDS
from popek.theory.verdict import Finding, FormVerdict, Proved, Refuted, Undecided


@dataclass(frozen=True, slots=True)
class Evidence:
    """A query, which looks for a state or a pair, and whether there is one.

    `answer` is yes, no or undecided; `by` is who decided, or why nobody did.
    """

    reading: str
    query: str
    answer: str
    by: str


def evidence(verdict: FormVerdict) -> tuple[Evidence, ...]:
    """The queries of all three readings, `direct` first, each once."""
    title = f"{verdict.form.name} [{verdict.form.text}] "
    found = [_entry("direct", finding, title) for finding in verdict.direct]
    for reading, sensitivity in (("general", verdict.general), ("pg74", verdict.pg74)):
        for findings in sensitivity.findings.values():
            found += [_entry(reading, finding, title) for finding in findings]
    return tuple(dict.fromkeys(found))


def by_level(entries: Iterable[Evidence]) -> list[tuple[Evidence, list[str]]]:
    """Queries that differ in their levels alone, together; their `query` is without the level."""
    groups: dict[Evidence, list[str]] = {}
    for entry in entries:
        what, _, where = entry.query.partition(" at ")
        if entry.reading == "direct":
            where = where.partition(" ")[0]  # what follows is the host's choice
        levels = groups.setdefault(replace(entry, query=what), [])
        if where:
            levels.append(where)
    return list(groups.items())


def _entry(reading: str, finding: Finding, title: str) -> Evidence:
    match finding:
        case Proved(query=query, by=by):
            return Evidence(reading, _sought(query, title), "no", by.value)
        case Refuted(witness=witness):
            return Evidence(reading, _sought(witness.query, title), "yes", "re-evaluated")
        case Undecided(query=query, cause=cause):
            return Evidence(reading, _sought(query, title), "undecided", cause)


def _sought(query: str, title: str) -> str:
    """What the query looks for."""
    first, blank, rest = query.removeprefix(title).partition(" ")
    words = {"DX": "DX fails", **{kind: f"{kind} sensitive" for kind in KINDS}}
    return words.get(first, first) + blank + rest
