from __future__ import annotations

import pytest

from popek.isa import ir
from tests.isa.machine import Machine, Trapped, form, spec


def result(expression: str, more: str = "", **state: int) -> int:
    """What `a[0]` holds after `a[0] = expression`, with a[1] = 5, a[2] = 0xFFF0."""
    machine = Machine(scalars=dict(state), banks={"a": {1: 5, 2: 0xFFF0}})
    machine.fields = {"x": 9, "y": 3}
    return machine.run(form(f"a[0] = {expression}", more).body).banks["a"][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a[1] + 1", 6),
        ("-1", 0xFFFF),
        ("a[1] - 6", 0xFFFF),
        ("~a[1]", 0xFFFA),
        ("zext(x)", 9),
        ("sext(x)", 0xFFF9),
        ("trunc(a[1] @ a[2])", 0xFFF0),
        ("zext(x) + zext(y)", 12),
        ("0x0 @ y @ 0b0000 @ x", 0x0309),
        ("a[2][7..0] @ a[2][15..8]", 0xF0FF),
        ("zext(a[2][15])", 1),
        ("if a[1] < a[2] then 1 else 2", 1),
        ("if a[1] <s a[2] then 1 else 2", 2),
        ("if a[1] >=s a[2] then 1 else 2", 1),
        ("a[1] << 3", 40),
        ("a[2] >> 4", 0x0FFF),
        ("a[2] >>s 4", 0xFFFF),
        ("a[2] >> x[1..0]", 0x7FF8),
        ("if a[1] in {1, 3..6} then 7 else 8", 7),
        ("if a[1] not in {1, 3..6} then 7 else 8", 8),
        ("if a[1] == 5 and not (a[2] == 0) then 7 else 8", 7),
        ("if x == 9 or a[1] == 0 then width(a[1]) else 8", 16),
        ("a[1] *s a[2]", 0xFFB0),
        ("a[1] / 2 + a[1] % 2 * 16", 18),
        ("a[2] /s 4", 0xFFFC),
        ("2 ** 3 + 7 / 2", 11),
        ("a[1] | 8 ^ 1 & 3", 13),
        ("zext(a[1][a[1][2..0]])", 0),
        ("(a[1] ^ 7) & 0xF", 2),
        ("zext(F with {K = 3, Z = 1}, 16)", 0x800E),
        ("F", 0x8000),
        ("zext(F.{Z, K, C})", 0),
        ("sext(zext(x, 8), 16)", 9),
    ],
)
def test_value(expression: str, expected: int) -> None:
    assert result(expression) == expected


def test_bits_from_left() -> None:
    header = """isa "Left"
code 16 bits big
bits from left
memory E[16] : u16
mode M : s > u
pc P : u16
register a : u16
register F : u16
  0..3  HIGH
  15    LOW
trap t
deliver all
  skip
"""
    isa = spec(
        "instruction T x\n  encoding 0001 0000 0000 x:4\n"
        "  F.HIGH = a[0..3]\n  F.LOW = a[15]\n  a = zext(F[0..7]) | 0x0100\n",
        header,
    )
    machine = Machine(scalars={"a": 0xA001}).run(isa.forms[0].body)
    assert machine.scalars == {"F.HIGH": 0xA, "F.LOW": 1, "a": 0x01A0}


def test_effects_happen_left_to_right() -> None:
    more = """
function bump(n : u16) -> u16
  a[1] = a[1] + n
  return a[1]
"""
    assert result("a[1] + bump(1)", more) == 11
    assert result("bump(1) + a[1]", more) == 12
    assert result("zext(bump(1) == 6 and bump(1) == 7)", more) == 1


def test_effects_of_the_branch_not_taken_do_not_happen() -> None:
    more = """
function get(n : u16) -> u16 = E[n]
function fail() -> u16
  raise bad
"""
    machine = Machine(banks={"a": {1: 5}}, memory={5: 77})
    machine.run(form("a[0] = if M == user then get(1) else get(a[1])", more).body)
    assert machine.banks["a"][0] == 77
    assert machine.events == [("load", 5)]
    machine = Machine(banks={"a": {1: 5}})
    machine.run(form("if M == user and E[a[1]] == 0 then a[0] = 1", more).body)
    assert machine.events == []
    machine.run(form("if M == user or E[a[1]] == 0 then a[0] = 1", more).body)
    assert machine.events == [("load", 5)]
    machine.run(form("a[0] = if M == user then fail() else 3", more).body)
    with pytest.raises(Trapped):
        machine.run(form("a[0] = if M == supervisor then fail() else 3", more).body)


def test_undefined_and_clock_have_sites() -> None:
    body = form("a[0] = undefined\na[1] = undefined + T1\na[2] = T1", "clock T1 : u16\n").body
    inputs = [
        (node.kind, node.site)
        for stmt in body
        for expr in ir.expressions(stmt)
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Input)
    ]
    assert sorted(inputs) == [
        (ir.InputKind.CLOCK, "T1#1"),
        (ir.InputKind.CLOCK, "T1#2"),
        (ir.InputKind.UNDEFINED, "undefined#1"),
        (ir.InputKind.UNDEFINED, "undefined#2"),
    ]


def test_shift_by_a_wide_amount() -> None:
    assert result("zext(x << a[2])") == 0
    assert result("zext(x << a[1][1..0])") == 2
