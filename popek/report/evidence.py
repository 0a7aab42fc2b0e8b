"""Which queries a verdict rests on, and who decided them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from popek.theory.verdict import Finding, FormVerdict, Proved, Refuted, Undecided


@dataclass(frozen=True, slots=True)
class Evidence:
    """A query.  `answer`: no counterexample, a counterexample, or undecided; `by`: who, or why."""

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
            return Evidence(reading, query.removeprefix(title), "no counterexample", by.value)
        case Refuted(witness=witness):
            query = witness.query.removeprefix(title)
            return Evidence(reading, query, "counterexample", "re-evaluated")
        case Undecided(query=query, cause=cause):
            return Evidence(reading, query.removeprefix(title), "undecided", cause)
