"""Paravirtualization of the machine of 1974: equivalent for ports, in control of every guest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from popek.hypervisor.design import Disposition, Property
from popek.hypervisor.load import load_design_source
from popek.hypervisor.proof import Proof
from popek.resources import design_path
from popek.theory.verdict import Refuted
from tests.hypervisor.guest_files import guest_of
from tests.hypervisor.test_proofs import proof_of
from tests.hypervisor.test_run import run, under

DESIGN = "pg74/paravirtual"

#: The forms of these proofs: the replaced ones, and a privileged one.
SOME = {"LRA", "JRST1", "LPSW"}


def proved(old: str, new: str) -> Proof:
    """What is proved with another text in the design, of some forms."""
    text = design_path(DESIGN).read_text(encoding="utf-8")
    assert old in text
    design = load_design_source(text.replace(old, new), "mutant.hv")
    some = tuple(form for form in design.isa.forms if form.mnemonic in SOME)
    return proof_of(replace(design, isa=replace(design.isa, forms=some)), "pg74")


def refuted(proof: Proof, about: Property) -> set[tuple[str, Disposition]]:
    """The forms at which a property fails, and what becomes of them there."""
    forms = proof.properties[about].forms
    return {(p.form.mnemonic, p.disposition) for p in forms if isinstance(p.finding, Refuted)}


def test_a_guest_that_is_not_ported_is_not_equivalent() -> None:
    proof = proved("LRA, JRST1  replaced", "LRA  replaced")
    assert refuted(proof, Property.EQUIVALENCE) == {("JRST1", Disposition.RUN)}


def test_control_is_of_guests_that_break_the_contract_too() -> None:
    """With the real machine in supervisor mode the instruction that JRST1's port replaces would
    leave it; the call that is there instead does not.
    """
    proof = proved("real = user", "real = supervisor")
    found = {how for name, how in refuted(proof, Property.CONTROL) if name == "JRST1"}
    assert found == {Disposition.RUN}
    assert not any(name == "JRST1" for name, _ in refuted(proof, Property.EQUIVALENCE))


@pytest.mark.parametrize("name", ["lra", "jrst1"])
def test_a_port_runs_as_the_original_on_the_bare_machine(name: str) -> None:
    assert run(guest_of("pg74", name), under(DESIGN)).difference is None
