"""The syntax tree of a `.hv` file: a design as it was written, and where.

Statements and expressions are those of `popek.syntax.tree`; nothing is resolved here either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from popek.source import Span
from popek.syntax import tree


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Header:
    """`hypervisor "title" for "spec"`."""

    title: str
    spec: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HeldParameter:
    """`parameter region : word`: a constant of the host's, the same while a guest runs."""

    name: str
    type: tree.TypeRef
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Requirement:
    """`require region + size <= q`: what the host's parameters satisfy."""

    condition: tree.Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Setting:
    """`M = user`: what the real machine holds while a guest runs."""

    place: tree.Expr
    value: tree.Expr
    title: str | None
    span: Span = _span()


HeldRow = HeldParameter | Requirement | Setting


@dataclass(frozen=True, slots=True)
class Held:
    rows: tuple[HeldRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class VcpuRow:
    """`original[64] : u8`: what the host keeps for a guest, beside the guest's state."""

    name: str
    size: tree.Expr | None
    type: tree.TypeRef
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Vcpu:
    rows: tuple[VcpuRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Direct:
    """The guest's value is the machine's own.

    `at`: where in the real memory a cell is, and `exists` which cells there are; both or none.
    """

    places: tuple[tree.Expr, ...]
    at: tree.Expr | None
    exists: tree.Expr | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Translations of the guest's for which the host has tables of its own."""

    places: tuple[tree.Expr, ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Loaded:
    """As `Direct`, of what is the host's to choose: it loads the guest's own value."""

    places: tuple[tree.Expr, ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Virtual:
    """The guest's value is kept in the virtual CPU, or is `value`; `real` is the machine's."""

    places: tuple[tree.Expr, ...]
    value: tree.Expr | None
    real: tree.Expr | None
    title: str | None
    span: Span = _span()


StateRow = Direct | Loaded | Shadowed | Virtual


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The map from real states to virtual ones, row by row."""

    rows: tuple[StateRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Rule:
    """`critical when vcpu.M == supervisor translate`: of the rules that fit, the first counts."""

    names: tuple[str, ...]
    condition: tree.Expr | None
    disposition: str
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Policy:
    rows: tuple[Rule, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class On:
    """`on svc(n)`: what the host does at these traps of the real machine."""

    traps: tuple[str, ...]
    params: tuple[tree.Param, ...]
    body: tuple[tree.Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CostRow:
    name: str
    value: tree.Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Cost:
    rows: tuple[CostRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assume:
    """An id of the registry, or a condition on the virtual machine's states."""

    condition: tree.Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Prove:
    properties: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectCounterexample:
    """`expect counterexample equivalence at LRA, JRST1`."""

    property: str
    names: tuple[str, ...]
    title: str | None
    span: Span = _span()


Item = (
    Header | Held | Vcpu | Arrangement | Policy | On | Cost | Assume | Prove | ExpectCounterexample
)


@dataclass(frozen=True, slots=True)
class File:
    """One parsed design, its items in order."""

    items: tuple[Item, ...]
    span: Span = _span()
