"""Faults in deliveries and translations, beside cases that are recorded."""

from __future__ import annotations

from pathlib import Path

from popek.cli.validate import on_bench
from popek.validation.disagreements import table
from popek.validation.mutants import ProcessorMutant, draw_of_processor, kills
from popek.validation.recording import by_form, read
from popek.validation.run import remade

RECORDING = Path(__file__).parent / "recorded" / "m68010.machine68k.gz"


def test_a_fault_of_a_delivery_shows_in_cases_of_a_form_that_traps() -> None:
    header, recorded = read(RECORDING)
    isa = on_bench("m68010", header.spec, header.bench.conditions)
    (form,) = (f for f in isa.forms if f.name == "TRAP")
    past = list(remade(isa, form, header, dict(by_form(recorded))[form.key]))
    mutants = draw_of_processor(isa, 1, 10_000)
    own = [m for m in mutants if m.where == "delivery of trap_vector"]
    others = [m for m in mutants if m.where == "delivery of overflow"]
    rows = table(header.oracle.name)

    def killed(mutant: ProcessorMutant) -> bool:
        shown = (kills(mutant.isa, form, made, seen, rows, header.bench) for made, seen in past)
        return any(shown)

    assert {m.where for m in mutants} >= {"bus", "program"}
    assert sum(map(killed, own)) > len(own) / 2 > 0
    assert others
    assert not any(map(killed, others))
