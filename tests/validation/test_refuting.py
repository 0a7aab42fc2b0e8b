"""That no state takes a path is proved of states in which a place holds one value."""

from __future__ import annotations

import pytest

from popek.smt.z3_conditions import Z3Conditions
from popek.terms import Term, Terms
from popek.validation.refuting import Refuting, Verdict
from popek.validation.trace import Names


@pytest.fixture
def names() -> Names:
    return Names(Terms())


def bits_at(names: Names, bank: str = "flags") -> tuple[Term, Term, Term]:
    """One bit at i and one at j + 1, and that these are one place."""
    terms = names.terms
    i, j = terms.var("i", 3), terms.add(terms.var("j", 3), terms.const(1, 3))
    return names.element(bank, i, 1), names.element(bank, j, 1), terms.eq(i, j)


def test_one_place_holds_one_value(names: Names) -> None:
    first, second, same = bits_at(names)
    refuting = Refuting(names, Z3Conditions())
    apart = [first, names.terms.not_(second)]
    assert refuting.verdict([*apart, same], ()) is Verdict.INFEASIBLE
    assert refuting.verdict(apart, ()) is Verdict.UNKNOWN  # a state there is; none was run
    assert refuting.verdict(apart, [same]) is Verdict.BEYOND


def test_places_of_other_banks_are_others(names: Names) -> None:
    first, _, same = bits_at(names)
    _, second, _ = bits_at(names, "other flags")
    wanted = [first, names.terms.not_(second), same]
    assert Refuting(names, Z3Conditions()).verdict(wanted, ()) is Verdict.UNKNOWN


def test_a_bank_has_a_name_for_each_thing_done_to_it(names: Names) -> None:
    """Two ways to change a bank are two states of it, of which nothing is alike."""
    i, value = names.terms.var("i", 3), names.terms.const(1, 1)
    once = names.changed("flags", i, value)
    assert once == names.changed("flags", i, value) != "flags"
    assert len({once, names.changed("flags", value, i), names.changed(once, i, value)}) == 3
