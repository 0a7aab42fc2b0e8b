"""Two small instruction sets made by hand: one coded in bytes, one in words of 16 bits."""

from __future__ import annotations

from collections.abc import Mapping

from popek.isa import ir
from popek.isa.bits import and_, eq, ite, not_, or_
from popek.isa.ir import (
    Const,
    Extension,
    Field,
    FieldBits,
    FixedBits,
    ImmediateBits,
    OperandRow,
    TemplateField,
    TemplateText,
)
from popek.source import Source

SPAN = Source("machine.isa", "").span()
TRUE = Const(1, 1)
ONE = Const(1, 4)


def is_(name: str, width: int, value: int) -> ir.Expr:
    return eq(Field(name, width), Const(value, width))


def fixed(bits: str) -> FixedBits:
    """`0`, `1`, and `.` for a bit that is ignored."""
    value = int(bits.replace(".", "0"), 2)
    mask = int(bits.replace("0", "1").replace(".", "0"), 2)
    return FixedBits(value, mask, len(bits))


def byte(value: int) -> FixedBits:
    return FixedBits(value, 0xFF, 8)


def whole(name: str, width: int) -> FieldBits:
    return FieldBits(name, width - 1, 0)


def form(
    name: str,
    text: str,
    template: tuple[ir.TemplatePart | int, ...],
    encoding: tuple[ir.EncodingItem, ...],
    fields: Mapping[str, int],
    operands: tuple[ir.Operand, ...] = (),
    decode: ir.Expr = TRUE,
    length: ir.Expr = ONE,
    body: tuple[ir.Stmt, ...] = (),
) -> ir.Form:
    return ir.Form(
        name=name,
        mnemonic=name,
        text=text,
        title="",
        fields=fields,
        encoding=encoding,
        operands=operands,
        template=template,
        decode=decode,
        length=length,
        body=body,
        sees=(),
        expect=None,
        notes=(),
        span=SPAN,
    )


def isa(
    forms: tuple[ir.Form, ...],
    unit: int,
    endian: str,
    memory: int,
    prefixes: tuple[ir.PrefixGroup, ...] = (),
) -> ir.Isa:
    component = ir.Component("P", ir.Role.PC, 32, None, SPAN)
    return ir.Isa(
        title="machine",
        path="machine.isa",
        sha256="",
        manuals={},
        unit=unit,
        bytewise=unit == 8,
        endian=endian,
        components={"P": component},
        mode=ir.Mode("M", Const(0, 1), ()),
        pc="P",
        memories={"E": ir.Memory("E", 32, memory, 1 << 32)},
        translations={},
        devices={},
        traps={},
        interrupts=(),
        invariants=(),
        hosts=(),
        contracts=(),
        assumptions=(),
        reset=(),
        functions={},
        prefixes=prefixes,
        groups={},
        forms=forms,
    )


# ---------------------------------------------------------------- bytes, little-endian

_PREFIXES = (
    ir.PrefixGroup("size", (0x66,), 1),
    ir.PrefixGroup("segment", (0x26, 0x2E, 0x36), 2),
)
_REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
_SHORT = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_PREFIX_FIELDS = {"size": 1, "segment": 2}
#: The operands are 32 bits wide.
_WIDE = not_(eq(Field("size", 1), ir.Read("CS_D", 1)))


def _sum(*parts: ir.Expr) -> ir.Expr:
    total: ir.Expr = Const(0, 4)
    for part in parts:
        total = ir.Operation(ir.Op.ADD, (total, part), 4)
    return total


def _prefix_length() -> ir.Expr:
    return _sum(
        ite(is_("size", 1, 0), Const(0, 4), Const(1, 4)),
        ite(is_("segment", 2, 0), Const(0, 4), Const(1, 4)),
    )


def _name(name: str, names: tuple[str, ...]) -> TemplateField:
    return TemplateField(name, names)


