"""Steps of IA-32 on QEMU and Bochs, as the manual describes them."""

from __future__ import annotations

import pytest

from popek.oracles import Event, Outcome, Refused, Trap
from tests.oracles.ia32 import IDT, PDES, PTES
from tests.oracles.ia32_flat import (
    HANDLERS,
    RING0_STACK,
    STACK,
    Emulator,
    case,
    changes,
    inner,
    runs,
    state,
    step,
    stored,
    words,
)

# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("level", range(4))
def test_a_step_at_every_level(emulator: Emulator, level: int) -> None:
    before = state(level)
    seen = step(emulator, case("50", before))  # PUSH EAX
    assert seen.trap is None
    assert changes(seen, before) == {"EIP": 0x1001, "gpr": (0, 1, 2, 3, STACK - 4, 5, 6, 7)}
    assert seen.changed == {"phys": {}}  # 0 was pushed where 0 was


def test_popf_at_level_3_keeps_if(emulator: Emulator) -> None:
    before = state(3, **{"EFLAGS.IF": 1})
    seen = step(emulator, case("9d", before, words(STACK, 0x3001)))
    popped = (0, 1, 2, 3, STACK + 4, 5, 6, 7)
    assert changes(seen, before) == {"EIP": 0x1001, "gpr": popped, "EFLAGS.CF": 1}


def test_cli_at_level_3_is_refused(emulator: Emulator) -> None:
    before = state(3, **{"EFLAGS.IF": 1})
    seen = step(emulator, case("fa", before))
    assert seen.trap == Trap(13, 0)
    expected = {"EFLAGS.IF": 0, **inner(3, HANDLERS + 4 * 13, RING0_STACK - 24)}
    assert changes(seen, before) == expected
    resume = 1 << 16 if emulator.saves_rf else 0
    frame = [0, 0x1000, 0x3B, 0x202 | resume, STACK, 0x43]
    assert stored(seen, RING0_STACK - 24, 6) == frame


def test_mov_to_cr0(emulator: Emulator) -> None:
    before = state(gpr=(0x8003_002F, 1, 2, 3, STACK, 5, 6, 7), **{"CR3.BASE": PDES >> 12})
    seen = step(emulator, case("0f22c0", before))
    on = {f"CR0.{bit}": 1 for bit in ("MP", "EM", "TS", "NE", "WP", "PG")}
    assert changes(seen, before) == {"EIP": 0x1003, **on}


def test_a_page_fault(emulator: Emulator) -> None:
    """A write of level 3 to a page that is the supervisor's: code 7, the address in CR2."""
    pages = {page: page << 12 | 0x63 for page in range(16)} | {1: 0x1067, 8: 0x8063}
    entries = words(PDES, PTES | 0x67) | words(PTES, *(pages[n] for n in range(16)))
    before = state(3, **{"CR0.PG": 1, "CR3.BASE": PDES >> 12})
    seen = step(emulator, case("a304800000", before, entries))  # MOV [0x8004], EAX
    assert seen.trap == Trap(14, 7)
    expected = {"CR2": 0x8004, **inner(3, HANDLERS + 4 * 14, RING0_STACK - 24)}
    assert changes(seen, before) == expected
    assert stored(seen, RING0_STACK - 24, 3) == [7, 0x1000, 0x3B]


def test_a_call_through_a_gate_to_an_inner_level(emulator: Emulator) -> None:
    before = state(3)
    seen = step(emulator, case("9a000000004b00", before))  # CALL 0x4B:0
    assert seen.trap is None
    assert changes(seen, before) == inner(3, 0xA000, RING0_STACK - 16)
    assert stored(seen, RING0_STACK - 16, 4) == [0x1007, 0x3B, STACK, 0x43]


def test_iret_to_an_outer_level(emulator: Emulator) -> None:
    """Data segments of level 0 become null."""
    before = state()
    frame = words(STACK, 0x2000, 0x3B, 0x3202, 0x6000, 0x43)
    seen = step(emulator, case("cf", before, frame))
    assert seen.trap is None
    null = {} if seen.state["ES"] else dict.fromkeys(("ES", "DS", "FS", "GS"), 0)
    assert changes(seen, before) == {
        "EIP": 0x2000,
        "gpr": (0, 1, 2, 3, 0x6000, 5, 6, 7),
        "CS.RPL": 3,
        "CS.INDEX": 0x38 >> 2,
        "SS.RPL": 3,
        "SS.INDEX": 0x40 >> 2,
        "EFLAGS.IF": 1,
        "EFLAGS.IOPL": 3,
        "seg.usable": (0, 1, 1, 0, 0, 0),
        "seg.level": (0, 3, 3, 0, 0, 0),
        **null,
    }


