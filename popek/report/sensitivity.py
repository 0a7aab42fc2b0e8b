"""The properties of a form in the readings `general` and `pg74`, in words."""

from __future__ import annotations

from typing import Final, assert_never

from popek.theory.obligation import Fault
from popek.theory.verdict import Class, Refuted, Sensitivity, Sighting, Witness

KINDS: Final = ("control", "mode", "location", "resource")


def kinds_of(sensitivity: Sensitivity) -> list[str]:
    """How the form is sensitive."""
    return [kind for kind in KINDS if getattr(sensitivity, kind) is True]


def witness_in(sensitivity: Sensitivity) -> Witness | None:
    """The first witness of a sensitivity."""
    for kind in KINDS:
        for finding in sensitivity.findings.get(kind, ()):
            if isinstance(finding, Refuted):
                return finding.witness
    return None


def reason_in(sensitivity: Sensitivity) -> str:
    """One line: why the form has its class in the reading."""
    match sensitivity.kind:
        case Class.PRIVILEGED:
            return "traps in user mode, and not in supervisor mode"
        case Class.INNOCUOUS:
            return "not sensitive"
        case Class.UNDECIDED:
            open_ = [name for name in ("privileged", *KINDS) if getattr(sensitivity, name) is None]
            return f"not decided: {', '.join(open_)}"
        case Class.CRITICAL:
            words = " and ".join(kinds_of(sensitivity))
            witness = witness_in(sensitivity)
            how = f": {sighted(witness.sightings[0])}" if witness is not None else ""
            return f"{words} sensitive, and not privileged{how}"
        case Class.GUARDED:
            raise AssertionError("only the reading `direct` has guarded forms")


def sighted(sighting: Sighting) -> str:
    """What goes wrong, or differs, in a few words."""
    name = sighting.component
    match sighting.fault:
        case Fault.TRAPS:
            return f"one side traps ({name})" if name else "one side traps"
        case Fault.TRAPS_DIFFER:
            return f"the traps differ ({name})" if name else "the traps differ"
        case Fault.COMPLETES:
            return "completes"
        case Fault.SHUTS_DOWN:
            return "shuts the machine down"
        case Fault.LEFT_OPEN:
            return name or "unpredictable"
        case Fault.WAITS:
            return "waits"
        case Fault.ACCESSES:
            return "makes other accesses"
        case Fault.DEVICE:
            return f"reaches the device {name}" if name else "reaches a device"
        case Fault.CHANGES:
            return f"changes {name}"
        case Fault.DIFFERS:
            return f"{name} differs"
        case Fault.TRANSLATION:
            return f"changes the translation ({name})"
        case Fault.STORAGE:
            return f"writes {name} outside the guest's part"
        case _:
            assert_never(sighting.fault)
