"""The instruction of a witness as machine code and as assembly."""

from __future__ import annotations

from functools import cached_property

from popek.guest import Disassembler, EncodingError, encode
from popek.isa import ir
from popek.theory.verdict import Witness


class Code:
    """Writes instructions of one ISA."""

    def __init__(self, isa: ir.Isa) -> None:
        self.isa = isa
        self._writers: dict[tuple[tuple[str, int], ...], Disassembler] = {}

    def of(self, form: ir.Form, witness: Witness) -> tuple[str, str] | None:
        """Hexadecimal digits and a line of assembly; None if no code has these fields."""
        context = self._context_of(witness)
        key = tuple(context.items())
        if key not in self._writers:
            self._writers[key] = Disassembler(self.isa, context)
        fields = {n: v for n, v in witness.fields.items() if n in form.fields}
        try:
            code = encode(self.isa, form, fields, context).hex()
            return code, self._writers[key].text(form, fields)
        except EncodingError:
            return None

    @cached_property
    def _context(self) -> tuple[str, ...]:
        """The components that say how code is read."""
        found = {
            part.component
            for form in self.isa.forms
            for expr in (
                form.decode,
                form.length,
                *(row.condition for operand in form.operands for row in operand.rows),
            )
            for part in ir.subexpressions(expr)
            if isinstance(part, ir.Read)
        }
        return tuple(sorted(found))

    def _context_of(self, witness: Witness) -> dict[str, int]:
        """Their values in the real machine, which reads the code."""
        before = list(witness.runs.values())[-1].before
        values = {name: before.get(name) for name in self._context}
        return {name: value for name, value in values.items() if isinstance(value, int)}