def test_the_state_after_iret_can_be_entered(emulator: Emulator) -> None:
    """A guest that is entered at level 3 is in the state that IRET leads to."""
    frame = words(STACK, 0x1010, 0x3B, 0x202, 0x6000, 0x43)
    code = {0x1010 + i: byte for i, byte in enumerate(bytes.fromhex("0f02c0"))}
    returned = step(emulator, case("cf", None, frame | code)).state
    entered = {**returned, "EIP": 0x1010}
    seen = step(emulator, case("", entered, code))  # LAR EAX, AX: a null selector
    assert changes(seen, entered) == {"EIP": 0x1013}


def test_a_software_interrupt(emulator: Emulator) -> None:
    before = state(3)
    seen = step(emulator, case("cd20", before))
    assert seen.trap == Trap(0x20)
    assert changes(seen, before) == inner(3, HANDLERS + 4 * 0x20, RING0_STACK - 20)
    assert stored(seen, RING0_STACK - 20, 5) == [0x1002, 0x3B, 2, STACK, 0x43]


def test_an_undefined_opcode(emulator: Emulator) -> None:
    before = state()
    seen = step(emulator, case("0f0b", before))
    assert seen.trap == Trap(6)
    moved = (0, 1, 2, 3, STACK - 12, 5, 6, 7)
    assert changes(seen, before) == {"EIP": HANDLERS + 24, "gpr": moved}


def test_an_exception_in_a_delivery(emulator: Emulator) -> None:
    """A gate for #GP that is not present: a double fault."""
    seen = step(emulator, case("fa", state(3), {IDT + 8 * 13 + 5: 0x6E}))
    assert seen.trap == Trap(8, 0)
    assert seen.state["EIP"] == HANDLERS + 32


def test_steps_that_jump_or_repeat(emulator: Emulator) -> None:
    """JMP to itself, a JMP far away, one iteration of a REP STOS."""
    two = state(gpr=(0, 2, 2, 3, STACK, 5, 6, 7))
    here, away, once = runs(emulator, case("ebfe"), case("e900001000"), case("f3aa", two))
    assert isinstance(here, Outcome)
    assert isinstance(away, Outcome)
    assert isinstance(once, Outcome)
    assert changes(here, state()) == {}
    assert changes(away, state()) == {"EIP": 0x10_1005}
    assert changes(once, two) == {"gpr": (0, 1, 2, 3, STACK, 5, 6, 8)}


def test_a_halt_waits(emulator: Emulator) -> None:
    seen = step(emulator, case("f4"))
    assert (seen.waits, changes(seen, state())) == (True, {"EIP": 0x1001})


@pytest.mark.parametrize("code", ["fb", "8ed1", "662e8ed1"])
def test_interrupts_are_inhibited_for_an_instruction(emulator: Emulator, code: str) -> None:
    """STI, and MOV to SS; what follows is not run."""
    before = state(gpr=(0, 0x10, 2, 3, STACK, 5, 6, 7))
    seen = step(emulator, case(code + "4040", before))
    length = len(code) // 2
    enabled = {"EFLAGS.IF": 1} if code == "fb" else {}
    assert changes(seen, before) == {"EIP": 0x1000 + length, "inhibit": 1, **enabled}


def test_ports(emulator: Emulator) -> None:
    """A port without a device, written and read; a port of the board."""
    before = state(gpr=(0xAB, 1, 0x2000, 3, STACK, 5, 6, 7))
    out, into, board = runs(emulator, case("ee", before), case("ec", before), case("e620"))
    assert isinstance(out, Outcome)
    assert isinstance(into, Outcome)
    assert out.events == (Event("port", "write", (0x2000, 0xAB)),)
    assert into.events == (Event("port", "read", (0x2000,)),)
    assert isinstance(board, Refused)
    assert "board" in board.why


def test_tables_that_the_program_stores_and_loads(emulator: Emulator) -> None:
    before = state(gpr=(0x5000, 1, 2, 3, STACK, 5, 6, 7))
    store, load = runs(
        emulator, case("0f0108", before), case("0f0118", before, words(0x5000, 0x7777_0123, 0x55))
    )
    assert isinstance(store, Outcome)
    assert isinstance(load, Outcome)
    assert stored(store, 0x5000, 2) == [0x2000_07FF, 0]
    assert changes(load, before) == {
        "EIP": 0x1003,
        "IDTR.limit": 0x123,
        "IDTR.base": 0x55_7777,
    }


@pytest.mark.parametrize("code", ["0f0100", "0f0108", "0f0000", "0f0008", "0f0120"])
def test_umip(emulator: Emulator, code: str) -> None:
    """SGDT, SIDT, SLDT, STR and SMSW at level 3."""
    oracle = emulator.adapter("IA-32 with UMIP")
    there = {"gpr": (0x5000, 1, 2, 3, STACK, 5, 6, 7)}
    on, off = (state(3, **there, **{"CR4.UMIP": bit}) for bit in (1, 0))
    refused, stored_ = oracle.run([case(code, on), case(code, off)])
    assert isinstance(refused, Outcome)
    assert isinstance(stored_, Outcome)
    assert (refused.trap, stored_.trap) == (Trap(13, 0), None)
