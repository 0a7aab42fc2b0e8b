"""Forms of IA-32 at level 3 on Unicorn, and what the adapter itself has to do."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from itertools import islice
from random import Random

import pytest

from popek.isa import ir
from popek.oracles import Answer, Case, Died, OracleMissing, Outcome, Refused
from popek.oracles import unicorn as adapter
from popek.oracles.oracle import Bench, State, Value
from popek.oracles.unicorn import Unicorn
from popek.validation.disagreements import table
from tests.oracles.comparing import Trial, unexplained
from tests.oracles.ia32 import GDT, LDT, descriptor, trials
from tests.oracles.ia32_flat import RING0_STACK, STACK, case, changes, stored, words
from tests.oracles.ia32_flat import state as at_level
from tests.semantics.specs import bundled_isa

pytest.importorskip("unicorn", reason="the oracle unicorn is not installed")

#: States that are tried for a form, of which one that IRETD leads to is run; parts of the work.
TRIED, PARTS = 20, 4


def state(**changes: Value) -> dict[str, Value]:
    return at_level(3, PUSH_CLEARS=1, **changes)


def runs(*cases: Case) -> list[Answer]:
    return list(Unicorn("IA-32").run(cases))


def step(one: Case) -> Outcome:
    (seen,) = runs(one)
    assert isinstance(seen, Outcome), seen
    return seen


# ---------------------------------------------------------------- the spec beside it


def sampled(isa: ir.Isa, bench: Bench, form: ir.Form) -> list[Trial]:
    """A trial from the state of a program."""
    made = islice(trials(isa, bench, form, Random(f"{isa.title}/{form.key}")), TRIED)
    able = (t for t in made if is_of_a_program(t.case.state))
    return list(islice(able, 1))


def is_of_a_program(state: State) -> bool:
    """Whether the segments are those of level 3, where the draw began at another."""
    level = state["seg.level"]
    assert isinstance(level, tuple)
    return level[2] == 3


@pytest.mark.parametrize("part", range(PARTS))
def test_every_form_agrees(part: int) -> None:
    """Where both go on; what Unicorn only refuses to do, or does not know, is told by its name."""
    isa, oracle, rows = bundled_isa("ia32"), Unicorn("IA-32"), table(adapter.NAME)
    made = [t for form in isa.forms[part::PARTS] for t in sampled(isa, oracle.bench, form)]
    wrong, shown, refused = [], 0, set[str]()
    for t, seen in zip(made, oracle.run([t.case for t in made]), strict=True):
        if isinstance(seen, Outcome):
            shown += 1
            if left := unexplained(isa, t, seen, rows, oracle.bench.unseen):
                wrong.append((t.form.name, t.code.hex(), t.said.ending, left))
        elif not t.said.ending:
            refused.add(t.form.mnemonic)
    assert wrong == []
    # Ports, CLI and STI with CR4.PVI, which Unicorn has not, and F6 /1 and F7 /1.
    assert refused <= {"IN", "INSB", "INS", "OUT", "OUTSB", "OUTS", "CLI", "STI", "TEST"}
    assert shown > 0.6 * len(made)


# ---------------------------------------------------------------- the adapter


def test_steps() -> None:
    """PUSH EAX, an iteration of REP STOS, a JMP to itself."""
    push, once, here = (case(code, state()) for code in ("50", "f3aa", "ebfe"))
    seen = [step(one) for one in (push, once, here)]
    assert changes(seen[0], push.state) == {"EIP": 0x1001, "gpr": (0, 1, 2, 3, STACK - 4, 5, 6, 7)}
    assert changes(seen[1], once.state)["gpr"] == (0, 0, 2, 3, STACK, 5, 6, 8)
    assert changes(seen[2], here.state) == {}
    assert all(outcome.trap is None and outcome.changed == {"phys": {}} for outcome in seen)


def test_the_state_is_entered_and_shown_whole() -> None:
    """Flags, tables, control and debug registers; selectors of both tables, and null."""
    before = state(
        FS=4 | 3,
        GS=2,
        LDTR=0x80,
        **dict.fromkeys(("EFLAGS.DF", "EFLAGS.NT", "EFLAGS.AC", "EFLAGS.ID", "CR0.TS"), 1),
        **{"EFLAGS.IOPL": 2, "CR4.TSD": 1, "CR2": 0x1234, "DR3": 0x5678, "DR7.GD": 1},
        **{"LDT.base": LDT, "LDT.limit": 0x7F, "LDT.usable": 1},
        **{"seg.usable": (1, 1, 1, 1, 1, 0), "seg.level": (3, 3, 3, 3, 3, 0)},
        **{"seg.base": (0, 0x10_0000, 0, 0x20, 0x4_0000, 0)},
        **{"seg.limit": (0xFFFF_FFFF, 0xF_FFFF, 0xFFFF_FFFF, 0xFFF, 0xF_FFFF, 0xFFFF_FFFF)},
    )
    load = {0x10_1000 + i: byte for i, byte in enumerate(bytes.fromhex("64a134120000"))}
    seen = step(case("", before, load | words(0x4_1234, 0xCAFE)))  # MOV EAX, FS:[0x1234]
    assert changes(seen, before) == {"EIP": 0x1006, "gpr": (0xCAFE, 1, 2, 3, STACK, 5, 6, 7)}


def test_a_load_marks_the_descriptor() -> None:
    """MOV DS, AX; Unicorn does not show what DS remembers."""
    before = state(gpr=(0x43, 1, 2, 3, STACK, 5, 6, 7))
    entry = descriptor(0xF2).to_bytes(8, "little")
    seen = step(case("8ed8", before, {GDT + 0x40 + i: byte for i, byte in enumerate(entry)}))
    assert seen.changed == {"phys": {GDT + 0x45: 0xF3}}
    assert "seg.base" in Unicorn("IA-32").bench.unseen


def test_a_call_through_a_gate_to_an_inner_level() -> None:
    before = state()
    seen = step(case("9a000000004b00", before))  # CALL 0x4B:0
    assert changes(seen, before) == {
        "EIP": 0xA000,
        "gpr": (0, 1, 2, 3, RING0_STACK - 16, 5, 6, 7),
        "CS.RPL": 0,
        "CS.INDEX": 2,
        "SS.RPL": 0,
        "SS.INDEX": 4,
    }
    assert stored(seen, RING0_STACK - 16, 4) == [0x1007, 0x3B, STACK, 0x43]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("fa", "exception 13"),
        ("f7f0", "exception 0"),
        ("cd20", "an interrupt"),
        ("0f0b", "Invalid instruction"),
        ("e620", "a port"),  # whose bit in the TSS is not looked at
        ("ec", "a port"),
        ("9a000000005000", "a task switch"),
    ],
)
def test_gaps(code: str, why: str) -> None:
    """What Unicorn leaves out, or does otherwise than a processor."""
    task = {
        GDT + 0x50 + i: b
        for i, b in enumerate(descriptor(0xE9, 0x5000, 0x67, 0).to_bytes(8, "little"))
    }
    selectors = words(0x5000 + 0x48, *(0x10, 0x08, 0x10, 0x10, 0x10, 0x10))
    (seen,) = runs(case(code, state(gpr=(0, 1, 0x20, 3, STACK, 5, 6, 7)), task | selectors))
    assert isinstance(seen, Refused)
    assert why in seen.why


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (at_level(0, PUSH_CLEARS=1), "CS.RPL is not 3"),
        (state(**{"CR0.PG": 1}), "CR0.PG is not 0"),
        (state(**{"EFLAGS.TF": 1}), "EFLAGS.TF is not 0"),
        (state(ES=0), "ES"),
        (state(**{"SS.INDEX": 0x3B >> 2}), "one descriptor"),
    ],
)
def test_refusals(before: State, why: str) -> None:
    (seen,) = runs(case("90", before))
    assert isinstance(seen, Refused)
    assert why in seen.why


def test_an_abort_costs_its_case() -> None:
    """Unicorn ends its process on LOCK BTC of a register."""
    good = case("40", state())
    first, second, third = runs(good, case("f00fbbc0", state()), good)
    assert isinstance(first, Outcome)
    assert second == Died("the emulator aborts")
    assert third == first


def test_a_hang_costs_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_PATIENCE", 0.0)
    assert runs(case("40", state())) == [Died("the emulator hangs")]


def test_cases_do_not_see_each_other() -> None:
    store = case("a300500000", state(gpr=(0x1234_5678, 1, 2, 3, STACK, 5, 6, 7)))
    load = case("a100500000", state())
    first, second, third = runs(load, store, load)
    assert isinstance(second, Outcome)
    assert stored(second, 0x5000, 1) == [0x1234_5678]
    assert first == third


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(adapter, "version", absent)
    with pytest.raises(OracleMissing, match="pip install"):
        Unicorn("IA-32")


@pytest.mark.parametrize("title", ["68000", "IA-32 with UMIP"])
def test_other_processors_are_refused(title: str) -> None:
    with pytest.raises(ValueError, match=f"not {title}"):
        Unicorn(title)
