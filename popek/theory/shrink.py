"""A witness made small: what does not matter is equal on both sides, or 0.

Only for reading.  Every step is re-evaluated over the ints, and the witness keeps going wrong in
the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from popek.semantics.ints import Interpretation, Ints
from popek.terms import ArrayValue, FunctionValue
from popek.theory.direct import BARE, DIRECT
from popek.theory.prover import Body, Build, sightings_of, witness_of
from popek.theory.verdict import Witness

Value = int | ArrayValue | FunctionValue


def shrink(
    body: Body,
    build: Build,
    witness: Witness,
    touched: frozenset[str],
    beside: frozenset[str],
) -> Witness:
    """The same first sighting, from a smaller model.  `touched`: the components that matter.

    `beside`: as for `witness_of`.
    """
    goal = witness.sightings[0]

    def holds(model: Interpretation) -> bool:
        obligation = build(Ints(model), witness.flat)
        return all(p.condition for p in obligation.premises) and goal in sightings_of(obligation)

    model: dict[str, Value] = dict(witness.model)
    idle = {name: _zero(value) for name, value in model.items() if _idle(name, touched | beside)}
    if holds(model | idle):
        model |= idle
    for name in sorted(model.keys() - idle.keys()):
        for smaller in _smaller(name, model):
            if smaller != model[name] and holds({**model, name: smaller}):
                model[name] = smaller
                break
    obligation = build(Ints(model), witness.flat)
    found = sightings_of(obligation)
    small = witness_of(witness.query, body, obligation, found, beside)
    return replace(small, model=model, flat=witness.flat)


def _idle(name: str, touched: frozenset[str]) -> bool:
    """Whether the symbol is a component's that the form does not touch."""
    if name.startswith(("field.", "memory.", "input.", "permits.", "cell.")):
        return False
    return name.split("@", maxsplit=1)[0].removesuffix(".selected") not in touched


def _zero(value: Value) -> Value:
    match value:
        case ArrayValue():
            return ArrayValue(0, {})
        case FunctionValue():
            return value
        case int():
            return 0


def _smaller(name: str, model: Mapping[str, Value]) -> Iterator[Value]:
    """Simpler values, the best first."""
    value = model[name]
    yield _zero(value)
    if name.endswith(DIRECT) and (twin := name.removesuffix(DIRECT) + BARE) in model:
        yield model[twin]
    if isinstance(value, ArrayValue):
        yield ArrayValue(0, value.entries)
        yield ArrayValue(value.default, {})
