"""Invariants: proved inductive over reset, every step and every delivery, or an assumption."""

from __future__ import annotations

import pytest

from popek.theory.check import Check
from popek.theory.verdict import Class, Refuted
from tests.theory.toys import ADD, checked, one, toy, verdict_of

#: The form under test reads D, which the invariant says is 0.
CLAUSE = one("if D then a[x] = R.l")
DECLARED = '\nresource D : bool  host 0\ninvariant D == 0 "nobody sets D"\n'
RESET = "\nreset\n  D = 0\n"
SETS = """
instruction SETD x
  encoding  1000 ........ x:4
  require M == supervisor else raise denied
  D = {value}
"""


def kept(result: Check) -> bool | None:
    """Whether the one invariant is inductive."""
    (one_,) = result.invariants
    return one_.inductive


def assumed(result: Check) -> list[str]:
    """The invariants that are assumptions."""
    return [a.text for a in result.assumptions if a.id == "invariant"]


def test_an_inductive_invariant_is_a_fact() -> None:
    result = checked(toy(DECLARED, RESET, CLAUSE, SETS.format(value="0"), ADD))
    assert kept(result) is True
    assert assumed(result) == []
    assert verdict_of(result).kind is Class.INNOCUOUS
    assert verdict_of(result).assumptions == ()


@pytest.mark.parametrize(
    ("more", "breaks"),
    [
        ("", "reset"),
        (RESET + SETS.format(value="a[x][0]"), "SETD"),
        (RESET + "\ninterrupt tick when D == 0\n  D = 1\n", "tick"),
        (
            RESET
            + "\ntrap odd = setting(1)\ndeliver setting(c : u8)\n  M = supervisor\n  D = c[0]\n",
            "odd",
        ),
    ],
    ids=["reset", "step", "interrupt", "delivery"],
)
def test_an_invariant_that_something_breaks_is_an_assumption(more: str, breaks: str) -> None:
    result = checked(toy(DECLARED, more, CLAUSE, ADD))
    assert kept(result) is False
    assert assumed(result) == ["nobody sets D"]
    # The verdict rests on it, and says so; the one beside it does not.
    assert verdict_of(result).kind is Class.INNOCUOUS
    assert verdict_of(result).assumptions == ("nobody sets D",)
    assert verdict_of(result, "ADD").assumptions == ()
    (one_,) = result.invariants
    last = one_.findings[-1]
    assert isinstance(last, Refuted)
    assert breaks in last.witness.query


def test_without_the_invariant_the_form_is_critical() -> None:
    declared = DECLARED.splitlines()[1]
    result = checked(toy(f"\n{declared.replace('host 0', '')}\n", CLAUSE))
    assert verdict_of(result).kind is Class.CRITICAL


def test_an_invariant_ties_a_component_to_the_mode() -> None:
    """Two registers hold the level, as CS and SS do: showing the second one is showing the mode."""
    tied = "\nregister N : u1\ninvariant N == M\nreset\n  N = supervisor\n"
    result = checked(toy(tied, one("a[x] = zext(N)")))
    verdict = verdict_of(result)
    assert verdict.general.mode is True
    assert verdict.pg74.mode is True


def test_an_invariant_over_two_steps_is_proved_from_itself() -> None:
    """D and G are set together: neither alone is inductive, the conjunction is."""
    both = """
resource D : bool  host 0
resource G : bool  host 0
invariant D == G "together"
reset
  D = 0
  G = 0
instruction SETDG x
  encoding  1000 ........ x:4
  require M == supervisor else raise denied
  D = a[x][0]
  G = D
"""
    assert kept(checked(toy(both, ADD))) is True
    assert kept(checked(toy(both.replace("  G = D\n", ""), ADD))) is False


#: D says that a trap is on its way: a second one, met on the way, is delivered with D set.
NESTED = """
resource D : bool  host 0
resource G : bool  host 0
invariant D == 0 "nothing is on its way"
invariant G == 0 "nothing was met on the way"
reset
  D = 0
  G = 0
trap odd : {kind} = nested()
trap met = meeting()
deliver nested()
  lasting D = 1
  require table[0] != 0 else raise met
  M = supervisor
  D = {after}
deliver meeting()
  {meeting}
  D = 0
  M = supervisor
"""


@pytest.mark.parametrize(
    ("meeting", "after", "kind", "proved"),
    [
        ("skip", "0", "fault", [True, True]),
        ("skip", "1", "fault", [False, True]),
        ("skip", "0", "completes", [True, True]),
        # The delivery of the second trap may not rely on D being 0.
        ("if D then G = 1", "0", "fault", [True, False]),
    ],
    ids=["kept", "not brought about", "after a trap that keeps its effects", "relied on"],
)
def test_an_invariant_of_deliveries_holds_between_steps(
    meeting: str, after: str, kind: str, proved: list[bool]
) -> None:
    nested = NESTED.format(meeting=meeting, after=after, kind=kind)
    result = checked(toy(nested, one("raise odd"), ADD))
    assert [k.inductive for k in result.invariants] == proved
