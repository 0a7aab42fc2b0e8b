"""A form from a state drawn at random, what the spec says of it, and what no table explains."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from popek.isa import ir
from popek.oracles import Case, Outcome
from popek.oracles.oracle import Value
from popek.semantics.sampled import Drawn, Sampled
from popek.terms import ArrayValue
from popek.validation.comparison import Difference, differences
from popek.validation.disagreements import Row, Step, explanation
from popek.validation.prediction import Prediction, Silent, predict, reading

State: TypeAlias = Mapping[str, int | ArrayValue]


@dataclass(frozen=True)
class Trial:
    """A form from a concrete state: the case for an oracle, and what the spec says."""

    form: ir.Form
    fields: Mapping[str, int]
    code: bytes
    case: Case
    said: Prediction


def trial(
    isa: ir.Isa,
    form: ir.Form,
    fields: Mapping[str, int],
    code: bytes,
    at: int,
    state: State,
    drawing: Sampled,
    also: Mapping[int, int] | None = None,
) -> Trial | None:
    """`code` lies from the cell `at` on; cells that a step reads first are drawn, the rest is 0.

    `also` are other cells that are not drawn.  None where the spec says nothing.
    """
    (memory,) = isa.memories.values()
    given = {**(also or {}), **{at + i: byte for i, byte in enumerate(code)}}
    cells = Drawn(0, given, {}, memory.width)
    reading(isa, form, fields, {**state, memory.name: cells}, drawing, lambda kind, site, width: 0)
    shown = {name: _shown(isa.components[name], value) for name, value in state.items()}
    case = Case(shown, {memory.name: dict(cells.drawn)})
    said = predict(isa, form, fields, case)
    return None if isinstance(said, Silent) else Trial(form, fields, code, case, said)


def _shown(component: ir.Component, value: int | ArrayValue) -> Value:
    if isinstance(value, int):
        return value
    assert component.size is not None
    return tuple(value.entries.get(i, value.default) for i in range(component.size))


def unexplained(
    isa: ir.Isa,
    made: Trial,
    seen: Outcome,
    rows: tuple[Row, ...],
    unseen: Collection[str] = (),
) -> tuple[Difference, ...]:
    """The differences, if no row explains them.

    `unseen` are components that the oracle does not show.
    """
    found = differences(isa, made.case, made.said, seen, unseen)
    step = Step.of(made.said, made.code, made.case.state)
    known = explanation(isa, made.form, step, found, seen.state, rows) if found else None
    return () if known else found
