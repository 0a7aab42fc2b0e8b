"""What the JSON documents of all verbs have in common (docs: the command line and its JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from popek.diagnostics import Diagnostic
from popek.report.tool import tool
from popek.source import Span


def document(
    schema: str, results: Sequence[Mapping[str, Any]], errors: Sequence[Diagnostic] = ()
) -> dict[str, Any]:
    """The document of a verb with a result for each input.  `errors` are those of the inputs that
    have none.
    """
    return {
        "schema": schema,
        "tool": tool(),
        "results": list(results),
        "errors": [error_entry(e) for e in errors],
    }


def where(span: Span) -> dict[str, Any]:
    """A place in a spec."""
    return {"file": span.path, "line": span.line}


def error_entry(diagnostic: Diagnostic) -> dict[str, Any]:
    """An error or warning of an input."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.path,
        "line": None if diagnostic.span is None else diagnostic.span.line,
        "column": None if diagnostic.span is None else diagnostic.span.column,
        "hint": diagnostic.hint,
    }
