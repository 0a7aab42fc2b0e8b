"""The states of a run with several oracles are such as each can be set up as."""

from __future__ import annotations

from popek.oracles.oracle import Bench, Home, Region
from popek.validation.common import common

NARROW = Bench(
    {"storage": 0x1000},
    (Region("store", 8, 0xFF), Region("store", 0x200, 0x2FF)),
    home=Home({"PC": 0x80}, {}),
)


def test_the_order_of_oracles_does_not_matter() -> None:
    """Behind machine68k, which takes any state, Hatari refused most of what it was asked."""
    anything = Bench({}, ())
    for benches in ([NARROW, anything], [anything, NARROW]):
        bench = common(benches)
        assert (bench.fixed, bench.regions, bench.home) == (
            NARROW.fixed,
            NARROW.regions,
            NARROW.home,
        )


def test_cells_are_those_that_both_have() -> None:
    other = Bench({}, (Region("store", 0x80, 0x27F), Region("ports", 0, 15)))
    assert common([NARROW, other]).regions == (
        Region("store", 0x80, 0xFF),
        Region("store", 0x200, 0x27F),
        Region("ports", 0, 15),
    )


def test_where_processors_differ_a_component_is_as_in_the_first() -> None:
    assert common([Bench({"PUSH_CLEARS": 1}, ()), Bench({"PUSH_CLEARS": 0}, ())]).fixed == {
        "PUSH_CLEARS": 1
    }
