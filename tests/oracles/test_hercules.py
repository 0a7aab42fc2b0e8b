"""Forms of the S/370 on Hercules, and what the adapter itself has to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from popek.guest import encode, sample_fields
from popek.isa import ir
from popek.oracles import Case, OracleMissing, Outcome, Refused, Trap
from popek.oracles.hercules import Hercules
from popek.oracles.oracle import State, Value
from popek.terms import ArrayValue
from popek.validation.comparison import differences
from popek.validation.prediction import Prediction, predict
from tests.semantics.specs import bundled_isa

try:
    ORACLE = Hercules("S/370")
except OracleMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)

CODE, DATA, HANDLER = 0x2000, 0x4000, 0x3000

#: New PSWs that lead to a handler: in the EC mode, nothing enabled.
NEW_PSWS = {
    at + i: byte
    for at in (88, 96, 104, 112, 120)
    for i, byte in enumerate(bytes.fromhex(f"000C000000{HANDLER:06X}"))
}


def plain(**given: Value) -> State:
    """Zeros, in the supervisor state, but for what is given and what the bench fixes."""
    isa = bundled_isa("s370")
    zeros = {c.name: 0 if c.size is None else (0,) * c.size for c in isa.components.values()}
    return {**zeros, **ORACLE.bench.fixed, **ORACLE.bench.running, "IA": CODE, **given}


def case(code: str, cells: dict[int, int] | None = None, **given: Value) -> Case:
    contents = {CODE + i: byte for i, byte in enumerate(bytes.fromhex(code))}
    return Case(plain(**given), {"main": {**NEW_PSWS, **contents, **(cells or {})}})


def registers(**values: int) -> tuple[int, ...]:
    return tuple(values.get(f"r{n}", 0) for n in range(16))


def test_steps_are_shown_whole() -> None:
    stored = case("5010F000", R=registers(r1=0x01020304, r15=DATA))
    kept_out = case("5010F000", None, R=registers(r15=DATA), **{"PSW.P": 1, "PSW.KEY": 3})
    call = case("0A05", None, **{"PSW.P": 1})
    loaded = case("8200F000", {DATA + 1: 0x0E, DATA + 7: 0x20}, R=registers(r15=DATA))
    enabled = case("8200F000", {DATA: 3, DATA + 1: 0x0E, DATA + 7: 0x20}, R=registers(r15=DATA))
    answers = list(ORACLE.run([stored, kept_out, call, loaded, enabled]))
    outcomes = [a for a in answers if isinstance(a, Outcome)]
    assert len(outcomes) == len(answers)
    assert outcomes[0].changed == {"main": {DATA: 1, DATA + 1: 2, DATA + 2: 3, DATA + 3: 4}}
    assert outcomes[0].state["IA"] == CODE + 4
    assert outcomes[1].trap == Trap(4)
    assert (outcomes[1].state["IA"], outcomes[1].state["PSW.P"]) == (HANDLER, 0)
    assert outcomes[2].trap == Trap(5)
    assert outcomes[2].changed["main"][33] == 0x09  # the old PSW, in the problem state
    # Waits for nothing, and for interruptions that do not come.
    assert [o.waits for o in outcomes] == [False, False, False, True, True]
    assert outcomes[4].state["PSW.IO"] == 1


def test_cases_that_cannot_be_shown_are_refused() -> None:
    odd_target = case("07F1", R=registers(r1=0x2101))
    channel = case("9C00000E")
    elsewhere = Case(plain(), {"main": {0x10_0000: 1}})
    answers = list(ORACLE.run([odd_target, channel, elsewhere, case("1812")]))
    assert [a.why for a in answers if isinstance(a, Refused)] == [
        "what comes next cannot be fetched, and interrupts",
        "what channels are told is not shown",
        "storage beyond the bench",
    ]
    assert isinstance(answers[3], Outcome)


def test_another_processor_is_refused() -> None:
    with pytest.raises(ValueError, match="not IA-32"):
        Hercules("IA-32")


# ---------------------------------------------------------------- against the spec

#: Left out: operations of which Hercules makes all units at once, and what runs while it is shown.
LEFT_OUT = {"MVCL", "CLCL", "EX", "SCKC", "SPT"}
#: Reference bits are set by fetching and displaying, too, which is no part of a step.
FETCHED = "KEY.R"
#: RRB shows that.  What is broken off may have been looked at as a place to store in.
KNOWN = {("RRB", "", "PSW.CC"), ("TR", "addressing", "KEY.C")}
STATES = 2


def drawn(isa: ir.Isa, form: ir.Form, random: Random) -> Iterator[tuple[Case, Prediction]]:
    """States of a form that stay within the bench, without end."""
    while True:
        fields = sample_fields(isa, form, {}, random)
        assert fields is not None, form.key
        cells = {DATA + i: _byte(random) for i in range(0x400)}
        made = case(
            encode(isa, form, fields).hex(),
            cells,
            R=tuple(_register(random) for _ in range(16)),
            **{
                "PSW.P": int(random.random() < 0.2),
                "PSW.CC": random.randrange(4),
                "PSW.MASK": random.randrange(16),
                "CR3.KEYS": random.getrandbits(16),
                "CR8.MONITOR": random.getrandbits(16),
            },
        )
        said = predict(isa, form, fields, made, ORACLE.bench)
        if isinstance(said, Prediction) and _inside(said):
            yield made, said


def _byte(random: Random) -> int:
    """Mostly digits, and signs, of packed numbers."""
    return random.choice((random.getrandbits(8), random.randrange(10) * 17, 0x0C, 0x1D, 0))


def _register(random: Random) -> int:
    """Mostly an address of data."""
    return random.choice((random.getrandbits(32), DATA + 0x200, DATA + random.randrange(0x200)))


def _inside(said: Prediction) -> bool:
    """Whether all that is read and changed lies in the bench, and the processor goes on in it."""
    read, changed = said.zeros.state[FETCHED], said.zeros.state["main"]
    assert isinstance(read, ArrayValue)
    assert isinstance(changed, ArrayValue)
    at = said.zeros.state["IA"]
    assert isinstance(at, int)
    cells = [at, *changed.entries, *(block << 11 for block, bit in read.entries.items() if bit)]
    return at % 2 == 0 and all(
        any(r.first <= cell <= r.last for r in ORACLE.bench.regions) for cell in cells
    )


def test_every_form_agrees() -> None:
    isa = bundled_isa("s370")
    random = Random(370)
    made = [
        (form, *one)
        for form in isa.forms
        if form.name not in LEFT_OUT
        for one in islice(drawn(isa, form, random), STATES)
    ]
    shown, wrong = set(), []
    answers = ORACLE.run([started for _, started, _ in made])
    for (form, started, said), seen in zip(made, answers, strict=True):
        if isinstance(seen, Refused):
            assert seen.why == "what channels are told is not shown", form.key
            continue
        assert isinstance(seen, Outcome), (form.key, seen)
        shown.add(form.name)
        found = [
            d
            for d in differences(isa, started, said, seen)
            if d.of != FETCHED and (form.name, said.ending, d.of) not in KNOWN
        ]
        if found:
            code = bytes(started.memory["main"][CODE + i] for i in range(2)).hex()
            wrong.append((form.name, code, said.ending, found))
    assert wrong == []
    assert len(shown) > 100
