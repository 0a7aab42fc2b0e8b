from __future__ import annotations

import pytest

from popek.isa import ir
from tests.isa.machine import Machine, Trapped, form, spec


def run(body: str, more: str = "", **fields: int) -> Machine:
    machine = Machine(banks={"a": {1: 5, 2: 6}}, fields={"x": 9, "y": 3, **fields})
    return machine.run(form(body, more).body)


def test_early_return_skips_the_rest() -> None:
    more = """
function kind(n : u16) -> u16
  if n == 0 then return 100
  if n < 10
    let m = n + 1
    if m == 5 then return 200
    return m
  else if n == 77
    a[3] = 9
    return 300
  return n
"""
    results = []
    for value in (0, 4, 6, 77, 80):
        machine = Machine(banks={"a": {1: value}})
        machine.run(form("a[0] = kind(a[1])", more).body)
        results.append((machine.banks["a"][0], machine.banks["a"].get(3)))
    assert results == [(100, None), (200, None), (7, None), (300, 9), (80, None)]


def test_a_pure_function_gives_a_pure_expression() -> None:
    more = "function f(n) -> u16\n  if n == 0 then return 1\n  return n + n\n"
    (stmt,) = form("a[0] = f(a[1])", more).body
    assert isinstance(stmt, ir.WriteElement)


def test_return_of_tuples() -> None:
    more = """
function split(n : u16)
  if n == 0 then return (n, 1)
  a[7] = n
  return (n >> 8, n & 0xFF)
"""
    machine = run("let (h, l) = split(0x1234)\na[0] = h\na[3] = l", more)
    assert machine.banks["a"] == {0: 0x12, 1: 5, 2: 6, 3: 0x34, 7: 0x1234}


def test_parameters_are_values_when_the_function_assigns() -> None:
    more = """
function swap(p, q : u16)
  a[1] = q
  a[2] = p
function set(place, v)
  place = v
"""
    assert run("swap(a[1], a[2])", more).banks["a"] == {1: 6, 2: 5}
    assert run("set(a[1], 3)\nset(F.K, 3)", more).scalars["F.K"] == 3


def test_static_parameters() -> None:
    more = """
function take(n, v) = v[n-1..0]
function load(n) -> bits(16)
  return E[0, n / 8]
"""
    machine = Machine(banks={"a": {1: 0x1234}}, memory={0: 0x77})
    machine.run(form("a[0] = zext(take(8, a[1]))", more).body)
    assert machine.banks["a"][0] == 0x34


def test_transactions_of_slices_and_fields() -> None:
    machine = run(
        "a[1][15..8] = 0xAB\na[2][3] = 1\na[2][x[1..0]] = 1\nF.{Z, C} = 0b10\nF[5..2] = 7"
    )
    assert machine.banks["a"] == {1: 0xAB05, 2: 0b1110}
    assert machine.scalars == {"F.Z": 1, "F.C": 0, "F.K": 7}


def test_joined_places_are_assigned_at_once() -> None:
    machine = run("a[1] @ a[2] = a[2] @ a[1]")
    assert machine.banks["a"] == {1: 6, 2: 5}
    machine = run("(a[1], a[2]) = (a[2], a[1])")
    assert machine.banks["a"] == {1: 6, 2: 5}
    machine = run("R.l @ R.b = 0x00010002\nlet n : F = a[1]\nF.{K, C} = n")
    assert machine.scalars == {"R.l": 1, "R.b": 2, "F.K": 1, "F.C": 1}


def test_whole_register_with_fields() -> None:
    machine = run("F = 0xFFFF\na[0] = F")
    assert machine.scalars == {"F.C": 1, "F.Z": 1, "F.K": 15}
    assert machine.banks["a"][0] == 0x803F


def test_choice_of_places() -> None:
    machine = run("(if x == 9 then a[1] else a[2]) = 1\n(if x == 8 then a[1] else E[7]) = 2")
    assert machine.banks["a"][1] == 1
    assert machine.memory == {7: 2}


def test_match_and_for() -> None:
    body = """match x
  1, 3 => a[0] = 1
  9 =>
    a[0] = 2
    a[3] = 2
  _ => a[0] = 3
let sum : u16 = 0
for i in 0..3
  sum = sum + i
a[4] = sum"""
    machine = run(body)
    assert (machine.banks["a"][0], machine.banks["a"][3], machine.banks["a"][4]) == (2, 2, 6)


def test_return_from_a_loop() -> None:
    more = """
function first(n : u16) -> u16
  for i in 0..15
    if n[i] then return i
  return 16
"""
    assert run("a[0] = first(a[2])", more).banks["a"][0] == 1
    assert run("a[0] = first(0)", more).banks["a"][0] == 16


