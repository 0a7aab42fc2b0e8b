from __future__ import annotations

from popek.isa import ir
from tests.isa.machine import Machine, spec

BYTES = """isa "Bytes"
code bytes little
memory E[2**16] : u8
mode M : s > u
pc P : u16
register a[8] : u32
hidden D : bool
trap t
deliver d
  skip
prefix
  66        big
  26 2E 36  segment
context size : 16, 32 = if big == D then 16 else 32
token modrm = mod:2 reg:3 rm:3
token sib = scale:2 index:3 base:3
immediate ib : u8, iz : bits(size), d8 : u8, d32 : u32
operand rm(n)
  mod=11 n=8       "{rm}"     a[rm][7..0]
  mod=11 n=16      "{rm}"     a[rm][15..0]
  mod=11 n=32      "{rm}"     a[rm]
  mod=01 d8        "[{rm}]"   E[a[rm][15..0] + sext(d8), n / 8]
  mod=00 rm=100 sib "[{base}+{index}]" E[trunc(a[base] + a[index]), n / 8]
  mod=00           "[{rm}]"   E[a[rm][15..0], n / 8]
operand r(n)
  n=8   "{reg}"  a[reg][7..0]
  n=16  "{reg}"  a[reg][15..0]
  n=32  "{reg}"  a[reg]
"""


def test_forms_families_and_contexts() -> None:
    text = (
        BYTES
        + """
family alu(n : u3) of (p, q)
  ADD 0 : p + q
  SUB 5 : p - q
  CMP 7 : p - q
instruction alu dst, src
  forms
    rm(8), r(8)        : 00+8n /r
    rm(size), r(size)  : 01+8n /r
    rm(size), iz       : 81 /n iz
    rm(size), ib       : 83 /n ib
  let r = alu(dst, sext(src))
  if mnemonic != CMP then dst = r
"""
    )
    isa = spec("", text)
    assert [form.text for form in isa.forms if form.mnemonic == "SUB"] == [
        "28 /r",
        "size=16 29 /r",
        "size=32 29 /r",
        "size=16 81 /5 iz",
        "size=32 81 /5 iz",
        "size=16 83 /5 ib",
        "size=32 83 /5 ib",
    ]
    form = next(form for form in isa.forms if form.key == ("SUB", "size=32 83 /5 ib"))
    assert form.encoding == (
        ir.FixedBits(0x83, 0xFF, 8),
        ir.FieldBits("mod", 1, 0),
        ir.FixedBits(5, 7, 3),
        ir.FieldBits("rm", 2, 0),
        ir.Extension(0),
        ir.ImmediateBits("ib", 8),
    )
    assert form.fields["big"] == 1
    assert form.fields["segment"] == 2
    machine = Machine(fields={"mod": 3, "rm": 2, "ib": 0xFF, "big": 0}, scalars={"D": 1})
    assert machine.value(form.decode) == 1
    assert machine.value(form.length) == 3
    assert machine.run(form.body).banks["a"][2] == 1
    machine.fields["big"] = 1
    assert machine.value(form.decode) == 0
    machine.fields.update(mod=0, rm=4, segment=3)
    assert machine.value(form.length) == 6
    assert isa.prefixes == (
        ir.PrefixGroup("big", (0x66,), 1),
        ir.PrefixGroup("segment", (0x26, 0x2E, 0x36), 2),
    )


def test_a_context_as_a_value_does_not_split() -> None:
    text = (
        BYTES
        + """
instruction T
  encoding 90
  if size == 16 then a[0] = size
  a[1] = if size == 16 then 2 else 4
  a[2] = size / 8
"""
    )
    (form,) = spec("", text).forms
    assert form.text == "90"
    state = Machine(scalars={"D": 1}, fields={"big": 1}).run(form.body)
    assert state.banks["a"] == {0: 16, 1: 2, 2: 2}


def test_conditions_on_contexts_and_prefixes() -> None:
    text = (
        BYTES
        + """
instruction CWDE
  encoding size=32 98
  skip
instruction CBW
  encoding size=16 98
  skip
instruction PAUSE
  encoding segment=2 90
  skip
instruction NOP
  encoding 90
  valid when segment != 2
  skip
operand o "{r}" = a[r]
instruction INC o
  encoding 50+r
  o = o + 1
"""
    )
    isa = spec("", text)
    assert len(isa.forms) == 5
    assert isa.forms[4].encoding == (ir.FixedBits(10, 31, 5), ir.FieldBits("r", 2, 0))


def test_spread_fields_and_formats() -> None:
    text = """
format B = op:4 imm[6..4] rs:3 imm[3] imm[2..1] 000
family test(op : u4)
  BEQ 0001
  BNE 0010
instruction test rs, imm
  encoding op imm[6..4] rs:3 imm[3] imm[2..1] 000
  jump P + sext(imm)
instruction T rs, imm
  encoding B(op=1111)
  skip
"""
    isa = spec(text)
    assert [form.text for form in isa.forms] == [
        "0001 imm[6..4] rs:3 imm[3] imm[2..1] 000",
        "0010 imm[6..4] rs:3 imm[3] imm[2..1] 000",
        "1111 imm[6..4] rs:3 imm[3] imm[2..1] 000",
    ]
    form = isa.forms[0]
    assert form.fields == {"rs": 3, "imm": 7}
    assert form.encoding[1] == ir.FieldBits("imm", 6, 4)
    assert Machine(fields={"imm": 1}).value(form.decode) == 0


def test_pairs_of_families() -> None:
    text = """
family op(k : u2) of (p, q)
  ADD 00 : p + q
  SUB 01 : p - q
family size(ss : u2)
  B 00 : 8
  W 01 : 16
instruction op.size x, y  as arithmetic
  encoding k ss 000000 x:3 y:3
  a[x][size-1..0] = op(a[x][size-1..0], a[y][size-1..0])
  if op == SUB and mnemonic == SUB then F.C = 1
instruction MOVE.size x
  encoding 1100 00 ss 0000 0 x:3
  syntax "move.{size} r{x}"
  a[x] = size
"""
    forms = spec(text.replace("if op == SUB and ", "if ")).forms
    assert [(form.name, form.mnemonic, form.text[:5]) for form in forms[:4]] == [
        ("arithmetic", "ADD", "00 00"),
        ("arithmetic", "ADD", "00 01"),
        ("arithmetic", "SUB", "01 00"),
        ("arithmetic", "SUB", "01 01"),
    ]
    assert forms[3].template[0] == ir.TemplateText("sub.w")
    machine = Machine(banks={"a": {0: 1, 1: 2}}, fields={"x": 0, "y": 1}).run(forms[3].body)
    assert (machine.banks["a"][0], machine.scalars["F.C"]) == (0xFFFF, 1)
    assert forms[4].template[:2] == (ir.TemplateText("move."), ir.TemplateText("b"))
    assert [Machine().run(form.body).banks["a"][0] for form in forms[4:]] == [8, 16]
