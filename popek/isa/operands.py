"""Operands in a clause: a place whose address is found once, when it is first used."""

from __future__ import annotations

from dataclasses import dataclass, field

from popek.isa import addresses, bits, branches, effects, expressions, ir, places, statements
from popek.isa.clause import Clause
from popek.isa.errors import Poisoned, fail
from popek.isa.scope import Scope
from popek.isa.values import Plain, Tuple, Typed, Value
from popek.source import Span
from popek.syntax import tree


@dataclass(slots=True)
class RowPlan:
    """A row of an operand's table in one form."""

    row: tree.OperandRow
    condition: ir.Expr
    scope: Scope
    extension: tuple[ir.EncodingItem | OperandPlan, ...]
    template: tuple[ir.TemplatePart | OperandPlan, ...]
    nested: tuple[OperandPlan, ...]

    def matches(self) -> ir.Expr:
        """When the row's pattern fits, those of operands inside it included."""
        return bits.and_(self.condition, *(plan.matches() for plan in self.nested))


@dataclass(slots=True)
class OperandPlan:
    """An operand's table in one form.  `fields` are its own, by their names in the table."""

    name: str
    rows: list[RowPlan]
    fields: dict[str, ir.Field]
    span: Span
    decode: ir.Expr = bits.TRUE
    key: object = None
    place: OperandPlace | None = field(default=None, repr=False)

    def restrict(self, decode: ir.Expr) -> None:
        """Say which codes mean this form: rows that no code reaches are left out."""
        self.decode = decode
        for row in self.rows:
            for inner in row.nested:
                inner.restrict(decode)

    def matches(self) -> ir.Expr:
        """When some row's pattern fits."""
        return bits.or_(*(row.matches() for row in self.rows))


