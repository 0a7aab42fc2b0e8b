"""The law of definitions.md, section 3, on every bundled spec.

Critical in the reading direct implies sensitive, and not privileged, in the reading general.  The
small specs are checked whole; of the large ones, all mnemonics with a critical form and a sample
drawn by seed.
"""

from __future__ import annotations

import pytest

from popek.theory.prover import Disagreement
from popek.theory.verdict import Class
from tests.theory.toys import LRA, checked, toy, verdict_of


def test_popek_holds_itself_to_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading general that sees nothing is caught, with the form, and gives no verdict."""
    assert verdict_of(checked(toy(LRA)), "LRA").kind is Class.CRITICAL
    monkeypatch.setattr("popek.theory.general._within", lambda algebra, guard, found: [])
    monkeypatch.setattr("popek.theory.general.results_differ", lambda *args, **kwargs: [])
    with pytest.raises(Disagreement, match="LRA"):
        checked(toy(LRA))
