"""Which queries a verdict rests on, and who decided them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


def evidence(verdict: FormVerdict) -> Iterator[Evidence]:
    """The queries of all three readings, `direct` first."""
    title = f"{verdict.form.name} [{verdict.form.text}] "
    for finding in verdict.direct:
        yield _entry("direct", finding, title)
    for reading, sensitivity in (("general", verdict.general), ("pg74", verdict.pg74)):
        for findings in sensitivity.findings.values():
            for finding in findings:
                yield _entry(reading, finding, title)


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