_SIB = (whole("scale", 2), whole("index", 3), whole("base", 3))
_RM_ROWS = (
    OperandRow(is_("mod", 2, 3), (), (_name("rm", _REGISTERS),)),
    OperandRow(
        and_(is_("mod", 2, 0), is_("rm", 3, 4), is_("base", 3, 5)),
        (*_SIB, ImmediateBits("d32", 32)),
        (
            TemplateText("["),
            _name("index", _REGISTERS),
            TemplateText("*"),
            TemplateField("scale"),
            TemplateText("+"),
            TemplateField("d32"),
            TemplateText("]"),
        ),
    ),
    OperandRow(
        and_(is_("mod", 2, 0), is_("rm", 3, 4)),
        _SIB,
        (
            TemplateText("["),
            _name("base", _REGISTERS),
            TemplateText("+"),
            _name("index", _REGISTERS),
            TemplateText("*"),
            TemplateField("scale"),
            TemplateText("]"),
        ),
    ),
    OperandRow(
        and_(is_("mod", 2, 0), is_("rm", 3, 5)),
        (ImmediateBits("d32", 32),),
        (TemplateText("["), TemplateField("d32"), TemplateText("]")),
    ),
    OperandRow(
        is_("mod", 2, 0),
        (),
        (TemplateText("["), _name("rm", _REGISTERS), TemplateText("]")),
    ),
    OperandRow(
        is_("mod", 2, 1),
        (ImmediateBits("d8", 8),),
        (
            TemplateText("["),
            _name("rm", _REGISTERS),
            TemplateText("+"),
            TemplateField("d8", signed=True),
            TemplateText("]"),
        ),
    ),
    OperandRow(
        is_("mod", 2, 2),
        (ImmediateBits("d32", 32),),
        (
            TemplateText("["),
            _name("rm", _REGISTERS),
            TemplateText("+"),
            TemplateField("d32"),
            TemplateText("]"),
        ),
    ),
)
_RM = ir.Operand("rm", _RM_ROWS)
_R = ir.Operand("r", (OperandRow(TRUE, (), (_name("reg", _REGISTERS),)),))
_RM_FIELDS = {
    "mod": 2, "reg": 3, "rm": 3, "scale": 2, "index": 3, "base": 3, "d8": 8, "d32": 32,
}  # fmt: skip
_MODRM = (whole("mod", 2), whole("reg", 3), whole("rm", 3))


def _rm_length(opcode: int) -> ir.Expr:
    length: ir.Expr = Const(0, 4)
    for row, size in reversed(list(zip(_RM_ROWS, (0, 5, 1, 4, 0, 1, 4), strict=True))):
        length = ite(row.condition, Const(size, 4), length)
    return _sum(_prefix_length(), Const(opcode + 1, 4), length)


def _bytes_form(
    name: str,
    text: str,
    template: tuple[ir.TemplatePart | int, ...],
    encoding: tuple[ir.EncodingItem, ...],
    fields: Mapping[str, int],
    size: ir.Expr,
    operands: tuple[ir.Operand, ...] = (),
    decode: ir.Expr = TRUE,
) -> ir.Form:
    return form(
        name,
        text,
        template,
        encoding,
        {**_PREFIX_FIELDS, **fields, "length": 4},
        operands,
        decode,
        size,
    )


def _small(size: int) -> ir.Expr:
    return _sum(_prefix_length(), Const(size, 4))


_COMMA = TemplateText(", ")

