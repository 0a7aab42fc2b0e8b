"""What docs/findings.md says of QEMU, Bochs and Unicorn, each by one step: who is wrong disagrees
with the spec by a row that says so, and who is not agrees.

    pytest -n 0 -rP tests/oracles/test_ia32_findings.py -k NAME    # prints what differs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from popek.guest import Decoded, Decoder
from popek.oracles import Case, OracleMissing, Outcome
from popek.oracles.catalogue import known
from popek.oracles.oracle import Answer, Bench, State, Value, number
from popek.validation.comparison import differences
from popek.validation.disagreements import Blame, Step, explanation, table
from popek.validation.prediction import Prediction, predict
from tests.oracles.ia32 import CODE, DATA, GDT, IDT, PDES, PTES, descriptor, gate
from tests.oracles.ia32_flat import STACK, case, state, words
from tests.semantics.specs import bundled_isa

NAMES = ("qemu", "bochs", "unicorn")
BOTH, QEMU, BOCHS, UNICORN = ("qemu", "unicorn"), ("qemu",), ("bochs",), ("unicorn",)
SYSTEM = ("qemu", "bochs")

FULL = 0xFFFF_FFFF
DATA_AT = (0x5000, 1, 2, 3, STACK, 5, 6, 7)


@dataclass(frozen=True)
class Finding:
    """`wrong`: the emulators that are, of those that show the step."""

    name: str
    wrong: tuple[str, ...]
    code: str
    level: int = 3
    before: Mapping[str, Value] = field(default_factory=dict)
    memory: Mapping[int, int] = field(default_factory=dict)


def entry(at: int, value: int) -> dict[int, int]:
    return {at + i: byte for i, byte in enumerate(value.to_bytes(8, "little"))}


def limits(**own: int) -> dict[str, Value]:
    """Limits of segments that are not 4 GiB."""
    return {
        "seg.limit": tuple(own.get(name, FULL) for name in ("es", "cs", "ss", "ds")) + (FULL,) * 2
    }


def paged(*entries: tuple[int, int]) -> dict[int, int]:
    """The first pages mapped to themselves, but for those given with their flags."""
    flags = dict.fromkeys(range(16), 0x67) | dict(entries)
    table_at = {PTES + 4 * page: page << 12 | own for page, own in flags.items()}
    return words(PDES, PTES | 0x67) | {
        at + i: value >> 8 * i & 0xFF for at, value in table_at.items() for i in range(4)
    }


#: With paging, and the accessed bits of what is fetched and loaded set.
PAGED: Mapping[str, Value] = {"CR0.PG": 1, "CR3.BASE": PDES >> 12}

#: Virtual-8086 mode in the segment 0, at IOPL 3.
OF_8086: Mapping[str, Value] = {
    "EFLAGS.VM": 1,
    "EFLAGS.IOPL": 3,
    "CS_D": 0,
    "SS_B": 0,
    "ES": 0,
    "DS": 0,
    "FS": 0,
    "GS": 0,
    "CS.INDEX": 0,
    "SS.INDEX": 0,
    "seg.limit": (0xFFFF,) * 6,
    "seg.writable": (1,) * 6,
    "seg.big": (0,) * 6,
}

FINDINGS = (
    Finding("lock", BOTH, "f00fb600", before={"gpr": DATA_AT}),
    Finding("lock_register", BOTH, "f087c8"),
    Finding("limit", BOTH, "8b00", before={"gpr": DATA_AT, **limits(ds=0xFFF)}),
    Finding(
        "null",
        BOTH,
        "268b00",
        before={
            "gpr": DATA_AT,
            "ES": 0,
            "seg.usable": (0, 1, 1, 1, 1, 1),
            "seg.level": (0, 3, 3, 3, 3, 3),
        },
    ),
    Finding(
        "alignment",
        BOTH,
        "8b00",
        before={"gpr": (0x5001, *DATA_AT[1:]), "CR0.AM": 1, "EFLAGS.AC": 1},
    ),
    Finding("resume_flag", QEMU, "fa"),
    Finding("external", QEMU, "0f0b", memory={IDT + 8 * 6 + 5: 0x6E}),
    Finding("accessed", BOTH, "ea002000003b00", memory=entry(GDT + 0x38, descriptor(0xFA))),
    Finding("accessed_handler", QEMU, "cd20", memory=entry(GDT + 8, descriptor(CODE & ~1))),
    Finding(
        "stack_limit",
        QEMU,
        "cd20",
        memory=entry(GDT + 0x10, descriptor(DATA, limit=0x100, flags=4))
        | entry(IDT + 8 * 12, gate(0xEE, 0x38, 0x9000)),
    ),
    Finding("gate_16", QEMU, "cd20", memory=entry(IDT + 0x100, gate(0xE6, 0x08, 0x1_9000))),
    Finding(
        "iret_8086",
        BOTH,
        "cf",
        memory=words(STACK, 0x2000, 0x3B, 0x20202, 0x6000, 0x43, 0x43, 0x43, 0x43, 0x43),
    ),
    Finding("iret_vif", QEMU, "cf", 0, memory=words(STACK, 0x2000, 0x08, 0x0018_0202)),
    Finding("ret_sign", BOTH, "c20080", memory=words(STACK, 0x2000)),
    Finding("sti", QEMU, "fb", 0, before={"EFLAGS.IF": 1}),
    Finding("lss", QEMU, "0fb220", 0, {"gpr": DATA_AT}, words(0x5000, STACK, 0x10)),
    Finding("pvi", QEMU, "fa", before={"CR4.PVI": 1, "EFLAGS.VIF": 1}),
    Finding("vme", QEMU, "fa", before={**OF_8086, "EFLAGS.IOPL": 0, "CR4.VME": 1, "EFLAGS.VIF": 1}),
    Finding("far_8086", QEMU, "66ea000001000001", before=OF_8086),
    Finding("iret_limit_8086", SYSTEM, "66cf", 3, OF_8086, words(STACK, 0x1_0000, 0, 0)),
    Finding(
        "alignment_8086",
        SYSTEM,
        "a10150",
        before={**OF_8086, "CR0.AM": 1, "EFLAGS.AC": 1},
    ),
    Finding("int1", QEMU, "f1"),
    Finding("general_detect", QEMU, "0f21c0", 0, {"DR7.GD": 1}),
    Finding("int1_gd", SYSTEM, "f1", 0, {"DR7.GD": 1}),
    Finding("pop_group", BOTH, "8f10", before={"gpr": DATA_AT}, memory=words(STACK, 5)),
    Finding("mov_group", QEMU, "c61044", before={"gpr": DATA_AT}),
    Finding(
        "invalid_access",
        QEMU,
        "0fc710",
        before={"gpr": DATA_AT, **PAGED},
        memory=paged((5, 0)),
    ),
    Finding(
        "rcl",
        QEMU,
        "d110",
        before={"gpr": DATA_AT, "EFLAGS.CF": 1, **PAGED},
        memory=paged((5, 0x65)),
    ),
    Finding("cr0", QEMU, "0f22c0", 0, {"gpr": (0x8000_0010, *DATA_AT[1:])}),
    Finding("ltr_null", QEMU, "0f00d8", 0, {"gpr": (0, *DATA_AT[1:])}),
    Finding(
        "ltr_busy",
        SYSTEM,
        "0f00d8",
        0,
        {"gpr": (0x38, *DATA_AT[1:]), "CR0.WP": 1, **PAGED},
        paged((GDT >> 12, 0x65)) | entry(GDT + 0x38, descriptor(0x89, 0x5000, 0x67, 0)),
    ),
    Finding("double_fault", BOCHS, "fa", memory={IDT + 8 * 13 + 5: 0x6E}),
    Finding("call", NAMES, "e8000000f0", before=limits(cs=0xFF_FFFF)),
    Finding("lock_neg", UNICORN, "f0f718", before={"gpr": DATA_AT}, memory=words(0x5000, 5)),
    Finding("enter", UNICORN, "66c8400000", before={"gpr": (0, 1, 2, 3, 0x1_8000, 0x3_ABCD, 6, 7)}),
)


@dataclass(frozen=True)
class Seen:
    """What an oracle has answered, finding by finding."""

    bench: Bench
    cases: tuple[Case, ...]
    answers: tuple[Answer, ...]


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """Every step on every emulator that is installed."""
    found: dict[str, Seen] = {}
    for name in NAMES:
        try:
            (oracle,) = (k.open("IA-32") for k in known(name) if "IA-32" in k.titles)
        except OracleMissing:
            continue
        push = {"PUSH_CLEARS": int(name != "bochs")}
        cases = tuple(step_of(finding, push) for finding in FINDINGS)
        found[name] = Seen(oracle.bench, cases, tuple(oracle.run(cases)))
    return found


def step_of(finding: Finding, more: State) -> Case:
    isa = bundled_isa("ia32")
    zeros: dict[str, Value] = {
        name: 0 if component.size is None else (0,) * component.size
        for name, component in isa.components.items()
    }
    begin = {**zeros, **state(finding.level), **finding.before, **more}
    return case(finding.code, begin, finding.memory)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.name)
def test_it_is_there(finding: Finding, seen: dict[str, Seen]) -> None:
    isa, index = bundled_isa("ia32"), FINDINGS.index(finding)
    if not set(finding.wrong) & set(seen):
        pytest.skip(f"{' and '.join(finding.wrong)} is not installed")
    for name, shown in seen.items():
        one, answer = shown.cases[index], shown.answers[index]
        context = {"CS_D": number(one.state, "CS_D"), "SS_B": number(one.state, "SS_B")}
        code = bytes.fromhex(finding.code)
        meant = Decoder(isa).decode(code, context)
        assert isinstance(meant, Decoded)
        said = predict(isa, meant.form, meant.fields, one)
        assert isinstance(said, Prediction), said
        if not isinstance(answer, Outcome):
            print(f"{name}: {answer}")
            assert name == "unicorn" or name not in finding.wrong
            continue
        step = Step.of(said, code, one.state)
        found = differences(isa, one, said, answer, shown.bench.unseen)
        row = explanation(isa, meant.form, step, found, answer.state, table(name))
        print(f"{name}: the spec says {said.ending or 'on'}", *found, sep="\n  ")
        assert not found or row is not None
        assert (row is not None and bool(found) and row.blame is Blame.ORACLE) == (
            name in finding.wrong
        )
