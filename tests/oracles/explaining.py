"""What the tables of `popek validate` leave unexplained of a case that an oracle has shown."""

from __future__ import annotations

from collections.abc import Collection

from popek.isa import ir
from popek.oracles import Outcome
from popek.validation.comparison import Difference, differences
from popek.validation.disagreements import Row, Step, explanation
from popek.validation.prediction import Silent, predict
from tests.oracles.comparing import Trial


def unexplained(
    isa: ir.Isa,
    made: Trial,
    seen: Outcome,
    rows: tuple[Row, ...],
    unseen: Collection[str] = (),
) -> tuple[Difference, ...]:
    """The differences, if no row explains them; none either where the spec says nothing.

    `unseen` are components that the oracle does not show.
    """
    said = predict(isa, made.form, made.fields, made.case)
    if isinstance(said, Silent):
        return ()
    found = differences(isa, made.case, said, seen, unseen)
    step = Step.of(said, made.code, made.case.state)
    known = explanation(isa, made.form, step, found, seen.state, rows) if found else None
    return () if known else found
