"""Forms that are alike: the states of one lead to all the paths of the other."""

from __future__ import annotations

import popek
from popek.oracles.oracle import Bench
from popek.validation.cases import Subject, examples, population
from popek.validation.ground import Ground
from popek.validation.likeness import models

GROUND = Ground(Bench(fixed={}, regions=()))


def test_what_computes_otherwise_is_alike() -> None:
    isa = popek.load("m68000", only=["ADD", "SUB", "JMP"])
    alike = models(isa)
    of = {
        form.mnemonic: {alike[f.key].mnemonic for f in isa.forms if f.mnemonic == form.mnemonic}
        for form in isa.forms
    }
    assert of["ADD"] == {"ADD"}
    assert "ADD" in of["SUB"]
    assert of["JMP"] == {"JMP"}


def test_states_of_a_model_lead_to_all_paths() -> None:
    isa = popek.load("m68000", only=["ADD", "SUB"])
    form = next(f for f in isa.forms if models(isa)[f.key].mnemonic != f.mnemonic)
    model = models(isa)[form.key]
    like = examples(population(isa, Subject(model.key), GROUND, 1))
    alone = population(isa, Subject(form.key), GROUND, 1)
    found = population(isa, Subject(form.key), GROUND, 1, like)
    assert set(found.paths) == set(alone.paths)
    assert (found.unknown, found.infeasible) == (alone.unknown, alone.infeasible)
