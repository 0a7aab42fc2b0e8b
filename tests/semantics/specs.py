"""The bundled specs, each loaded once for all tests."""

from __future__ import annotations

from functools import cache

from popek.isa import ir
from popek.isa.load import load
from popek.resources import bundled


@cache
def bundled_isa(name: str) -> ir.Isa:
    """The whole of a bundled spec."""
    return load(bundled("specs") / f"{name}.isa")
