"""Places: what can be assigned.  Reading one gives its value at that moment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from popek.isa import bits, ir
from popek.isa.errors import fail
from popek.isa.layouts import Layout
from popek.isa.values import Typed
from popek.source import Span

if TYPE_CHECKING:
    from popek.isa.clause import Clause


@dataclass(slots=True)
class Place(ABC):
    """Something with a width that is read and written."""

    width: int
    layout: Layout | None
    span: Span

    @abstractmethod
    def read(self, clause: Clause) -> Typed:
        """The value now; may emit statements."""

    @abstractmethod
    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        """Emit the assignment; `value` has the place's width."""

    def latch(self, clause: Clause) -> Place:
        """The same place with its address as it is now."""
        return self

    def typed(self, expr: ir.Expr) -> Typed:
        """A value with this place's layout."""
        return Typed(expr, self.layout)


@dataclass(slots=True)
class Component(Place):
    """A scalar component."""

    component: str

    def read(self, clause: Clause) -> Typed:
        return self.typed(ir.Read(self.component, self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        clause.write_component(self.component, value, span)


@dataclass(slots=True)
class Constant(Place):
    """What reads as a constant and ignores writes: fixed bits."""

    value: int

    def read(self, clause: Clause) -> Typed:
        return self.typed(bits.const(self.value, self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        return None


@dataclass(slots=True)
class ReadOnly(Place):
    """A parameter: readable only."""

    component: str

    def read(self, clause: Clause) -> Typed:
        return self.typed(ir.Read(self.component, self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        raise fail("E0507", f"the parameter `{self.component}` cannot be assigned", span)


@dataclass(slots=True)
class BankElement(Place):
    """An element of a bank; `hardwired` elements read a constant and ignore writes."""

    component: str
    index: ir.Expr
    hardwired: dict[int, int] = field(default_factory=dict)

    def read(self, clause: Clause) -> Typed:
        return self.typed(
            bits.chain(
                [
                    (self._is(number), bits.const(value, self.width))
                    for number, value in self.hardwired.items()
                ],
                ir.ReadElement(self.component, self.index, self.width),
            )
        )

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        def action() -> None:
            clause.emit(ir.WriteElement(self.component, self.index, value, span))

        free = bits.and_(*(bits.not_(self._is(number)) for number in self.hardwired))
        clause.guarded(free, action, span)

    def _is(self, number: int) -> ir.Expr:
        return bits.eq(self.index, bits.const(number, self.index.width))

    def latch(self, clause: Clause) -> Place:
        if clause.is_stable(self.index):
            return self
        index = clause.bind("index", self.index, self.span)
        return BankElement(
            self.width, self.layout, self.span, self.component, index, self.hardwired
        )


@dataclass(slots=True)
class LocalVariable(Place):
    """A local bound by `let`."""

    name: str

    def read(self, clause: Clause) -> Typed:
        return self.typed(ir.Local(self.name, self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        clause.emit(ir.Set(self.name, value, span))


@dataclass(slots=True)
class Slice(Place):
    """Bits `high..low` of another place."""

    base: Place
    high: int
    low: int

    def read(self, clause: Clause) -> Typed:
        return self.typed(bits.extract(self.base.read(clause).expr, self.high, self.low))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        base = self.base.latch(clause)
        whole = bits.splice(base.read(clause).expr, self.high, self.low, value)
        base.write(clause, whole, span)

    def latch(self, clause: Clause) -> Place:
        base = self.base.latch(clause)
        return Slice(self.width, self.layout, self.span, base, self.high, self.low)


@dataclass(slots=True)
class DynamicBit(Place):
    """One bit of another place, at a position that is computed."""

    base: Place
    position: ir.Expr

    def read(self, clause: Clause) -> Typed:
        whole = self.base.read(clause).expr
        return self.typed(bits.extract(bits.shift(ir.Op.LSHR, whole, self.position), 0, 0))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        base = self.base.latch(clause)
        whole = base.read(clause).expr
        one = bits.shift(ir.Op.SHL, bits.const(1, whole.width), self.position)
        bit = bits.shift(ir.Op.SHL, bits.zext(value, whole.width), self.position)
        cleared = bits.binary(ir.Op.AND, whole, bits.not_(one))
        base.write(clause, bits.binary(ir.Op.OR, cleared, bit), span)

    def latch(self, clause: Clause) -> Place:
        base = self.base.latch(clause)
        position = self.position
        if not clause.is_stable(position):
            position = clause.bind("bit", position, self.span)
        return DynamicBit(self.width, self.layout, self.span, base, position)


@dataclass(slots=True)
class Joined(Place):
    """Places side by side, the first most significant: `@`, registers with fields, field sets.

    `names` are the fields that the parts are, if they are fields: a value whose layout has all of
    them is assigned field by field.
    """

    parts: tuple[Place, ...]
    names: tuple[str, ...] = ()

    def read(self, clause: Clause) -> Typed:
        return self.typed(bits.concat([part.read(clause).expr for part in self.parts]))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        written = [part for part in self.parts if not isinstance(part, Constant)]
        if len(written) > 1 and not clause.is_stable(value):
            value = clause.bind("value", value, span)
        top = self.width
        for part in self.parts:
            part.write(clause, bits.extract(value, top - 1, top - part.width), span)
            top -= part.width

    def latch(self, clause: Clause) -> Place:
        parts = tuple(part.latch(clause) for part in self.parts)
        return Joined(self.width, self.layout, self.span, parts, self.names)


@dataclass(slots=True)
class Choice(Place):
    """`if condition then place else place`."""

    condition: ir.Expr
    then: Place
    otherwise: Place

    def read(self, clause: Clause) -> Typed:
        with clause.capture() as yes:
            then = self.then.read(clause).expr
        with clause.capture() as no:
            otherwise = self.otherwise.read(clause).expr
        if not yes and not no:
            return self.typed(bits.ite(self.condition, then, otherwise))
        local = ir.Local(clause.fresh("value"), self.width)
        yes.append(ir.Set(local.name, then, self.span))
        no.append(ir.Set(local.name, otherwise, self.span))
        clause.emit(ir.If(self.condition, tuple(yes), tuple(no), self.span))
        return self.typed(local)

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        with clause.capture() as yes:
            self.then.write(clause, value, span)
        with clause.capture() as no:
            self.otherwise.write(clause, value, span)
        if yes or no:
            clause.emit(ir.If(self.condition, tuple(yes), tuple(no), span))

    def latch(self, clause: Clause) -> Place:
        condition = self.condition
        if not clause.is_stable(condition):
            condition = clause.bind("which", condition, self.span)
        with clause.capture() as yes:
            then = self.then.latch(clause)
        with clause.capture() as no:
            otherwise = self.otherwise.latch(clause)
        for stmt in (*yes, *no):  # addresses are pure: computing both is harmless
            clause.emit(stmt)
        return Choice(self.width, self.layout, self.span, condition, then, otherwise)


@dataclass(slots=True)
class MemoryCell(Place):
    """Units of a memory or of an address space."""

    space: str
    args: tuple[ir.Expr, ...]
    units: int

    def read(self, clause: Clause) -> Typed:
        local = ir.Local(clause.fresh("loaded"), self.width)
        clause.emit(ir.Load(local.name, self.space, self.args, self.units, self.width, self.span))
        return self.typed(local)

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        clause.emit(ir.Store(self.space, self.args, self.units, value, span))

    def latch(self, clause: Clause) -> Place:
        args = tuple(
            arg if clause.is_stable(arg) else clause.bind("address", arg, self.span)
            for arg in self.args
        )
        return MemoryCell(self.width, self.layout, self.span, self.space, args, self.units)


@dataclass(slots=True)
class DeviceCell(Place):
    """A device's port."""

    device: str
    args: tuple[ir.Expr, ...]

    def read(self, clause: Clause) -> Typed:
        local = ir.Local(clause.fresh("input"), self.width)
        clause.emit(
            ir.DeviceInput(local.name, self.device, "read", self.args, self.width, self.span)
        )
        return self.typed(local)

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        clause.emit(ir.DeviceOutput(self.device, "write", (*self.args, value), span))

    def latch(self, clause: Clause) -> Place:
        args = tuple(
            arg if clause.is_stable(arg) else clause.bind("port", arg, self.span)
            for arg in self.args
        )
        return DeviceCell(self.width, self.layout, self.span, self.device, args)


@dataclass(slots=True)
class ClockReading(Place):
    """A clock: every reading is an input of its own."""

    name: str

    def read(self, clause: Clause) -> Typed:
        return self.typed(ir.Input(ir.InputKind.CLOCK, clause.site(self.name), self.width))

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        raise fail(
            "E0507",
            f"the clock `{self.name}` cannot be assigned",
            span,
            hint="a settable offset is a `resource` that the clause adds to the clock",
        )


def joined(parts: Sequence[Place], layout: Layout | None, span: Span) -> Joined:
    """Parts side by side, the first most significant."""
    return Joined(sum(part.width for part in parts), layout, span, tuple(parts))
