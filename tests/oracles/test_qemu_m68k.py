"""What the adapter of QEMU's m68k has to do by itself; forms are for `popek validate`."""

from __future__ import annotations

import shutil

import pytest

from popek.oracles import Case, OracleMissing, Outcome, Refused, Trap
from popek.oracles import qemu_m68k as adapter
from popek.oracles.qemu_m68k import QemuM68k
from tests.oracles.test_machine68k import state, words

pytestmark = pytest.mark.skipif(
    shutil.which(adapter.PROGRAM) is None, reason=f"{adapter.PROGRAM} is not installed"
)


def test_a_trap_from_user_state() -> None:
    before = state(**{"SR.S": 0, "SR.Z": 1})
    memory = words(0x1000, 0x4E41) | words(33 * 4, 0x0001, 0x2344)
    (seen,) = QemuM68k("68000").run([Case(before, {"store": memory})])
    assert isinstance(seen, Outcome)
    assert seen.trap == Trap(33)
    changed = {"SR.S": 1, "PC": 0x12344, "A7": (0x7FFA, 0x6000)}
    assert seen.state == {**before, **changed}
    # The status register, 0x0004, and the pc, 0x00001002.
    assert seen.changed == {"store": {0x7FFB: 0x04, 0x7FFE: 0x10, 0x7FFF: 0x02}}


def test_cases_do_not_see_each_other() -> None:
    """STOP, a store, a load from where the store was, and code where other code was."""
    cases = [
        Case(state(), {"store": words(0x1000, 0x4E72, 0x2700)}),
        Case(state(D=(0xAB,) * 8), {"store": words(0x1000, 0x1080) | {0: 1}}),
        Case(state(), {"store": words(0x1000, 0x1010)}),
        Case(state(), {"store": words(0x1000, 0x7001)}),
    ]
    stop, store, load, moveq = QemuM68k("68000").run(cases)
    assert isinstance(stop, Outcome)
    assert isinstance(store, Outcome)
    assert isinstance(load, Outcome)
    assert isinstance(moveq, Outcome)
    assert (stop.waits, stop.state["SR.I"]) == (True, 7)
    assert store.changed == {"store": {0: 0xAB}}
    assert load.state["D"] == (0,) * 8
    assert moveq.state["D"] == (1, *(0,) * 7)


def test_the_control_registers_of_the_68010() -> None:
    """MOVEC D1, VBR; the others are as they were."""
    before = state(VBR=0x400, SFC=5, DFC=1, D=(0, 0x1234, 0, 0, 0, 0, 0, 0))
    (seen,) = QemuM68k("68010").run([Case(before, {"store": words(0x1000, 0x4E7B, 0x1801)})])
    assert isinstance(seen, Outcome)
    assert seen.state == {**before, "PC": 0x1004, "VBR": 0x1234}


@pytest.mark.parametrize(
    ("code", "changes", "why"),
    [
        ((0x3010,), {"AR": (0x20_0000,) * 7}, "a bus error"),
        ((0x4ED0,), {"AR": (0x20_0000,) * 7}, "a bus error"),
        ((0x3010,), {"AR": (0x0100_0000,) * 7}, "an address of more than 24 bits"),
        ((0x4E71,), {"SR.T": 1}, "tracing"),
        ((0x4E70,), {}, "RESET"),
        ((0x4E71,), {"R.base": 0x100}, "the board's register"),
    ],
)
def test_refusals(
    code: tuple[int, ...], changes: dict[str, int | tuple[int, ...]], why: str
) -> None:
    (seen,) = QemuM68k("68000").run([Case(state(**changes), {"store": words(0x1000, *code)})])
    assert isinstance(seen, Refused)
    assert seen.why.startswith(why)


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OracleMissing, match="apt install"):
        QemuM68k("68000")