BYTES = isa(
    (
        _bytes_form(
            "MOV", "89 /r", (TemplateText("mov "), 0, _COMMA, 1),
            (byte(0x89), *_MODRM, Extension(0)), _RM_FIELDS, _rm_length(1), (_RM, _R), _WIDE,
        ),
        _bytes_form(
            "MOV_load", "8B /r", (TemplateText("mov "), 1, _COMMA, 0),
            (byte(0x8B), *_MODRM, Extension(0)), _RM_FIELDS, _rm_length(1), (_RM, _R), _WIDE,
        ),
        _bytes_form(
            "LEA", "8D /r", (TemplateText("lea "), 1, _COMMA, 0),
            (byte(0x8D), *_MODRM, Extension(0)), _RM_FIELDS, _rm_length(1), (_RM, _R),
            not_(is_("mod", 2, 3)),
        ),
        _bytes_form(
            "MOV_imm", "B8+r iz", (TemplateText("mov "), _name("r", _REGISTERS), _COMMA,
                                   TemplateField("iz")),
            (fixed("10111"), whole("r", 3), ImmediateBits("iz", 32)), {"r": 3, "iz": 32},
            _small(5), (), _WIDE,
        ),
        _bytes_form(
            "MOV_imm", "B8+r iz, opsize=16", (TemplateText("mov "), _name("r", _SHORT), _COMMA,
                                              TemplateField("iz")),
            (fixed("10111"), whole("r", 3), ImmediateBits("iz", 16)), {"r": 3, "iz": 16},
            _small(3), (), not_(_WIDE),
        ),
        _bytes_form(
            "JMP_short", "EB cb", (TemplateText("jmp "), TemplateField("cb", signed=True)),
            (byte(0xEB), ImmediateBits("cb", 8)), {"cb": 8}, _small(2),
        ),
        _bytes_form(
            "JMP", "E9 cz", (TemplateText("jmp "), TemplateField("cz", signed=True)),
            (byte(0xE9), ImmediateBits("cz", 32)), {"cz": 32}, _small(5), (), _WIDE,
        ),
        _bytes_form(
            "INT", "CD ib", (TemplateText("int "), TemplateField("ib")),
            (byte(0xCD), ImmediateBits("ib", 8)), {"ib": 8}, _small(2), (),
            not_(is_("ib", 8, 3)),
        ),
        _bytes_form(
            "BREAK", "CD 03", (TemplateText("break"),),
            (byte(0xCD), byte(0x03)), {}, _small(2),
        ),
        _bytes_form(
            "SGDT", "0F 01 /0", (TemplateText("sgdt "), 0),
            (byte(0x0F), byte(0x01), whole("mod", 2), fixed("000"), whole("rm", 3), Extension(0)),
            {k: v for k, v in _RM_FIELDS.items() if k != "reg"}, _rm_length(2), (_RM,),
            not_(is_("mod", 2, 3)),
        ),
        _bytes_form(
            "POPF", "9D", (TemplateText("popf"),), (byte(0x9D),), {}, _small(1),
        ),
    ),
    8,
    "little",
    8,
    _PREFIXES,
)  # fmt: skip
#: 32-bit code.
PROTECTED = {"CS_D": 1}

# ---------------------------------------------------------------- words, big-endian

_INDEX = ("d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "a0", "a1", "a2", "a3", "a4", "a5",
          "a6", "a7")  # fmt: skip


def _ea(prefix: str) -> ir.Operand:
    def named(name: str) -> str:
        return prefix + name

    def mode(value: int) -> ir.Expr:
        return is_(named("mode"), 3, value)

    def special(value: int) -> ir.Expr:
        return and_(mode(7), is_(named("reg"), 3, value))

    reg = TemplateField(named("reg"))
    brief = (
        whole(named("xn"), 4), whole(named("wl"), 1), fixed("..."), whole(named("d8"), 8)
    )  # fmt: skip
    return ir.Operand(
        "ea",
        (
            OperandRow(mode(0), (), (TemplateText("d"), reg)),
            OperandRow(mode(2), (), (TemplateText("(a"), reg, TemplateText(")"))),
            OperandRow(mode(3), (), (TemplateText("(a"), reg, TemplateText(")+"))),
            OperandRow(mode(4), (), (TemplateText("-(a"), reg, TemplateText(")"))),
            OperandRow(
                mode(5),
                (whole(named("d16"), 16),),
                (TemplateField(named("d16"), signed=True), TemplateText("(a"), reg,
                 TemplateText(")")),
            ),
            OperandRow(
                mode(6),
                brief,
                (TemplateField(named("d8"), signed=True), TemplateText("(a"), reg,
                 TemplateText(","), _name(named("xn"), _INDEX), TemplateText("."),
                 _name(named("wl"), ("w", "l")), TemplateText(")")),
            ),
            OperandRow(
                special(0),
                (ImmediateBits(named("a16"), 16),),
                (TemplateText("("), TemplateField(named("a16")), TemplateText(").w")),
            ),
            OperandRow(
                special(1),
                (ImmediateBits(named("a32"), 32),),
                (TemplateText("("), TemplateField(named("a32")), TemplateText(").l")),
            ),
            OperandRow(
                special(4),
                (fixed("." * 8), whole(named("i8"), 8)),
                (TemplateText("#"), TemplateField(named("i8"))),
            ),
        ),
    )  # fmt: skip


