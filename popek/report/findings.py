"""`popek doctor`: what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Group
from rich.text import Text

from popek.report.style import QUIET, grid
from popek.report.tool import tool


class State(StrEnum):
    """`absent` is no fault: popek can do without."""

    FOUND = "found"
    BROKEN = "broken"
    ABSENT = "absent"


_STYLE = {State.FOUND: "green", State.BROKEN: "bold red", State.ABSENT: QUIET}


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of popek, or something it can use."""

    name: str
    state: State
    version: str
    detail: str

    @classmethod
    def of(cls, name: str, found: bool, version: str, detail: str) -> Finding:
        """A part that popek needs."""
        return cls(name, State.FOUND if found else State.BROKEN, version, detail)


def doctor_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """`popek doctor --json`."""
    return {
        "schema": "popek.doctor/1",
        "tool": tool(),
        "findings": [
            {"name": f.name, "state": f.state.value, "version": f.version, "detail": f.detail}
            for f in findings
        ],
    }


def doctor_report(findings: Sequence[Finding]) -> Group:
    """`popek doctor`."""
    rows = [
        [
            Text(finding.name),
            Text(finding.state.value, style=_STYLE[finding.state]),
            Text(finding.version),
            Text(finding.detail, style=QUIET),
        ]
        for finding in findings
    ]
    return Group(grid(rows))
