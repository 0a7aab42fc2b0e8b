"""The classes that a spec declares beside those that were found.

`expect` names the direct class, or `sensitive`, which is a matter of the reading `general`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from popek.source import Span
from popek.theory.verdict import Class, FormVerdict


@dataclass(frozen=True, slots=True)
class Expectation:
    """`met` is None where nothing is declared, or where it is not decided."""

    verdict: FormVerdict
    declared: tuple[str, ...]
    met: bool | None

    @property
    def span(self) -> Span:
        """The `expect` line, or the form where there is none."""
        form = self.verdict.form
        return form.expect.span if form.expect is not None else form.span

    @property
    def surprising(self) -> bool:
        """Whether `--expected` fails here: a declared class is not met, or a critical form is not
        declared critical.
        """
        undeclared = (
            self.verdict.kind is Class.CRITICAL and Class.CRITICAL.value not in self.declared
        )
        return self.met is False or undeclared

    @property
    def open(self) -> bool:
        """Whether `--expected` is not decided here."""
        undecided = self.verdict.kind is Class.UNDECIDED
        return not self.surprising and (undecided or (bool(self.declared) and self.met is None))

    @property
    def says(self) -> str:
        """Declared and found, in one line."""
        kind = self.verdict.kind.value
        found = kind if kind not in self.declared else ""
        if "sensitive" in self.declared and self.verdict.general.sensitive is not True:
            not_ = (
                "not sensitive" if self.verdict.general.sensitive is False else "perhaps sensitive"
            )
            found = f"{found or kind} and {not_}"
        declared = ", ".join(self.declared) or "nothing"
        return f"declared {declared}; is {found or kind}"


def expectation(verdict: FormVerdict) -> Expectation:
    """What the spec declares of a form, and whether it is so."""
    expect = verdict.form.expect
    if expect is None:
        return Expectation(verdict, (), None)
    met = [_is(verdict, word) for word in expect.classes]
    answer = False if False in met else None if None in met else True
    return Expectation(verdict, expect.classes, answer)


def expectations(verdicts: Iterable[FormVerdict]) -> tuple[Expectation, ...]:
    """Those of all forms, in order."""
    return tuple(expectation(v) for v in verdicts)


def _is(verdict: FormVerdict, word: str) -> bool | None:
    if word == "sensitive":
        return verdict.general.sensitive
    if verdict.kind is Class.UNDECIDED:
        return None
    return verdict.kind.value == word
