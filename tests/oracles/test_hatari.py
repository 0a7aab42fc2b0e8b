"""What the adapter of Hatari has to do by itself; forms are for `popek validate`."""

from __future__ import annotations

import shutil

import pytest

from popek.oracles import Case, OracleMissing, Outcome, Refused, Trap
from popek.oracles import hatari as adapter
from popek.oracles.hatari import Hatari
from popek.oracles.oracle import State, Value
from tests.oracles.test_machine68k import state, words

pytestmark = pytest.mark.skipif(
    shutil.which(adapter.NAME) is None, reason=f"{adapter.NAME} is not installed"
)

RAM = 4 << 20

#: Of a bus and an address error: 0x2468 and 0x369A.
HANDLERS = words(8, 0, 0x2468, 0, 0x369A)


def on_st(**changes: Value) -> State:
    board: dict[str, Value] = {"R.base": 0, "R.bound": RAM, "storage": RAM, "SR.I": 5}
    return state(**{**board, **changes})


def shown(before: State, *code: int) -> Outcome:
    (seen,) = Hatari("68000").run([Case(before, {"store": words(0x1000, *code) | HANDLERS})])
    assert isinstance(seen, Outcome)
    return seen


def test_a_bus_error_of_a_user() -> None:
    """MOVE.W (A0), D0 behind the RAM: seven words on the supervisor's stack."""
    before = on_st(AR=(RAM,) * 7, **{"SR.S": 0, "SR.Z": 1})
    seen = shown(before, 0x3010)
    assert seen.trap == Trap(2)
    assert seen.state == {**before, "SR.S": 1, "PC": 0x2468, "A7": (0x7FF2, 0x6000)}
    stored = bytes(seen.changed["store"].get(0x7FF2 + i, 0) for i in range(14))
    assert stored[1] & 0x1F == 0b10001  # a read, by an instruction, of a user's data
    assert stored[2:10].hex() == "004000003010" + "0504"


def test_an_address_error_of_a_write() -> None:
    """MOVE.W D0, (A0)."""
    seen = shown(on_st(AR=(0x5001,) * 7), 0x3080)
    assert (seen.trap, seen.state["PC"]) == (Trap(3), 0x369A)
    assert seen.changed["store"][0x7FF3] & 0x1F == 0b00101
    assert seen.changed["store"][0x7FF6] == 0x50


def test_an_operand_relative_to_the_pc_is_a_program_reference() -> None:
    """MOVE.W 1(PC), D0, which is at an odd address."""
    seen = shown(on_st(), 0x303A, 1)
    assert seen.trap == Trap(3)
    assert seen.changed["store"][0x7FF3] & 0x1F == 0b10110


@pytest.mark.parametrize("code", [0x3010, 0x3080])
def test_no_user_reaches_devices(code: int) -> None:
    seen = shown(on_st(AR=(0xFF_8800,) * 7, **{"SR.S": 0}), code)
    assert seen.trap == Trap(2)


def test_clr_reads_first() -> None:
    seen = shown(on_st(AR=(RAM,) * 7), 0x4250)
    assert seen.changed["store"][0x7FF3] & 0x1F == 0b10101


def test_the_control_registers_of_the_68010() -> None:
    """MOVEC D1, VBR; the others are as they were.  Then a bus error, by the table at VBR."""
    before = on_st(VBR=0x4000, SFC=5, DFC=1, D=(0, 0x1234, 0, 0, 0, 0, 0, 0), AR=(RAM,) * 7)
    vector = words(0x4008, 0, 0x2468)
    cases = [
        Case(before, {"store": words(0x1000, *c) | vector}) for c in ((0x4E7B, 0x1801), (0x3010,))
    ]
    move, error = Hatari("68010").run(cases)
    assert isinstance(move, Outcome)
    assert isinstance(error, Outcome)
    assert move.state == {**before, "PC": 0x1004, "VBR": 0x1234}
    assert (error.trap, error.state["PC"], error.state["A7"]) == (Trap(2), 0x2468, (0x7FC6, 0x6000))
    assert (error.state["VBR"], error.state["SFC"], error.state["DFC"]) == (0x4000, 5, 1)
    assert error.changed["store"][0x7FCC] == 0x80  # format 8


def test_a_step_that_begins_to_trace() -> None:
    """MOVE #$A700, SR: reading the control registers was traced."""
    before = on_st(VBR=0x4000, SFC=5, DFC=1)
    (seen,) = Hatari("68010").run([Case(before, {"store": words(0x1000, 0x46FC, 0xA700)})])
    assert isinstance(seen, Outcome)
    assert seen.state == {**before, "PC": 0x1004, "SR.T": 1, "SR.I": 7}
    assert seen.changed == {"store": {}}


def test_cases_do_not_see_each_other() -> None:
    """A processor that halts, an access to a device, a store, a load from where the store was, and
    an instruction that lets interrupts in.
    """
    cases = [
        Case(on_st(AR=(RAM,) * 7), {"store": words(0x1000, 0x3010) | words(8, 0, 1)}),
        Case(on_st(AR=(0xFF_8800,) * 7), {"store": words(0x1000, 0x3010)}),
        Case(on_st(D=(0xAB,) * 8, AR=(0x5000,) * 7), {"store": words(0x1000, 0x1080)}),
        Case(on_st(AR=(0x5000,) * 7), {"store": words(0x1000, 0x1010)}),
        Case(on_st(), {"store": words(0x1000, 0x46FC, 0xA000)}),
    ]
    halts, device, store, load, move = Hatari("68000").run(cases)
    assert isinstance(halts, Refused)
    assert isinstance(device, Refused)
    assert isinstance(store, Outcome)
    assert isinstance(load, Outcome)
    assert isinstance(move, Outcome)
    assert store.changed == {"store": {0x5000: 0xAB}}
    assert load.state["D"] == (0,) * 8
    assert (move.trap, move.state["SR.I"], move.state["SR.T"]) == (None, 0, 1)


@pytest.mark.parametrize(
    ("code", "changes", "why"),
    [
        ((0x3010,), {"SR.S": 0, "AR": (0x100,) * 7}, "the ST keeps its lowest 2 KiB"),
        ((0x3080,), {"AR": (4,) * 7}, "the ST keeps its lowest 2 KiB"),
        ((0x3010,), {"AR": (0xFF_8800,) * 7}, "devices"),
        ((0x4E71,), {"SR.T": 1}, "tracing"),
        ((0x4E71,), {"SR.I": 3}, "interrupts"),
        ((0x4E70,), {}, "RESET"),
        ((0x4E72, 0x2700), {}, "STOP"),
        ((0x4E71,), {"R.base": 0x100}, "the board's register"),
        ((0x4E71,), {"PC": RAM + 0x1000}, "the processor halts"),
    ],
)
def test_refusals(code: tuple[int, ...], changes: dict[str, Value], why: str) -> None:
    (seen,) = Hatari("68000").run([Case(on_st(**changes), {"store": words(0x1000, *code)})])
    assert isinstance(seen, Refused)
    assert seen.why.startswith(why)


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OracleMissing, match="apt install"):
        Hatari("68000")
