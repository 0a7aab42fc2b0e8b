"""IA-32's encodings beside iced-x86, a decoder that nobody here wrote: validity, length, mnemonic
and operands.

Code that iced takes for an instruction of a later processor, or of the FPU, is no form here, or an
invalid opcode; where iced disagrees otherwise, a table below says why.
"""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import Any, Final

import pytest

from popek.guest import Decoded, Decoder, Disassembler, canonical, encode, sample_fields
from popek.isa import ir
from tests.encodings.ia32_operands import Operand, operands
from tests.semantics.specs import bundled_isa

iced: Any = pytest.importorskip("iced_x86", reason="iced-x86 is not installed")

#: What follows an opcode: enough for any ModR/M, SIB, displacement and immediate.
AFTER: Final = bytes.fromhex("2401020304050607080a0b")
#: The features, in iced's words, of the integer instructions of the 8086 to the Pentium; PAUSE is a
#: NOP with a prefix, and MULTIBYTENOP 0F 1F /0 alone: the rest are hints of later processors.
OURS: Final = {
    "INTEL8086", "INTEL186", "INTEL286", "INTEL386", "INTEL486",
    "MSR", "TSC", "CPUID", "SMM", "CX8", "PAUSE", "MULTIBYTENOP",
}  # fmt: skip
#: D6 is in no manual of Intel's; 0F 18 to 0F 1F but 0F 1F /0 are reserved there.
UNDOCUMENTED: Final = {"SALC", "RESERVEDNOP"}
#: Segment registers 6 and 7: here the form is MOV, and raises #UD; to iced it is bad code.
NO_SUCH_REGISTER: Final = {"MOV_from_sreg", "MOV_to_sreg"}
#: iced's mnemonics that have the operand size in them, and are one mnemonic here.
SIZED: Final = re.compile(
    r"(CMPS|LODS|MOVS|SCAS|STOS)[BWD]|(INS|OUTS)[WD]|(IRET|POPA|POPF|PUSHA|PUSHF)D"
)
OTHER_NAMES: Final = {"RETF": "RET", "XLATB": "XLAT", "PAUSE": "NOP"}


def names(kind: Any) -> dict[int, str]:
    """The constants of one of iced's enumerations, by value."""
    return {value: name for name, value in vars(kind).items() if isinstance(value, int)}


MNEMONICS: Final = names(iced.Mnemonic)
FEATURES: Final = names(iced.CpuidFeature)


def theirs(bits: int, code: bytes) -> Any:
    """What iced makes of code; a LOCK prefix where there may be none is no reason to give up."""
    return iced.Decoder(bits, code, options=iced.DecoderOptions.NO_INVALID_CHECK).decode()


def mnemonic(instruction: Any) -> str:
    """iced's mnemonic as the manual's heading has it."""
    name = MNEMONICS[instruction.mnemonic]
    if found := SIZED.fullmatch(name):
        return found[1] or found[2] or found[3]
    return OTHER_NAMES.get(name, name)


def is_known(instruction: Any) -> bool:
    """Whether the code is an integer instruction of the 8086 to the Pentium."""
    features = {FEATURES[feature] for feature in instruction.cpuid_features()}
    return (
        not instruction.is_invalid
        and features <= OURS
        and MNEMONICS[instruction.mnemonic] not in UNDOCUMENTED
    )


