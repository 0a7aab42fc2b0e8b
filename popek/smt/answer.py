"""What may be asked of a solver, and what may come back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, TypeAlias

from popek.smt.model import Model


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one query.

    `rlimit` counts the solver's steps and is the same on every machine; `seconds` is wall clock,
    and a solver in a process of its own is killed after one and a half times as many.
    """

    rlimit: int = 50_000_000
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Stats:
    """What one query took: the solver's steps, and seconds of wall clock."""

    rlimit: int
    seconds: float


class Cause(StrEnum):
    """Why a query has no verdict."""

    BUDGET = "budget"  # the steps were used up
    TIMEOUT = "timeout"  # the seconds were used up, and the solver stopped
    KILLED = "killed"  # the solver did not stop, or died
    INCOMPLETE = "incomplete"  # the solver gave up within its budget
    ERROR = "error"  # the query or the model could not be read


class _NotABool:
    """A verdict is matched, never tested: `if answer` would take an unknown for a yes."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("an answer is Unsat, Sat or Undecided; match on it")


@dataclass(frozen=True, slots=True)
class Unsat(_NotABool):
    """No values make the assertions true."""


@dataclass(frozen=True, slots=True)
class Sat(_NotABool):
    """The model makes the assertions true."""

    model: Model


@dataclass(frozen=True, slots=True)
class Undecided(_NotABool):
    """Neither was shown; `detail` is for a reader, the cause for a program."""

    cause: Cause
    detail: str = ""


Answer: TypeAlias = Unsat | Sat | Undecided
