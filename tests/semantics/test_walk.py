"""The real translation, walked in both readings: every access, its traps and what they leave.

pg74 and m68000 walk every form; of ia32, whose walk goes through segments and two levels of page
tables, a few forms drawn by seed.  Hypothesis draws the relocation and the registers, so that a
failure shrinks to a small state and prints it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from random import Random

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from popek.isa import ir
from popek.semantics.ints import Interpretation, Ints
from popek.semantics.storage import Walk
from popek.terms import ArrayValue, Value
from tests.semantics.drawing import POOL, encodings, pool
from tests.semantics.specs import bundled_isa
from tests.semantics.stepping import Observed, Symbolic, clause_of, concrete, difference
from tests.terms.random_terms import random_value

STATES = 24
IA32_SEED = 1974
IA32_FORMS = 16
#: Clauses of fewer statements are walked on ia32; each access of the others is a page walk a byte.
SMALL_CLAUSE = 40


@cache
def _symbolic(spec: str, number: int) -> Symbolic:
    isa = bundled_isa(spec)
    return Symbolic(clause_of(isa, isa.forms[number]), Walk())


@cache
def _encodings(spec: str, number: int) -> list[dict[str, int]]:
    isa = bundled_isa(spec)
    form = isa.forms[number]
    return encodings(isa, form, Random("/".join(form.key)))


def _walk(spec: str, number: int, env: Interpretation) -> Observed:
    """The concrete step, once it was compared with the symbolic one."""
    isa = bundled_isa(spec)
    clause = clause_of(isa, isa.forms[number])
    symbolic = _symbolic(spec, number)
    random = Random(clause.title)
    env = {**{s.name: random_value(random, s) for s in symbolic.symbols}, **env}
    ours = concrete(clause, Ints(env), Walk())
    theirs = symbolic.observe(symbolic.values(env))
    assert ours == theirs, difference(f"{clause.title} in {env}", ours, theirs)
    return ours


#: Where most accesses of a program succeed: what is in the way is set so, or kept to these bits.
TAME: Mapping[str, Mapping[str, tuple[int, int]]] = {
    # name: (bits that may be as drawn, bits that are set)
    "pg74": {"R.l": (0x00FF, 0), "R.b": (0x0FFF, 0xF000), "q": (0, 0xFFFF)},
    "m68000": {
        "R.base": (0xFF, 0),
        "R.bound": (0x0F_FFFF, 0xF0_0000),
        "storage": (0, 0xFF_FFFF),
        "AR": (0xFFFE, 0),
        "A7": (0xFFFE, 0),
        "D": (0xFFFE, 0),
        "PC": (0xFFFE, 0),
    },
}


def _tamed(spec: str, values: Interpretation) -> dict[str, Value]:
    def tamed(name: str, value: Value) -> Value:
        if name not in TAME[spec]:
            return value
        kept, added = TAME[spec][name]
        match value:
            case int():
                return value & kept | added
            case ArrayValue(default=default, entries=entries):
                cut = {i: v & kept | added for i, v in entries.items()}
                return ArrayValue(default & kept | added, cut)
            case _:
                raise AssertionError(name)

    return {name: tamed(name, value) for name, value in values.items()}


@pytest.mark.parametrize("spec", ["pg74", "m68000"])
def test_every_form_walks_alike(spec: str) -> None:
    """Half of the states let most accesses through, the other half are any."""
    completed = trapped = 0
    for number, form in enumerate(bundled_isa(spec).forms):
        random = Random(f"{spec}/{form.name}/{form.text}")
        for i in range(STATES):
            values: Interpretation = pool(spec)[random.randrange(POOL)]
            if i % 2:
                values = _tamed(spec, values)
            coded = _encodings(spec, number)
            seen = _walk(spec, number, {**values, **coded[i % len(coded)]})
            in_walk = any(e.kind == "trap" and e.flags[0] for e in seen.endings)
            trapped += in_walk
            completed += bool(seen.accesses) and seen.completes == 1
    # Both ways through the translation were taken, and often.
    assert completed > 100 if spec == "m68000" else completed > 20
    assert trapped > 100 if spec == "m68000" else trapped > 20


def _boundaries(width: int) -> st.SearchStrategy[int]:
    ones = (1 << width) - 1
    return st.one_of(
        st.integers(0, 31).map(ones.__and__),
        st.integers(0, 31).map(lambda n: ones - n & ones),
        st.integers(0, ones),
    )


def _bank(component: ir.Component) -> st.SearchStrategy[ArrayValue]:
    assert component.size is not None
    values = _boundaries(component.width)
    elements = st.lists(values, min_size=component.size, max_size=component.size)
    return elements.map(lambda found: ArrayValue(0, dict(enumerate(found))))


@st.composite
def _states(draw: st.DrawFn, spec: str) -> tuple[int, dict[str, Value]]:
    """A form, and values of every component; memory is from the pool."""
    isa = bundled_isa(spec)
    number = draw(st.integers(0, len(isa.forms) - 1))
    coded = _encodings(spec, number)
    values: dict[str, Value] = {}
    for c in isa.components.values():
        values[c.name] = draw(_boundaries(c.width)) if c.size is None else draw(_bank(c))
    if draw(st.booleans()):
        values = _tamed(spec, values)
    memories = pool(spec)[draw(st.integers(0, POOL - 1))]
    for name in isa.memories:
        values[f"memory.{name}"] = memories[f"memory.{name}"]
    return number, {**values, **coded[draw(st.integers(0, len(coded) - 1))]}


@settings(max_examples=150, deadline=None, print_blob=True)
@given(_states("pg74"))
def test_pg74_walks_alike_from_any_state(state: tuple[int, dict[str, Value]]) -> None:
    number, values = state
    note(bundled_isa("pg74").forms[number].name)
    _walk("pg74", number, values)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(_states("m68000"))
def test_m68000_walks_alike_from_any_state(state: tuple[int, dict[str, Value]]) -> None:
    number, values = state
    note(bundled_isa("m68000").forms[number].name)
    _walk("m68000", number, values)


def _paged(values: Interpretation, random: Random) -> dict[str, Value]:
    """Flat segments, and page tables whose entries are mostly present and writable.

    Memory is one value almost everywhere, so the directory, the table and the page that a walk
    finds are made of the same bytes; what differs are the cells drawn.
    """
    entry = 0x0001_0000 * random.getrandbits(16) | 0x0F00 & random.getrandbits(32)
    entry |= random.choice((0x07, 0x27, 0x67, 0x03, 0x05, 0x06))
    memory = values["memory.phys"]
    assert isinstance(memory, ArrayValue)
    directory = random.getrandbits(20)
    cells = dict(memory.entries)
    for i in range(64):
        for at in (directory << 12 | i * 4, (entry >> 12) << 12 | i * 4):
            cells |= {at + k: entry >> 8 * k & 0xFF for k in range(4)}
    flat = {name: ArrayValue(value) for name, value in FLAT.items()}
    registers = {i: random.randrange(0x40_000) for i in range(8)}
    return {
        **values,
        **flat,
        "CR0.PG": random.randrange(4) > 0,
        "CR3.BASE": directory,
        "EFLAGS.AC": random.randrange(4) == 0,
        "gpr": ArrayValue(0, registers),
        "memory.phys": ArrayValue(memory.default, cells),
    }


FLAT = {
    "seg.base": 0,
    "seg.limit": 0xFFFF_FFFF,
    "seg.usable": 1,
    "seg.readable": 1,
    "seg.writable": 1,
    "seg.down": 0,
}


def test_ia32_walks_alike() -> None:
    """Forms drawn by seed; pages are present, absent, read-only, not accessed yet."""
    isa = bundled_isa("ia32")
    random = Random(IA32_SEED)
    numbers = [
        number
        for number, form in enumerate(isa.forms)
        if any(isinstance(s, ir.Load | ir.Store) for s in ir.statements(form.body))
        and len(list(ir.statements(form.body))) < SMALL_CLAUSE
    ]
    seen: Counter[str] = Counter()
    for number in random.sample(numbers, IA32_FORMS):
        for i in range(STATES):
            values = pool("ia32")[random.randrange(POOL)]
            if i % 4:
                values = _paged(values, random)
            coded = _encodings("ia32", number)
            step = _walk("ia32", number, {**values, **coded[i % len(coded)]})
            seen.update(e.name for e in step.endings)
            seen["completes"] += step.completes == 1 and bool(step.accesses)
    assert min(seen[name] for name in ("completes", "PF", "GP", "SS")) > 10, seen
