"""Forms that are alike: states for the paths of one are where to look for the paths of another.

ADD and OR differ in what they compute, not in how they reach memory and trap.
"""

from __future__ import annotations

from collections.abc import Iterator

from popek.isa import ir
from popek.isa.footprint import remembered

#: What forms have in common that are alike: their fields, and how they reach memory and trap.
Shape = tuple[object, ...]


def shape(form: ir.Form) -> Shape:
    """The shape of a form."""
    return (tuple(form.fields.items()), tuple(_marks(form)))


def _marks(form: ir.Form) -> Iterator[object]:
    """The accesses and checks of a form's clause, in their order."""
    for stmt in ir.statements(form.body):
        match stmt:
            case ir.Load(space=space, units=units):
                yield ir.Access.READ, space, units
            case ir.Store(space=space, units=units):
                yield ir.Access.WRITE, space, units
            case ir.Check(access=access, space=space, units=units):
                yield "check", access, space, units
            case ir.Require(trap=trap):
                yield trap
            case _:
                pass


@remembered(4)
def models(isa: ir.Isa) -> dict[tuple[str, str], ir.Form]:
    """For each form, by its key, the first one that is like it."""
    first: dict[Shape, ir.Form] = {}
    return {form.key: first.setdefault(shape(form), form) for form in isa.forms}
