"""`popek explain --json`: the document `popek.explain/1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from popek.report.check_json import instruction, witness_entry
from popek.report.choices import shown_value
from popek.report.document import where
from popek.report.evidence import evidence
from popek.report.excerpt import clause_lines
from popek.report.explain_text import named_rows
from popek.report.tool import tool
from popek.report.view import Row, View
from popek.theory.verdict import Finding, Refuted

SCHEMA = "popek.explain/1"


def explain_document(
    view: View, name: str, stats: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document: every form of an instruction."""
    isa = view.check.isa
    return {
        "schema": SCHEMA,
        "tool": tool(),
        "spec": {"title": isa.title, "path": isa.path, "sha256": isa.sha256},
        "reading": view.reading,
        "instruction": name,
        "host": {n: shown_value(value) for n, value in view.check.choice.host.items()},
        "forms": [_form(view, row) for row in named_rows(view, name)],
        "stats": dict(stats or {}),
    }


def _form(view: View, row: Row) -> dict[str, Any]:
    verdict = row.verdict
    form = verdict.form
    blame = row.witness.blame if row.witness is not None else None
    return {
        **instruction(view, row),
        "source": [
            {"file": line.file, "line": line.number, "text": line.text, "blamed": line.blamed}
            for line in clause_lines(form, blame)
        ],
        "sees": [{"manual": see.manual, "text": see.text} for see in form.sees],
        "expect": None if form.expect is None else where(form.expect.span),
        "witnesses": {
            "direct": _witnesses(view, row, verdict.direct),
            "general": {
                name: _witnesses(view, row, found)
                for name, found in verdict.general.findings.items()
            },
            "pg74": {
                name: _witnesses(view, row, found) for name, found in verdict.pg74.findings.items()
            },
        },
        "evidence": [
            {"reading": e.reading, "query": e.query, "answer": e.answer, "by": e.by}
            for e in evidence(verdict)
        ],
    }


def _witnesses(view: View, row: Row, findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    return [
        witness_entry(view, row.verdict.form, finding.witness)
        for finding in findings
        if isinstance(finding, Refuted)
    ]
