"""Every form of RV64 on QEMU, what the adapter itself has to do, and QEMU's faults one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

import pytest

from popek.guest import Decoded, Decoder
from popek.isa import ir
from popek.oracles import Answer, Case, Died, OracleMissing, Outcome, Refused, Trap
from popek.oracles import qemu_rv64 as adapter
from popek.oracles.gdb import Stop
from popek.oracles.oracle import State, Value
from popek.oracles.qemu_rv64 import QemuRv64
from popek.validation.comparison import differences
from popek.validation.disagreements import Step, explanation, table
from popek.validation.prediction import Prediction, predict
from tests.oracles.comparing import Trial
from tests.oracles.rv64 import OF_U, A, D, M, R, S, U, V, X, trials
from tests.semantics.specs import bundled_isa

try:
    ORACLE = QemuRv64("RV64")
except OracleMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)

#: States per form, and of those that have many paths: what reaches memory, and returns.
COUNT, MANY = 3, 24
REFUSED = ("WFI with an interrupt pending", "data of M under MPRV")
BRANCHED = {"lb", "lh", "lw", "ld", "sb", "sh", "sw", "sd", "mret", "sret", "csr_satp", "wfi"}


def sampled(isa: ir.Isa, form: ir.Form) -> Iterator[Trial]:
    made = trials(isa, form, ORACLE.bench, Random(f"{isa.title}/{form.key}"))
    return islice(made, MANY if form.name in BRANCHED else COUNT)


def test_every_form_agrees() -> None:
    isa = bundled_isa("rv64")
    decoder = Decoder(isa)
    made = [t for form in isa.forms for t in sampled(isa, form)]
    rows = table("qemu")
    wrong = []
    for t, seen in zip(made, ORACLE.run([t.case for t in made]), strict=True):
        if isinstance(seen, Refused) and seen.why.startswith(REFUSED):
            continue
        assert isinstance(seen, Outcome), (t.form.key, t.code.hex(), seen)
        meant = decoder.decode(t.code)
        assert isinstance(meant, Decoded)
        said = predict(isa, t.form, meant.fields, t.case)
        assert isinstance(said, Prediction)
        different = differences(isa, t.case, said, seen, ORACLE.bench.unseen)
        step = Step(said.ending)
        if different and not explanation(isa, t.form, step, different, seen.state, rows):
            wrong.append((t.form.key, t.code.hex(), different))
    assert wrong == []
    # Nothing was left out: every trap, and every mode with and without tables.
    caused = {name for name, trap in isa.traps.items() if trap.kind is not ir.TrapKind.INTERRUPT}
    assert {t.said.ending for t in made} == caused | {""}
    states = {(t.case.state["priv"], t.case.state["satp.MODE"]) for t in made}
    assert states == {(priv, mode) for priv in (M, S, U) for mode in (0, 8)}


def test_every_number_of_a_csr_means_one_or_none() -> None:
    """CSRR of each in M, which may read whatever there is."""
    decoder = Decoder(bundled_isa("rv64"))
    codes = [number << 20 | 0x22F3 for number in range(1 << 12)]  # csrr t0, number
    wrong = []
    for code, seen in zip(
        codes, ORACLE.run([case(code, mstatus__FS=1) for code in codes]), strict=True
    ):
        assert isinstance(seen, Outcome)
        meant = decoder.decode(code.to_bytes(4, "little"))
        assert isinstance(meant, Decoded)
        if (meant.form.name == "csr_none") != (seen.trap is not None):
            wrong.append((hex(code >> 20), meant.form.name, seen.trap))
    assert wrong == []


# ---------------------------------------------------------------- by hand

CODE = 0x8000_1000
HANDLER, HANDLER_OF_S = 0x8000_2000, 0x8000_3000
DATA = 0x8002_0000

ECALL, EBREAK, MRET, SRET, WFI = 0x73, 0x10_0073, 0x3020_0073, 0x1020_0073, 0x1050_0073
SFENCE_VMA = 0x1200_0073
LW = 0x0003_2283  # lw t0, (t1)
SW = 0x0053_2023  # sw t0, (t1)


def state(**changes: Value) -> State:
    """M at CODE, t0 and t1 0x55 and DATA, PMP open to all; `__` stands for the dot in a name."""
    values: dict[str, Value] = {
        name: 0 if component.size is None else (0,) * component.size
        for name, component in bundled_isa("rv64").components.items()
    }
    values |= {
        "MISALIGNED": 1,
        "PC": CODE,
        "priv": M,
        "x": x(t0=0x55, t1=DATA),
        "mtvec": HANDLER,
        "stvec": HANDLER_OF_S,
        "pmp.config": (0x1F, *(0,) * 7),
        "pmp.address": ((1 << 54) - 1, *(0,) * 7),
    }
    return values | {name.replace("__", "."): value for name, value in changes.items()}


def x(**values: int) -> tuple[int, ...]:
    names = {"ra": 1, "t0": 5, "t1": 6}
    given = {names[name]: value for name, value in values.items()}
    return tuple(given.get(i, 0) for i in range(32))


def cells(at: int, value: int, size: int = 4) -> dict[int, int]:
    return {at + i: byte for i, byte in enumerate(value.to_bytes(size, "little"))}


def case(code: int, *more: dict[int, int], **changes: Value) -> Case:
    """An instruction at CODE."""
    memory = cells(CODE, code)
    for given in more:
        memory |= given
    return Case(state(**changes), {"ram": memory})


def ran(of: Case) -> Outcome:
    (seen,) = ORACLE.run([of])
    assert isinstance(seen, Outcome), seen
    return seen


def changes(of: Case, seen: Outcome) -> dict[str, Value]:
    return {name: value for name, value in seen.state.items() if value != of.state[name]}


def test_mret_from_m_to_u() -> None:
    before = case(MRET, mepc=0x8000_4000, mstatus__MPIE=1, mstatus__MPP=U)
    seen = ran(before)
    assert changes(before, seen) == {"priv": U, "PC": 0x8000_4000, "mstatus.MIE": 1}
    assert (seen.trap, seen.changed) == (None, {"ram": {}})


def test_a_call_from_u_is_delegated() -> None:
    before = case(ECALL, priv=U, medeleg=1 << 8, mstatus__SIE=1, mstatus__SPP=1)
    seen = ran(before)
    assert seen.trap == Trap(8)
    assert changes(before, seen) == {
        "priv": S,
        "PC": HANDLER_OF_S,
        "scause": 8,
        "sepc": CODE,
        "mstatus.SIE": 0,
        "mstatus.SPIE": 1,
        "mstatus.SPP": 0,
    }


def test_a_call_from_m_is_not() -> None:
    before = case(ECALL, medeleg=0xB3FF, mstatus__MIE=1)
    seen = ran(before)
    assert seen.trap == Trap(11)
    assert changes(before, seen) == {
        "PC": HANDLER,
        "mcause": 11,
        "mepc": CODE,
        "mstatus.MIE": 0,
        "mstatus.MPIE": 1,
        "mstatus.MPP": M,
    }


ROOT = 0x8001_0000


def tables(of_code: int, of_data: int) -> dict[int, int]:
    """Two pages of 1 GiB: the bench at 0xC000_0000 for code, and at 0x4000_0000 for data."""
    leaf = 0x8000_0000 >> 12 << 10
    return cells(ROOT + 3 * 8, leaf | of_code, 8) | cells(ROOT + 1 * 8, leaf | of_data, 8)


def translated(code: int, of_data: int, **changes: Value) -> Case:
    """In U at 0xC000_1000, with t1 0x4002_0000."""
    of_code = V | R | X | OF_U | A
    given: dict[str, Value] = {
        "priv": U,
        "PC": 0xC000_1000,
        "x": x(t0=0x55, t1=0x4002_0000),
        "satp__MODE": 8,
        "satp__PPN": ROOT >> 12,
        **changes,
    }
    return case(code, tables(of_code, of_data), cells(DATA, 7), **given)


def test_a_load_through_tables() -> None:
    seen = ran(translated(LW, V | R | OF_U | A))
    assert seen.trap is None
    assert seen.state["x"] == x(t0=7, t1=0x4002_0000)


def test_a_page_fault_of_a_store() -> None:
    before = translated(SW, V | R | OF_U | A | D)
    seen = ran(before)
    assert seen.trap == Trap(15)
    assert changes(before, seen) == {
        "priv": M,
        "PC": HANDLER,
        "mcause": 15,
        "mepc": 0xC000_1000,
        "mtval": 0x4002_0000,
    }


def test_a_handler_that_is_not_mapped() -> None:
    """Everything is delegated, to where nothing could be fetched: it is reached all the same."""
    seen = ran(translated(LW, 0, medeleg=0xB3FF, stvec=0x1234_5678_9ABC_DEF0))
    assert seen.trap == Trap(13)
    assert (seen.state["PC"], seen.state["priv"]) == (0x1234_5678_9ABC_DEF0, S)
    assert (seen.state["scause"], seen.state["stval"]) == (13, 0x4002_0000)


@pytest.mark.parametrize(
    ("code", "switch", "priv"),
    [
        (0x1800_22F3, "mstatus.TVM", S),  # csrr t0, satp
        (SFENCE_VMA, "mstatus.TVM", S),
        (WFI, "mstatus.TW", S),
        (SRET, "mstatus.TSR", S),
        (0x1000_22F3, "", U),  # csrr t0, sstatus
        (0x3000_22F3, "", S),  # csrr t0, mstatus
        (SRET, "", U),
        (MRET, "", S),
        (0xC000_22F3, "", S),  # csrr t0, cycle
        (0xC00F_D2F3, "", M),  # csrwi t0, cycle
    ],
)
def test_illegal_instructions(code: int, switch: str, priv: int) -> None:
    on: dict[str, Value] = {switch: 1} if switch else {}
    seen = ran(case(code, priv=priv, **on))
    assert seen.trap == Trap(2)
    if switch:
        allowed = ran(case(code, priv=priv))
        assert allowed.trap is None


def test_pmp_denies() -> None:
    """A first entry lets U read DATA's 8 bytes, and nothing else."""
    entries: dict[str, Value] = {
        "pmp__config": (0x19, 0x1F, *(0,) * 6),
        "pmp__address": (DATA >> 2, (1 << 54) - 1, *(0,) * 6),
    }
    assert ran(case(LW, priv=U, **entries)).trap is None
    before = case(SW, priv=U, **entries)
    seen = ran(before)
    assert seen.trap == Trap(7)
    assert changes(before, seen) == {
        "priv": M,
        "PC": HANDLER,
        "mcause": 7,
        "mepc": CODE,
        "mtval": DATA,
    }
    assert ran(case(SW, **entries)).trap is None  # M, as the entry is not locked


