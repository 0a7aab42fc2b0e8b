"""How elaboration gives up: on one construct, or because it needs a context's value."""

from __future__ import annotations

from collections.abc import Iterable

from popek.diagnostics import Diagnostic, Note, PopekError, did_you_mean
from popek.source import Span


class NeedContext(Exception):
    """A number is needed where a decode context stands: the form is elaborated once per value."""

    def __init__(self, context: str, span: Span) -> None:
        super().__init__(context)
        self.context = context
        self.span = span


class TooLarge(Exception):
    """A limit of the whole elaboration is exceeded: nothing more is read."""

    def __init__(self, code: str, message: str, span: Span, *, hint: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, hint=hint)


class Poisoned(Exception):
    """The construct uses something that was already reported."""


def fail(
    code: str,
    message: str,
    span: Span | None,
    *,
    label: str = "",
    notes: Iterable[Note] = (),
    hint: str = "",
) -> PopekError:
    """The error to raise: `raise fail("E0201", ...)`."""
    return PopekError.at(code, message, span, label=label, notes=notes, hint=hint)


def unknown(
    what: str, name: str, span: Span, known: Iterable[str], code: str = "E0201"
) -> PopekError:
    """`name` is not declared; says which known name is close."""
    return fail(code, f"there is no {what} `{name}`", span, hint=did_you_mean(name, known))
