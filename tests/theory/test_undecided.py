"""What is not proved is undecided: a class of its own, never success."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from popek.smt import Answer, Budget, Cause, Query, Sat, Stats, Undecided, Unsat
from popek.smt.model import Model
from popek.theory.obligation import Fault
from popek.theory.prover import Disagreement
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class
from tests.theory.toys import (
    ADD,
    HALT,
    JRST1,
    LRA,
    PUSHF,
    RDT,
    STATE,
    checked,
    one,
    toy,
    verdict_of,
)

PROVED, UNDECIDED = Verdict.PROVED, Verdict.UNDECIDED


class Says:
    """A solver with one answer, which counts what it is asked."""

    def __init__(self, answer: Callable[[Query], Answer]) -> None:
        self.answer = answer
        self.asked = 0

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """The one answer."""
        self.asked += 1
        return self.answer(query), Stats(1, 0.0)


#: Neither the rewriter nor a few samples decide these.
HARD = {
    "never": "a[x] = if (a[x] * a[x])[1] and M == user then 1 else 0",
    "critical": "a[x] = if a[y] * a[y] == 0x9271 and M == user then 1 else 0",
    "traps": "require (a[x] * a[x])[1] == 0 or M == user else raise denied; a[x] = 0",
}


# ---------------------------------------------------------------- out of budget


def test_the_solver_decides_what_is_hard() -> None:
    """No square has its second bit set; many end in 9271."""
    kinds = {name: verdict_of(checked(toy(one(clause)))).kind for name, clause in HARD.items()}
    assert kinds == {
        "never": Class.INNOCUOUS,
        "critical": Class.CRITICAL,
        "traps": Class.INNOCUOUS,
    }


@pytest.mark.parametrize("clause", HARD.values(), ids=list(HARD))
def test_out_of_budget_is_undecided_and_never_success(clause: str) -> None:
    solver = Says(lambda query: Undecided(Cause.BUDGET))
    result = checked(toy(one(clause), ADD, HALT), solver=solver)
    assert solver.asked
    assert verdict_of(result).kind is Class.UNDECIDED
    assert verdict_of(result, "ADD").kind is Class.INNOCUOUS
    assert verdict_of(result, "HALT").kind is Class.PRIVILEGED
    for theorem in (result.vmm, result.recursive):
        assert theorem.verdict is UNDECIDED
    assert result.vmm.because == ("X",)
    assert result.summary()["undecided"] == 1
    assert result.stats.undecided


def test_a_budget_of_one_step_is_no_proof() -> None:
    result = checked(toy(one(HARD["never"])), budget=Budget(rlimit=1))
    assert verdict_of(result).kind is Class.UNDECIDED
    assert "budget" in verdict_of(result).reason
    assert result.vmm.verdict is UNDECIDED


def test_an_undecided_form_beside_a_critical_one_still_refutes() -> None:
    solver = Says(lambda query: Undecided(Cause.TIMEOUT))
    result = checked(toy(one(HARD["never"]), LRA), solver=solver)
    assert result.vmm.verdict is Verdict.REFUTED
    assert result.vmm.because == ("LRA",)


def test_a_model_that_is_none_is_no_witness() -> None:
    """A solver that answers SAT with zeros: the terms do not confirm it."""
    solver = Says(lambda query: Sat(Model().completed(query.symbols)))
    result = checked(toy(one(HARD["never"])), solver=solver)
    assert verdict_of(result).kind is Class.UNDECIDED
    assert result.vmm.verdict is UNDECIDED


def test_unsat_is_believed_and_nothing_else_rests_on_the_solver() -> None:
    """docs/trust.md: an UNSAT answer is trusted; witnesses found by sampling need none."""
    solver = Says(lambda query: Unsat())
    result = checked(toy(one(HARD["critical"]), LRA, JRST1, PUSHF), solver=solver)
    kinds = {v.form.mnemonic: v.kind for v in result.verdicts}
    assert {kinds[name] for name in ("LRA", "JRST1", "PUSHF")} == {Class.CRITICAL}


# ---------------------------------------------------------------- vacuous premises

NEVER = {
    "host line": ("\nhost R.b < 1 and R.b > 1\n", "skip"),
    "invariant": ("\ninvariant R.b == 0 and R.b == 1\n", "skip"),
    "host clause": ("\nresource Z : u1  host 1\nhost Z == 0\n", "skip"),
    "a trap behind it": ("\nhost R.b < 1 and R.b > 1\n", "raise call"),
    "critical otherwise": ("\nhost R.b < 1 and R.b > 1\n", "a[x] = R.l"),
}


@pytest.mark.parametrize("never", NEVER.values(), ids=list(NEVER))
def test_a_premise_that_nothing_satisfies_proves_nothing(never: tuple[str, str]) -> None:
    more, clause = never
    result = checked(toy(more, one(clause)))
    assert verdict_of(result).kind is Class.UNDECIDED
    for theorem in (result.vmm, result.recursive, result.hybrid):
        assert theorem.verdict is not PROVED


def test_a_form_that_no_decode_context_means_is_undecided() -> None:
    """The invariant says that code is wide, the form is narrow."""
    more = "\nhidden D : bool\ninvariant D == 1\ncontext wide : 0, 1 = D\n"
    text = """
