"""Parts of the IR with something in them replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from popek.source import Span

_T = TypeVar("_T")


def rewritten(part: _T, change: Callable[[Any], Any]) -> _T:
    """A part of the IR, or a tuple of parts, in which each that `change` gives another for, and not
    None, is that; what is inside of those is as `change` gives it.
    """
    result: _T = _rewritten(part, change)
    return result


def _rewritten(part: Any, change: Callable[[Any], Any]) -> Any:
    match part:
        case tuple():
            return tuple(_rewritten(p, change) for p in part)
        case Span():
            return part
        case _ if is_dataclass(part) and not isinstance(part, type):
            changed = change(part)
            if changed is not None:
                return changed
            inside = {f.name: _rewritten(getattr(part, f.name), change) for f in fields(part)}
            return replace(part, **inside)
        case _:
            return part
