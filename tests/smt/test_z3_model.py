"""The forms in which z3 writes arrays and functions."""

from __future__ import annotations

import pytest

from popek.smt.z3_model import UnreadableModel, read_model
from popek.terms import Array, ArrayValue, BitVec, Function, FunctionValue, Symbol, Value, Variable

M = Variable("m", Array(8, 8))
F = Function("f", (8, 4), 8)


class StandIn:
    """A z3 model of one name with a chosen interpretation."""

    def __init__(self, name: str, value: object) -> None:
        self.value = value
        self.declared = name

    def decls(self) -> list[StandIn]:
        return [self]

    def name(self) -> str:
        return self.declared

    def __getitem__(self, _: object) -> object:
        return self.value


def read(symbol: Symbol, value: object) -> Value:
    return read_model(StandIn(symbol.name, value), (symbol,))[symbol.name]


def test_arrays() -> None:
    import z3  # noqa: TID251 -- its values are what is read

    k = z3.BitVec("k", 8)
    base = z3.K(z3.BitVecSort(8), z3.BitVecVal(7, 8))
    stores = z3.Store(z3.Store(base, k, 1), z3.BitVecVal(3, 8), z3.BitVecVal(2, 8))
    stores = z3.substitute(stores, (k, z3.BitVecVal(3, 8)))
    assert read(M, stores) == ArrayValue(7, {3: 2})
    chosen = z3.Lambda([k], z3.If(k == 3, z3.BitVecVal(2, 8), z3.If(k == 4, z3.BitVecVal(5, 8), 7)))
    assert read(M, chosen) == ArrayValue(7, {3: 2, 4: 5})
    with pytest.raises(UnreadableModel):
        read(M, z3.Lambda([k], k + 1))
    with pytest.raises(UnreadableModel):
        read(M, z3.Array("n", z3.BitVecSort(8), z3.BitVecSort(8)))
    with pytest.raises(UnreadableModel):
        read(M, z3.Lambda([k], z3.If(z3.ULT(k, 3), z3.BitVecVal(2, 8), z3.BitVecVal(5, 8))))


def test_array_given_by_a_function() -> None:
    import z3  # noqa: TID251 -- its values are what is read

    f = z3.Function("g", z3.BitVecSort(8), z3.BitVecSort(8))
    solver = z3.SimpleSolver()
    solver.add(f(1) == 3, f(2) == 4)
    assert solver.check() == z3.sat
    table = solver.model()[f]

    class Model(StandIn):
        def __getitem__(self, declaration: object) -> object:
            return self.value if isinstance(declaration, StandIn) else table

    as_array = z3.ArrayRef(z3.Z3_mk_as_array(f.ctx_ref(), f.ast))
    value = read_model(Model("m", as_array), (M,))["m"]
    assert isinstance(value, ArrayValue)
    assert (value.select(1), value.select(2)) == (3, 4)


def test_functions_and_bits() -> None:
    import z3  # noqa: TID251 -- its values are what is read

    f = z3.Function("f", z3.BitVecSort(8), z3.BitVecSort(4), z3.BitVecSort(8))
    solver = z3.SimpleSolver()
    solver.add(f(1, 2) == 3, f(2, 1) == 4)
    assert solver.check() == z3.sat
    value = read_model(solver.model(), (F,))["f"]
    assert isinstance(value, FunctionValue)
    assert (value(1, 2), value(2, 1)) == (3, 4)
    assert read(Variable("p", BitVec(1)), z3.BoolVal(True)) == 1
    with pytest.raises(UnreadableModel):
        read(F, z3.BitVecVal(1, 8))
    with pytest.raises(UnreadableModel):
        read(Variable("x", BitVec(8)), z3.BitVec("y", 8))
    idle = read_model(StandIn("other", 0), (F, M))
    assert dict(idle) == {"f": FunctionValue(), "m": ArrayValue()}
