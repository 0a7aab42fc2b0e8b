from __future__ import annotations

from popek.isa import ir
from tests.isa.machine import Machine, form, spec

ONE = "instruction T x, y\n  encoding 0001 0000 x:4 y:4\n  skip\n"


def test_components_and_roles() -> None:
    text = """
register EFL : u16
  0      CF
  9      IF    resource  host 1  "interrupts"
  13..12 IOPL  control
hidden seg[4]
  base  : u16
  big   : bool  resource
control C4 : u8
loadable aux, other : u16
parameter q : u16 = 7
clock T1 : u16
register DS : sel
type sel = u16
  1..0   RPL
  15..2  INDEX
"""
    isa = spec(text + ONE)
    found = {c.name: (c.role.value, c.width, c.size) for c in isa.components.values()}
    assert found["EFL.CF"] == ("register", 1, None)
    assert found["EFL.IF"] == ("resource", 1, None)
    assert found["EFL.IOPL"] == ("control", 2, None)
    assert found["seg.base"] == ("hidden", 16, 4)
    assert found["seg.big"] == ("resource", 1, 4)
    assert found["aux"] == found["other"] == ("loadable", 16, None)
    assert found["q"] == ("parameter", 16, None)
    assert found["DS"] == ("register", 16, None)
    assert "T1" not in found
    assert isa.components["EFL.IF"].host == ir.Const(1, 1)
    assert isa.components["EFL.IF"].title == "interrupts"
    assert (isa.pc, isa.mode.name) == ("P", "M")


def test_a_bank_with_fields_and_layouts() -> None:
    more = """
hidden seg[4]
  base  : u16
  big   : bool
type sel = u16
  1..0   RPL
  15..2  INDEX
register DS : sel
"""
    state = Machine(fields={"x": 2, "y": 3})
    state.run(
        form(
            "seg[x[1..0]].base = 7\nseg[1].big = 1\nDS.RPL = 2\nlet s : sel = DS\n"
            "a[0] = zext(s.RPL) + seg[x[1..0]].base\nseg[0] = seg[2]",
            more,
        ).body
    )
    assert state.banks["seg.base"] == {2: 7, 0: 7}
    assert state.banks["seg.big"] == {1: 1, 0: 0}
    assert state.scalars["DS"] == 2
    assert state.banks["a"][0] == 9


def test_named_and_hardwired_elements() -> None:
    more = """
register x8[4] : u16 named z0, z1, z2, z3
  fixed x8[0] = 0
"""
    body = form("z0 = 5\nz1 = 6\nx8[x[1..0]] = 7\na[0] = z0\na[1] = x8[y[1..0]]", more).body
    state = Machine(fields={"x": 0, "y": 0}).run(body)
    assert state.banks == {"x8": {1: 6}, "a": {0: 0, 1: 0}}
    state = Machine(fields={"x": 2, "y": 1}).run(body)
    assert state.banks == {"x8": {1: 6, 2: 7}, "a": {0: 0, 1: 6}}


def test_mode_alias_and_banked_copies() -> None:
    header = """isa "Banked"
code 16 bits big
memory E[16] : u16
register SR : u16
  13  S  mode
mode state = SR.S : supervisor = 1 > user = 0
pc P : u16
banked SP : u16 by state
  supervisor  SSP
  user        USP
trap t
deliver d
  skip
"""
    body = "  SP = 1\n  USP = 2\n  SSP = SP + 5\n  state = user\n  SP = SP + 1\n"
    isa = spec("instruction T\n  encoding 0001000000000000\n" + body, header)
    assert isa.components["SP"].banked
    assert isa.components["SP"].size == 2
    assert isa.components["SP"].role is ir.Role.REGISTER
    assert isa.mode.levels == (ir.Level("supervisor", 1), ir.Level("user", 0))
    state = Machine(scalars={"SR.S": 1}).run(isa.forms[0].body)
    assert state.banks["SP"] == {0: 6, 1: 3}
    assert state.scalars["SR.S"] == 0


def test_numbered_levels() -> None:
    header = """isa "Rings"
code 16 bits big
memory E[16] : u16
register CS : u16
  1..0  RPL  mode
mode CPL = CS.RPL : 0 > 1 > 2 > 3
pc P : u16
trap t
deliver d
  skip
"""
    isa = spec("instruction T\n  encoding 0001000000000000\n  CS.RPL = CPL + 1\n", header)
    assert [(level.name, level.value) for level in isa.mode.levels] == [
        ("0", 0),
        ("1", 1),
        ("2", 2),
        ("3", 3),
    ]
    assert isa.components["CS.RPL"].role is ir.Role.MODE


def test_banks_of_views() -> None:
    more = """
register s0, s1 : u16
bank view(n : u4) : u16
  0   s0
  5   s1
  7   low = F
bank pair(n : u4) : u16
  read
    return if n == 7 then s1 else a[n[2..0]]
  write value
    if n == 7 then s1 = value
    else
      a[n[2..0]] = value
"""
    body = form("view[x] = 0xFF\na[1] = view[y]\na[2] = view(1)\npair[y] = pair[x] + 1", more).body
    state = Machine(fields={"x": 5, "y": 7}).run(body)
    assert state.scalars == {"s1": 1}
    assert state.banks["a"] == {1: 0x8000, 2: 0}
    state = Machine(fields={"x": 7, "y": 2}).run(body)
    assert state.scalars == {"F.C": 1, "F.Z": 1, "F.K": 15}
    assert state.banks["a"] == {1: 0, 2: 1}


def test_merged_registers() -> None:
    text = "register F : u16\n  7  Q  resource\ncontrol F : u16\n  8  V\n"
    isa = spec(text + ONE)
    assert isa.components["F.Q"].role is ir.Role.RESOURCE
    assert isa.components["F.V"].role is ir.Role.CONTROL
    assert isa.components["F.C"].role is ir.Role.REGISTER


def test_constants_enums_and_parameters() -> None:
    text = """
constant N = 2 ** 4 - 1
enum color = red, green = 5, blue
register c : color
parameter q : u16 = 4096
memory big[q * 2] : u8
"""
    isa = spec(text + "instruction T\n  encoding 0001000000000000\n  c = blue\n  a[0] = N + q\n")
    assert isa.memories["big"] == ir.Memory("big", 13, 8, 8192)
    state = Machine(scalars={"q": 5}).run(isa.forms[0].body)
    assert state.scalars["c"] == 6
    assert state.banks["a"][0] == 20
