"""What the proofs about a design may rest on: each assumption, and the design without it.

definitions.md, section 6.4: each is dropped in turn, and one that the proofs hold without is not
listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from popek.hypervisor.design import Design, Direct, Disposition, Kept, Row, Rule
from popek.isa import ir
from popek.isa.assumptions import REGISTRY
from popek.theory.assumptions import Assumed, unmodelled
from popek.theory.classify import shows_clock
from popek.theory.invariants import Kept as Invariant

#: The ids that are dropped by proving again; the others say what the model leaves out.
DROPPED = ("same-storage", "same-processor", "timing-exempt")

#: With these the code that runs is another text than that which the proofs have in memory.
OTHER_CODE = frozenset({Disposition.TRANSLATE, Disposition.REPLACED})


def candidates(design: Design, kept: Sequence[Invariant]) -> Iterator[tuple[Assumed, Design]]:
    """Each assumption of the design's, its spec's or popek's own, and the design without it.

    `kept`: the spec's invariants, and whether they are proved.
    """
    for contract in design.contracts:
        others = tuple(c for c in design.contracts if c is not contract)
        yield Assumed("contract", contract.text), replace(design, contracts=others)
    for rule in design.rules:
        if rule.disposition in {Disposition.ABSENT, Disposition.REPLACED}:
            left = tuple(r for r in design.rules if r is not rule)
            yield Assumed(rule.disposition, _promise(rule)), replace(design, rules=left)
    for invariant in kept:
        if invariant.inductive is not True:
            others = tuple(i for i in design.isa.invariants if i != invariant.invariant)
            text = invariant.invariant.text
            freer = replace(design, isa=replace(design.isa, invariants=others))
            yield Assumed("invariant", text), freer
    given = {a.id: a.text for a in (*design.isa.assumptions, *design.assumptions)}
    for i in DROPPED:
        weaker = _without(design, i)
        if weaker is not None:
            yield Assumed(i, given.get(i) or REGISTRY[i]), weaker


def standing(design: Design) -> tuple[Assumed, ...]:
    """What the spec and the design say that their model leaves out."""
    declared = {a.id: a.text for a in (*design.isa.assumptions, *design.assumptions)}
    found = [Assumed(i, text) for i, text in declared.items() if i not in DROPPED]
    if design.runs_directly:
        found.append(Assumed("host-vectors", REGISTRY["host-vectors"]))
    if design.same_storage:
        found.append(Assumed("same-storage", declared["same-storage"]))
    if any(rule.disposition in OTHER_CODE for rule in design.rules):
        found.append(Assumed("unseen-code", REGISTRY["unseen-code"]))
    return (*found, *unmodelled(design.isa))


def _promise(rule: Rule) -> str:
    """What guests promise not to do."""
    where = "" if rule.condition is None else f" where {rule.condition.text}"
    why = f": {rule.title}" if rule.title else ""
    instead = ", and calls the host" if rule.disposition is Disposition.REPLACED else ""
    return f"the guest does not execute {', '.join(rule.names)}{where}{instead}{why}"


def _without(design: Design, dropped: str) -> Design | None:
    """The design without an id; None where nothing of it has to do with that."""
    match dropped:
        case "same-storage":
            return _other_rows(design, {n: Direct() for n in _parameters(design) & _valued(design)})
        case "same-processor":
            own = _parameters(design) - _valued(design)
            changed = _other_rows(design, dict.fromkeys(own, Kept(None, None)))
            if changed is None and not design.isa.functions:
                return None
            return replace(changed or design, dropped=design.dropped | {dropped})
        case _:
            shows = any(shows_clock(form) for form in design.isa.forms)
            return replace(design, dropped=design.dropped | {dropped}) if shows else None


def _parameters(design: Design) -> frozenset[str]:
    components = design.isa.components.values()
    return frozenset(c.name for c in components if c.role is ir.Role.PARAMETER)


def _valued(design: Design) -> frozenset[str]:
    """What has another value for the guest, computed by its row."""
    rows = design.rows.items()
    return frozenset(n for n, row in rows if isinstance(row, Kept) and row.value is not None)


def _other_rows(design: Design, rows: dict[str, Row]) -> Design | None:
    return replace(design, rows={**design.rows, **rows}) if rows else None