#: The word behind DATA's is denied.
BESIDE: dict[str, Value] = {
    "pmp__config": (0x10, 0x1F, *(0,) * 6),
    "pmp__address": (DATA + 4 >> 2, (1 << 54) - 1, *(0,) * 6),
}


def test_an_aligned_access_beside_a_word_that_pmp_denies() -> None:
    """It is checked as a whole: not from each of its bytes on, as the spec once had it."""
    isa = bundled_isa("rv64")
    meant = Decoder(isa).decode(LW.to_bytes(4, "little"))
    assert isinstance(meant, Decoded)
    for address, traps in ((DATA, False), (DATA + 4, True)):
        of = case(LW, cells(DATA, 7), priv=U, x=x(t1=address), **BESIDE)
        seen, said = ran(of), predict(isa, meant.form, meant.fields, of)
        assert isinstance(said, Prediction)
        assert (seen.trap is not None) == traps
        assert differences(isa, of, said, seen, ORACLE.bench.unseen) == ()


def test_misaligned() -> None:
    load = ran(case(LW, cells(DATA, 0x0807_0605_0403_0201, 8), x=x(t1=DATA + 1)))
    assert load.state["x"] == x(t0=0x0504_0302, t1=DATA + 1)
    reserving = ran(case(0x1003_22AF, x=x(t1=DATA + 2)))  # lr.w t0, (t1)
    assert (reserving.trap, reserving.state["mtval"]) == (Trap(4), DATA + 2)
    jump = ran(case(0x0003_0067, x=x(t1=DATA + 2)))  # jr t1
    assert (jump.trap, jump.state["mtval"]) == (Trap(0), DATA + 2)


