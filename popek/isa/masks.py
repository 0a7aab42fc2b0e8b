"""W0501: what masks the host's interrupts is `resource` with a `host` clause.

Anything else the guest could clear while it runs directly, and the hypervisor would never run again
(definitions.md, section 1).
"""

from __future__ import annotations

from collections.abc import Iterator

from popek.diagnostics import Diagnostic, Note
from popek.isa import footprint, ir

#: The mode masks nothing: while a guest runs it is the lowest level.  Parameters never change.
_CANNOT = frozenset({ir.Role.MODE, ir.Role.PARAMETER})


def warnings(isa: ir.Isa) -> Iterator[Diagnostic]:
    """One warning for each component that a guest could mask the host's interrupts with."""
    passing = {name for interrupt in isa.interrupts for name in footprint.writes(interrupt.body)}
    warned: set[str] = set()
    for interrupt in isa.interrupts:
        if not _asynchronous(isa, interrupt):
            continue
        read = footprint.reads(interrupt.setup) | footprint.expression_reads(interrupt.condition)
        for name in sorted(read & isa.components.keys() - passing - warned):
            component = isa.components[name]
            held = component.role is ir.Role.RESOURCE and component.host is not None
            if held or component.role in _CANNOT:
                continue
            warned.add(name)
            yield Diagnostic(
                "W0501",
                f"`{name}` can mask the interrupt `{interrupt.name}`, and is not `resource` with "
                "a `host` clause",
                component.span,
                _what(component),
                (Note(interrupt.span, "happens only under this condition"),),
                "write `resource` and `host V`, the value that lets the interrupt through",
            )


def _what(component: ir.Component) -> str:
    if component.role is ir.Role.RESOURCE:
        return "without `host`, it has any value while a guest runs"
    return f"its role is {component.role}"


def _asynchronous(isa: ir.Isa, interrupt: ir.Interrupt) -> bool:
    """Whether it ends in a trap of the kind `interrupt`, such as devices and timers raise.

    A step that only advances the state, or a trap that the program asked for (single step), is no
    interrupt of the host's.
    """
    return any(
        isinstance(stmt, ir.Require) and isa.traps[stmt.trap].kind is ir.TrapKind.INTERRUPT
        for stmt in ir.statements(interrupt.body)
    )
