"""What a spec declares beside what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

import popek
from popek.isa.ir import Expect
from popek.report.expectations import Expectation, expectation
from popek.report.view import view
from tests.cli.conftest import DATA

RESULT = popek.check(popek.load(DATA / "leaky.isa"))
VERDICTS = {v.form.mnemonic: v for v in RESULT.verdicts}


def _declared(mnemonic: str, *classes: str, kind: popek.Class | None = None) -> Expectation:
    verdict = VERDICTS[mnemonic]
    expect = Expect(classes, "", verdict.form.span) if classes else None
    form = replace(verdict.form, expect=expect)
    return expectation(replace(verdict, form=form, kind=kind or verdict.kind))


@pytest.mark.parametrize(
    ("mnemonic", "classes", "met", "surprising"),
    [
        ("SET", ("privileged",), True, False),
        ("SET", ("privileged", "sensitive"), True, False),
        ("ADD", ("innocuous", "sensitive"), False, True),
        ("SHOW", ("critical",), True, False),
        ("SHOW", ("sensitive",), True, True),
        ("SHOW", (), None, True),
        ("ADD", (), None, False),
        ("CALL", ("innocuous",), False, True),
    ],
)
def test_met(mnemonic: str, classes: tuple[str, ...], met: bool | None, surprising: bool) -> None:
    found = _declared(mnemonic, *classes)
    assert (found.met, found.surprising, found.open) == (met, surprising, False)


def test_undecided_is_never_met() -> None:
    found = _declared("ADD", "innocuous", kind=popek.Class.UNDECIDED)
    assert (found.met, found.surprising, found.open) == (None, False, True)
    assert _declared("ADD", kind=popek.Class.UNDECIDED).open


def test_theorems_in_other_readings_are_asked_of_their_classes() -> None:
    seen = view(RESULT, "pg74")
    critical = {row.mnemonic for row in seen.rows if row.kind is popek.Class.CRITICAL}
    assert set(seen.theorems["vmm"].because) == critical
    assert view(RESULT, "direct").theorems["vmm"] is RESULT.vmm
