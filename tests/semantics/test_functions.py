"""Abstract functions with an executable definition, which the concrete reading runs."""

from __future__ import annotations

from pathlib import Path

from popek.isa.load import load_source
from popek.semantics.ints import Ints
from popek.terms import FunctionValue
from tests.semantics.stepping import abstract_storage, clause_of, concrete

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
  y = a + b

instruction HALVE
  encoding  00000001
  let b = x
  let c = halves(y)
  x = b + c
"""


def test_a_definition_is_run_where_no_model_says_otherwise() -> None:
    isa = load_source(SPEC)
    clause = clause_of(isa, isa.forms[0])
    seen = concrete(clause, Ints({"x": 3, "y": 10}), abstract_storage(isa))
    assert seen.state is not None
    assert seen.state["x"] == 7
    told = FunctionValue(0, {(10, 3): 99})
    seen = concrete(clause, Ints({"x": 3, "y": 10, "minus": told}), abstract_storage(isa))
    assert seen.state is not None
    assert seen.state["x"] == 99


def test_a_definition_binds_no_local_of_the_clause() -> None:
    isa = load_source(SPEC)
    swap, halve = (clause_of(isa, form) for form in isa.forms)
    seen = concrete(swap, Ints({"x": 3, "y": 10}), abstract_storage(isa))
    assert seen.state is not None
    assert seen.state["y"] == 13
    seen = concrete(halve, Ints({"x": 3, "y": 10}), abstract_storage(isa))
    assert seen.state is not None
    assert seen.state["x"] == 13
