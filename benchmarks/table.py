"""The figures: one row each, as a table for people and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.  `target` is empty, and `met` None, where solver.md sets none."""

    benchmark: str
    subject: str
    what: str
    value: float | int | str
    target: str = ""
    met: bool | None = None


def at_most(benchmark: str, subject: str, what: str, value: float, limit: float) -> Row:
    """A figure that should not be larger than `limit`."""
    return Row(benchmark, subject, what, round(value, 4), f"<= {limit:.4g}", value <= limit)


def at_least(benchmark: str, subject: str, what: str, value: float, limit: float) -> Row:
    """A figure that should not be smaller than `limit`."""
    return Row(benchmark, subject, what, round(value, 4), f">= {limit:.4g}", value >= limit)


def share(part: float, whole: float) -> float:
    """`part` of `whole`; 0 of nothing."""
    return part / whole if whole else 0.0


_HEAD = ("benchmark", "spec", "what", "value", "target", "met")


def text(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.rjust(width) if i == 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join((lines[0], "-" * len(lines[0]), *lines[1:]))


def _cells(row: Row) -> tuple[str, ...]:
    met = "" if row.met is None else "yes" if row.met else "NO"
    value = f"{row.value:,.4g}" if isinstance(row.value, float) else str(row.value)
    return (row.benchmark, row.subject, row.what, value, row.target, met)


def document(rows: Sequence[Row], details: dict[str, Any]) -> dict[str, Any]:
    """The rows, the machine that they are from, and whatever else is worth keeping."""
    return {
        "machine": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
            "z3": version("z3-solver"),
            "popek": version("popek"),
        },
        "rows": [asdict(row) for row in rows],
        "details": details,
    }