def test_a_store() -> None:
    seen = ran(case(SW, cells(DATA + 1, 0x33, 1), x=x(t0=0x1155, t1=DATA)))
    assert seen.changed == {"ram": {DATA: 0x55, DATA + 1: 0x11}}


@pytest.mark.parametrize("priv", [M, S, U])
def test_what_is_reserved_is_stored(priv: int) -> None:
    for code, size in ((0x1853_22AF, 4), (0x1853_32AF, 8)):  # sc.w and sc.d t0, t0, (t1)
        memory = cells(DATA, 0x1122_3344_5566_7788, 8)
        reserved = ran(case(code, memory, priv=priv, reserved=1, reservation=DATA))
        assert reserved.state["x"] == x(t0=0, t1=DATA)
        assert reserved.changed == {"ram": cells(DATA, 0x55, size)}
        for other in ({}, {"reserved": 1, "reservation": DATA + 8}):
            lost = ran(case(code, memory, priv=priv, **other))
            assert (lost.state["x"], lost.changed) == (x(t0=1, t1=DATA), {"ram": {}})


# ---------------------------------------------------------------- QEMU's faults

NONE: dict[str, Value] = {"pmp__config": (0,) * 8}
#: M's accesses at the level of U, with tables in which no page is valid.
AS_U: dict[str, Value] = {"mstatus__MPRV": 1, "satp__MODE": 8, "satp__PPN": ROOT >> 12}


