"""What a name at the top level of a spec can mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from popek.isa import ir
from popek.isa.layouts import Layout
from popek.isa.values import Plain
from popek.source import Span
from popek.syntax import tree


@dataclass(slots=True)
class Part:
    """A component of a register: the register itself, or one of its fields."""

    component: str
    width: int
    layout: Layout | None
    hardwired: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Register:
    """A register, register file or bank with fields.

    `whole` is the part of an undivided one; otherwise `parts` has a part per field.  `layout` says
    where the fields of a divided register stand in its value.
    """

    name: str
    role: ir.Role
    size: int | None
    whole: Part | None
    parts: dict[str, Part]
    layout: Layout | None
    span: Span
    banked: tree.Banked | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """A name for one element of a register file: `EAX`, or a banked copy such as `SSP`."""

    register: str
    index: int
    span: Span


@dataclass(frozen=True, slots=True)
class Known:
    """A value fixed by its declaration: a level, a member of an enumeration, a prefix field."""

    value: Plain
    span: Span


@dataclass(frozen=True, slots=True)
class Clock:
    name: str
    width: int
    span: Span


@dataclass(frozen=True, slots=True)
class Space:
    """A memory or translation as a place: `units` are as wide as the memory's."""

    name: str
    params: tuple[tuple[str, int], ...]
    unit: int
    span: Span


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    sized: bool
    index_width: int
    unit: int | None
    operations: Mapping[str, tree.Operation]
    span: Span


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """One row of a family with its columns read: name -> (value, width)."""

    family: tree.Family
    row: tree.FamilyRow
    columns: Mapping[str, tuple[int, int]]


Definition = (
    Register
    | Element
    | Known
    | Clock
    | Space
    | Device
    | tree.Constant
    | tree.Parameter
    | tree.Alias
    | tree.Bank
    | tree.Function
    | tree.AbstractFunction
    | tree.Mode
    | tree.Family
    | tree.Context
)
