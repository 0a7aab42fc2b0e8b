"""Hardware assistance on the machine of 1974: faults in its design are refuted where they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from popek.hypervisor.design import Property
from popek.hypervisor.load import load_design_source
from popek.hypervisor.proof import Proof
from popek.resources import design_path
from popek.theory.verdict import Undecided
from tests.hypervisor.test_proofs import proof_of

EQUIVALENCE, CONTROL = Property.EQUIVALENCE, Property.CONTROL
ACCESSES = {EQUIVALENCE: {"LDX", "LPSW"}, CONTROL: {"LDX", "LPSW"}}

#: The forms of these proofs: all that concerns guest mode, and one of each kind beside.
SOME = {"LDX", "LPSW", "HALT", "STM", "RTM", "SIO", "LRA", "JRST1", "SVC", "RUN"}

#: A fault: a piece of the design, what is there instead, and where which property fails, no other
#: form or interrupt of these being to blame.
MUTANTS = (
    (
        "exits.timing  virtual        real = on",
        "exits.timing  virtual        real = off",
        {EQUIVALENCE: {"STM", "RTM"}, CONTROL: {"STM"}},
    ),
    (
        "exits.io      virtual        real = on",
        "exits.io      virtual        real = off",
        {EQUIVALENCE: {"SIO"}, CONTROL: {"SIO"}},
    ),
    ("real = size", "real = size + 1", ACCESSES),
    ("real = region", "real = region + 1", ACCESSES),
    ("virtual = off\n", "virtual = on\n", {EQUIVALENCE: {"RUN"}}),
    ("  interpret insn", "  skip", {EQUIVALENCE: {"STM", "RTM", "SIO", "RUN"}}),
    ("  interpret insn", "  reflect trap", {EQUIVALENCE: {"STM", "RTM", "SIO", "RUN"}}),
    (
        "M, R          direct",
        "R  direct\n  M  virtual  real = user",
        {EQUIVALENCE: {"LPSW", "HALT", "JRST1"}},
    ),
    (
        "M, R          direct",
        "M, R.b  direct\n  R.l  virtual  real = 0",
        {EQUIVALENCE: {"LDX", "LPSW", "LRA"}, CONTROL: {"LPSW"}},
    ),
    (", timer_ends_guest", "", {EQUIVALENCE: {"timer_ends_guest"}}),
    ("  timer = quantum\n", "", {CONTROL: {"timer_runs_out", "timer_ends_guest"}}),
)


def proved(old: str, new: str) -> Proof:
    """What is proved with another text in the design, of some forms."""
    text = design_path("pg74-vt/hardware").read_text(encoding="utf-8")
    assert old in text
    design = load_design_source(text.replace(old, new), "mutant.hv")
    some = tuple(form for form in design.isa.forms if form.mnemonic in SOME)
    return proof_of(replace(design, isa=replace(design.isa, forms=some)), "pg74-vt")


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    MUTANTS,
    ids=[f"{old.strip()} -> {new.strip()}" for old, new, _ in MUTANTS],
)
def test_a_mutant_is_refuted(old: str, new: str, failing: dict[Property, set[str]]) -> None:
    for about, found in proved(old, new).properties.items():
        refuted = {form.mnemonic for form in found.refuted} | set(found.lost)
        refuted |= {one.interrupt for one in found.refuted_interrupts}
        assert refuted == failing.get(about, set())
        # Where relocation is wrong it is left open how code is fetched.
        undecided = {i.title for i in found.interrupts if isinstance(i.finding, Undecided)}
        assert undecided <= {"code is fetched where the guest has it"}
        assert not any(isinstance(one.finding, Undecided) for one in found.forms)


def test_more_may_leave_than_has_to() -> None:
    for found in proved("real = off", "real = on").properties.values():
        assert not found.refuted
        assert not found.open
