"""Wrong designs that a hostile reader found proved once: each is refuted, or no design at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from popek.diagnostics import PopekError
from popek.hypervisor.design import Design, Property
from popek.hypervisor.load import load_design_source
from popek.hypervisor.prove import Proving
from popek.resources import bundled
from popek.smt import Z3InProcess
from popek.theory.prover import Prover
from popek.theory.theorems import Verdict
from tests.hypervisor.test_proofs import classes, proof_of

DESIGN = "pg74-clean/trap-and-emulate"


def changed(*edits: tuple[str, str]) -> str:
    """The text of the design with these edits."""
    text = (bundled("designs") / f"{DESIGN}.hv").read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


def some(design: Design, names: set[str]) -> Design:
    """The design for these instructions alone."""
    forms = tuple(form for form in design.isa.forms if form.mnemonic in names)
    return replace(design, isa=replace(design.isa, forms=forms))


def prove(design: Design) -> None:
    """All of a design's proofs.  Raises PopekError for what is none."""
    Proving(design, Prover(design.isa, Z3InProcess()), classes("pg74-clean")).prove()


@pytest.mark.parametrize(
    "edits",
    [
        # The machine's timer counts: what the row says of it is not kept.
        [("timer    virtual", "timer    virtual  real = 5"), ("  require timer != 0", "  #")],
        # The handler of a refused access, where relocation was proved.
        [("on memory_trap, svc", "on memory_trap\n  timer = 0\n  reflect trap\n\non svc")],
        # The guest runs as a supervisor of the real machine.
        [("M        virtual  real = user", "M        virtual  real = supervisor")],
    ],
    ids=["stale", "refused", "promoted"],
)
def test_control_fails(edits: list[tuple[str, str]]) -> None:
    design = load_design_source(changed(*edits), "wrong.hv")
    proof = proof_of(some(design, {"NOP", "LD"}), "pg74-clean")
    assert proof.properties[Property.CONTROL].verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        # No guest is ever in supervisor mode, as it is after the reset.
        ([("M        virtual  real = user", "M        virtual = user  real = user")], "E1007"),
        # How much storage there is, is not the host's to say.
        ([("q        virtual = size", "q        virtual = size  real = 0xFFFF")], "E1003"),
        # Nothing brings the host back to what runs by without a trap.
        ([("  everything  run", "  NOP  interpret\n  everything  run")], "E1009"),
    ],
    ids=["reset", "parameter", "unreached"],
)
def test_it_is_no_design(edits: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(PopekError) as caught:
        design = load_design_source(changed(*edits), "wrong.hv")
        prove(some(design, {"NOP", "LPSW"}))
    assert {d.code for d in caught.value.diagnostics} == {code}
