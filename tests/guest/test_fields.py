from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from popek.guest import canonical, sample_fields
from popek.guest.conditions import Goal, reading, solutions
from popek.isa import ir
from popek.isa.bits import and_, binary, eq, ite, not_, or_
from popek.isa.ir import Const, Field, Op, Read
from tests.guest.machines import BYTES, PROTECTED, WORDS, is_

A, B, C = Field("a", 2), Field("b", 8), Field("c", 1)


def form(isa: ir.Isa, name: str) -> ir.Form:
    return next(f for f in isa.forms if f.name == name)


def test_conditions_are_known_as_soon_as_they_can_be() -> None:
    condition = reading(and_(is_("a", 2, 3), or_(is_("b", 8, 1), Read("CS_D", 1))))
    assert condition({"a": 2}, {}) == 0
    assert condition({"a": 3}, {}) is None
    assert condition({"a": 3}, {"CS_D": 1}) == 1
    assert condition({"a": 3, "b": 2}, {}) == 0
    choice = reading(ite(C, B, B))
    assert choice({"b": 7}, {}) == 7
    assert reading(ite(C, Const(5, 8), B))({"b": 5}, {}) == 5
    assert reading(ite(C, Const(5, 8), B))({"b": 6}, {}) is None


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (binary(Op.ADD, B, Const(3, 8)), 2),
        (ir.Extract(B, 7, 4), 15),
        (binary(Op.SLT, B, Const(0, 8)), 1),
        (binary(Op.ULT, B, Const(0, 8)), 0),
        (ir.Operation(Op.CONCAT, (A, B), 10), 0x1FF),
        (not_(B), 0),
        (binary(Op.AND, B, Const(0x3C, 8)), 0x3C),
    ],
)
def test_conditions_have_the_meaning_of_the_ir(expr: ir.Expr, value: int) -> None:
    assert reading(expr)({"a": 1, "b": 0xFF}, {}) == value


def test_a_condition_on_state_that_is_no_scalar_is_refused() -> None:
    with pytest.raises(TypeError, match="fields and components"):
        reading(ir.ReadElement("gpr", Const(0, 3), 32))


def test_solutions_are_all_and_in_order() -> None:
    goals = Goal.all_of([or_(is_("a", 2, 1), is_("a", 2, 3)), not_(eq(A, Const(0, 2)))])
    found = solutions(goals, {}, {"a": 2, "b": 8}, {}, lambda name, width: range(1 << width))
    assert list(found) == [{"a": 1}, {"a": 3}]


def test_forced_fields_are_not_searched_for() -> None:
    wide = Field("w", 64)
    goals = Goal.all_of([and_(eq(wide, Const(1 << 40, 64)), C, not_(is_("a", 2, 1)))])
    found = solutions(goals, {"a": 2}, {"w": 64, "c": 1}, {}, lambda name, width: [])
    assert list(found) == [{"w": 1 << 40, "c": 1}]


def test_contradictions_have_no_solution() -> None:
    goals = Goal.all_of([is_("a", 2, 1), is_("a", 2, 2)])
    assert list(solutions(goals, {}, {"a": 2}, {}, lambda name, width: range(4))) == []


def test_the_same_seed_gives_the_same_fields() -> None:
    mov = form(BYTES, "MOV")
    first = [sample_fields(BYTES, mov, PROTECTED, Random(seed)) for seed in range(20)]
    assert first == [sample_fields(BYTES, mov, PROTECTED, Random(seed)) for seed in range(20)]
    assert len({str(fields) for fields in first}) > 15


def test_every_operand_row_and_prefix_is_drawn() -> None:
    mov = form(BYTES, "MOV")
    drawn = [sample_fields(BYTES, mov, PROTECTED, Random(seed)) for seed in range(200)]
    fields = [found for found in drawn if found is not None]
    assert {found["mod"] for found in fields} == {0, 1, 2, 3}
    assert {found["segment"] for found in fields} == {0, 1, 2, 3}
    assert {found["size"] for found in fields} == {0}
    assert any(found["d32"] for found in fields)


def test_a_form_that_a_context_excludes_has_no_fields() -> None:
    only_wide = next(f for f in BYTES.forms if f.text == "B8+r iz")
    excluded = and_(only_wide.decode, not_(Read("CS_D", 1)), is_("size", 1, 0))
    unreachable = replace(only_wide, decode=excluded)
    assert sample_fields(BYTES, unreachable, PROTECTED, Random(1)) is None


def test_canonical_fields_are_those_that_the_code_holds() -> None:
    mov = form(BYTES, "MOV")
    fields = {"mod": 3, "rm": 1, "d8": 5, "d32": 6, "base": 7, "segment": 1, "length": 9}
    found = canonical(BYTES, mov, fields, PROTECTED)
    assert found is not None
    assert {name: value for name, value in found.items() if value} == {
        "mod": 3,
        "rm": 1,
        "segment": 1,
        "length": 3,
    }


def test_fields_that_mean_another_form_have_no_canonical_ones() -> None:
    assert canonical(BYTES, form(BYTES, "INT"), {"ib": 3}, PROTECTED) is None
    assert canonical(BYTES, form(BYTES, "LEA"), {"mod": 3}, PROTECTED) is None
    assert canonical(WORDS, form(WORDS, "MOVE.B"), {"mode": 7, "reg": 7}, {}) is None


def test_a_prefix_that_does_not_exist_is_in_no_code() -> None:
    popf = form(BYTES, "POPF")
    two = ir.PrefixGroup("segment", (0x26, 0x2E), 2)
    assert canonical(replace(BYTES, prefixes=(two,)), popf, {"segment": 3}, PROTECTED) is None
    assert canonical(replace(BYTES, prefixes=(two,)), popf, {"segment": 2}, PROTECTED) is not None