@pytest.mark.parametrize("bits", [16, 32])
def test_every_opcode_is_the_same_instruction(bits: int) -> None:
    """One and two bytes of opcode, each with every ModR/M."""
    decoder = Decoder(bundled_isa("ia32"))
    context = {"CS_D": int(bits == 32), "SS_B": 1}
    prefixes = {code for group in decoder.isa.prefixes for code in group.codes}
    wrong = []
    for start in (b"", b"\x0f"):
        for opcode in range(256):
            if not start and opcode in prefixes:
                continue
            for modrm in range(256):
                code = start + bytes([opcode, modrm]) + AFTER
                meant = decoder.decode(code, context)
                ours = isinstance(meant, Decoded) and meant.form.mnemonic != "INVALID"
                instruction = theirs(bits, code)
                if not ours and not is_known(instruction):
                    continue
                assert isinstance(meant, Decoded), (code.hex(), str(instruction))
                if instruction.is_invalid and meant.form.name in NO_SUCH_REGISTER:
                    continue
                same = (meant.form.mnemonic, meant.size) == (
                    mnemonic(instruction),
                    instruction.len,
                )
                if not same or not is_known(instruction):
                    wrong.append((code.hex(), meant.form.name, meant.size, str(instruction)))
    assert wrong == []


# ---------------------------------------------------------------- operands

#: Forms whose operands iced writes in another way, or not at all.
WRITTEN_OTHERWISE: Final = {
    "LAR": "a 16-bit selector, whatever the operand size",
    "LEA": "iced drops a segment prefix that has no effect",
    "LOOP": "iced shows the counter",
    "LOOPE": "iced shows the counter",
    "LOOPNE": "iced shows the counter",
    "LSL": "a 16-bit selector, whatever the operand size",
    "MOV_to_SS": "a 16-bit selector, whatever the operand size",
    "MOV_to_sreg": "a 16-bit selector, whatever the operand size",
    "NOP": "iced shows XCHG EAX, EAX with a prefix before it",
    "XCHG": "the order of the operands has no meaning",
}
#: String instructions and XLAT: to iced their operands are in the mnemonic.
IMPLICIT: Final = {
    "CMPS", "INS", "INSB", "LODS", "MOVS", "OUTS", "OUTSB", "SCAS", "STOS", "XLAT",
}  # fmt: skip


def alike(ours: list[Operand], others: list[Operand], size: int) -> bool:
    """The same but for the sign of numbers; a target counts from the next instruction here, and
    from this one there.
    """
    if [o[:3] for o in ours] != [o[:3] for o in others]:
        return False
    apart = [a[3] - b[3] for a, b in zip(ours, others, strict=True)]
    return all(any(d % (1 << w) == 0 for d in (n, n + size) for w in (16, 32)) for n in apart)


def formatter() -> Any:
    """iced's notation that is nearest to popek's."""
    made = iced.Formatter(iced.FormatterSyntax.NASM)
    made.hex_prefix, made.hex_suffix = "0x", ""
    made.memory_size_options = iced.MemorySizeOptions.NEVER
    made.always_show_scale = True
    made.show_branch_size = False
    return made


def is_left_out(form: ir.Form) -> bool:
    return form.mnemonic in {"INVALID", *IMPLICIT} or form.name in WRITTEN_OTHERWISE


@pytest.mark.parametrize("bits", [16, 32])
def test_operands_are_the_same(bits: int) -> None:
    """Eight encodings of every form, drawn by seed, prefixes for sizes and segments among them."""
    isa = bundled_isa("ia32")
    context = {"CS_D": int(bits == 32), "SS_B": 1}
    disassembler = Disassembler(isa, context)
    notation = formatter()
    random = Random(bits)
    wrong, compared = [], Counter[str]()
    for form in isa.forms:
        if is_left_out(form):
            continue
        for _ in range(8):
            drawn = sample_fields(isa, form, context, random)
            assert drawn is not None
            plain = {**drawn, "lock": 0, "repeat": 0}
            fields = canonical(isa, form, plain, context) or drawn
            code = encode(isa, form, fields, context)
            instruction = theirs(bits, code)
            if instruction.is_invalid:
                assert form.name in NO_SUCH_REGISTER, (code.hex(), form.name)
                continue
            compared[form.name] += 1
            said = disassembler.text(form, fields).split(" {")[0].partition(" ")[2]
            shown = notation.format_all_operands(instruction)
            if not alike(operands(said), operands(shown), len(code)):
                wrong.append((code.hex(), said, shown))
    assert wrong == []
    assert len(compared) > 100
