"""`popek run --json`: the document `popek.run/1` (docs: the command line)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from popek.hypervisor.design import Design
from popek.hypervisor.running import Ran, Shown
from popek.hypervisor.running_compare import Change

SCHEMA = "popek.run/1"


def run_result(
    guest: str,
    designs: Sequence[Design],
    ran: Ran,
    trace: Sequence[Shown] | None,
    stats: Mapping[str, Any],
) -> dict[str, Any]:
    """The entry of `results`.  `design` is the one that the guest sees, the last of `designs`."""
    isa = designs[-1].isa
    named = [{"title": d.title, "path": d.path, "sha256": d.sha256} for d in designs]
    difference = None
    if ran.difference is not None:
        difference = {
            "why": ran.difference.why,
            "at": None if ran.last is None else _step(ran.last),
            "components": [
                {**_place(c), "bare": c.first, "virtualized": c.second}
                for c in ran.difference.changes
            ],
        }
    return {
        "guest": guest,
        "design": named[-1],
        "designs": named,
        "isa": {"title": isa.title, "path": isa.path, "sha256": isa.sha256},
        "steps": ran.steps,
        "agrees": ran.difference is None,
        "ended": ran.ended or None,
        "partial": ran.interrupted,
        "difference": difference,
        **({} if trace is None else {"trace": [_step(s) for s in trace]}),
        "stats": dict(stats),
    }


def _step(shown: Shown) -> dict[str, Any]:
    return {
        "step": shown.number,
        "pc": shown.pc,
        "level": shown.level,
        "instruction": shown.instruction,
        "notes": list(shown.notes),
        "changes": [{**_place(c), "before": c.first, "after": c.second} for c in shown.changes],
    }


def _place(change: Change) -> dict[str, Any]:
    return {"component": change.component, "index": change.index}
