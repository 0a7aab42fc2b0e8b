"""States that tell a fault from the form that it was put into; without an emulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from popek.cli.validate import on_bench
from popek.smt import Sat, Unsat
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.cases import made_of
from popek.validation.ground import Ground
from popek.validation.mutants import draw
from popek.validation.prediction import predict
from popek.validation.recording import read
from popek.validation.search import Search
from popek.validation.stepping import CLAUSE, Stepper
from popek.validation.telling import Telling

RECORDING = Path(__file__).parent / "recorded" / "s370.hercules.gz"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        # Only registers that are not those of home tell it.
        pytest.param("AR", "xor for or", id="registers"),
        # The delivery of a trap would undo what differs.
        pytest.param("LPSW", "PSW.P forgotten", id="trap"),
        # What is a packed number, and which, no proof says.
        pytest.param("CVB", "or for and", id="abstract"),
    ],
)
def test_a_fault_has_a_state_that_tells_it(name: str, what: str) -> None:
    header, _ = read(RECORDING)
    isa = on_bench("s370", header.spec, header.bench.conditions)
    (form,) = (f for f in isa.forms if f.name == name)
    ground = Ground(header.bench)
    mutants = [m for m in draw(replace(isa, forms=(form,)), 1, 10_000) if m.what == what]
    telling = Telling(isa, form, Search(Stepper.of(isa, form, ground), Z3Conditions()), ground.home)
    told = 0
    for mutant in mutants:
        answer = telling.same(mutant.form)
        if isinstance(answer, Unsat):
            continue
        assert isinstance(answer, Sat)
        made = (made_of(isa, CLAUSE, s, ground) for s in telling.states(mutant.form, answer.model))
        assert any(
            predict(isa, form, m.fields, m.case) != predict(isa, mutant.form, m.fields, m.case)
            for m in made
        )
        told += 1
    assert told
