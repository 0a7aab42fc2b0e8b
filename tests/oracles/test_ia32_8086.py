"""IA-32 in virtual-8086 mode on QEMU and Bochs: what the mode changes, from random states of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from popek.guest import encode, sample_fields
from popek.isa import ir
from popek.oracles import Outcome
from popek.oracles.oracle import Bench
from popek.terms import ArrayValue
from popek.validation.disagreements import table
from tests.oracles.comparing import Trial, trial, unexplained
from tests.oracles.ia32 import PTES, Background, Start, start
from tests.oracles.ia32_flat import EMULATORS
from tests.semantics.specs import bundled_isa

#: What the mode means something else for, and some for which it does not.
NAMES = (
    *("PUSHF", "POPF", "CLI", "STI", "INT", "INT3", "INTO", "IRET", "IN", "OUT", "UD2", "HLT"),
    *("MOV_from_sreg", "MOV_from_CS_SS", "MOV_to_sreg", "MOV_to_SS", "PUSH_sreg", "PUSH_CS_SS"),
    *("POP_ES", "POP_DS", "POP_SS", "LES", "LDS", "LSS", "LFS", "LGS", "CALL_far", "JMP_far"),
    *("CALL_far_indirect", "JMP_far_indirect", "RET_far", "RET_far_pop", "LAR", "LSL", "VERR"),
    *("VERW", "ARPL", "SLDT", "STR", "SGDT", "SMSW", "LLDT", "LTR", "LGDT", "ADD", "PUSH"),
)
COUNT = 6
SEGMENTS = range(6)


def start_8086(isa: ir.Isa, bench: Bench, random: Random) -> tuple[Start, int]:
    """A state of the mode, and the linear address of its code."""
    begin = start(isa, bench, random)
    selectors = [random.randrange(0x1900, 0x2900) for _ in SEGMENTS]
    eip = random.randrange(0x8000)
    code = (selectors[1] << 4) + eip
    every = {part: ArrayValue(1, {}) for part in ("usable", "readable", "writable")}
    none = {part: ArrayValue(0, {}) for part in ("down", "big")}
    pending = random.choice((0, 0, 1))
    state = {
        **begin.state,
        "EFLAGS.VM": 1,
        "EFLAGS.IOPL": random.choice((0, 2, 3, 3)),
        "EFLAGS.VIF": 0 if pending else random.choice((0, 1)),
        "EFLAGS.VIP": pending,
        "CR4.VME": random.choice((0, 1)),
        "TSS.limit": random.choice((0x2067, 0x2067, 0x67)),
        "EIP": eip,
        "CS_D": 0,
        "SS_B": 0,
        "ES": selectors[0],
        "DS": selectors[3],
        "FS": selectors[4],
        "GS": selectors[5],
        "gpr": ArrayValue(0, {n: random.randrange(0x10, 0xFFF0) for n in range(8)}),
        **{f"seg.{part}": bank for part, bank in {**every, **none}.items()},
        "seg.base": ArrayValue(0, {n: selectors[n] << 4 for n in SEGMENTS}),
        "seg.limit": ArrayValue(0xFFFF, {}),
        "seg.level": ArrayValue(3, {}),
    }
    for name, n in (("CS", 1), ("SS", 2)):
        state |= {f"{name}.INDEX": selectors[n] >> 2, f"{name}_LOW": selectors[n] & 3}
        state |= {f"{name}.RPL": 3}
    memory = dict(begin.memory)
    for page in range(0x40):
        entry = PTES + 4 * page
        memory |= zip(
            range(entry, entry + 4), (page << 12 | 0x67).to_bytes(4, "little"), strict=True
        )
    return Start(state, memory), code


def trials_8086(isa: ir.Isa, bench: Bench, form: ir.Form, random: Random) -> Iterator[Trial]:
    """Trials of a form, without end."""
    context = {c.name: 0 for c in isa.components.values() if c.role is ir.Role.HIDDEN}
    while True:
        begin, at = start_8086(isa, bench, random)
        fields = sample_fields(isa, form, context, random)
        if fields is None:
            return
        code = encode(isa, form, fields, context)
        drawing = Background(random, begin.memory)
        made = trial(isa, form, fields, code, at, begin.state, drawing, begin.memory)
        if made is not None:
            yield made


@pytest.mark.parametrize("name", EMULATORS)
def test_the_mode_is_as_the_spec_says(name: str) -> None:
    emulator = EMULATORS[name]
    if shutil.which(emulator.program) is None:
        pytest.skip(f"the oracle {emulator.program} is not installed")
    isa = bundled_isa("ia32")
    oracle = emulator.adapter(isa.title)
    made = [
        one
        for form in isa.forms
        if form.name in NAMES
        for one in islice(trials_8086(isa, oracle.bench, form, Random(f"8086/{form.key}")), COUNT)
    ]
    rows = table(name)
    wrong, compared = [], 0
    for one, seen in zip(made, oracle.run([one.case for one in made]), strict=True):
        if not isinstance(seen, Outcome):
            continue
        compared += 1
        if left := unexplained(isa, one, seen, rows):
            wrong.append((one.form.name, one.code.hex(), one.said.ending, seen.trap, left))
    assert wrong == []
    assert compared >= 0.8 * len(made)
