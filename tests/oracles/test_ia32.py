"""IA-32 on QEMU and Bochs: steps that the manual describes, the adapters, and the monitor's ROM."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import popek.oracles
from popek.oracles import (
    Case,
    Died,
    Event,
    OracleMissing,
    Outcome,
    Refused,
    Trap,
    bochs,
    ia32_batch,
    qemu_ia32,
)
from popek.oracles.bochs import Bochs
from popek.oracles.ia32_batch import Task
from popek.oracles.ia32_monitor import SVM, Clock, monitor
from popek.oracles.oracle import Answer, Oracle, State, Value
from popek.oracles.qemu_ia32 import QemuIA32
from tests.oracles.ia32 import CODE, DATA, GDT, IDT, PDES, PTES, TSS, descriptor, gate


@dataclass(frozen=True)
class Emulator:
    """`saves_rf`: RF is set in the frames of faults (SDM vol. 3B, section 17.3.1.1)."""

    adapter: Callable[[str], Oracle]
    program: str
    saves_rf: bool


EMULATORS = {
    "qemu": Emulator(QemuIA32, "qemu-system-i386", saves_rf=False),
    "bochs": Emulator(Bochs, "bochs", saves_rf=True),
}


@pytest.fixture(params=EMULATORS)
def emulator(request: pytest.FixtureRequest) -> Emulator:
    found = EMULATORS[request.param]
    if shutil.which(found.program) is None:
        pytest.skip(f"the oracle {found.program} is not installed")
    return found


# ---------------------------------------------------------------- a flat system

HANDLERS, STACK, RING0_STACK = 0x9000, 0x8000, 0x7000


def tables() -> dict[int, int]:
    """Descriptors 1 to 8 are code and data of levels 0 to 3; all gates can be used at any level."""
    memory: dict[int, int] = {}

    def put(at: int, value: int, size: int = 8) -> None:
        memory.update(zip(range(at, at + size), value.to_bytes(size, "little"), strict=True))

    for level in range(4):
        put(GDT + 8 + 16 * level, descriptor(CODE | level << 5))
        put(GDT + 16 + 16 * level, descriptor(DATA | level << 5))
    put(GDT + 0x48, gate(0xEC, 0x08, 0xA000))
    for vector in range(0x21):
        put(IDT + 8 * vector, gate(0xEE, 0x08, HANDLERS + 4 * vector))
    put(TSS + 4, RING0_STACK, 4)
    put(TSS + 8, 0x10, 4)
    return memory


def state(level: int = 0, **changes: Value) -> dict[str, Value]:
    """Flat, 32 bits, at 0x1000, before the names of components that a keyword cannot be."""
    flags = ("CF", "PF", "AF", "ZF", "SF", "TF", "IF", "DF", "OF", "NT", "RF", "VM", "AC", "VIF")
    cr0 = ("MP", "EM", "TS", "NE", "WP", "AM", "NW", "CD", "PG")
    cr4 = ("VME", "PVI", "TSD", "DE", "PSE", "MCE", "PGE", "PCE")
    zeros = (
        *(f"EFLAGS.{f}" for f in (*flags, "VIP", "ID", "IOPL")),
        *(f"CR0.{f}" for f in cr0),
        *(f"CR4.{f}" for f in cr4),
        *("CR2", "CR3.PWT", "CR3.PCD", "CR3.BASE", "DR0", "DR1", "DR2", "DR3"),
        *("DR6.B", "DR6.BD", "DR6.BS", "DR6.BT"),
        *("DR7.ENABLE", "DR7.EXACT", "DR7.GD", "DR7.CONDITIONS"),
        *("inhibit", "NMI_blocked", "PUSH_CLEARS", "LDTR", "LDT.base", "LDT.limit", "LDT.usable"),
    )
    data = 16 + 16 * level | level
    return {
        **dict.fromkeys(zeros, 0),
        "CR0.PE": 1,
        "EIP": 0x1000,
        "gpr": (0, 1, 2, 3, STACK, 5, 6, 7),
        "CS.RPL": level,
        "CS.INDEX": 2 + 4 * level,
        "SS.RPL": level,
        "SS.INDEX": 4 + 4 * level,
        "CS_D": 1,
        "SS_B": 1,
        **dict.fromkeys(("ES", "DS", "FS", "GS"), data),
        "seg.base": (0,) * 6,
        "seg.limit": (0xFFFF_FFFF,) * 6,
        "seg.usable": (1,) * 6,
        "seg.readable": (1,) * 6,
        "seg.writable": (1, 0, 1, 1, 1, 1),
        "seg.down": (0,) * 6,
        "seg.big": (1,) * 6,
        "seg.level": (level,) * 6,
        "GDTR.base": GDT,
        "GDTR.limit": 0xFF,
        "IDTR.base": IDT,
        "IDTR.limit": 0x7FF,
        "TR": 0x88,
        "TSS.base": TSS,
        "TSS.limit": 0x67,
        "TSS.wide": 1,
        "MSR": (0,) * 4096,
        **changes,
    }


def case(code: str, before: State | None = None, more: Mapping[int, int] | None = None) -> Case:
    """Machine code at 0x1000."""
    memory = {**tables(), **dict(enumerate(bytes.fromhex(code), 0x1000)), **(more or {})}
    return Case(state() if before is None else before, {"phys": memory})


def words(at: int, *values: int) -> dict[int, int]:
    return {at + 4 * i + j: v >> 8 * j & 255 for i, v in enumerate(values) for j in range(4)}


def runs(emulator: Emulator, *cases: Case) -> list[Answer]:
    return list(emulator.adapter("IA-32").run(cases))


def step(emulator: Emulator, one: Case) -> Outcome:
    (seen,) = runs(emulator, one)
    assert isinstance(seen, Outcome), seen
    return seen


def changes(seen: Outcome, before: State) -> dict[str, Value]:
    """The components that are not as before."""
    return {name: value for name, value in seen.state.items() if value != before[name]}


def stored(seen: Outcome, at: int, count: int) -> list[int]:
    """Doublewords where there was nothing before."""
    cells = seen.changed["phys"]
    return [sum(cells.get(at + 4 * i + j, 0) << 8 * j for j in range(4)) for i in range(count)]


#: Where an exception from level 3 leads: ring 0, its segments, its stack.
def inner(level: int, eip: int, esp: int) -> dict[str, Value]:
    return {
        "EIP": eip,
        "gpr": (0, 1, 2, 3, esp, 5, 6, 7),
        "CS.RPL": 0,
        "CS.INDEX": 2,
        "SS.RPL": 0,
        "SS.INDEX": 4,
        "seg.level": (level, 0, 0, level, level, level),
    }


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


# ---------------------------------------------------------------- the adapters


def test_a_death_costs_its_case(emulator: Emulator) -> None:
    """A shutdown: an exception without tables."""
    good = case("40")
    dead = Case(state(3), {"phys": {0x1000: 0xFA}})
    first, second, third = runs(emulator, good, dead, good)
    assert isinstance(first, Outcome)
    assert isinstance(second, Died)
    assert third == first


def test_a_crash_costs_its_case(emulator: Emulator) -> None:
    """QEMU asserts on LOCK BT; in Bochs an alignment check in the delivery of one never ends."""
    before = state(3, gpr=(0x5001, 1, 2, 3, STACK + 1, 5, 6, 7), **{"CR0.AM": 1, "EFLAGS.AC": 1})
    conforming = {GDT + 0x50 + i: b for i, b in enumerate(descriptor(0x9F).to_bytes(8, "little"))}
    handler = gate(0xEE, 0x50, HANDLERS).to_bytes(8, "little")
    tables_too = {IDT + 8 * 17 + i: b for i, b in enumerate(handler)} | conforming
    crash = case("f00fa3c1" if not emulator.saves_rf else "8b00", before, tables_too)
    first, second, third = runs(emulator, case("40"), crash, case("40"))
    assert isinstance(second, Died)
    assert "exits" in second.why
    assert isinstance(first, Outcome)
    assert third == first


def test_a_hang_costs_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ia32_batch, "_PATIENCE", 0.2)

    @contextmanager
    def start(rom: bytes) -> Iterator[Idle]:
        with subprocess.Popen(["sleep", "60"]) as process:
            yield Idle(process)

    tasks = [Task(case("40")), Task(case("40"))]
    seen = list(ia32_batch.seen(tasks, SVM, start, Clock(1, 1)))
    assert seen == [Died("the emulator hangs")] * 2


@dataclass(frozen=True)
class Idle:
    """An emulator that never answers."""

    process: subprocess.Popen[bytes]

    def data(self) -> bytes:
        return b""

    def progress(self) -> int:
        return 0


def test_cases_do_not_see_each_other(emulator: Emulator) -> None:
    store = case("a300500000", state(gpr=(0x1234_5678, 1, 2, 3, STACK, 5, 6, 7)))
    load = case("a100500000")
    first, second, third = runs(emulator, load, store, load)
    assert isinstance(second, Outcome)
    assert second.changed == {"phys": {0x5000: 0x78, 0x5001: 0x56, 0x5002: 0x34, 0x5003: 0x12}}
    assert first == third


def test_memory_is_whole(emulator: Emulator) -> None:
    """There is no address that the monitor or the board would take."""
    places = (0x1000_0000, 0xFEE0_0000, 0xFFFF_FFF0, 0xA_0000)
    before = [state(gpr=(place, 0x55, 2, 3, STACK, 5, 6, 7)) for place in places]
    for place, seen in zip(places, runs(emulator, *(case("8908", b) for b in before)), strict=True):
        assert isinstance(seen, Outcome)
        assert seen.changed == {"phys": {place: 0x55}}


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (state(**{"EFLAGS.TF": 1}), "TF"),
        (state(**{"DR7.ENABLE": 1}), "breakpoints"),
        (state(**{"SS.RPL": 3}), "SS is not"),
        (state(inhibit=1), "inhibited"),
        (state(**{"CR0.PG": 1}), "not marked as accessed"),
    ],
)
def test_refusals(emulator: Emulator, before: State, why: str) -> None:
    (seen,) = runs(emulator, case("90", before))
    assert isinstance(seen, Refused)
    assert why in seen.why


@pytest.mark.parametrize(("adapter", "module"), [(QemuIA32, qemu_ia32), (Bochs, bochs)])
def test_a_missing_program_is_said(
    adapter: Callable[[str], Oracle], module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "which", lambda program: None)
    with pytest.raises(OracleMissing, match="apt install"):
        adapter("IA-32")


@pytest.mark.parametrize("adapter", [QemuIA32, Bochs])
def test_other_processors_are_refused(adapter: Callable[[str], Oracle]) -> None:
    with pytest.raises(ValueError, match="not 68000"):
        adapter("68000")


def _processors() -> float:
    """Seconds of processors' time, of this process and those that it has waited for."""
    return sum(os.times()[:4])


@pytest.mark.parametrize(("name", "least"), [("qemu", 2000), ("bochs", 500)])
def test_speed(name: str, least: int) -> None:
    """Half the cases that are promised for a second, in a second of all processors' time: the
    machine may do other things, too.
    """
    found = EMULATORS[name]
    if shutil.which(found.program) is None:
        pytest.skip(f"the oracle {found.program} is not installed")
    cases = [case("50", state(n % 4)) for n in range(4000)]
    began = _processors()
    answers = runs(found, *cases)
    spent = _processors() - began
    assert all(isinstance(seen, Outcome) for seen in answers)
    assert len(cases) / spent > least / 2


# ---------------------------------------------------------------- the ROM


def test_the_rom_is_what_its_source_says(tmp_path: Path) -> None:
    if shutil.which("nasm") is None:
        pytest.skip("nasm is not installed: `apt install nasm`")
    assert popek.oracles.__file__ is not None
    source = Path(popek.oracles.__file__).parent / "ia32_rom"
    made = tmp_path / "monitor.bin"
    command = ["nasm", "-w-number-overflow", "-f", "bin", "-o", str(made), "monitor.asm"]
    subprocess.run(command, cwd=source, check=True)
    assert made.read_bytes() == monitor()
