"""Designs for the ISAs with a translation: what is proved of some forms of each kind, and mutants.

The classes are those that the specs expect, which tests/theory holds against `popek check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from popek.hypervisor.design import Design, Property
from popek.hypervisor.load import load_design, load_design_source
from popek.hypervisor.placing import Reach
from popek.hypervisor.proof import Proof
from popek.hypervisor.prove import Proving
from popek.resources import bundled, list_designs
from popek.smt import Z3InProcess
from popek.theory.prover import Prover
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class, Proved
from tests.hypervisor import test_proofs

#: The forms of the proofs, by ISA: harmless ones with and without memory, and the others.
SOME: Mapping[str, set[str]] = {
    "m68010": {"ST", "RTS", "TRAP", "MOVEC", "STOP", "RESET", "ILLEGAL"},
    "m68000": {"MOVE_from_SR", "RTS", "TRAP", "STOP"},
    "s370": {"A", "ST", "SVC", "LPSW", "SPKA", "IPK", "MC", "STCK"},
    "rv64": {"add", "ld", "ecall", "mret", "wfi", "csr_hpmcounter"},
}

#: How translations are treated, and the forms at which properties fail.
KNOWN: Mapping[str, tuple[Reach, Mapping[Property, set[str]]]] = {
    "m68010/trap-and-emulate": (Reach.RELOCATED, {}),
    "m68000/trap-and-emulate": (Reach.RELOCATED, {Property.EQUIVALENCE: {"MOVE_from_SR"}}),
    "m68010/interpret": (Reach.RELOCATED, {Property.EFFICIENCY: {"set_condition", "RTS"}}),
    "m68000/interpret": (Reach.RELOCATED, {Property.EFFICIENCY: {"RTS"}}),
    "s370/trap-and-emulate": (Reach.ASSUMED, {}),
    "rv64/trap-and-emulate": (Reach.ASSUMED, {}),
}

#: A fault: the design, its text, what is there instead, and the property that fails with a form or
#: an interrupt at which it does.
MUTANTS = (
    ("m68010", "real = user", "real = supervisor", Property.CONTROL, "MOVEC"),
    ("m68010", ", trap_vector", "", Property.EQUIVALENCE, "TRAP"),
    ("m68010", "interpret insn\n", "PC = PC + 2\n", Property.EQUIVALENCE, "RESET"),
    (
        "m68010",
        "interpret insn\n",
        "interpret insn\n    PC = PC + 2\n",
        Property.EQUIVALENCE,
        "STOP",
    ),
    ("m68010", "inject trace_step\n", "inject level_1\n", Property.EQUIVALENCE, "trace_step"),
    ("rv64", "environment_call, ", "", Property.EQUIVALENCE, "ecall"),
    ("rv64", "on illegal_instruction, ", "on ", Property.EQUIVALENCE, "mret"),
    ("s370", "KEY_SHOWN" + " " * 44 + "= 0", "KEY_SHOWN = 1", Property.EQUIVALENCE, "IPK"),
    ("s370", "on privileged_operation, ", "on ", Property.EQUIVALENCE, "LPSW"),
    ("s370", "CR3.KEYS" + " " * 49 + "= 0", "CR3.KEYS = 1", Property.EQUIVALENCE, "SPKA"),
)


def test_every_bundled_design_is_known() -> None:
    assert set(list_designs()) == set(KNOWN) | set(test_proofs.KNOWN)


def proof_of(design: Design, spec: str) -> tuple[Reach, Proof]:
    """The proofs about some forms of a design, and how its translations are treated."""
    named = [f for f in design.isa.forms if {f.name, f.mnemonic} & SOME[spec]]
    some = replace(design, isa=replace(design.isa, forms=tuple(named)))
    classes = {form.key: Class(form.expect.classes[0]) for form in named if form.expect}
    proving = Proving(some, Prover(some.isa, Z3InProcess()), classes)
    return proving.reach, proving.verdicts()


@pytest.mark.parametrize("name", KNOWN)
def test_some_forms_of_each_kind(name: str) -> None:
    design = load_design(bundled("designs") / f"{name}.hv")
    reach, proof = proof_of(design, name.split("/", maxsplit=1)[0])
    expected, failing = KNOWN[name]
    assert reach is expected
    for about, found in proof.properties.items():
        names = failing.get(about, set())
        assert {form.name for form in found.refuted} == names
        others = [one.finding for one in found.forms if one.form.name not in names]
        assert others or names
        assert all(isinstance(finding, Proved) for finding in others)
        open_ = reach is Reach.ASSUMED and about is not Property.EFFICIENCY
        sure = Verdict.UNDECIDED if open_ else Verdict.PROVED
        assert found.verdict is (Verdict.REFUTED if names else sure)


@pytest.mark.parametrize(
    ("spec", "old", "new", "about", "at"),
    MUTANTS,
    ids=[f"{spec}: {old.strip()} -> {new.strip()}" for spec, old, new, _, _ in MUTANTS],
)
def test_a_mutant_is_refuted(spec: str, old: str, new: str, about: Property, at: str) -> None:
    text = (bundled("designs") / f"{spec}/trap-and-emulate.hv").read_text(encoding="utf-8")
    assert old in text
    _, proof = proof_of(load_design_source(text.replace(old, new), "mutant.hv"), spec)
    found = proof.properties[about]
    refuted = {form.mnemonic for form in found.refuted} | set(found.lost)
    assert found.verdict is Verdict.REFUTED
    assert at in refuted
