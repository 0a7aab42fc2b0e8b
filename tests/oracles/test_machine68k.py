"""Every form of the 68000 and 68010 on Musashi, and what the adapter itself has to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from types import ModuleType

import pytest

from popek.isa import ir
from popek.oracles import Case, Event, OracleMissing, Outcome, Refused, Trap
from popek.oracles import machine68k as adapter
from popek.oracles.machine68k import Machine68k
from popek.oracles.oracle import State
from popek.validation.disagreements import table
from tests.oracles.comparing import Trial, unexplained
from tests.oracles.m68k import MEMORY_TRAPS, trials
from tests.semantics.specs import bundled_isa

pytest.importorskip("machine68k", reason="the oracle machine68k is not installed")

#: States per form, and of those whose paths are rarely taken: no divisor, only digits, no count.
COUNT, MANY = 8, 80
RARE = {"DIVU", "DIVS", "ABCD", "SBCD", "NBCD", "ROL", "ROR"}


def sampled(isa: ir.Isa, form: ir.Form) -> Iterator[Trial]:
    """Trials that both can show: memory traps are for `test_refusals`."""
    shown = (
        made
        for made in trials(isa, form, Random(f"{isa.title}/{form.key}"))
        if made.said.ending not in MEMORY_TRAPS
    )
    return islice(shown, MANY if form.mnemonic in RARE else COUNT)


@pytest.mark.parametrize("spec", ["m68000", "m68010"])
def test_every_form_agrees(spec: str) -> None:
    isa = bundled_isa(spec)
    made = [t for form in isa.forms for t in sampled(isa, form)]
    wrong = []
    for t, seen in zip(made, Machine68k(isa.title).run([t.case for t in made]), strict=True):
        assert isinstance(seen, Outcome), (t.form.key, t.code.hex(), seen)
        if left := unexplained(isa, t, seen, table(adapter.NAME)):
            wrong.append((t.form.key, t.code.hex(), left))
    assert wrong == []
    # Nothing was left out: every trap but those of memory, and either state.
    caused = {name for name, trap in isa.traps.items() if trap.kind is not ir.TrapKind.INTERRUPT}
    assert {t.said.ending for t in made} == (caused - MEMORY_TRAPS) | {""}
    assert {t.case.state["SR.S"] for t in made} == {0, 1}


# ---------------------------------------------------------------- the adapter


def state(**changes: int | tuple[int, ...]) -> State:
    """A supervisor at 0x1000, before the names of components that a keyword cannot be."""
    flags = {f"SR.{flag}": 0 for flag in "CVZNXT"}
    return {
        **flags,
        "SR.I": 0,
        "SR.S": 1,
        "PC": 0x1000,
        "D": (0,) * 8,
        "AR": (0,) * 7,
        "A7": (0x8000, 0x6000),
        "storage": 0x10_0000,
        "R.base": 0,
        "R.bound": 0x10_0000,
        **changes,
    }


def words(at: int, *values: int) -> dict[int, int]:
    return {at + 2 * i + j: v >> (8, 0)[j] & 255 for i, v in enumerate(values) for j in range(2)}


def test_a_trap_from_user_state_through_a_relocated_board() -> None:
    """TRAP #1 at absolute 0x21000; its handler is that of vector 33."""
    before = state(**{"SR.S": 0, "SR.Z": 1, "R.base": 0x20000, "R.bound": 0x8000})
    memory = words(0x21000, 0x4E41) | words(33 * 4, 0x0001, 0x2344)
    (seen,) = Machine68k("68000").run([Case(before, {"store": memory})])
    assert isinstance(seen, Outcome)
    assert seen.trap == Trap(33)
    changed = {"SR.S": 1, "PC": 0x12344, "A7": (0x7FFA, 0x6000), "R.base": 0, "R.bound": 0x10_0000}
    assert seen.state == {**before, **changed}
    # The status register, 0x0004, and the pc, 0x00001002, at the absolute address.
    assert seen.changed == {"store": {0x7FFB: 0x04, 0x7FFE: 0x10, 0x7FFF: 0x02}}


def test_cases_do_not_see_each_other() -> None:
    """STOP, RESET, a store, and a load from where the store was."""
    oracle = Machine68k("68000")
    cases = [
        Case(state(), {"store": words(0x1000, 0x4E72, 0x2700)}),
        Case(state(), {"store": words(0x1000, 0x4E70)}),
        Case(state(D=(0xAB,) * 8), {"store": words(0x1000, 0x1080) | {0: 1}}),
        Case(state(), {"store": words(0x1000, 0x1010)}),
    ]
    stop, reset, store, load = oracle.run(cases)
    assert isinstance(stop, Outcome)
    assert isinstance(reset, Outcome)
    assert isinstance(store, Outcome)
    assert isinstance(load, Outcome)
    assert (stop.waits, stop.state["SR.I"]) == (True, 7)
    assert (reset.waits, reset.events) == (False, (Event("board", "reset"),))
    assert store.changed == {"store": {0: 0xAB}}
    assert load.state["D"] == (0,) * 8
    assert list(oracle.run(cases)) == [stop, reset, store, load]


@pytest.mark.parametrize(
    ("code", "changes", "why"),
    [
        ((0x3010,), {"AR": (1,) * 7}, "an address error"),
        ((0x4ED0,), {"AR": (1,) * 7}, "an address error"),
        ((0x4E71,), {"PC": 0x1001}, "an address error"),
        ((0x4E40,), {"A7": (0x8001, 0)}, "an address error"),
        ((0x3010,), {"AR": (0x10_0000,) * 7}, "a bus error"),
        ((0x4ED0,), {"AR": (0x10_0000,) * 7}, "a bus error"),
        ((0x1010,), {"R.base": 0xF_0000, "AR": (0x1_0000,) * 7}, "a bus error"),
        ((0x4E40,), {"A7": (4, 0)}, "a bus error"),
    ],
)
def test_refusals(
    code: tuple[int, ...], changes: dict[str, int | tuple[int, ...]], why: str
) -> None:
    before = state(**changes)
    at, base = before["PC"], before["R.base"]
    assert isinstance(at, int)
    assert isinstance(base, int)
    (seen,) = Machine68k("68000").run([Case(before, {"store": words(base + at, *code)})])
    assert isinstance(seen, Refused)
    assert seen.why.startswith(why)


def test_refused_is_what_the_spec_says_is_a_memory_trap() -> None:
    isa = bundled_isa("m68000")
    made = (trials(isa, form, Random(str(form.key))) for form in isa.forms[::4])
    some = [t for endless in made for t in islice(endless, 12)]
    trapped = [t for t in some if t.said.ending in MEMORY_TRAPS]
    answers = list(Machine68k("68000").run([t.case for t in trapped]))
    assert len(answers) > 20
    assert all(isinstance(answer, Refused) for answer in answers)


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(adapter, "import_module", absent)
    with pytest.raises(OracleMissing, match="pip install"):
        Machine68k("68000")


def test_other_processors_are_refused() -> None:
    with pytest.raises(ValueError, match="not IA-32"):
        Machine68k("IA-32")