class OperandPlace(places.Place):
    """An operand as clauses see it."""

    #: Whether it can stand in `if c then place else place`.
    is_location = False

    def __init__(self, plan: OperandPlan):
        super().__init__(0, None, plan.span)
        self.plan = plan
        self._groups: list[addresses.Group] | None = None
        self._loaded: tuple[Plain, int, list[ir.Stmt]] | None = None

    # ------------------------------------------------------------ as a place

    def field(self, name: str) -> Typed | None:
        """A field of the encoding that belongs to the operand."""
        found = self.plan.fields.get(name)
        return None if found is None else Typed(found)

    def value(self, clause: Clause) -> Plain:
        """What the operand holds; for `segment : offset` rows, that pair."""
        if self._loaded is not None:
            value, version, block = self._loaded
            if version == clause.version and any(block is open_ for open_ in clause.blocks):
                return value
        groups = self.latched(clause)
        start = len(clause.block)
        result = self._read(clause, groups)
        if any(isinstance(s, ir.Load) for s in ir.statements(tuple(clause.block[start:]))):
            self._loaded = (result, clause.version, clause.block)
        return result

    def _read(self, clause: Clause, groups: list[addresses.Group]) -> Plain:
        first, *others = groups
        if not others:
            return expressions.read(clause, first.value)
        with clause.capture() as yes:
            then = expressions.read(clause, first.value)
        with clause.capture() as no:
            otherwise = self._read(clause, others)
        test = Typed(first.condition)
        found = branches.join(clause, test, (yes, then), (no, otherwise), self.span)
        assert found is not None
        return expressions.read(clause, found)

    def read(self, clause: Clause) -> Typed:
        """The value, which has a width."""
        return expressions.settled(clause, self.value(clause), self.span)

    def assign(self, clause: Clause, value: Value, span: Span, value_span: Span) -> None:
        """Emit the assignment of a value that may still be open."""
        width = self.width_in(clause)
        expr = expressions.coerce(clause, value, width, value_span, "value")
        self.write(clause, expr, span)

    def write(self, clause: Clause, value: ir.Expr, span: Span) -> None:
        groups = self.latched(clause)
        if not any(isinstance(group.value, places.Place) for group in groups):
            raise fail("E0205", f"the operand `{self.plan.name}` cannot be assigned", span)
        self._write(clause, groups, value, span)

    def _write(
        self, clause: Clause, groups: list[addresses.Group], value: ir.Expr, span: Span
    ) -> None:
        first, *others = groups

        def one() -> None:
            if isinstance(first.value, places.Place):
                first.value.write(clause, value, span)
            else:
                raise fail(
                    "E0205",
                    f"a row of the operand `{self.plan.name}` cannot be assigned",
                    span,
                    hint="exclude it with `valid when`",
                )

        if not others:
            one()
            return
        with clause.capture() as yes:
            one()
        with clause.capture() as no:
            self._write(clause, others, value, span)
        if yes or no:
            clause.emit(ir.If(first.condition, tuple(yes), tuple(no), span))

    def latch(self, clause: Clause) -> places.Place:
        self.latched(clause)
        return self

    def width_in(self, clause: Clause) -> int:
        """The operand's width: one for all rows."""
        found: int | None = None
        for group in self.latched(clause):
            value = group.value
            if isinstance(value, Tuple):
                raise fail(
                    "E0310",
                    f"the operand `{self.plan.name}` is an address, not a location",
                    self.span,
                    hint=f"`mem[{self.plan.name}, n]` is what it points at",
                )
            if not isinstance(value, places.Place | Typed):
                continue
            if found is not None and value.width != found:
                raise fail(
                    "E0309",
                    f"rows of the operand `{self.plan.name}` have different widths",
                    self.span,
                    label=f"u{found} and u{value.width}",
                )
            found = value.width
        if found is None:
            raise fail("E0304", f"the operand `{self.plan.name}` has no width", self.span)
        return found

    # ------------------------------------------------------------ the address

    def touch(self, clause: Clause) -> None:
        """Find the address now, if it is not yet."""
        self.latched(clause)

    def latched(self, clause: Clause) -> list[addresses.Group]:
        if self._groups is None:
            if not self.plan.rows:
                raise Poisoned
            self._groups = self._latch(clause)
        return self._groups

    def _latch(self, clause: Clause) -> list[addresses.Group]:
        rows = self.plan.rows
        self._side_effects(clause, [row.row.before for row in rows])
        found = self._values(clause)
        groups = self._reachable(clause, self._grouped(clause, found))
        self._side_effects(clause, [row.row.after for row in rows])
        return groups

    def _values(self, clause: Clause) -> list[Value]:
        """The rows' values; those that any form would find alike are found once."""
        world = clause.world
        known = world.rows.get(self.plan.key)
        if known is not None:
            return known
        found: list[Value] = []
        alike = self.plan.key is not None
        for position, row in enumerate(self.plan.rows):
            with clause.capture() as block:
                value = addresses.evaluate(clause, row)
            if all(isinstance(stmt, ir.Set) for stmt in block):
                for stmt in block:
                    clause.emit(stmt)
            elif block:
                clause.guarded(self._first(position), addresses.emitter(clause, block), self.span)
            alike = alike and not block and not row.row.before and addresses.is_alike(value)
            found.append(value)
        if alike:
            world.rows[self.plan.key] = found
        return found

    def _reachable(self, clause: Clause, groups: list[addresses.Group]) -> list[addresses.Group]:
        """The groups that some code of this form can mean."""
        if len(groups) == 1:
            return groups
        kept: list[addresses.Group] = []
        left = self.plan.decode
        for group in groups:
            if clause.world.simplified(bits.and_(left, group.condition)) != bits.FALSE:
                kept.append(group)
            left = bits.and_(left, bits.not_(group.condition))
        return kept or groups

    def _first(self, position: int) -> ir.Expr:
        """The condition that this row is the first that fits."""
        rows = self.plan.rows
        if len(rows) == 1:
            return bits.TRUE
        own = rows[position].matches()
        earlier = [
            bits.not_(row.matches())
            for row in rows[:position]
            if not addresses.disjoint(row.condition, rows[position].condition)
        ]
        return bits.and_(own, *earlier)

    def _side_effects(self, clause: Clause, stmts: list[tree.Stmt | None]) -> None:
        for position, stmt in enumerate(stmts):
            if stmt is None:
                continue
            row = self.plan.rows[position]

            def action(stmt: tree.Stmt = stmt, row: RowPlan = row) -> None:
                statements.run(clause, Scope(row.scope), (stmt,))

            clause.guarded(self._first(position), action, stmt.span)

    def _grouped(self, clause: Clause, found: list[Value]) -> list[addresses.Group]:
        found = addresses.widened(clause, found, [row.row.span for row in self.plan.rows])
        shapes: list[object] = []
        members: dict[object, list[int]] = {}
        parts: list[tuple[ir.Expr, ...]] = []
        for position, value in enumerate(found):
            shape, part = addresses.decompose(value)
            shapes.append(shape)
            parts.append(part)
            members.setdefault(shape, []).append(position)
        conditions = [row.matches() for row in self.plan.rows]
        groups: list[addresses.Group] = []
        before: set[object] = set()
        for shape, positions in members.items():
            merged: list[ir.Expr] = []
            for column in range(len(parts[positions[0]])):
                expr = bits.chain(
                    [(conditions[p], parts[p][column]) for p in positions[:-1]],
                    parts[positions[-1]][column],
                )
                if not clause.is_stable(expr):
                    expr = clause.bind(f"{self.plan.name}.address", expr, self.span)
                merged.append(expr)
            value = addresses.rebuild(found[positions[0]], tuple(merged))
            # Groups are tried in order, so rows of earlier ones need no mention.
            left = [p for p in range(len(found)) if shapes[p] not in before]
            condition = bits.chain(
                [(conditions[p], addresses.truth(shapes[p] == shape)) for p in left[:-1]],
                addresses.truth(shapes[left[-1]] == shape),
            )
            before.add(shape)
            groups.append(addresses.Group(condition, value))
        return groups


def touch(clause: Clause, scope: Scope, nodes: tuple[tree.Expr, ...]) -> None:
    """Find the addresses of operands that conditional code will use."""
    _touch(clause, scope, effects.uses_in(*nodes))


def touch_in(clause: Clause, scope: Scope, body: tuple[tree.Stmt, ...]) -> None:
    """Find the addresses of operands that conditional statements will use."""
    _touch(clause, scope, effects.uses_in(*body))


def _touch(clause: Clause, scope: Scope, uses: frozenset[effects.Use]) -> None:
    for name, part in sorted(uses, key=lambda use: (use[0], use[1] or "")):
        value = scope.get(name)
        if isinstance(value, OperandPlace) and (part is None or value.field(part) is None):
            value.touch(clause)
