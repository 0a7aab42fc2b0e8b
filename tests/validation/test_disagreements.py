"""The table explains exactly the bits that it names."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

import popek
from popek.validation.comparison import Difference
from popek.validation.disagreements import Blame, Step, parse_table, table

TABLE = """
[[row]]
isas         = ["68000"]
instructions = ["RTE"]
endings      = ["address_error"]
class        = "oracle"
manual       = "UM, 6.3"
reason       = "an example"
differs      = [
  { of = "SR.C" },
  { of = "store", from = "A7", element = 0, cells = [1, 2], bits = 0x0F },
]
"""


def test_a_row_explains_its_bits_and_no_others() -> None:
    isa = popek.load("m68000", only=["RTE"])
    (row,) = parse_table(TABLE)
    after = {"A7": (0xFF_FFFF, 0)}  # cells are counted around the end of the address space
    frame = Difference("store", 0, 0x10, 0x11)
    assert row.blame is Blame.ORACLE
    assert row.explains(isa, [Difference("SR.C", 0, 0, 1), frame], after)
    assert not row.explains(isa, [Difference("SR.C", 0, 0, 1), Difference("SR.N", 0, 0, 1)], after)
    assert not row.explains(isa, [Difference("store", 0, 0x10, 0x30)], after)
    assert not row.explains(isa, [Difference("store", 2, 0x10, 0x11)], after)
    assert row.about(isa, isa.forms[0], Step("address_error"))
    assert not row.about(isa, isa.forms[0], Step(""))


def test_a_row_that_needs_a_sign_explains_nothing_without_it() -> None:
    isa = popek.load("m68000", only=["RTE"])
    sign = TABLE + 'needs = [{ of = "store", bits = 0x03 }]\n'
    (row,) = parse_table(sign.replace('"RTE"', '"*"'))
    after = {"A7": (0xFF_FFFF, 0)}
    flag, frame = Difference("SR.C", 0, 0, 1), Difference("store", 0, 0x10, 0x11)
    assert row.about(isa, isa.forms[0], Step("address_error"))
    assert row.explains(isa, [flag, frame], after)
    assert not row.explains(isa, [flag], after)
    assert not row.explains(isa, [flag, Difference("store", 0, 0x10, 0x14)], after)


def test_an_incomplete_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="manual"):
        parse_table(TABLE.replace("manual", "section"))


def test_the_tables_that_are_checked_in_are_complete() -> None:
    """Every row cites a manual, and none says that the spec is wrong."""
    files = [f.name for f in (resources.files("popek.validation") / "tables").iterdir()]
    assert "machine68k-m68k.toml" in files
    for name in files:
        for row in table(name.split("-", maxsplit=1)[0]):
            assert row.manual
            assert row.reason
            assert row.instructions
            assert row.bits
            assert row.blame not in (Blame.SPEC, Blame.UNCLASSIFIED)


def test_an_oracle_without_a_table_has_no_rows() -> None:
    assert table("mirror") == ()
    assert table("machine") == ()


def test_a_row_may_be_about_how_a_step_starts_and_goes_on() -> None:
    isa = popek.load("m68000", only=["RTE"])
    asked = """
access = true
argument = 0x08
then = ["bus_error"]
code = "^4e"
state = { "SR.I" = 7 }
"""
    (row,) = parse_table(TABLE + asked)
    (form,) = isa.forms
    step = Step("address_error", ("bus_error",), True, 0x0C, False, "4e73", {"SR.I": 7})
    assert row.about(isa, form, step)
    others: tuple[dict[str, Any], ...] = (
        {"then": ()},
        {"access": False},
        {"code": "004e"},
        {"before": {"SR.I": 6}},
    )
    assert not any(row.about(isa, form, replace(step, **other)) for other in others)
    (several,) = parse_table(TABLE + asked.replace("= 7", "= [6, 7]"))
    assert all(several.about(isa, form, replace(step, before={"SR.I": i})) for i in (6, 7))
    assert not several.about(isa, form, replace(step, before={"SR.I": 5}))


def test_a_row_may_explain_whatever_differs() -> None:
    isa = popek.load("m68000", only=["RTE"])
    (row,) = parse_table(TABLE.replace('{ of = "SR.C" }', '{ of = "*" }'))
    assert row.explains(
        isa, [Difference("PC", 0, 0, 1), Difference("store", 7, 0, 1)], {"A7": (0, 0)}
    )
