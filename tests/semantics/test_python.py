"""Compiled steps are those of the interpreter, wherever they are steps at all."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from popek.guest import sample_fields
from popek.isa import ir
from popek.semantics.python import Special, Unsuited, quick_condition, quick_step
from popek.semantics.running import Cells, Running
from popek.semantics.step import Run, step
from popek.semantics.storage import Walk
from popek.terms import ArrayValue
from popek.theory.direct import BARE, inputs_of
from tests.semantics.specs import bundled_isa

#: Specs: how many forms are drawn, and how many of their steps have to complete.
SPECS: Final = {
    "pg74": (60, 60),
    "m68010": (60, 20),
    "s370": (60, 15),
    "rv64": (60, 20),
    "ia32": (60, 15),
}

#: States of each form.
STATES: Final = 3


def state_of(isa: ir.Isa, random: Random) -> dict[str, int | ArrayValue]:
    """Any state, often with small numbers in it."""

    def number(width: int) -> int:
        return random.choice((0, 1, random.getrandbits(width), random.getrandbits(min(width, 8))))

    def value(c: ir.Component) -> int | ArrayValue:
        if c.size is None:
            return number(c.width) & ((1 << c.width) - 1)
        drawn = {i: number(c.width) & ((1 << c.width) - 1) for i in range(min(c.size, 32))}
        return ArrayValue(0, {**drawn, **dict(c.hardwired)})

    state = {c.name: value(c) for c in isa.components.values()}
    for m in isa.memories.values():
        state[m.name] = Cells({i: random.getrandbits(m.width) for i in range(300)}, {})
    return state


@pytest.mark.parametrize("name", SPECS)
def test_a_compiled_step_is_that_of_the_interpreter(name: str) -> None:
    isa, random = bundled_isa(name), Random(7)
    forms, least = SPECS[name]
    algebra = Running()
    inputs = inputs_of(algebra, BARE, clocks_shared=True)
    completed = 0
    for form in random.sample(isa.forms, min(forms, len(isa.forms))):
        for _ in range(STATES):
            state = state_of(isa, random)
            context = {
                c.name: value
                for c in isa.components.values()
                if c.role is ir.Role.HIDDEN and isinstance(value := state[c.name], int)
            }
            fields = sample_fields(isa, form, context, random)
            if fields is None:
                continue
            known = {n: v for n, v in state.items() if isinstance(v, int) and random.random() < 0.5}
            slow = step(isa, form, algebra, Walk(), state, fields, inputs)
            cells = {
                m: dict(bank.base) for m in isa.memories if isinstance(bank := state[m], Cells)
            }
            try:
                changes, stores, _ = quick_step(isa, form, fields, known)(state, cells, inputs)
            except (Special, Unsuited):
                continue
            assert slow.completes and not slow.waits and not any(e.guard for e in slow.events)
            completed += 1
            for c in isa.components:
                assert changes.get(c, state[c]) == slow.state[c], (form.text, c)
            for m in isa.memories:
                bank = slow.state[m]
                assert isinstance(bank, Cells)
                assert {**bank.base, **bank.entries} == {**cells[m], **stores.get(m, {})}
    assert completed >= least


@pytest.mark.parametrize("name", SPECS)
def test_a_compiled_condition_is_that_of_the_interpreter(name: str) -> None:
    isa, random = bundled_isa(name), Random(3)
    algebra = Running()
    inputs = inputs_of(algebra, BARE, clocks_shared=True)
    for interrupt in isa.interrupts:
        holds = quick_condition(isa, interrupt.setup, interrupt.condition)
        for _ in range(20):
            state = state_of(isa, random)
            run = Run(isa, algebra, Walk(), state, {}, inputs)
            run.run(interrupt.setup)
            assert holds(state, inputs) == run.value(interrupt.condition)


def test_a_step_that_traps_is_no_compiled_one() -> None:
    isa = bundled_isa("pg74")
    algebra = Running()
    inputs = inputs_of(algebra, BARE, clocks_shared=True)
    state = {**state_of(isa, Random(1)), "M": 1}
    (form,) = (f for f in isa.forms if f.mnemonic == "LPSW")
    quick = quick_step(isa, form, {"v": 3}, {})
    with pytest.raises(Special):
        quick(state, {"E": {}}, inputs)
