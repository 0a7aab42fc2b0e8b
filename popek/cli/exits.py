"""Exit codes, with one meaning for all verbs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """What popek tells the shell."""

    HOLDS = 0
    FAILS = 1
    USAGE = 2
    BAD_INPUT = 3
    UNDECIDED = 4
    ORACLE = 5
    BUG = 70
    INTERRUPTED = 130


_WORST_FIRST = (
    Exit.INTERRUPTED,
    Exit.BUG,
    Exit.ORACLE,
    Exit.BAD_INPUT,
    Exit.FAILS,
    Exit.UNDECIDED,
    Exit.HOLDS,
)


def worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of several inputs."""
    return min(exits, key=_WORST_FIRST.index, default=Exit.HOLDS)
