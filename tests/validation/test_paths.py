"""The paths of a clause: all of them, each from a state that takes it."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

import popek
from popek.isa import ir
from popek.oracles.oracle import Bench, Region
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.cases import Population, Subject, population
from popek.validation.ground import Ground
from popek.validation.prediction import Prediction, predict
from popek.validation.search import Search
from popek.validation.starts import starts
from popek.validation.stepping import CLAUSE, DELIVERY, Stepper

NO_BENCH = Ground(Bench(fixed={}, regions=()))


@cache
def isa_of(spec: str, *names: str) -> ir.Isa:
    return popek.load(spec, only=names)


def made(spec: str, name: str, scope: str = CLAUSE, ground: Ground = NO_BENCH) -> Population:
    isa = isa_of(spec, name)
    return population(isa, Subject(isa.forms[0].key, scope), ground, 1)


@pytest.mark.parametrize(
    ("name", "endings"),
    [
        ("MOVEQ", {"": 1}),
        ("TRAPV", {"": 1, "overflow": 1}),
        # Three words: no supervisor, either trap at the first, a bus error at the second, which
        # has the same parity, and both at the target.
        ("RTE", {"": 1, "privilege_violation": 1, "address_error": 2, "bus_error": 3}),
    ],
)
def test_every_path_is_found(name: str, endings: dict[str, int]) -> None:
    isa = isa_of("m68000", name)
    found = made("m68000", name)
    assert (found.unknown, found.beyond, found.cut) == (0, 0, False)
    paths: dict[tuple[object, ...], str] = {}
    for m in found.made:
        (path,) = m.paths
        said = predict(isa, isa.forms[0], m.fields, m.case)
        ending = said.ending if isinstance(said, Prediction) else said.why
        paths.setdefault(path, ending)
    # A stack that is odd takes no frame either, so the first address error halts the processor.
    halting = list(paths.values()).count("the processor shuts down")
    assert halting == (name == "RTE")
    shown = Counter(e for e in paths.values() if e != "the processor shuts down")
    assert shown == Counter(endings) - Counter({"address_error": halting})
    assert paths.keys() == set(found.paths)


def test_the_same_seed_makes_the_same_cases() -> None:
    assert made("m68000", "RTE") == made("m68000", "RTE")


def test_a_bench_is_kept_to() -> None:
    """Cells and components of all cases are the oracle's; what it cannot be set up as is said."""
    fixed = {"R.base": 0, "R.bound": 0x8000, "SR.S": 1}
    ground = Ground(Bench(fixed, (Region("store", 0, 0x7FFF),)))
    found = made("m68000", "RTE", ground=ground)
    assert found.made
    for m in found.made:
        assert {n: m.case.state[n] for n in fixed} == fixed
        assert all(cell < 0x8000 for cell in m.case.memory["store"])
    assert found.beyond == 1  # the privilege violation


def test_copies_of_a_loop_are_not_combined() -> None:
    """MOVEM has 16 registers, not 65,536 paths; each is moved in some case."""
    isa = isa_of("m68000", "MOVEM_load")
    found = population(isa, Subject(isa.forms[0].key), NO_BENCH, 1)
    assert len(found.paths) < 10
    lists = [m.fields["list"] for m in found.made]
    for bit in range(16):
        assert {x >> bit & 1 for x in lists} == {0, 1}


def test_a_delivery_is_a_subject_of_its_own() -> None:
    found = made("m68000", "TRAPV", DELIVERY + "overflow")
    # The stack does not take the frame; the vector lies beyond storage; it is delivered.
    assert len(found.paths) == 3


def test_a_condition_may_be_about_what_a_run_does_not_reach() -> None:
    """What is learnt of one run was asked of another that had no value for its symbols."""
    isa = isa_of("m68000", "TRAPV")
    search = Search(Stepper.of(isa, isa.forms[0], NO_BENCH), Z3Conditions())
    (run,) = starts(search, "seed", 1)
    names = search.stepper.names
    terms, flag = names.terms, names.whole("SR.V", 1)
    cell = names.element("store", terms.const(0x7000, 24), 8)
    turned = terms.eq(flag, terms.const(run.trace.values["SR.V"] ^ 1, 1))
    asks = flag, terms.not_(flag)
    asked = next(i for i, e in enumerate(run.trace.entries) if e.term in asks)
    wanted = [turned, terms.eq(cell, terms.const(5, 8))]
    assert search.nearby(run, asked, wanted) is not None
