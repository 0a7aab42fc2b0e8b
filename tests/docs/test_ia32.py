"""What docs/ia32.md says of IA-32 is what popek finds, for mnemonics that are quick to check.

The whole table is written by `python docs/generate.py --checked`; here a few of its rows are
compared with a run of these mnemonics alone.  None of them touches a control that another form
touches too, so that the host's choice for them is that of the whole spec.
"""

from __future__ import annotations

import re

import pytest

import popek
from tests.docs.pages import ROOT
from tests.docs.test_reference import generate

QUICK = ("SGDT", "SIDT", "SLDT", "STR", "INT", "PUSHF")


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """The rows of the table that a run of these mnemonics gives."""
    document = popek.document(popek.check(popek.load("ia32", only=QUICK), partial=True))
    module = generate()
    return {name: module.row_of(document, name) for name in module.by_mnemonic(document)}


@pytest.mark.parametrize("mnemonic", QUICK)
def test_rows_of_the_table_are_what_popek_finds(mnemonic: str, rows: dict[str, str]) -> None:
    text = (ROOT / "docs" / "ia32.md").read_text(encoding="utf-8")
    written = re.findall(rf"^\| `{mnemonic}` \|.*$", text, re.MULTILINE)
    assert written == [rows[mnemonic]]


def test_the_group_of_the_spec_is_the_published_list() -> None:
    text = (ROOT / "specs" / "ia32.isa").read_text(encoding="utf-8")
    group = re.search(r"^group robin_irvine = (.*)$", text, re.MULTILINE)
    assert group is not None
    assert group[1].split(", ") == generate().ROBIN_IRVINE
