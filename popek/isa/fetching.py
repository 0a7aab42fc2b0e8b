"""Through which space an instruction set fetches its code."""

from __future__ import annotations

from popek.isa import ir
from popek.isa.footprint import remembered


@remembered(16)
def fetching(isa: ir.Isa) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The space that code is fetched through, and its arguments before the pc, with their widths.

    As a `check fetch` of the spec has it; without one, the space that programs use: a translation
    that is not the processor's own and that no other leads to.
    """
    bodies = [*(f.body for f in isa.forms), *(t.delivery for t in isa.traps.values())]
    for body in bodies:
        for stmt in ir.statements(body):
            match stmt:
                case ir.Check(access=ir.Access.FETCH, space=space, args=(*leading, _)):
                    constants = [a for a in leading if isinstance(a, ir.Const)]
                    if len(constants) == len(leading):
                        return space, tuple((a.value, a.width) for a in constants)
    targets = {t.target for t in isa.translations.values()}
    for t in isa.translations.values():
        if not t.processor and t.name not in targets and len(t.params) == 1:
            return t.name, ()
    return next(iter(isa.memories)), ()
