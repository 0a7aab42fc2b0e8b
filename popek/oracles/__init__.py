"""Emulators that others wrote, behind one interface: bytes and states in, states out.

No adapter is imported before it is opened; each is an optional dependency.
"""

from popek.oracles.oracle import (
    Answer,
    Case,
    Died,
    Event,
    Identity,
    Oracle,
    OracleMissing,
    Outcome,
    Refused,
    State,
    Trap,
    Value,
)

__all__ = [
    "Answer",
    "Case",
    "Died",
    "Event",
    "Identity",
    "Oracle",
    "OracleMissing",
    "Outcome",
    "Refused",
    "State",
    "Trap",
    "Value",
]
