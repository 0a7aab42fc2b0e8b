"""What is worked out about a form once: its conditions made ready, its constants, its signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from popek.guest.conditions import Context, Goal, Reading, negation, reading
from popek.isa import ir
from popek.isa.ir import Op

#: The number of a row per operand; None where no row is meant or fits.
Rows = tuple[int | None, ...]

#: Patterns kept; an instruction set has fewer forms.
_KEPT = 16_384
_known: dict[int, Pattern] = {}


@dataclass
class Pattern:
    """A form as the assembler and the decoder use it."""

    form: ir.Form
    _goals: dict[Rows, tuple[Goal, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, form: ir.Form) -> Pattern:
        """The pattern of a form; the same one each time."""
        found = _known.get(id(form))
        if found is None or found.form is not form:
            if len(_known) >= _KEPT:
                _known.clear()
            found = _known[id(form)] = cls(form)
        return found

    @cached_property
    def decode(self) -> Reading:
        """Whether fields and context mean the form."""
        return reading(self.form.decode)

    @cached_property
    def length(self) -> Reading:
        """The length of the form's code in addresses."""
        return reading(self.form.length)

    @cached_property
    def conditions(self) -> tuple[tuple[Reading, ...], ...]:
        """The conditions of the rows of each operand."""
        return tuple(
            tuple(reading(row.condition) for row in operand.rows) for operand in self.form.operands
        )

    def rows(self, fields: Mapping[str, int], context: Context) -> Rows:
        """Per operand, the number of the first row whose condition holds; None where none does."""
        return tuple(
            next((i for i, holds in enumerate(rows) if holds(fields, context) == 1), None)
            for rows in self.conditions
        )

    def goals(self, rows: Rows) -> tuple[Goal, ...]:
        """What fields must meet to mean the form with these rows; None: with any row."""
        if rows not in self._goals:
            self._goals[rows] = Goal.all_of([self.form.decode, *self._row_goals(rows)])
        return self._goals[rows]

    def _row_goals(self, rows: Rows) -> Iterator[ir.Expr]:
        for operand, number in zip(self.form.operands, rows, strict=True):
            if number is None:
                refused = [negation(row.condition) for row in operand.rows]
                if refused:
                    yield negation(ir.Operation(Op.AND, tuple(refused), 1))
                continue
            yield operand.rows[number].condition
            for earlier in operand.rows[:number]:
                yield negation(earlier.condition)

    @cached_property
    def constants(self) -> tuple[int, ...]:
        """The constants that the form's conditions mention, and their neighbours, sorted."""
        form = self.form
        conditions = [form.decode, *(row.condition for o in form.operands for row in o.rows)]
        found = {
            node.value
            for expr in conditions
            for node in ir.subexpressions(expr)
            if isinstance(node, ir.Const)
        }
        return tuple(sorted({value + by for value in found for by in (-1, 0, 1)}))

    @cached_property
    def signed(self) -> frozenset[str]:
        """The fields that are written with a sign: so declared, or sign-extended by the clause."""
        form = self.form
        parts = [*form.template, *(p for o in form.operands for r in o.rows for p in r.template)]
        declared = {p.field for p in parts if isinstance(p, ir.TemplateField) and p.signed}
        extended = {
            arg.name
            for stmt in ir.statements(form.body)
            for expr in ir.expressions(stmt)
            for node in ir.subexpressions(expr)
            if isinstance(node, ir.Operation) and node.op is Op.SEXT
            for arg in node.args
            if isinstance(arg, ir.Field)
        }
        return frozenset(declared | extended)
