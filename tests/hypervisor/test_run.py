"""Guests in assembly: on the bare machine, under proved designs, nested, and under wrong ones."""

from __future__ import annotations

import pytest

from popek.diagnostics import PopekError
from popek.guest import Decoder
from popek.guest.image import Guest
from popek.hypervisor.design import Design
from popek.hypervisor.load import load_design, load_design_source
from popek.hypervisor.running import Beside, Ran, Setting, Shown
from popek.hypervisor.running_bare import Bare
from popek.hypervisor.running_machine import Processor
from popek.hypervisor.running_start import Image, reset
from popek.isa import ir
from popek.resources import bundled, design_path, list_designs
from popek.semantics.running import Running
from popek.theory.direct import BARE
from tests.hypervisor.guest_files import guest_of, rules
from tests.semantics.specs import bundled_isa

#: Instruction sets with a kernel, and whether it tells a device something.
KERNELS = {"pg74": True, "m68010": True, "s370": True, "rv64": False, "ia32": True}

#: Designs under which the kernel of the machine of 1974 runs as on the bare one: it executes none
#: of the critical instructions.
PG74 = tuple(name for name in list_designs() if name.startswith(("pg74", "one-critical")))

#: Others that kernels run under.
OTHERS = ("m68010/trap-and-emulate", "m68010/interpret")

#: Those that leave open how the guest's memory is translated.
SHADOWED = ("s370/trap-and-emulate", "rv64/trap-and-emulate")


def run(
    guest: Guest, designs: list[Design], steps: int | None = None, trace: list[Shown] | None = None
) -> Ran:
    """A guest as its description says, under designs."""
    isa = designs[-1].isa
    image = Image({next(iter(isa.memories)): guest.cells(isa)}, guest.entry)
    setting = Setting(image, guest.host, guest.interrupts)
    watch = None if trace is None else trace.append
    return Beside(designs, setting, rules(isa.path), watch).run(steps or guest.steps or 1000)


def under(*names: str) -> list[Design]:
    """Bundled designs."""
    return [load_design(design_path(name)) for name in names]


class Alone:
    """A guest on the bare machine: the levels that it is at, and the interrupts that it takes."""

    def __init__(self, isa: ir.Isa, guest: Guest) -> None:
        algebra = Running()
        processor = Processor(isa, algebra, Decoder(isa), BARE)
        image = Image({next(iter(isa.memories)): guest.cells(isa)}, guest.entry)
        bare = Bare(processor, reset(processor, {}, image))
        coming = {i.name: guest.interrupts.get(i.name, 1) for i in isa.interrupts}
        coming = {name: period for name, period in coming.items() if period}
        since = dict.fromkeys(coming, 0)
        self.levels: list[int] = []
        self.taken: set[str] = set()
        for algebra.now in range(guest.steps or 1000):
            if bare.stuck(coming):
                break
            level = processor.run(bare.storage, bare.state).value(isa.mode.level)
            if self.levels[-1:] != [level]:
                self.levels.append(level)
            if not bare.waits:
                bare.step()
            for name, period in coming.items():
                since[name] += 1
                if since[name] >= period:
                    before = bare.state
                    bare.take(name)
                    if bare.state is not before:
                        since[name] = 0
                        self.taken.add(name)
            bare.settle()
        self.waits = bare.waits
        self.told = {event.device for event in bare.events}


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_goes_to_user_mode_and_back_takes_an_interrupt_and_ends(name: str) -> None:
    isa = bundled_isa(name)
    alone = Alone(isa, guest_of(name, "kernel"))
    highest, lowest = isa.mode.levels[0].value, isa.mode.levels[-1].value
    assert alone.levels[:4] == [highest, lowest, highest, lowest]
    assert len(alone.levels) > 16
    assert alone.taken
    assert alone.waits or name == "ia32"  # a nonmaskable interrupt ends the wait, for a moment
    assert bool(alone.told) == KERNELS[name]


