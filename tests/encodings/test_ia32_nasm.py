"""IA-32's encodings beside nasm: what popek prints, assembled, means the same; and ndisasm finds
every instruction as long as popek does.

nasm is told of each prefix and of the sizes of addresses and operands, and chooses between forms of
the same instruction as it likes.  What it cannot express is in a table below, with the reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from random import Random
from typing import Final

import pytest

from popek.guest import Decoded, Decoder, Disassembler, canonical, encode, sample_fields
from popek.isa import ir
from tests.encodings.ia32_operands import NUMBER, Operand, operands
from tests.semantics.specs import bundled_isa

for program in ("nasm", "ndisasm"):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt install nasm", allow_module_level=True)

#: Encodings of each form, and the bytes that each is given: no instruction is longer than 15.
COUNT, ROOM = 3, 32
NOP: Final = 0x90

SEGMENTS: Final = ("", "es", "cs", "ss", "ds", "fs", "gs")
REPEATS: Final = ("", "repne", "rep")
PREFIXES: Final = bytes.fromhex("66 67 26 2e 36 3e 64 65 f0 f2 f3")

#: Strings have their operands in the mnemonic there, and the size of those as a letter.
STRINGS: Final = {"cmps", "ins", "lods", "movs", "outs", "scas", "stos"}
#: Branches that have one distance alone, and no word for it.
SHORT_ALONE: Final = {"LOOP", "LOOPE", "LOOPNE", "JCXZ", "JECXZ"}
#: With F2, which is BND there, not REPNE.
NEAR: Final = {"CALL_near", "CALL_near_indirect", "JMP_near_indirect", "RET_near", "RET_near_pop"}


@dataclass(frozen=True)
class Made:
    """Code of a form; `sizes` are those of operands and addresses in bits."""

    form: ir.Form
    fields: dict[str, int]
    code: bytes
    text: str
    sizes: tuple[int, int]

    @property
    def opcode(self) -> bytes:
        """The code without prefixes."""
        return bytes(dropwhile(lambda byte: byte in PREFIXES, self.code))

    @property
    def inexpressible(self) -> str:
        """Why nasm has no line for it, "" if it has one."""
        opsize, _ = self.sizes
        match self.form.name:
            case name if name.startswith("INVALID"):
                return "no instruction"
            case "JMP_near" if "cb" in self.fields and self.fields["repeat"] == 1:
                return "F2 is BND there, and goes with no short JMP"
            case "BSWAP" if opsize == 16:
                return "nasm has none for a 16-bit register"
            case "MOVZX" | "MOVSX" if opsize == 16 and self.opcode[1] in (0xB7, 0xBF):
                return "nasm has none from 16 bits to 16 bits"
            case _:
                return ""

    @property
    def unread(self) -> str:
        """Why ndisasm does not take it for one instruction, "" if it does."""
        opcode = self.opcode
        match self.form.mnemonic:
            case "BSWAP" | "MOVZX" | "MOVSX":
                return self.inexpressible
            case "SAL":
                return "it has /4 of the shifts, not /6"
            case "TEST" if opcode[0] in (0xF6, 0xF7) and opcode[1] >> 3 & 7 == 1:
                return "it has /0, not /1"
            case name if name.startswith("SET") and self.fields["reg"]:
                return "it has /0 alone"
            case "MOV" if opcode[0] == 0x0F and opcode[2] < 0xC0:
                return "control and debug registers go with mod 3 there, not with any"
            case "WAIT":
                return "it is a prefix there"
            case "UD0" if not (self.fields["operand_size"] or self.fields["address_size"]):
                return "it has no operands there"
            case _ if opcode[0] == 0x82:
                return "it has 80, not 82"
            case _:
                return ""


# ---------------------------------------------------------------- lines for nasm


def address(text: str, size: int) -> str:
    """What stands in brackets: a size for a plain number, and no base where there is none."""
    segment, _, terms = text.rpartition(":")
    before = f"{segment}:" if segment else ""
    if NUMBER.fullmatch(terms):
        return f"[{before}{'word' if size == 16 else 'dword'} {terms}]"
    alone = "*" in terms.split("+")[0].split("-")[0]
    return f"[{'nosplit ' if alone else ''}{before}{terms}]"


def in_nasm(made: Made, number: int) -> str:
    """A line as nasm has it; `number` is that of its slot."""
    opsize, adsize = made.sizes
    size = "word" if opsize == 16 else "dword"
    before, fields = list[str](), made.fields
    mnemonic, _, rest = made.text.partition(" ")
    if mnemonic in ("rep", "repe", "repne"):
        mnemonic, _, rest = rest.partition(" ")
    if mnemonic in STRINGS:
        letter = "b" if re.search(r"\b(byte|al)\b", rest) else "w" if opsize == 16 else "d"
        mnemonic, rest = mnemonic + letter, ""
    if mnemonic == "xlat":
        mnemonic, rest = "xlatb", ""
    rest = re.sub(r"\bseg([67])\b", r"segr\1", rest)
    rest = re.sub(r"\[(.*?)\]", lambda m: address(m[1], adsize), rest)
    near = made.form.name in NEAR
    if "cb" in fields or "cz" in fields:
        rest = f"behind{number}+({rest})"
        if made.form.name not in SHORT_ALONE:
            rest = f"short {rest}" if "cb" in fields else f"near {size} {rest}"
            near = True
    pushes = made.form.mnemonic == "PUSH" and "iz" in fields
    if pushes or made.form.name in ("CALL_far", "JMP_far"):
        rest = f"{size} {rest}"
    if fields.get("lock"):
        before.append("lock")
    repeat = REPEATS[fields.get("repeat", 0)]
    before.append("bnd" if near and repeat == "repne" else repeat)
    if "[" not in rest:
        before.append(SEGMENTS[fields["segment"]])
    before += f"a{adsize}", f"o{opsize}"
    return " ".join(part for part in (*before, mnemonic, rest) if part)


def assembled(bits: int, lines: Sequence[str], folder: Path) -> tuple[list[bytes], dict[int, str]]:
    """The code of each line, and NOPs behind it; and the lines that nasm refuses, with what it
    says: then there is no code.
    """
    source, binary = folder / "lines.asm", folder / "lines.bin"
    slots = [f"{line}\nbehind{i}: align {ROOM}" for i, line in enumerate(lines)]
    source.write_text("\n".join([f"bits {bits}", *slots, ""]), encoding="ascii")
    command = ["nasm", "-w-all", "-f", "bin", "-o", str(binary), str(source)]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stderr
    refused = {}
    for found in re.finditer(r":(\d+): error: (.*)", said):
        refused[(int(found[1]) - 2) // 2] = found[2]
    assert refused or not said, said
    image = b"" if refused else binary.read_bytes()
    return [image[at : at + ROOM] for at in range(0, len(image), ROOM)], refused


def drawn(isa: ir.Isa, bits: int) -> Iterator[Made]:
    """Encodings of all forms in code of so many bits."""
    context = {"CS_D": int(bits == 32), "SS_B": 1}
    disassembler = Disassembler(isa, context)
    random = Random(bits)
    for form in isa.forms:
        for _ in range(COUNT):
            fields = sample_fields(isa, form, context, random)
            assert fields is not None
            plain = canonical(isa, form, {**fields, "lock": 0}, context)
            fields = plain if plain is not None and random.random() < 0.8 else fields
            code = encode(isa, form, fields, context)
            text = disassembler.text(form, fields).split(" {")[0]
            yield Made(form, fields, code, text, sizes(bits, fields))


def sizes(bits: int, fields: Mapping[str, int]) -> tuple[int, int]:
    """Of operands and of addresses."""
    other = 48 - bits
    return (
        other if fields["operand_size"] else bits,
        other if fields["address_size"] else bits,
    )


def alike(made: Made, others: Sequence[Operand]) -> bool:
    """The same operands; numbers count modulo the size that they have."""
    opsize, adsize = made.sizes
    ours = operands(made.text.partition(" ")[2])
    return len(ours) == len(others) and all(
        a[:3] == b[:3] and (a[3] - b[3]) % (1 << (adsize if a[0] else opsize)) == 0
        for a, b in zip(ours, others, strict=True)
    )


@pytest.fixture(scope="module", params=[16, 32])
def made(request: pytest.FixtureRequest) -> tuple[int, list[Made]]:
    return request.param, list(drawn(bundled_isa("ia32"), request.param))


def test_what_is_printed_assembles_to_the_same(
    made: tuple[int, list[Made]], tmp_path: Path
) -> None:
    bits, every = made
    isa, context = bundled_isa("ia32"), {"CS_D": int(bits == 32), "SS_B": 1}
    decoder, disassembler = Decoder(isa), Disassembler(isa, context)
    some = [m for m in every if not m.inexpressible]
    codes, refused = assembled(bits, [in_nasm(m, i) for i, m in enumerate(some)], tmp_path)
    assert refused == {}
    wrong = []
    for m, theirs in zip(some, codes, strict=True):
        meant = decoder.decode(theirs, context)
        assert isinstance(meant, Decoded)
        text = disassembler.text(meant.form, meant.fields).split(" {")[0]
        apart = [g.field for g in isa.prefixes if m.fields[g.field] != meant.fields[g.field]]
        if (
            family(meant.form) != family(m.form)
            or not alike(m, operands(text.partition(" ")[2]))
            or (apart and m.form.name != "WAIT")  # nasm drops what is before a WAIT
        ):
            wrong.append((m.code.hex(), m.text, theirs[: meant.size].hex(), text, apart))
    assert wrong == []


def family(form: ir.Form) -> str:
    """The mnemonic; /6 of the shifts is called SAL here to tell it from /4."""
    return "SHL" if form.mnemonic == "SAL" else form.mnemonic


def test_what_nasm_cannot_express(made: tuple[int, list[Made]], tmp_path: Path) -> None:
    """It refuses every line of which the table says so."""
    bits, every = made
    lines = [in_nasm(m, i) for i, m in enumerate(m for m in every if m.inexpressible)]
    while lines:
        # What it cannot parse keeps it from looking at the rest.
        _, refused = assembled(bits, lines, tmp_path)
        assert refused, lines
        lines = [line for i, line in enumerate(lines) if i not in refused]


def test_every_instruction_is_as_long(made: tuple[int, list[Made]], tmp_path: Path) -> None:
    """To ndisasm, too, it ends where the NOPs behind it begin, but for what the table lists."""
    bits, every = made
    file = tmp_path / "codes"
    some = [m for m in every if m.form.mnemonic != "INVALID"]
    file.write_bytes(b"".join(m.code.ljust(ROOM, bytes([NOP])) for m in some))
    command = ["ndisasm", "-b", str(bits), str(file)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = {int(found, 16) for found in re.findall(r"^([0-9A-F]+) ", said, re.MULTILINE)}
    wrong = []
    for at, m in zip(range(0, ROOM * len(some), ROOM), some, strict=True):
        behind = at + len(m.code)
        read = {line for line in lines if at <= line <= behind} == {at, behind}
        if read == bool(m.unread):
            wrong.append((m.code.hex(), m.text, m.unread))
    assert wrong == []


def test_all_addresses_were_drawn(made: tuple[int, list[Made]]) -> None:
    """Each kind of ModR/M, with SIB and without, with addresses of both sizes."""
    kinds = {
        (adsize, m.fields["mod"], adsize == 32 and m.fields["rm"] == 4)
        for m in made[1]
        for adsize in (m.sizes[1],)
        if "mod" in m.fields
    }
    with_sib = {(32, mod, True) for mod in range(4)}
    assert kinds == with_sib | {(size, mod, False) for size in (16, 32) for mod in range(4)}
