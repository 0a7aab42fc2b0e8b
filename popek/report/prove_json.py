"""`popek prove --json`: the document `popek.prove/1` (docs: the command line and its JSON)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from popek.hypervisor.design import Property
from popek.hypervisor.exhibit import End, Exhibit
from popek.hypervisor.proof import InterruptProof, Proof, verdict_of
from popek.isa import ir
from popek.report.document import where
from popek.report.prove_view import Entry, ProofView
from popek.report.prove_words import interrupt_exhibit, interrupt_reason
from popek.report.values import scalars
from popek.report.witness import COMPLETES
from popek.theory.verdict import Refuted, Witness

SCHEMA = "popek.prove/1"


def prove_result(proof: Proof, stats: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One entry of `results`."""
    view = ProofView(proof)
    design, isa = proof.design, proof.design.isa
    return {
        "design": {"title": design.title, "path": design.path, "sha256": design.sha256},
        "isa": {"title": isa.title, "path": isa.path, "sha256": isa.sha256},
        "only": sorted({f.mnemonic for f in isa.forms}) if proof.partial else None,
        "partial": proof.interrupted,
        "kind": None if proof.kind is None else proof.kind.value,
        "requires": [{"text": p.span.text, "where": where(p.span)} for p in design.requirements],
        "assumptions": [{"id": a.id, "text": a.text} for a in proof.assumptions],
        "properties": {p.value: _property(view, p) for p in Property},
        "expectations": [
            {
                "text": e.text,
                "property": e.property.value,
                "met": proof.met(e),
                "where": where(e.span),
            }
            for e in proof.expectations
        ],
        "cost": _cost(proof),
        "stats": dict(stats or {}),
    }


def _property(view: ProofView, property: Property) -> dict[str, Any]:
    found = view.proof.properties[property]
    return {
        "verdict": found.verdict.value,
        "claimed": property in view.proof.claims,
        "holds": view.proof.holds(property),
        "forms": [_form(view, entry) for entry in view.entries(property)],
        "between": [_between(view, one) for one in found.interrupts],
        "lost": list(found.lost),
    }


def _form(view: ProofView, entry: Entry) -> dict[str, Any]:
    form = entry.form
    return {
        "mnemonic": form.mnemonic,
        "name": form.name,
        "form": form.text,
        "class": entry.kind.value,
        "disposition": entry.disposition.value,
        "levels": {name: verdict.value for name, verdict in entry.levels.items()},
        "verdict": entry.verdict.value,
        "where": where(form.span),
        "reason": entry.reason,
        "witness": _witness(view, form, entry.witness, entry.exhibit),
    }


def _between(view: ProofView, one: InterruptProof) -> dict[str, Any]:
    witness = one.finding.witness if isinstance(one.finding, Refuted) else None
    return {
        "what": one.title,
        "interrupt": one.interrupt or None,
        "level": one.level.name,
        "verdict": verdict_of([one.finding]).value,
        "reason": interrupt_reason(one),
        "witness": _witness(view, None, witness, interrupt_exhibit(one)),
    }


def _witness(
    view: ProofView, form: ir.Form | None, witness: Witness | None, shown: Exhibit | None
) -> dict[str, Any] | None:
    """The states.  Values are decimal numbers, as strings."""
    if witness is None:
        return None
    code = None if form is None else view.code.of(form, witness)
    entry: dict[str, Any] = {
        "query": witness.query,
        "bytes": None if code is None else code[0],
        "assembly": None if code is None else code[1],
        "fields": {name: str(value) for name, value in sorted(witness.fields.items())},
        "differs": list(dict.fromkeys(s.component or s.fault.value for s in witness.sightings)),
        "reevaluated": True,
    }
    if shown is None:
        return entry
    isa = view.proof.design.isa
    bare = shown.bare or End({}, None)
    guest, on_bare, virtual = scalars(isa, shown.guest, bare.after, shown.virtual.after)
    host, left = scalars(isa, shown.host, shown.left)
    return entry | {
        "guest": _values(guest),
        "bare": None if shown.bare is None else _end(on_bare, bare.outcome),
        "virtual": _end(virtual, shown.virtual.outcome),
        "host": {
            "before": _values(host),
            "after": _values(left),
            "outcome": COMPLETES if shown.trap is None else shown.trap,
        },
        "blame": where(shown.spec),
        "design": where(shown.design),
    }


def _end(after: Mapping[str, int], outcome: str | None) -> dict[str, Any]:
    return {"after": _values(after), "outcome": outcome or COMPLETES}


def _values(state: Mapping[str, int]) -> dict[str, str]:
    return {key: str(value) for key, value in state.items()}


def _cost(proof: Proof) -> dict[str, Any] | None:
    model = proof.design.cost
    if model is None:
        return None
    return {
        "unit": "steps of the real machine",
        "model": dataclasses.asdict(model),
        "classes": [
            {
                "class": e.kind.value,
                "level": e.level.name,
                "forms": e.forms,
                "bare": e.bare,
                "least": e.least,
                "most": e.most,
                "ways": [way.value for way in e.ways],
            }
            for e in proof.expenses
        ],
    }