@pytest.mark.parametrize("name", PG74)
def test_the_kernel_of_1974_runs_under_every_design_for_it(name: str) -> None:
    trace: list[Shown] = []
    ran = run(guest_of("pg74", "kernel"), under(name), trace=trace)
    assert ran.difference is None
    assert ran.ended == "the guest waits for an interrupt that cannot come"
    assert {s.level for s in trace} == {"supervisor", "user"}
    assert any("injects timer_runs_out" in s.notes for s in trace)


@pytest.mark.parametrize("name", OTHERS)
def test_a_kernel_runs_under_the_design_for_its_machine(name: str) -> None:
    ran = run(guest_of(name.split("/", maxsplit=1)[0], "kernel"), under(name))
    assert ran.difference is None
    assert ran.steps > 100


@pytest.mark.parametrize("name", SHADOWED)
def test_a_design_that_leaves_the_translation_open_is_refused(name: str) -> None:
    with pytest.raises(PopekError, match="E1102"):
        run(guest_of(name.split("/", maxsplit=1)[0], "kernel"), under(name))


def test_a_nest_three_deep_runs_as_the_bare_machine() -> None:
    """Theorem 2."""
    name = "pg74-clean/trap-and-emulate"
    trace: list[Shown] = []
    ran = run(guest_of("pg74", "kernel"), under(name, name, name), trace=trace)
    assert ran.difference is None
    assert ran.ended == "the guest waits for an interrupt that cannot come"
    notes = {note for s in trace for note in s.notes}
    assert {
        "monitor 0: privileged_operation goes to the guest",
        "monitor 1: privileged_operation goes to the guest",
        "monitor 2: interprets LPSW",
        "monitor 2: injects timer_runs_out",
    } <= notes


def test_nests_of_different_designs() -> None:
    guest = guest_of("pg74", "kernel")
    for outer, inner in (("trap-and-emulate", "interpret"), ("interpret", "trap-and-emulate")):
        ran = run(guest, under(f"pg74-clean/{outer}", f"pg74-clean/{inner}"), 400)
        assert ran.difference is None


@pytest.mark.parametrize(("name", "component"), [("lra", "a"), ("jrst1", "M")])
def test_a_critical_instruction_tells_trap_and_emulate_from_the_bare_machine(
    name: str, component: str
) -> None:
    ran = run(guest_of("pg74", name), under("pg74/trap-and-emulate"))
    assert ran.difference is not None and ran.last is not None
    assert ran.last.instruction.startswith(name)
    assert ran.last.number == ran.steps + 1
    assert [c.component for c in ran.difference.changes] == [component]
    # Where these instructions trap, or are interpreted, nothing differs.
    for design in ("pg74-clean/trap-and-emulate", "pg74/interpret"):
        assert run(guest_of("pg74", name), under(design)).difference is None


#: A fault in the design, and what the kernel shows of it.
MUTANTS = (
    ("real = region + vcpu.R.l", "real = vcpu.R.l", "what the guest sees differs"),
    ("when i < size", "when i < 0x70", "which is the host's"),
    ("reflect privileged_operation", "reflect memory_trap", "what the guest sees differs"),
    ("if vcpu.M == supervisor", "if vcpu.M == user", "what the guest sees differs"),
    ("on memory_trap, svc", "on memory_trap", "the design has no handler for svc"),
    ("interpret insn\n", "P = P + 1\n", "what the guest sees differs"),
    ("interpret insn\n", "interpret insn\n    timer = 0\n", "the host runs again"),
    ("  timer = quantum\n", "", "the host runs again"),
    ("runs_out\n  resume", "runs_out\n  vcpu.timer = 9", "what the guest sees differs"),
)


@pytest.mark.parametrize(
    ("old", "new", "why"), MUTANTS, ids=[f"{a.strip()} -> {b.strip()}" for a, b, _ in MUTANTS]
)
def test_a_fault_of_a_design_shows(old: str, new: str, why: str) -> None:
    text = (bundled("designs") / "pg74-clean" / "trap-and-emulate.hv").read_text("utf-8")
    assert old in text
    design = load_design_source(text.replace(old, new), "mutant.hv")
    ran = run(guest_of("pg74", "kernel"), [design], 400)
    assert ran.difference is not None
    assert why in ran.difference.why
