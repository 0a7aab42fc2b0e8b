"""Everything that a spec declares, by name, and what the names mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from popek.diagnostics import Collector, Note, PopekError
from popek.isa import bits, conditions, expressions, ir, state
from popek.isa.clause import Clause
from popek.isa.declarations import Declarations
from popek.isa.definitions import Definition
from popek.isa.errors import NeedContext, Poisoned, fail, unknown
from popek.isa.footprint import expression_reads
from popek.isa.layouts import FieldBits, Layout, check_overlap, row_position
from popek.isa.scope import Scope
from popek.isa.values import Static, Typed, Value, materialize
from popek.isa.widths import check_width
from popek.source import Span
from popek.syntax import tree

_UNSIGNED = re.compile(r"u([0-9]{1,9})\Z")
_T = TypeVar("_T")


class World:
    """The names of a spec.  `build` reads the state; everything else is read on demand."""

    def __init__(self, declarations: Declarations, collector: Collector):
        self.declarations = declarations
        self.collector = collector
        self.from_left = declarations.from_left
        self.unit = declarations.unit
        self.assigned_names = declarations.assigned_names
        self.values: dict[str, Definition] = {}
        self.components: dict[str, ir.Component] = {}
        self.memories: dict[str, ir.Memory] = {}
        self.devices: dict[str, ir.Device] = {}
        self.mode: ir.Mode | None = None
        self.pc: str = ""
        self.pc_width = 0
        self.prefix_fields: dict[str, int] = {}
        self.layouts: dict[str, Layout] = {}
        #: Names before a dot under which the state is another machine's, with its renaming.
        self.namespaces: dict[str, Callable[[str], str]] = {}
        self.host_clauses: list[tuple[str, int, tree.Expr]] = []
        self.used_functions: set[str] = set()
        self.matches: dict[
            tuple[int, bool], tuple[tree.Match, tree.Expr, tuple[tree.Stmt, ...]]
        ] = {}
        self.rows: dict[object, list[Value]] = {}
        self.effectful: dict[str, bool] = {}
        self._simplified: dict[ir.Expr, ir.Expr] = {}
        self._busy: dict[tuple[str, str], Span] = {}
        self._cache: dict[tuple[str, str], object] = {}

    def build(self) -> None:
        """Read the declarations of the state."""
        state.build(self)

    # ------------------------------------------------------------ names

    def lookup(self, name: str) -> Definition | None:
        """What a top-level name means as a value, or None."""
        return self.values.get(name)

    def declare(self, name: str, definition: Definition, span: Span) -> None:
        """Add a top-level name; an error at both places if it is taken."""
        other = self.values.get(name)
        if other is not None:
            self.collector.add(
                "E0203",
                f"`{name}` is declared twice",
                span,
                notes=[Note(other.span, "the first one")],
            )
            return
        self.values[name] = definition

    @property
    def names(self) -> Iterator[str]:
        """All top-level names that are values."""
        return iter(self.values)

    def once(self, kind: str, name: str, span: Span, compute: Callable[[], _T]) -> _T:
        """`compute` at most once per name; an error if it needs itself."""
        key = (kind, name)
        if key in self._cache:
            found = self._cache[key]
            if isinstance(found, Poisoned):
                raise found
            return found  # type: ignore[return-value]
        if key in self._busy:
            raise fail(
                "E0204",
                f"the {kind} `{name}` is defined in terms of itself",
                span,
                notes=[Note(self._busy[key], "needed here")],
            )
        self._busy[key] = span
        try:
            result = compute()
        except PopekError as error:
            self.collector.extend(error)
            self._cache[key] = poisoned = Poisoned()
            raise poisoned from None
        finally:
            del self._busy[key]
        self._cache[key] = result
        return result

    # ------------------------------------------------------------ numbers and types

    def number(self, expr: tree.Expr) -> int:
        """A number known when the spec is read; parameters count with their default."""
        clause = Clause(self)
        clause.parameters_static = True
        try:
            return expressions.number(clause, Scope(), expr)
        except NeedContext as need:
            raise fail(
                "E0312", f"this depends on the context `{need.context}`", need.span
            ) from None

    def constant(self, item: tree.Constant, span: Span) -> Static | Typed:
        """The value of a `constant` item."""

        def compute() -> Static | Typed:
            clause = Clause(self)
            clause.parameters_static = True
            value = expressions.value(clause, Scope(), item.value)
            if isinstance(value, Static):
                return value
            if isinstance(value, Typed) and isinstance(value.expr, ir.Const):
                return value
            raise fail("E0312", f"the constant `{item.name}` is not a number", item.value.span)

        return self.once("constant", item.name, span, compute)

    def width_of(self, ref: tree.TypeRef, clause: Clause | None = None) -> int:
        """The width of a type."""
        return self.type_of(ref, clause)[0]

    def type_of(
        self, ref: tree.TypeRef, clause: Clause | None = None, scope: Scope | None = None
    ) -> tuple[int, Layout | None]:
        """The width and the layout of a type."""
        unsigned = _UNSIGNED.match(ref.name)
        if unsigned and ref.size is None:
            return check_width(int(unsigned.group(1)), ref.span), None
        if ref.name == "bool" and ref.size is None:
            return 1, None
        if ref.name == "bits" and ref.size is not None:
            if clause is None:
                return check_width(self.number(ref.size), ref.span), None
            size = expressions.number(clause, scope or Scope(), ref.size)
            return check_width(size, ref.span), None
        if ref.name in self.declarations.types:
            item = self.declarations.types[ref.name]
            return self.once("type", ref.name, ref.span, lambda: self._declared_type(item))
        if ref.name in self.layouts:
            layout = self.layouts[ref.name]
            return layout.width, layout
        known = [*self.declarations.types, *self.layouts, "bool", "u8", "u16", "u32", "u64"]
        raise unknown("type", ref.name, ref.span, known)

    def _declared_type(self, item: tree.TypeDef | tree.EnumDef) -> tuple[int, Layout | None]:
        if isinstance(item, tree.EnumDef):
            if item.type is not None:
                return self.width_of(item.type), None
            largest = max(number for _, number in state.enumerate_members(item.members))
            return max(1, largest.bit_length()), None
        width, layout = self.type_of(item.type)
        if item.rows:
            layout = self.layout(item.name, width, item.rows, item.span)
        return width, layout

    def layout(self, name: str, width: int, rows: tuple[tree.Row, ...], span: Span) -> Layout:
        """A layout from its rows."""
        fields: dict[str, FieldBits] = {}
        fixed: list[tuple[int, int, int]] = []
        taken: list[tuple[int, int, Span]] = []
        for row in rows:
            if isinstance(row, tree.HardwiredRow):
                continue
            high, low = row_position(row, width, self.from_left)
            taken.append((high, low, row.span))
            if isinstance(row, tree.FixedRow):
                check_fits(row.value, high - low + 1, row.span)
                fixed.append((high, low, row.value))
                continue
            if row.name in fields:
                raise fail(
                    "E0203",
                    f"`{name}` has two fields `{row.name}`",
                    row.span,
                    notes=[Note(fields[row.name].span, "the first one")],
                )
            inner: Layout | None = None
            if row.type is not None:
                given, inner = self.type_of(row.type)
                if given != high - low + 1:
                    raise fail(
                        "E0503",
                        f"`{row.name}` is a u{given}, but has {high - low + 1} bits",
                        row.span,
                    )
            fields[row.name] = FieldBits(row.name, high, low, inner, row.span)
        check_overlap(taken)
        return Layout(name, width, fields, tuple(fixed), span)

    # ------------------------------------------------------------ contexts

    def context(self, name: str) -> tree.Context | None:
        """A decode context, or None."""
        return self.declarations.contexts.get(name)

    def context_case(self, name: str, value: int) -> ir.Expr:
        """The condition, over prefix fields and hidden state, that a context has a value."""
        item = self.declarations.contexts[name]

        def compute() -> Mapping[int, ir.Expr]:
            clause = Clause(self)
            found = expressions.value(clause, Scope(), item.value)
            width = max(1, max(item.values).bit_length())
            if isinstance(found, Typed):
                width = found.width
            expr = materialize(found, width, item.span, clause.case)
            if expr is None or clause.block:
                raise fail("E0310", f"the context `{name}` is not a pure value", item.value.span)
            self.decides_decoding(expr, f"the context `{name}`", item.value.span)
            return {
                number: bits.eq(expr, bits.const(number, width))
                if number >> width == 0
                else bits.FALSE
                for number in item.values
            }

        return self.once("context", name, item.span, compute)[value]

    def decides_decoding(self, expr: ir.Expr, what: str, span: Span) -> None:
        """Fails if the expression reads state that two machines running one code may differ in."""
        for name in sorted(expression_reads(expr)):
            role = self.components[name].role
            if role not in (ir.Role.HIDDEN, ir.Role.PARAMETER):
                raise fail(
                    "E0310",
                    f"{what} is about fields, prefixes and hidden state",
                    span,
                    label=f"`{name}` has the role {role}",
                )

    # ------------------------------------------------------------ code

    @property
    def fetch_unit(self) -> int:
        """Bits of a unit of the memory that code is fetched from."""
        if self.memories:
            return next(iter(self.memories.values())).width
        return 8

    def simplified(self, condition: ir.Expr) -> ir.Expr:
        """An equal condition, shorter if it is about few fields."""
        if isinstance(condition, ir.Const):
            return condition
        if condition not in self._simplified:
            self._simplified[condition] = conditions.simplified(condition)
        return self._simplified[condition]


def check_fits(value: int, width: int, span: Span) -> None:
    """A non-negative number that fits, or an error."""
    if value >> width:
        raise fail("E0508", f"{value} does not fit {width} bits", span)
