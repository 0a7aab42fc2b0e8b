"""The theory on a machine whose IR no front end made."""

from __future__ import annotations

import pytest

from popek.theory.theorems import Verdict
from popek.theory.verdict import Class
from tests.theory.by_hand import machine
from tests.theory.toys import checked

#: Mnemonic: class, label, class in pg74, class in general, whether DX fails in user mode.
KNOWN = {
    "ADD": ("innocuous", None, "innocuous", "innocuous", False),
    "ST": ("innocuous", None, "innocuous", "innocuous", False),
    "LRA": ("critical", None, "critical", "critical", True),
    "JRST1": ("critical", None, "critical", "critical", False),
    "LPSW": ("privileged", None, "privileged", "privileged", False),
    "SVC": ("guarded", "always", "innocuous", "innocuous", False),
    "HALT": ("privileged", None, "privileged", "privileged", False),
    "CLI": ("critical", None, "critical", "critical", False),
    "RDT": ("guarded", "exempt", "innocuous", "critical", False),
    "RDID": ("guarded", "loaded", "innocuous", "critical", False),
    "UNDEF": ("innocuous", None, "innocuous", "innocuous", False),
    "MAYBE": ("innocuous", None, "innocuous", "innocuous", False),
    "WILD": ("critical", None, "innocuous", "critical", True),
}


@pytest.mark.parametrize("simplify", [True, False], ids=["simplified", "verbatim"])
def test_every_class_by_hand(simplify: bool) -> None:
    result = checked(machine(), simplify=simplify)
    found = {
        v.form.name: (
            v.kind.value,
            v.label and v.label.value,
            v.pg74.kind.value,
            v.general.kind.value,
            v.user,
        )
        for v in result.verdicts
    }
    assert found == KNOWN
    assert result.vmm.verdict is Verdict.REFUTED
    assert result.vmm.because == ("LRA", "JRST1", "CLI", "WILD")
    assert result.hybrid.because == ("LRA", "WILD")
    assert result.summary()["forms"] == len(KNOWN)


def test_theorems_by_hand() -> None:
    clean = checked(machine("ADD", "ST", "LPSW", "SVC", "HALT", "UNDEF"))
    assert clean.vmm.verdict is clean.recursive.verdict is clean.hybrid.verdict is Verdict.PROVED
    timed = checked(machine("ADD", "RDT"))
    assert timed.vmm.verdict is Verdict.PROVED
    # With timing not exempt the host sets TSD.
    assert timed.recursive.verdict is Verdict.PROVED


def test_a_value_by_hand() -> None:
    (verdict,) = checked(machine("RDT"), host={"TSD": 1}).verdicts
    assert (verdict.kind, verdict.label) == (Class.PRIVILEGED, None)
    # A guest that has set its own TSD would trap on the bare machine.
    (verdict,) = checked(machine("RDT"), host={"TSD": 0}).verdicts
    assert (verdict.kind, verdict.user) == (Class.CRITICAL, True)
