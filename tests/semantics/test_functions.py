"""Abstract functions with an executable definition, which the concrete reading runs."""

from __future__ import annotations

from popek.isa.load import load_source
from popek.semantics.ints import Interpretation, Ints
from popek.terms import FunctionValue
from tests.semantics.stepping import State, abstract_storage, clause_of, concrete

SPEC = """\
isa "swapping"
code 8 bits big
register x, y : u8
pc       P : u8
mode     M : supervisor > user
memory   E[256] : u8
abstract function minus(a : u8, b : u8) -> u8 = a - b
abstract function halves(a : u8) -> u8
  let y = a >> 1
  let b = y
  return b + y

instruction SWAP
  encoding  00000000
  let a = x
  let b = y
  x = minus(b, a)
  y = a

instruction HALVE
  encoding  00000001
  let b = x
  let c = halves(y)
  x = b + c
"""


def changed(form: int, values: Interpretation) -> State:
    """What the step of the n-th form changes."""
    isa = load_source(SPEC)
    clause = clause_of(isa, isa.forms[form])
    state = concrete(clause, Ints(values), abstract_storage(isa)).state
    assert state is not None
    return state


def test_a_definition_is_run_where_no_model_says_otherwise() -> None:
    values: Interpretation = {"x": 3, "y": 10}
    assert changed(0, values)["x"] == 7
    told = FunctionValue(0, {(10, 3): 99})
    assert changed(0, {**values, "minus": told})["x"] == 99


def test_a_definition_binds_no_local_of_the_clause() -> None:
    assert changed(0, {"x": 3, "y": 10}) == {"x": 7, "y": 3, "P": 1}
    assert changed(1, {"x": 3, "y": 10}) == {"x": 13, "P": 1}
