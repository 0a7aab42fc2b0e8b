from __future__ import annotations

from popek.isa import ir
from tests.isa.machine import Machine, spec

TABLE = """
immediate w : u16
operand ea(n) over mode:2 reg:3
  mode=00  "r{reg}"      a[reg][n-1..0]
  mode=01  "(r{reg})"    E[a[reg], n / 16]
  mode=10  "(r{reg})+"   E[a[reg], n / 16]   after  a[reg] = a[reg] + 1
  mode=11 reg=000 w  "#{w}"   w
  mode=11 reg=001 w  "({w})"  E[w, n / 16]
  mode=11 reg=010 w  "-({w})" E[a[0], 1]     before a[0] = a[0] - w
"""


def machine(body: str, header: str = "dst:ea(16)", encoding: str = "0001 0000000 dst") -> ir.Form:
    lines = "".join(f"  {line}\n" for line in body.splitlines())
    return spec(f"{TABLE}\ninstruction T {header}\n  encoding {encoding}\n{lines}").forms[0]


def run(form: ir.Form, **fields: int) -> Machine:
    state = Machine(banks={"a": {0: 100, 1: 5, 2: 6}}, memory={5: 50, 6: 60, 7: 70})
    state.fields = {name.replace("_", "."): value for name, value in fields.items()}
    return state.run(form.body)


def test_reading_and_writing_each_row() -> None:
    form = machine("valid when dst.mode != 3 or dst.reg != 0\ndst = dst + 1")
    assert run(form, dst_mode=0, dst_reg=1).banks["a"][1] == 6
    state = run(form, dst_mode=1, dst_reg=1)
    assert state.memory[5] == 51
    assert state.events == [("load", 5), ("store", 5)]
    state = run(form, dst_mode=2, dst_reg=1)
    assert (state.memory[5], state.banks["a"][1]) == (51, 6)
    state = run(form, dst_mode=3, dst_reg=1, dst_w=7)
    assert state.memory[7] == 71
    state = run(form, dst_mode=3, dst_reg=2, dst_w=95)
    assert (state.memory[5], state.banks["a"][0]) == (51, 5)


def test_an_operand_is_loaded_once_until_something_is_written() -> None:
    form = machine("a[3] = dst + dst\na[4] = dst")
    state = run(form, dst_mode=1, dst_reg=1)
    assert state.events == [("load", 5), ("load", 5)]
    assert (state.banks["a"][3], state.banks["a"][4]) == (100, 50)


def test_effects_happen_once_before_a_conditional_use() -> None:
    form = machine("if a[2] == 9 then a[3] = dst\na[4] = 1")
    state = run(form, dst_mode=2, dst_reg=1)
    assert state.banks["a"] == {0: 100, 1: 6, 2: 6, 4: 1}
    assert state.events == []


def test_fields_are_named_after_the_operand() -> None:
    form = machine(
        "valid when dst.mode != 3 or dst.reg == 1\ndst = src",
        "src:ea(16), dst:ea(16)",
        "000000 dst.reg:3 dst.mode:2 src",
    )
    assert set(form.fields) == {
        "dst.reg",
        "dst.mode",
        "src.mode",
        "src.reg",
        "src.w",
        "dst.w",
        "length",
    }
    state = run(form, src_mode=3, src_reg=0, src_w=9, dst_mode=3, dst_reg=1, dst_w=8)
    assert state.memory[8] == 9
    assert form.encoding[-2:] == (ir.Extension(0), ir.Extension(1))


def test_length_and_next() -> None:
    form = machine("a[3] = next", "src:ea(16)", "0001 0000000 src")
    lengths = []
    for mode in (0, 3):
        state = Machine(fields={"src.mode": mode, "src.reg": 0, "length": 2}, scalars={"P": 10})
        lengths.append(state.value(form.length))
        assert state.run(form.body).banks["a"][3] == 12
    assert lengths == [1, 2]


def test_decode_excludes_what_no_row_fits() -> None:
    form = machine("skip", "src:ea(16)", "0001 0000000 src")
    holds = [
        (mode, reg)
        for mode in range(4)
        for reg in range(8)
        if not Machine(fields={"src.mode": mode, "src.reg": reg}).value(form.decode)
    ]
    assert holds == [(3, reg) for reg in range(3, 8)]


def test_operands_are_passed_to_functions() -> None:
    text = (
        TABLE
        + """
function bump(place)
  if place == 50 then place = 51
instruction T dst:ea(16)
  encoding 0001 0000000 dst
  valid when dst.mode != 3
  bump(dst)
"""
    )
    form = spec(text).forms[0]
    assert run(form, dst_mode=2, dst_reg=1).memory[5] == 51
    assert run(form, dst_mode=2, dst_reg=1).banks["a"][1] == 6


def test_pairs_are_indices_of_a_space() -> None:
    text = """
translate mem(s : u2, v : u16) -> E
  return v
operand addr over k:2 r:3
  k=0  "{r}"     1 : a[r]
  k=1  "es:{r}"  2 : a[r] + 1
operand loc over k:2 r:3
  k=3   "{r}"    a[r]
  addr  "{addr}" mem[addr, 1]
instruction T m:addr
  encoding 0001 0000000 m
  let (s, v) = m
  a[3] = zext(s)
  mem[s, v + 1] = mem[m]
instruction U dst:loc
  encoding 0010 0000000 dst
  dst = dst + 1
"""
    isa = spec(text)
    state = run(isa.forms[0], m_k=1, m_r=1)
    assert (state.banks["a"][3], state.memory[7]) == (2, 60)
    assert run(isa.forms[1], dst_k=3, dst_r=1).banks["a"][1] == 6
    assert run(isa.forms[1], dst_k=1, dst_r=1).memory[6] == 61
    conditions = [row.condition for row in isa.forms[1].operands[0].rows]
    assert len(conditions) == 3


def test_templates() -> None:
    form = machine("skip", "src:ea(16)", "0001 0000000 src")
    assert form.template == (ir.TemplateText("t"), ir.TemplateText(" "), 0)
    rows = form.operands[0].rows
    assert rows[0].template == (ir.TemplateText("r"), ir.TemplateField("src.reg"))
    assert rows[3].extension == (ir.ImmediateBits("src.w", 16),)


def test_single_operands_and_registers() -> None:
    text = """
register acc : u16
alias high = acc[15..8]
names r8 = a0, a1, a2, a3, a4, a5, a6, a7
operand r "{k|r8}" = a[k]
immediate w : u16
instruction T dst, src
  forms
    r, w       : 0001 000000000 k:3 w
    acc, r     : 0010 000000000 k:3
    high, k    : 0011 000000000 k:3
  dst = if width(dst) == 8 then zext(src) else trunc(zext(src, 32))
"""
    forms = spec(text).forms
    assert [form.text for form in forms] == [
        "0001 000000000 k:3 w",
        "0010 000000000 k:3",
        "0011 000000000 k:3",
    ]
    assert run(forms[0], k=2, w=7).banks["a"][2] == 7
    assert run(forms[1], k=2).scalars["acc"] == 6
    assert run(forms[2], k=2).scalars["acc"] == 0x200
    names = tuple(f"a{n}" for n in range(8))
    assert forms[1].operands[0].rows[0].template == (ir.TemplateText("acc"),)
    assert forms[1].operands[1].rows[0].template == (ir.TemplateField("k", names),)
