"""The adapters of QEMU and Bochs for IA-32, and the monitor's ROM."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import popek.oracles
from popek.oracles import Case, Died, OracleMissing, Outcome, Refused, ia32_batch
from popek.oracles.bochs import Bochs
from popek.oracles.ia32_batch import Task
from popek.oracles.ia32_monitor import SVM, Clock, monitor
from popek.oracles.oracle import Oracle, State
from popek.oracles.qemu_ia32 import QemuIA32
from tests.oracles.ia32 import GDT, IDT, descriptor, gate
from tests.oracles.ia32_flat import EMULATORS, HANDLERS, STACK, Emulator, case, runs, state

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


@pytest.mark.parametrize("adapter", [QemuIA32, Bochs])
def test_a_missing_program_is_said(
    adapter: Callable[[str], Oracle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
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