def _ea_fields(prefix: str) -> dict[str, int]:
    widths = {"mode": 3, "reg": 3, "d16": 16, "xn": 4, "wl": 1, "d8": 8, "a16": 16, "a32": 32,
              "i8": 8}  # fmt: skip
    return {prefix + name: width for name, width in widths.items()}


def _ea_length(prefix: str) -> ir.Expr:
    length: ir.Expr = Const(0, 4)
    rows = _ea(prefix).rows
    for row, size in reversed(list(zip(rows, (0, 0, 0, 0, 2, 2, 2, 4, 2), strict=True))):
        length = ite(row.condition, Const(size, 4), length)
    return length


def _some_row(prefix: str) -> ir.Expr:
    return or_(*(row.condition for row in _ea(prefix).rows))


def _move(name: str, digits: str) -> ir.Form:
    return form(
        f"MOVE.{name}",
        f"00 {digits} dst src",
        (TemplateText(f"move.{name.lower()} "), 0, TemplateText(","), 1),
        (
            fixed("00"), fixed(digits), whole("dst.reg", 3), whole("dst.mode", 3),
            whole("mode", 3), whole("reg", 3), Extension(0), Extension(1),
        ),
        {**_ea_fields(""), **_ea_fields("dst."), "length": 4},
        (_ea(""), _ea("dst.")),
        and_(
            _some_row(""),
            _some_row("dst."),
            not_(and_(is_("dst.mode", 3, 7), is_("dst.reg", 3, 4))),
        ),
        _sum(Const(2, 4), _ea_length(""), _ea_length("dst.")),
    )  # fmt: skip


WORDS = isa(
    (
        _move("B", "01"),
        _move("W", "11"),
        form(
            "MOVEQ", "0111 dst 0 d8", (TemplateText("moveq #"), TemplateField("d8", signed=True),
                                       TemplateText(","), TemplateText("d"), TemplateField("r")),
            (fixed("0111"), whole("r", 3), fixed("0"), whole("d8", 8)), {"r": 3, "d8": 8},
            length=Const(2, 4),
        ),
        form(
            "BRA", "60 d8", (TemplateText("bra "), TemplateField("d8", signed=True)),
            (fixed("01100000"), whole("d8", 8)), {"d8": 8}, decode=not_(is_("d8", 8, 0)),
            length=Const(2, 4),
        ),
        form(
            "BRA_long", "6000 d16", (TemplateText("bra "), TemplateField("d16", signed=True)),
            (fixed("0110000000000000"), ImmediateBits("d16", 16)), {"d16": 16},
            length=Const(4, 4),
        ),
        form(
            "TRAP", "4E4 v", (TemplateText("trap #"), TemplateField("v")),
            (fixed("010011100100"), whole("v", 4)), {"v": 4}, length=Const(2, 4),
        ),
        form(
            "NOP", "4E71 with ignored bits", (TemplateText("nop"),),
            (fixed("01001110011100.1"),), {}, length=Const(2, 4),
        ),
    ),
    16,
    "big",
    8,
)  # fmt: skip