@pytest.mark.parametrize(
    ("fault", "of", "shown"),
    [
        (
            "JAL and branches to a misaligned target put their own address in mtval",
            case(0x0020_006F),  # j . + 2
            {"mcause": 0, "mtval": CODE},
        ),
        (
            "a misaligned access of which PMP denies a part puts its own address in mtval",
            case(LW, priv=U, x=x(t1=DATA + 2), **BESIDE),
            {"mcause": 5, "mtval": DATA + 2},
        ),
        (
            "SC without a reservation does not look at its address",
            case(0x1853_22AF, x=x(t1=DATA + 1)),  # sc.w t0, t0, (t1)
            {"PC": CODE + 4, "x": x(t0=1, t1=DATA + 1)},
        ),
        (
            "AMOs raise the exceptions of loads, before those of stores",
            case(0x0053_22AF, x=x(t1=DATA + 1)),  # amoadd.w t0, t0, (t1)
            {"mcause": 4},
        ),
        (
            "medeleg keeps bits of exceptions that cannot occur below M",
            case(0x3022_9073, x=x(t0=1 << 11)),  # csrw medeleg, t0
            {"medeleg": 1 << 11},
        ),
        (
            "mideleg and mie keep bits of interrupts that the hart does not have",
            case(0x3042_9073, x=x(t0=1 << 2)),  # csrw mie, t0
            {"mie": 1 << 2},
        ),
        (
            "mepc and sepc keep bits 1 and 0",
            case(0x3411_D073),  # csrwi mepc, 3
            {"mepc": 3},
        ),
        (
            "pmpcfg keeps bits 6 and 5, and W without R",
            case(0x3A02_9073, x=x(t0=0x62)),  # csrw pmpcfg0, t0
            {"pmp.config": (0x62, *(0,) * 7)},
        ),
        (
            "MRET and SRET to S and U leave MPRV",
            case(MRET, mstatus__MPRV=1),
            {"priv": U, "mstatus.MPRV": 1},
        ),
        (
            "MPP takes 2",
            case(0x3002_9073, x=x(t0=2 << 11)),  # csrw mstatus, t0
            {"mstatus.MPP": 2},
        ),
        (
            "CSRRS and CSRRC of a register other than x0 write nothing if it holds 0",
            case(0xC003_2073, x=x(t1=0)),  # csrs cycle, t1
            {"PC": CODE + 4},
        ),
        (
            "comparisons and conversions to integers that raise flags do not make FS dirty; the "
            "spec's hart does so without flags, too",
            case(0xA000_02D3, mstatus__FS=2),  # fle.s t0, ft0, ft0, of what is in no box
            {"fcsr.FFLAGS": 0x10, "mstatus.FS": 2},
        ),
        (
            "MRET to S and U is illegal where no PMP entry is on",
            case(MRET, **NONE),
            {"mcause": 2},
        ),
    ],
)
def test_a_fault_of_qemu(fault: str, of: Case, shown: dict[str, Value]) -> None:
    """What is done is not what the spec says; the manual outvotes it (tables/qemu-rv64.toml)."""
    assert fault in {row.reason for row in table("qemu") if "RV64" in row.isas}
    if not ORACLE.identity.version.startswith("7.2."):
        pytest.skip(f"these are of QEMU 7.2, not {ORACLE.identity.version}")
    seen = ran(of)
    assert {name: seen.state[name] for name in shown} == shown