def test_traps() -> None:
    with pytest.raises(Trapped, match="bad"):
        run("require a[1] == 4 else raise bad\na[0] = 1")
    with pytest.raises(Trapped) as caught:
        run("if x == 9 then raise call(trunc(a[1]))\na[0] = 1")
    assert caught.value.args == ("call", 5)
    machine = run("if x == 8 then raise bad\na[0] = 1")
    assert machine.banks["a"][0] == 1


def test_other_outcomes() -> None:
    body = form(
        'if x == 1 then unpredictable "open"\nif x == 2 then unpredictable beyond privilege\n'
        'if x == 3 then unmodelled "tasks"\nif x == 4 then shutdown\nif x == 5 then wait\n'
        'host a[1] == 5 "so"\ncheck fetch E[a[1], 2]\njump a[1]'
    ).body
    found = list(ir.statements(body))
    unpredictable = [stmt for stmt in found if isinstance(stmt, ir.Unpredictable)]
    assert [(u.site, u.beyond_privilege, u.unmodelled) for u in unpredictable] == [
        ("unpredictable#1", False, ""),
        ("unpredictable#2", True, ""),
        ("unmodelled#1", True, "tasks"),
    ]
    kinds = [type(stmt).__name__ for stmt in found if not isinstance(stmt, ir.If)]
    assert kinds[3:] == ["Shutdown", "Wait", "HostRequire", "Check", "Jump"]


def test_assigning_the_pc_is_a_jump() -> None:
    machine = run("P = a[1]\nP[3..0] = 1")
    assert machine.events == [("jump", 5), ("jump", 1)]


def test_statements_keep_the_line_they_come_from() -> None:
    more = "function f()\n  a[1] = 1\n  a[2] = 2\n"
    body = form("f()\na[3] = 3", more).body
    assert [stmt.span.text for stmt in body] == ["a[1] = 1", "a[2] = 2", "a[3] = 3"]


def test_device_operations() -> None:
    more = """
device port[256] : u8
device disk[4]
  operation start(c : u16) -> u2
  operation stop()
"""
    machine = run(
        "a[0] = zext(port[trunc(a[1])])\nport[7, 2] = a[1]\na[3] = zext(disk[1].start(a[2]))\n"
        "disk[2].stop()",
        more,
    )
    assert machine.events == [
        ("port", "read", 5),
        ("port", "write", 7, 5),
        ("disk", "start", 1, 6),
        ("disk", "stop", 2),
    ]


def test_abstract_function() -> None:
    text = "abstract function f(n : u16) -> u8 = n[7..0]\n"
    isa = spec(text + "instruction T x, y\n  encoding 0001 0000 x:4 y:4\n  a[0] = zext(f(a[1]))\n")
    assert isa.functions["f"].result == ir.Extract(ir.Local("n", 16), 7, 0)
    (stmt,) = isa.forms[0].body
    assert any(isinstance(node, ir.Apply) for node in ir.subexpressions(ir.expressions(stmt)[1]))


def test_arguments_are_evaluated_left_to_right() -> None:
    more = """
function bump() -> u16
  a[1] = a[1] + 1
  return a[1]
function pair(p, q) = p @ q
family twice(k : u1) of (p, q)
  ONE 0 : p @ q
"""
    machine = run("let r = pair(a[1], bump())\na[3] = r[31..16]\na[4] = r[15..0]", more)
    assert (machine.banks["a"][3], machine.banks["a"][4]) == (5, 6)


def test_mnemonics_are_compared_by_name() -> None:
    text = """
family op(k : u2)
  ADD 00
  SUB 01
  CMP 10
instruction op
  encoding 0001 k 00000 00000
  match mnemonic
    ADD, SUB => a[0] = 1
    _ => a[0] = 2
  if mnemonic in {SUB, CMP} then a[1] = 1
  if op != ADD then a[2] = 1
"""
    results = [Machine().run(form.body).banks["a"] for form in spec(text).forms]
    assert results == [{0: 1}, {0: 1, 1: 1, 2: 1}, {0: 2, 1: 1, 2: 1}]


def test_the_pc_may_be_a_field() -> None:
    header = """isa "PSW"
code 16 bits big
bits from left
memory E[2**16] : u16
register PSW : u32
  0      P   mode
  8..15  K   resource
  16..31 IA  pc
mode state = PSW.P : supervisor = 0 > problem = 1
trap t
deliver d
  PSW = E[2, 2]
"""
    text = "instruction T v\n  encoding 0001 0000 v:8\n  PSW = E[zext(v), 2]\n"
    isa = spec(text, header)
    assert isa.pc == "PSW.IA"
    machine = Machine(memory={3: 0x8007, 4: 0x1234}, fields={"v": 3}).run(isa.forms[0].body)
    assert machine.scalars == {"PSW.P": 1, "PSW.K": 7}
    assert machine.events == [("load", 3), ("jump", 0x1234)]
    machine = Machine(memory={2: 0x8007, 3: 0x1234}).run(isa.traps["t"].delivery)
    assert machine.scalars == {"PSW.P": 1, "PSW.K": 7, "PSW.IA": 0x1234}
