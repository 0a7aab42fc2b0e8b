"""`popek validate --json`: the document `popek.validate/1` (docs: the command line)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from popek.isa import ir
from popek.report.document import where
from popek.validation.comparison import Difference
from popek.validation.disagreements import Blame, Classified
from popek.validation.result import Subjected, Validation, memory_document

SCHEMA = "popek.validate/1"


def validate_result(
    isa: ir.Isa, result: Validation, classified: Sequence[Classified]
) -> dict[str, Any]:
    """One entry of `results`."""
    forms = {form.key: form for form in isa.forms}
    return {
        "spec": {"title": isa.title, "path": isa.path, "sha256": isa.sha256},
        "oracles": [
            {"name": o.name, "version": o.version, "model": o.model} for o in result.oracles
        ],
        "seed": result.seed,
        "home": memory_document(result.bench.cells) if result.bench else None,
        "partial": result.partial,
        "lost": result.lost or None,
        "forms": [_entry(s) for s in result.forms],
        "processor": [{"of": s.scope, **_entry(s)} for s in result.processor],
        "disagreements": [_disagreement(forms[c.subject.key], c) for c in classified],
        "summary": {
            "forms": len(result.forms),
            "paths_feasible": result.total("feasible"),
            "paths_exercised": result.total("exercised"),
            "paths_silent": result.silent,
            "paths_infeasible": result.total("infeasible"),
            "paths_beyond": result.total("beyond"),
            "paths_unknown": result.total("unknown"),
            "ways": result.total("ways"),
            "cases": result.total("cases"),
            "agree": result.total("agree"),
            "disagree": result.total("disagree"),
            "died": result.total("died"),
            "not_exercised": dict(sorted(result.left.items())),
            "by_class": by_class(classified),
        },
        "stats": {"seconds": round(result.stats.seconds, 3), "reused": result.stats.reused},
    }


def by_class(classified: Sequence[Classified]) -> dict[str, int]:
    """How many disagreements each class has."""
    counts = Counter(c.blame for c in classified)
    return {blame.value: counts[blame] for blame in Blame}


def _entry(s: Subjected) -> dict[str, Any]:
    return {
        "mnemonic": s.mnemonic,
        "form": s.text,
        "name": s.name,
        "paths": {
            "feasible": s.feasible,
            "exercised": s.exercised,
            "infeasible": s.infeasible,
            "beyond": s.beyond,
            "unknown": s.unknown,
            "cut": s.cut,
            "not_exercised": dict(s.left),
        },
        "ways": s.ways,
        "cases": s.cases,
        "agree": s.agree,
        "disagree": s.disagree,
        "died": s.died,
    }


def _disagreement(form: ir.Form, c: Classified) -> dict[str, Any]:
    return {
        "mnemonic": c.subject.mnemonic,
        "form": c.subject.text,
        "name": c.subject.name,
        "where": where(form.span),
        "oracle": c.found.oracle,
        "class": c.blame.value,
        "reason": c.row.reason if c.row else None,
        "manual": c.row.manual if c.row else None,
        "ending": c.found.ending or None,
        "votes": dict(c.found.votes),
        "differs": [_difference(d) for d in c.found.differs],
        "case": {"bytes": c.found.code, **c.found.case},
    }


def _difference(d: Difference) -> dict[str, Any]:
    return {"of": d.of, "at": d.at, "spec": f"{d.spec:#x}", "oracle": f"{d.oracle:#x}"}
