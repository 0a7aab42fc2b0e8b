"""`popek diff --json`: the document `popek.diff/1` (docs: the command line and its JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from popek.report.changes import Change, Comparison
from popek.report.check_json import theorem_entry
from popek.report.document import where
from popek.report.tool import tool
from popek.report.view import View

SCHEMA = "popek.diff/1"


def diff_document(compared: Comparison, stats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document."""
    return {
        "schema": SCHEMA,
        "tool": tool(),
        "reading": compared.first.reading,
        "specs": [_spec(view, its) for view, its in zip(compared.views, stats, strict=True)],
        "partial": compared.interrupted,
        "host": {name: list(values) for name, values in compared.choices.items()},
        "changes": [_entry(change) for change in compared.changes],
    }


def _spec(view: View, stats: Mapping[str, Any]) -> dict[str, Any]:
    isa = view.check.isa
    return {
        "title": isa.title,
        "path": isa.path,
        "sha256": isa.sha256,
        "summary": view.summary,
        "theorems": {name: theorem_entry(t) for name, t in view.theorems.items()},
        "stats": dict(stats),
    }


def _entry(change: Change) -> dict[str, Any]:
    return {
        "mnemonic": change.form.mnemonic,
        "name": change.form.name,
        "form": change.form.text,
        "before": None if change.before is None else change.before.value,
        "after": None if change.after is None else change.after.value,
        "because": [where(span) for span in change.because],
        "host": list(change.host),
    }
