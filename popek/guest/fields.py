"""Field values that a form has in a decode context, drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from popek.guest.conditions import Context, solutions
from popek.guest.encoding import fields_in
from popek.guest.patterns import Pattern
from popek.isa import ir

#: Attempts, each with other operand rows, before a form counts as not meant in a context.
ATTEMPTS = 12


def canonical(
    isa: ir.Isa, form: ir.Form, fields: Mapping[str, int], context: Context
) -> dict[str, int] | None:
    """The same code's fields as `decode` gives them: 0 where the code does not hold them.

    `length` is the length of the code.  None where these fields do not mean the form, or only by
    the value of a field that the code does not hold, or where a prefix does not exist.
    """
    values = {name: fields.get(name, 0) for name in form.fields}
    if any(values.get(group.field, 0) > len(group.codes) for group in isa.prefixes):
        return None
    pattern = Pattern.of(form)
    rows = pattern.rows(values, context)
    if any(r is None and o.rows for r, o in zip(rows, form.operands, strict=True)):
        return None
    held = fields_in(isa, form, rows)
    result = {name: value if name in held else 0 for name, value in values.items()}
    if "length" in form.fields:
        length = pattern.length(result, context)
        if length is None or length >> form.fields["length"]:
            return None
        result["length"] = length
    if result != values and pattern.rows(result, context) != rows:
        return None
    return result if pattern.decode(result, context) == 1 else None


def sample_fields(
    isa: ir.Isa, form: ir.Form, context: Context, random: Random
) -> dict[str, int] | None:
    """Fields of code that means this form in this context; None if none were found.

    Every field of the form has a value, as `decode` would give it.
    """
    limits = {group.field: len(group.codes) for group in isa.prefixes}
    pattern = Pattern.of(form)
    free = {name: width for name, width in form.fields.items() if name != "length"}

    def values(name: str, width: int) -> list[int]:
        top = limits.get(name, (1 << width) - 1)
        if top < 32:
            return random.sample(range(top + 1), top + 1)
        candidates = {0, 1, top >> 1, (top >> 1) + 1, top, random.randint(0, top)}
        candidates.update(value for value in pattern.constants if 0 <= value <= top)
        return random.sample(sorted(candidates), len(candidates))

    for attempt in range(ATTEMPTS):
        rows = tuple(
            random.randrange(len(o.rows)) if o.rows and attempt < ATTEMPTS - 2 else None
            for o in form.operands
        )
        order = dict(random.sample(list(free.items()), len(free)))
        found = next(solutions(pattern.goals(rows), {}, order, context, values), None)
        if found is None:
            continue
        for name, width in free.items():
            if name not in found:
                found[name] = values(name, width)[0]
        result = canonical(isa, form, found, context)
        if result is not None:
            return result
    return None
