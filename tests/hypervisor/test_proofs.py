"""What is proved of the designs for the machine of 1974, and mutants that are refuted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

import popek
from popek.hypervisor.design import Design, Property
from popek.hypervisor.load import load_design, load_design_source
from popek.hypervisor.proof import Kind, Proof
from popek.hypervisor.prove import Proving
from popek.resources import bundled
from popek.smt import Z3InProcess
from popek.theory.prover import Prover
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class

#: Design: its kind, and the mnemonics at which properties fail.  `innocuous`: all of that class.
KNOWN: Mapping[str, tuple[Kind, Mapping[Property, set[str]]]] = {
    "pg74/trap-and-emulate": (Kind.NONE, {Property.EQUIVALENCE: {"LRA", "JRST1"}}),
    "pg74-clean/trap-and-emulate": (Kind.TRUE, {}),
    "one-critical/hybrid": (Kind.HYBRID, {Property.EFFICIENCY: {"innocuous"}}),
    "pg74/interpret": (Kind.INEFFICIENT, {Property.EFFICIENCY: {"innocuous"}}),
    "pg74-clean/interpret": (Kind.INEFFICIENT, {Property.EFFICIENCY: {"innocuous"}}),
    "one-critical/interpret": (Kind.INEFFICIENT, {Property.EFFICIENCY: {"innocuous"}}),
    "pg74/translate": (Kind.HYBRID, {}),
    "pg74/paravirtual": (Kind.HYBRID, {}),
    "pg74-vt/hardware": (Kind.TRUE, {}),
}

#: The forms of the mutants' proofs: one of each kind.
SOME = {"ADD", "LDX", "STX", "SVC", "LPSW", "SRB", "STM", "HALT", "SIO"}

DESIGN = "pg74/trap-and-emulate"

#: A fault: the text of the design, what is there instead, and the property that fails with one of
#: the forms or interrupts at which it does.
MUTANTS = (
    ("real = region + vcpu.R.l", "real = vcpu.R.l", Property.CONTROL, "LDX"),
    ("when i < size", "when i < size - 1", Property.CONTROL, "LDX"),
    ("if vcpu.R.l >= size then 0 else", "", Property.CONTROL, "LDX"),
    ("then size - vcpu.R.l else", "then size - vcpu.R.l + 1 else", Property.EQUIVALENCE, "LDX"),
    ("virtual  real = user", "virtual  real = supervisor", Property.CONTROL, "SRB"),
    ("on memory_trap, svc", "on memory_trap", Property.EQUIVALENCE, "SVC"),
    ("on memory_trap, svc", "on svc", Property.EQUIVALENCE, "STX"),
    ("reflect privileged_operation", "reflect memory_trap", Property.EQUIVALENCE, "HALT"),
    ("vcpu.M == supervisor", "vcpu.M == user", Property.EQUIVALENCE, "LPSW"),
    ("interpret insn\n", "P = P + 1\n", Property.EQUIVALENCE, "STM"),
    ("interpret insn\n", "interpret insn\n    P = P + 1\n", Property.EQUIVALENCE, "SIO"),
    ("interpret insn\n", "interpret insn\n    E[0] = 1\n", Property.CONTROL, "SRB"),
    ("interpret insn\n", "interpret insn\n    timer = 0\n", Property.CONTROL, "STM"),
    ("  timer = quantum\n", "", Property.CONTROL, "timer_runs_out"),
    ("= quantum\n", "= quantum\n  P = P + 1\n", Property.EQUIVALENCE, "timer_runs_out"),
    ("runs_out\n  resume", "runs_out\n  vcpu.timer = 0", Property.EQUIVALENCE, "timer_runs_out"),
    ("inject timer_counts,", "inject", Property.EQUIVALENCE, "timer_counts"),
    ("vcpu.M == supervisor\n", "vcpu.timer == 0\n", Property.EQUIVALENCE, "LPSW"),
    ("virtual = size", "virtual", Property.EQUIVALENCE, "LDX"),
)


@cache
def classes(spec: str) -> Mapping[tuple[str, str], Class]:
    """The classes of all forms of a bundled spec."""
    return {v.form.key: v.kind for v in popek.check(popek.load(spec)).verdicts}


def proof_of(design: Design, spec: str) -> Proof:
    """The proofs about a design."""
    return Proving(design, Prover(design.isa, Z3InProcess()), classes(spec)).verdicts()


@pytest.mark.parametrize("name", KNOWN)
def test_kind(name: str) -> None:
    design = load_design(bundled("designs") / f"{name}.hv")
    spec = name.split("/", maxsplit=1)[0]
    proof = proof_of(design, spec)
    kind, failing = KNOWN[name]
    assert proof.kind is kind
    innocuous = {f.mnemonic for f in design.isa.forms if classes(spec)[f.key] is Class.INNOCUOUS}
    for about, found in proof.properties.items():
        expected = failing.get(about, set())
        assert {f.mnemonic for f in found.refuted} == (
            innocuous if expected == {"innocuous"} else expected
        )
        assert found.verdict is (Verdict.REFUTED if expected else Verdict.PROVED)
    assert all(proof.met(expectation) for expectation in design.expectations)


@pytest.mark.parametrize(
    ("old", "new", "about", "at"),
    MUTANTS,
    ids=[f"{old.strip()} -> {new.strip()}" for old, new, _, _ in MUTANTS],
)
def test_a_mutant_is_refuted(old: str, new: str, about: Property, at: str) -> None:
    text = (bundled("designs") / f"{DESIGN}.hv").read_text(encoding="utf-8")
    assert old in text
    design = load_design_source(text.replace(old, new), "mutant.hv")
    some = tuple(form for form in design.isa.forms if form.mnemonic in SOME)
    found = proof_of(replace(design, isa=replace(design.isa, forms=some)), "pg74").properties[about]
    refuted = {form.mnemonic for form in found.refuted} | set(found.lost)
    refuted |= {one.interrupt for one in found.refuted_interrupts}
    assert found.verdict is Verdict.REFUTED
    assert at in refuted
