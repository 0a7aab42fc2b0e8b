"""`popek check --json`: the document `popek.check/1` (docs: the command line and its JSON)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from popek.isa import ir
from popek.report.choices import shown_value
from popek.report.document import error_entry, where
from popek.report.expectations import expectation
from popek.report.view import Row, View
from popek.report.witness import Side, table
from popek.theory.theorems import Theorem
from popek.theory.verdict import Proved, Sensitivity, Unless, Witness

SCHEMA = "popek.check/1"


def check_result(view: View, stats: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One entry of `results`."""
    check = view.check
    isa = check.isa
    return {
        "spec": {"title": isa.title, "path": isa.path, "sha256": isa.sha256},
        "reading": view.reading,
        "only": sorted({f.mnemonic for f in isa.forms}) if check.options.partial else None,
        "partial": check.interrupted,
        "host": {name: shown_value(value) for name, value in check.choice.host.items()},
        "choice": {
            "tied": check.choice.tied,
            "fixed": list(check.choice.fixed),
            "admissible": check.choice.admissible,
        },
        "levels": [level.name for level in isa.mode.levels],
        "top": check.options.top,
        "assumptions": [{"id": a.id, "text": a.text} for a in check.assumptions],
        "invariants": [
            {
                "text": kept.invariant.text,
                "where": where(kept.invariant.span),
                "inductive": kept.inductive,
            }
            for kept in check.invariants
        ],
        "promises": [
            *({"text": p.text, "possible": None} for p in isa.hosts),
            *({"text": text, "possible": kept} for text, kept in check.promises.items()),
        ],
        "deliveries": {
            name: "proved" if isinstance(finding, Proved) else "not proved"
            for name, finding in check.deliveries.items()
        },
        "warnings": [error_entry(w) for w in isa.warnings],
        "summary": view.summary,
        "theorems": {
            **{name: theorem_entry(t) for name, t in view.theorems.items()},
            **(
                {"hybrid_without_contract": theorem_entry(check.hybrid_without_contract)}
                if view.contract_matters
                else {}
            ),
        },
        "mnemonics": {name: kind.value for name, kind in view.mnemonics.items()},
        "instructions": [instruction(view, row) for row in view.rows],
        "stats": dict(stats or {}),
    }


def instruction(view: View, row: Row) -> dict[str, Any]:
    """One form."""
    verdict = row.verdict
    form = verdict.form
    declared = expectation(verdict)
    return {
        "mnemonic": form.mnemonic,
        "name": form.name,
        "form": form.text,
        "title": form.title,
        "class": row.kind.value,
        "label": None if verdict.label is None else verdict.label.value,
        "declared": list(declared.declared),
        "met": declared.met,
        "where": where(form.span),
        "readings": {
            "pg74": _sensitivity(verdict.pg74, with_resource=False),
            "general": _sensitivity(verdict.general, with_resource=True),
            "direct": {
                "class": verdict.kind.value,
                "user": verdict.user,
                "plain": verdict.plain,
            },
        },
        "reason": row.reason,
        "witness": None if row.witness is None else witness_entry(view, form, row.witness),
        "conditional": [_unless(u) for u in verdict.unless],
        "assumptions": list(verdict.assumptions),
    }


def _sensitivity(found: Sensitivity, *, with_resource: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "class": found.kind.value,
        "privileged": found.privileged,
        "control": found.control,
        "mode": found.mode,
        "location": found.location,
    }
    if with_resource:
        entry["resource"] = found.resource
    return {**entry, "user": found.user}


def witness_entry(view: View, form: ir.Form, witness: Witness) -> dict[str, Any]:
    """The two states.  Values are decimal numbers, as strings."""
    shown = table(view.check.isa, witness)
    code = view.code.of(form, witness)
    return {
        "query": witness.query,
        "bytes": None if code is None else code[0],
        "assembly": None if code is None else code[1],
        "fields": {name: str(value) for name, value in sorted(witness.fields.items())},
        **{side.name: _side(side) for side in shown.sides},
        "differs": list(shown.differs),
        "blame": None if witness.blame is None else where(witness.blame),
        "reevaluated": True,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "before": {key: str(value) for key, value in side.before.items()},
        "after": {key: str(value) for key, value in side.after.items()},
        "outcome": side.outcome,
    }


def _unless(unless: Unless) -> dict[str, Any]:
    return {
        "host": dict(unless.host),
        "class": unless.kind.value,
        "price": {
            "forms": len(unless.stopped),
            "names": list(dict.fromkeys(name for name, _ in unless.stopped)),
        },
    }


def theorem_entry(theorem: Theorem) -> dict[str, Any]:
    """A theorem, and at which mnemonics its premise fails."""
    return {
        "verdict": theorem.verdict.value,
        "because": list(theorem.because),
        "says": theorem.says,
    }
