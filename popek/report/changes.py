"""Two checks laid side by side: which verdicts changed, because of which lines."""

from __future__ import annotations

from dataclasses import dataclass

from popek.isa import ir
from popek.report.choices import shown_value
from popek.report.view import Row, View
from popek.source import Span
from popek.theory.differences import lines_between
from popek.theory.verdict import Class


@dataclass(frozen=True, slots=True)
class Change:
    """A form whose class is another; None where a spec does not have the form.

    `because`: the lines that make the difference; `host`: the choices of the host's that the form
    has to do with and that are others, where its lines are the same.
    """

    form: ir.Form
    before: Class | None
    after: Class | None
    because: tuple[Span, ...]
    host: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two specs in one reading."""

    first: View
    second: View

    @property
    def views(self) -> tuple[View, View]:
        return self.first, self.second

    @property
    def changes(self) -> tuple[Change, ...]:
        """In the order of the second spec; what only the first has comes last."""
        old = {row.verdict.key: row for row in self.first.rows}
        new = {row.verdict.key: row for row in self.second.rows}
        keys = [*new, *(key for key in old if key not in new)]
        changed = ((old.get(key), new.get(key)) for key in keys)
        return tuple(
            self._change(a, b) for a, b in changed if a is None or b is None or a.kind is not b.kind
        )

    def _change(self, old: Row | None, new: Row | None) -> Change:
        row = new or old
        assert row is not None
        because = lines_between(
            self.first.check.isa,
            self.second.check.isa,
            None if old is None else old.verdict.form,
            None if new is None else new.verdict.form,
        )
        return Change(
            row.verdict.form,
            None if old is None else old.kind,
            None if new is None else new.kind,
            because,
            () if because else tuple(self.choices),
        )

    @property
    def choices(self) -> dict[str, tuple[int | str | None, int | str | None]]:
        """Where the host's choice is another: the two, None for a spec without the component."""
        a, b = (
            {name: shown_value(value) for name, value in view.check.choice.host.items()}
            for view in self.views
        )
        names = dict.fromkeys((*a, *b))
        return {n: (a.get(n), b.get(n)) for n in names if a.get(n) != b.get(n)}

    @property
    def interrupted(self) -> bool:
        return any(view.check.interrupted for view in self.views)
