"""States as text."""

from __future__ import annotations

import popek
from popek.report.values import brief, in_full, scalars, width_of
from popek.terms import ArrayValue
from tests.cli.conftest import DATA

ISA = popek.load(DATA / "leaky.isa")


def test_an_array_has_the_elements_that_any_state_names() -> None:
    one, two = scalars(
        ISA,
        {"a": ArrayValue(7, {1: 5}), "M": 0},
        {"a": ArrayValue(7, {2: 6}), "M": 1},
    )
    assert one == {"a[1]": 5, "a[2]": 7, "a[...]": 7, "M": 0}
    assert two == {"a[1]": 7, "a[2]": 6, "a[...]": 7, "M": 1}


def test_a_bank_that_is_shown_whole_has_no_rest() -> None:
    (state,) = scalars(ISA, {"a": ArrayValue(0, {i: i + 1 for i in range(4)})})
    assert list(state) == ["a[0]", "a[1]", "a[2]", "a[3]"]


def test_addresses_are_hexadecimal() -> None:
    (state,) = scalars(ISA, {"store": ArrayValue(0, {300: 1})})
    assert list(state) == ["store[0x12c]", "store[...]"]


def test_numbers() -> None:
    assert brief(3, 2) == "3"
    assert brief(0x1234, 16) == "0x1234"
    assert in_full(0xFFFE, 16) == "0xfffe = 65534 = -2"
    assert in_full(5, 16) == "5"
    assert width_of(ISA, "a[3]") == width_of(ISA, "store[0x12c]") == 16
