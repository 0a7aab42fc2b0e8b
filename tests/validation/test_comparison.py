"""All of the state is compared; what the spec leaves undefined is not."""

from __future__ import annotations

from dataclasses import replace

import popek
from popek.isa import ir
from popek.oracles import Outcome
from popek.oracles.oracle import Bench, Event
from popek.validation.cases import Made, Subject, population
from popek.validation.comparison import Difference, differences
from popek.validation.ground import Ground
from popek.validation.prediction import Prediction, predict
from tests.validation.mirror import Mirror


def shown(name: str) -> tuple[ir.Isa, Made, Prediction, Outcome]:
    """A case of the instruction that completes, with what the mirror shows."""
    isa = popek.load("m68000", only=[name])
    form = isa.forms[0]
    for m in population(isa, Subject(form.key), Ground(Bench({}, ())), 1).made:
        said = predict(isa, form, m.fields, m.case)
        # The sum of what are no decimal digits is undefined altogether.
        if (
            isinstance(said, Prediction)
            and not said.ending
            and said.zeros.state["SR.C"] == said.ones.state["SR.C"]
        ):
            (seen,) = Mirror(isa).run([m.case])
            assert isinstance(seen, Outcome)
            return isa, m, said, seen
    raise AssertionError("no case completes")


def test_a_mirror_agrees() -> None:
    isa, m, said, seen = shown("MOVEQ")
    assert differences(isa, m.case, said, seen) == ()


def test_every_part_is_looked_at() -> None:
    isa, m, said, seen = shown("MOVEQ")
    registers = seen.state["D"]
    assert isinstance(registers, tuple)
    cell = max(m.case.memory["store"])
    before = m.case.memory["store"][cell]
    other = replace(
        seen,
        state={**seen.state, "D": (*registers[:7], registers[7] ^ 4)},
        changed={"store": {cell: before ^ 1}},
        waits=True,
        events=(Event("board", "reset"),),
    )
    found = differences(isa, m.case, said, other)
    assert found == (
        Difference("waits", 0, 0, 1),
        Difference("events", 0, 1, 0),
        Difference("D", 7, registers[7], registers[7] ^ 4),
        Difference("store", cell, before, before ^ 1),
    )


def test_undefined_bits_are_masked() -> None:
    """N and V after ABCD are undefined (PRM, section 4, ABCD); C is not."""
    isa, m, said, seen = shown("ABCD")
    for flag, expected in (("SR.N", 0), ("SR.V", 0), ("SR.C", 1)):
        value = seen.state[flag]
        assert isinstance(value, int)
        other = replace(seen, state={**seen.state, flag: value ^ 1})
        assert len(differences(isa, m.case, said, other)) == expected, flag
