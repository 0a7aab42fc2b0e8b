"""What a fault does not undo: what is `lasting`, and what translations write."""

from __future__ import annotations

import pytest

from popek.isa.load import load_source
from popek.semantics.ints import Ints
from popek.semantics.storage import Walk
from popek.terms import ArrayValue, Value
from tests.semantics.stepping import Symbolic, clause_of, concrete

#: Cell 100 holds the accessed bit of the only page.
SPEC = """
isa "Toy"
code 16 bits big
memory   E[2**16] : u16
mode     M : supervisor > user
pc       P : u16
register A, N : u16
trap bad
deliver all
  skip
translate mem(v : u16) -> E
  if E[100] == 0 then E[100] = 1
  return v
instruction T
  encoding 0001 0000 0000 0000
  A = mem[7]
  if A == 5 then lasting N = 9
  mem[8] = 1
  require A == 0 else raise bad
  lasting N = 4
"""
CLAUSE = clause_of(isa := load_source(SPEC), isa.forms[0])


@pytest.mark.parametrize(
    "cells, traps, left",
    [
        ({7: 5}, True, {"N": 9, "E": ArrayValue(0, {7: 5, 100: 1})}),
        ({7: 6}, True, {"E": ArrayValue(0, {7: 6, 100: 1})}),
        ({7: 6, 100: 1}, True, {}),
        ({}, False, {"N": 4, "P": 1, "E": ArrayValue(0, {8: 1, 100: 1})}),
    ],
)
def test_a_fault_undoes_all_but_what_lasts(
    cells: dict[int, int], traps: bool, left: dict[str, object]
) -> None:
    env: dict[str, Value] = {"A": 0, "N": 0, "P": 0, "M": 0, "memory.E": ArrayValue(0, cells)}
    symbolic = Symbolic(CLAUSE, Walk())
    seen = concrete(CLAUSE, Ints(env), Walk())
    assert seen == symbolic.observe(symbolic.values(env))
    assert seen.traps == traps
    assert (seen.endings[0].state if traps else seen.state) == left


def test_what_is_suppressed_is_undone_and_the_next_address_saved() -> None:
    toy = load_source(SPEC.replace("trap bad", "trap bad : suppresses"))
    clause = clause_of(toy, toy.forms[0])
    cells = ArrayValue(0, {7: 5, 100: 1})
    env: dict[str, Value] = {"A": 0, "N": 0, "P": 0, "M": 0, "memory.E": cells}
    symbolic = Symbolic(clause, Walk())
    seen = concrete(clause, Ints(env), Walk())
    assert seen == symbolic.observe(symbolic.values(env))
    assert seen.endings[0].state == {"N": 9, "P": 1}
