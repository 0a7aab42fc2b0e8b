"""Theorems 1, 2 and 3 on toy machines."""

from __future__ import annotations

import pytest

from popek.theory.theorems import Theorem, Verdict
from popek.theory.verdict import Class
from tests.theory.toys import ADD, HALT, JRST1, LRA, PUSHF, RDT, checked, one, toy, verdict_of

PROVED, REFUTED, UNDECIDED = Verdict.PROVED, Verdict.REFUTED, Verdict.UNDECIDED

#: RDT and a plain form that the same bit makes trap.
ADD_WITH_TSD = """
instruction ADDT x, y
  encoding  0111 .... x:4 y:4
  require M == supervisor or not TSD else raise denied
  a[x] = a[x] + a[y]
"""
#: No bit makes this one trap.
STCK = "\ninstruction STCK x\n  encoding  1000 ........ x:4\n  a[x] = CLK\n"


def said(theorem: Theorem) -> tuple[Verdict, tuple[str, ...]]:
    """Verdict and mnemonics."""
    return theorem.verdict, theorem.because


@pytest.mark.parametrize(
    ("machine", "first", "third"),
    [
        ((ADD, HALT), (PROVED, ()), (PROVED, ())),
        ((ADD, HALT, JRST1), (REFUTED, ("JRST1",)), (PROVED, ())),
        ((ADD, LRA), (REFUTED, ("LRA",)), (REFUTED, ("LRA",))),
        ((LRA, JRST1, PUSHF), (REFUTED, ("LRA", "JRST1", "PUSHF")), (REFUTED, ("LRA", "PUSHF"))),
    ],
    ids=["clean", "JRST1 alone", "LRA alone", "three"],
)
def test_theorems_1_and_3(
    machine: tuple[str, ...],
    first: tuple[Verdict, tuple[str, ...]],
    third: tuple[Verdict, tuple[str, ...]],
) -> None:
    result = checked(toy(*machine))
    assert said(result.vmm) == first
    assert said(result.hybrid) == third
    # Theorem 2 rests on Theorem 1.
    assert said(result.recursive) == first
    assert result.hybrid == result.hybrid_without_contract


# ---------------------------------------------------------------- Theorem 2


def test_a_clock_that_the_host_can_trap_nests() -> None:
    """With timing not exempt RDT is not plain, and the host sets TSD."""
    result = checked(toy(RDT, ADD))
    assert said(result.vmm) == (PROVED, ())
    assert said(result.recursive) == (PROVED, ())
    # Theorem 1 itself needs no trap.
    assert verdict_of(result, "RDT").kind is Class.GUARDED


def test_a_clock_that_cannot_be_trapped_nests_but_for_timing() -> None:
    result = checked(toy(STCK, ADD))
    assert said(result.vmm) == (PROVED, ())
    assert said(result.recursive) == (REFUTED, ("STCK",))
    assert result.recursive.says.startswith("recursive, timing exempt: STCK")


def test_trapping_the_clock_must_not_stop_plain_forms() -> None:
    result = checked(toy(RDT, ADD_WITH_TSD))
    assert said(result.vmm) == (PROVED, ())
    assert said(result.recursive) == (REFUTED, ("RDT",))
    assert result.recursive.says.startswith("recursive, timing exempt: RDT")


# ---------------------------------------------------------------- Theorem 3 and its contract


def test_a_contract_of_user_programs_can_save_theorem_3() -> None:
    """PUSHF of one flag: the host has IE = 1 while the guest runs, and users keep it so."""
    shows_ie = one("a[x] = zext(F.IE)")
    result = checked(toy("\ncontract user: F.IE == 1\n", shows_ie))
    assert said(result.vmm) == (REFUTED, ("X",))
    assert said(result.hybrid) == (PROVED, ())
    assert said(result.hybrid_without_contract) == (REFUTED, ("X",))


def test_a_contract_that_says_too_little_saves_nothing() -> None:
    """F has the priority too, and that is not the contract's."""
    result = checked(toy("\ncontract user: F.IE == 1\n", PUSHF))
    assert said(result.hybrid) == (REFUTED, ("PUSHF",))
    assert said(result.hybrid_without_contract) == (REFUTED, ("PUSHF",))


def test_a_contract_of_supervisors_says_nothing_about_users() -> None:
    shows_ie = one("a[x] = zext(F.IE)")
    result = checked(toy("\ncontract supervisor: F.IE == 1\n", shows_ie))
    assert said(result.hybrid) == (REFUTED, ("X",))
    # Nor does a contract of users save Theorem 1.
    assert said(result.vmm) == (REFUTED, ("X",))


def test_a_contract_that_nobody_can_keep_proves_nothing() -> None:
    impossible = "\ncontract user: F.IE == 1 and F.IE == 0\n"
    result = checked(toy(impossible, one("a[x] = zext(F.IE)")))
    assert result.hybrid.verdict is not PROVED