instruction X x, y
  encoding  1111 .... y:4 x:4
  valid when wide == 0
  a[x] = a[y]
"""
    result = checked(toy(more, text))
    assert {v.kind for v in result.verdicts} == {Class.UNDECIDED}
    assert result.vmm.verdict is not PROVED
    assert result.hybrid.verdict is not PROVED


# ---------------------------------------------------------------- where traps lead

LOST = {
    "into user mode": "M = user",
    "where a word in memory says": "M = E[zext(c)][0]",
    "into a shutdown": "shutdown",
    "anywhere": "unpredictable",
}


@pytest.mark.parametrize("body", LOST.values(), ids=list(LOST))
def test_a_trap_that_does_not_lead_to_the_host_is_undecided(body: str) -> None:
    lost = f"\ntrap lost = nowhere(1)\ndeliver nowhere(c : u8)\n  {body}\n"
    safe = one("require M == supervisor else raise lost")
    result = checked(toy(lost, safe, ADD))
    assert verdict_of(result).kind is Class.UNDECIDED
    assert "lost" in verdict_of(result).reason
    assert verdict_of(result, "ADD").kind is Class.INNOCUOUS
    for theorem in (result.vmm, result.recursive, result.hybrid):
        assert theorem.verdict is not PROVED


def test_a_critical_form_is_critical_wherever_its_traps_lead() -> None:
    lost = "\ntrap lost = nowhere(1)\ndeliver nowhere(c : u8)\n  M = user\n"
    result = checked(toy(lost, one("require a[x] == 0 else raise lost; a[y] = R.l")))
    assert verdict_of(result).kind is Class.CRITICAL


PROMISED = """
trap lost = vector(1)
deliver vector(c : u8)
  let new = E[zext(c)]
  host {promise} "the new PSW is the host's"
  M = new[0]
  P = zext(c)
"""


def test_what_the_host_promises_of_its_vectors_is_enough() -> None:
    more = PROMISED.format(promise="new[0] == supervisor")
    result = checked(toy(more, one("raise lost")))
    assert verdict_of(result).kind is Class.GUARDED
    assert result.vmm.verdict is PROVED
    assert result.promises == {"the new PSW is the host's": True}


def test_a_promise_that_no_table_can_keep_proves_nothing() -> None:
    more = PROMISED.format(promise="new[0] == supervisor and new[0] == user")
    result = checked(toy(more, one("raise lost")))
    assert result.promises == {"the new PSW is the host's": False}
    assert verdict_of(result).kind is Class.UNDECIDED
    assert result.vmm.verdict is not PROVED


# ---------------------------------------------------------------- answers that do not fit together


def test_a_model_that_the_ints_do_not_confirm_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terms say SAT and the ints say no: that is exit 70, and no verdict."""
    monkeypatch.setattr("popek.theory.prover.sightings_of", lambda obligation: ())
    with pytest.raises(Disagreement):
        checked(toy(one(HARD["critical"])))


def test_timing_is_exempt_and_no_more() -> None:
    """A clock whose value is exempt is still shown; one in a condition of a trap is sensitive."""
    result = checked(toy(RDT))
    assert verdict_of(result, "RDT").assumptions == ("timing-exempt",)


# ---------------------------------------------------------------- a translation that changes

CACHED = STATE.replace("register  a[16]", "hidden    base : u16\nregister  a[16]").replace(
    "return R.l + v", "return R.l + base + v"
)


def test_a_step_that_changes_the_translation_alone_is_undecided() -> None:
    """Whether the host can keep up with it is not for popek to say."""
    verdict = verdict_of(checked(toy(one("base = a[x]"), state=CACHED)))
    assert verdict.kind is Class.UNDECIDED
    assert "translation" in verdict.reason


def test_a_witness_shows_more_than_a_translation_that_changes() -> None:
    verdict = verdict_of(checked(toy(one("base = a[x]; a[y] = zext(M)"), state=CACHED)))
    assert verdict.kind is Class.CRITICAL
    assert verdict.witness is not None
    assert verdict.witness.sightings[0].fault is Fault.DIFFERS
    assert verdict.reason == "shows M in a without a trap"