def test_a_fault_of_qemu_that_the_bench_leaves_out() -> None:
    """A TOR entry that ends at 0 matches nothing (PRIV, 3.7.1); here it denies U its code."""
    ending_at_0: dict[str, Value] = {
        "pmp__config": (0x08, 0x1F, *(0,) * 6),
        "pmp__address": (0, (1 << 54) - 1, *(0,) * 6),
    }
    seen = ran(case(LW, priv=U, **ending_at_0))
    assert (seen.state["mcause"], seen.state["mtval"]) == (1, CODE)


# ---------------------------------------------------------------- the adapter


def test_cases_do_not_see_each_other() -> None:
    """A wait, locks, lines, registers of the machine that no component stands for, tables."""
    read_mip = 0x3440_22F3
    locked = (0x1F, 0x98, *(0,) * 6)
    given = [
        case(WFI),
        case(read_mip, mip__MTIP=1, mip__MEIP=1, mip__MSIP=1, external=1),
        case(read_mip),
        case(0x3202_9073, x=x(t0=5)),  # csrw mcountinhibit, t0
        case(0x3200_22F3),  # csrr t0, mcountinhibit
        case(0x3A22_9073, x=x(t0=0x98)),  # csrw pmpcfg2, t0
        case(0x3A20_22F3),  # csrr t0, pmpcfg2
        case(LW, pmp__config=locked, pmp__address=((1 << 54) - 1, DATA >> 2, *(0,) * 6)),
        translated(LW, V | R | OF_U | A),
        translated(LW, V | OF_U | A),
        translated(LW, V | R | OF_U | A),
    ]
    answers = list(ORACLE.run(given))
    waits, lines, none, *_ = answers
    assert isinstance(waits, Outcome)
    assert isinstance(lines, Outcome)
    assert isinstance(none, Outcome)
    assert waits.waits
    assert (lines.state["x"], none.state["x"]) == (x(t0=0xA88, t1=DATA), x(t0=0, t1=DATA))
    assert answers == [alone for one in given for alone in ORACLE.run([one])]
    assert answers[::-1] == list(ORACLE.run(given[::-1]))


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (case(LW, PC=CODE + 2), "the pc is not a multiple of 4"),
        (case(LW, MISALIGNED=0), "MISALIGNED is another"),
        (case(LW, reserved=1, reservation=DATA + 1), "LR does not reserve this"),
        (case(LW, {0x8010_0000: 1}), "memory beyond the bench"),
        (case(LW, mtvec=HANDLER | 2), "mtvec holds no such value"),
        (case(LW, satp__MODE=1), "satp.MODE holds no such value"),
        (case(WFI, mie=2, mip__SSIP=1), "WFI with an interrupt pending"),
        (case(LW, x=x(t1=CODE), **AS_U), "data of M under MPRV in the page of its code"),
    ],
)
def test_refusals(of: Case, why: str) -> None:
    refused, fine = ORACLE.run([of, case(LW)])
    assert isinstance(refused, Refused)
    assert refused.why.startswith(why)
    assert isinstance(fine, Outcome)


def test_a_slow_step_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is interrupted like one; what it was cannot be read as data in a page of code alone."""
    made = adapter._Machine._make

    def slowly(machine: adapter._Machine, pc: int, requests: Sequence[str] = ()) -> Stop:
        made(machine, pc, requests)
        return Stop.INTERRUPTED

    monkeypatch.setattr(adapter._Machine, "_make", slowly)
    only_executed = tables(V | X | A, V | R | A)
    at: dict[str, Value] = {"priv": S, "PC": 0xC000_1000, "satp__MODE": 8, "satp__PPN": ROOT >> 12}
    nop = 0x13
    assert not ran(case(nop, only_executed, **at)).waits
    assert ran(case(WFI, only_executed, **at)).waits


def test_a_machine_that_dies_costs_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = adapter._Machine._enter

    def dying(machine: Any, mode: int, pc: int) -> None:
        if pc == CODE + 4:
            machine._qemu._process.kill()
        enter(machine, mode, pc)

    monkeypatch.setattr(adapter._Machine, "_enter", dying)
    answers: list[Answer] = list(ORACLE.run([case(LW), case(LW, PC=CODE + 4), case(LW)]))
    assert answers[1] == Died("it died")
    assert answers[0] == answers[2]


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OracleMissing, match="apt install"):
        QemuRv64("RV64")


def test_other_processors_are_refused() -> None:
    with pytest.raises(ValueError, match="not IA-32"):
        QemuRv64("IA-32")
