"""Every form of IA-32 on QEMU and Bochs, from states of a system with all of its tables."""

from __future__ import annotations

import shutil
from itertools import islice
from random import Random

import pytest

from popek.oracles import Died, Outcome
from popek.validation.disagreements import table
from tests.oracles.comparing import unexplained
from tests.oracles.ia32 import trials
from tests.oracles.ia32_flat import EMULATORS
from tests.semantics.specs import bundled_isa

#: States per form, and parts of the work.
COUNT, PARTS = 3, 6
#: Of them, how many an oracle may die on: a shutdown where the rows say that it disagrees.
DEATHS = 0.03


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", EMULATORS)
def test_every_form_agrees(name: str, part: int) -> None:
    emulator = EMULATORS[name]
    if shutil.which(emulator.program) is None:
        pytest.skip(f"the oracle {emulator.program} is not installed")
    isa = bundled_isa("ia32")
    oracle = emulator.adapter(isa.title)
    made = [
        trial
        for form in isa.forms[part::PARTS]
        for trial in islice(
            trials(isa, oracle.bench, form, Random(f"{isa.title}/{form.key}")), COUNT
        )
    ]
    rows = table(name)
    wrong, compared, dead = [], 0, 0
    for trial, seen in zip(made, oracle.run([trial.case for trial in made]), strict=True):
        dead += isinstance(seen, Died)
        if not isinstance(seen, Outcome):
            continue
        compared += 1
        if left := unexplained(isa, trial, seen, rows):
            wrong.append((trial.form.name, trial.code.hex(), trial.said.ending, seen.trap, left))
    assert wrong == []
    assert dead <= DEATHS * len(made)
    assert compared >= 0.9 * len(made)
