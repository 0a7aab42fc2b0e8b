"""What the verdicts on a design come to: kinds, expectations, claims, and what is not decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

import popek
from popek.hypervisor.design import Design, Property
from popek.hypervisor.load import load_design_source
from popek.hypervisor.proof import Kind, Proof
from popek.resources import bundled
from popek.theory.theorems import Verdict

#: LRA is critical, ADD innocuous, LPSW privileged.
SOME = ("LRA", "ADD", "LPSW")

EXPECTED = "expect counterexample equivalence at LRA, JRST1"


def design_with(changes: Mapping[str, str], only: tuple[str, ...] = SOME) -> Design:
    """The design for the machine of 1974, changed, for some of its instructions."""
    text = (bundled("designs") / "pg74/trap-and-emulate.hv").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    design = load_design_source(text, "changed.hv")
    forms = tuple(form for form in design.isa.forms if form.mnemonic in only)
    return replace(design, isa=replace(design.isa, forms=forms))


@cache
def proof_of(*changes: tuple[str, str], partial: bool = True) -> Proof:
    return popek.prove(design_with(dict(changes)), partial=partial)


def test_it_is_met_where_the_named_forms_are_those_at_which_it_fails() -> None:
    proof = proof_of()
    (expectation,) = proof.expectations
    assert proof.met(expectation) is True
    assert proof.kind is Kind.NONE
    assert proof.claims == dict.fromkeys(Property, True)


def test_expectations_of_one_property_are_met_together() -> None:
    apart = f"{EXPECTED.replace(', JRST1', '')}\nexpect counterexample equivalence at LPSW"
    more = ("    interpret insn\n", "    interpret insn\n    P = P + 1\n")
    proof = proof_of((EXPECTED, apart), more)
    assert [proof.met(e) for e in proof.expectations] == [True, True]


def test_it_is_not_met_where_more_fails_than_is_named() -> None:
    proof = proof_of(("    interpret insn\n", "    interpret insn\n    P = P + 1\n"))
    assert [proof.met(e) for e in proof.expectations] == [False]
    assert proof.claims[Property.EQUIVALENCE] is False


def test_it_is_not_met_where_something_between_instructions_fails() -> None:
    proof = proof_of(("inject timer_counts,", "inject"))
    assert [proof.met(e) for e in proof.expectations] == [False]


def test_it_is_not_met_where_nothing_fails() -> None:
    proof = proof_of((EXPECTED, "expect counterexample control at ADD"))
    assert [proof.met(e) for e in proof.expectations] == [False]


def test_an_expectation_that_names_no_form_is_met_by_nothing() -> None:
    changed = (EXPECTED, "expect counterexample control at guarded")
    assert proof_of(changed).expectations == ()
    proof = proof_of(changed, partial=False)
    assert [proof.met(e) for e in proof.expectations] == [False]


def test_a_counterexample_is_claimed_though_no_prove_line_names_the_property() -> None:
    proof = proof_of(("prove equivalence, control, efficiency", "prove control"))
    assert proof.claims == {Property.CONTROL: True, Property.EQUIVALENCE: True}


def test_a_state_that_no_machine_has_proves_nothing() -> None:
    proof = proof_of(("\ncost\n", "\nassume P != P\n\ncost\n"))
    assert proof.properties[Property.EQUIVALENCE].verdict is Verdict.UNDECIDED
    assert proof.kind is None
    causes = {getattr(f, "cause", "") for f in proof.properties[Property.CONTROL].findings}
    assert any("no state at the level" in cause for cause in causes)


def test_too_small_a_budget_proves_nothing() -> None:
    design = design_with({}, only=("LDX",))
    checked = popek.check(design.isa, partial=True)
    proof = popek.prove(design, checked=checked, partial=True, rlimit=1)
    assert proof.properties[Property.EQUIVALENCE].verdict is Verdict.UNDECIDED
    assert proof.kind is None


def test_a_form_whose_class_is_undecided_may_be_innocuous() -> None:
    design = design_with({}, only=("LPSW",))
    checked = popek.check(design.isa, partial=True)
    unknown = tuple(replace(v, kind=popek.Class.UNDECIDED) for v in checked.verdicts)
    proof = popek.prove(design, checked=replace(checked, verdicts=unknown), partial=True)
    assert proof.properties[Property.CONTROL].verdict is Verdict.PROVED
    assert proof.properties[Property.EFFICIENCY].verdict is Verdict.UNDECIDED
    assert proof.kind is None


@pytest.mark.parametrize("property", list(Property))
def test_every_verdict_has_a_form_or_is_about_none(property: Property) -> None:
    found = proof_of().properties[property]
    innocuous = {"ADD"}
    mnemonics = {one.form.mnemonic for one in found.forms}
    assert mnemonics == (innocuous if property is Property.EFFICIENCY else set(SOME))
