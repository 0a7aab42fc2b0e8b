"""The encodings of the 68000 and 68010 beside gas: the text of a form, assembled, is its code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Final

import pytest

from popek.guest import Decoded, Decoder, Disassembler, encode, sample_fields
from popek.isa import ir
from tests.semantics.specs import bundled_isa

ASSEMBLER: Final = "m68k-linux-gnu-as"
OBJCOPY: Final = "m68k-linux-gnu-objcopy"

#: Encodings of each form, and the bytes that each is given: no instruction is longer than 10.
COUNT, ROOM = 2, 16

#: What gas writes relative to the address of the line, and what with `#` before a list's mask.
BRANCHES: Final = {"branch_short", "branch_word", "BSR_short", "BSR_word", "loop_condition"}
LISTS_FIRST: Final = {"MOVEM_push", "MOVEM_store"}
LISTS_LAST: Final = {"MOVEM_pop", "MOVEM_load"}


def in_gas(form: ir.Form, text: str, code: bytes) -> str:
    """A line as gas has it."""
    mnemonic, _, operands = text.partition(" ")
    if form.name in BRANCHES:
        return re.sub(r"(-?\w+)$", r".+2+\1", text)
    if form.name in LISTS_FIRST:
        return f"{mnemonic} #{operands}"
    if form.name in LISTS_LAST:
        return re.sub(r", (\w+)$", r", #\1", text)
    if form.name in ("LINE_A", "LINE_F"):
        return f".short {int.from_bytes(code, 'big')}"  # no instructions
    return text


def is_long_later(form: ir.Form, code: bytes) -> bool:
    """A short branch by -1: gas refuses it, as its code means a long one from the 68020 on."""
    return form.name in ("branch_short", "BSR_short") and code[1] == 0xFF


def another_choice(isa: ir.Isa, text: str, theirs: bytes) -> bool:
    """Whether gas chose another encoding of the same: without a displacement of 0, or with the
    immediate or quick form of an instruction that has one.
    """
    meant = Decoder(isa).decode(theirs)
    assert isinstance(meant, Decoded)
    shown = Disassembler(isa).text(meant.form, meant.fields)
    plain = re.sub(r"\b0\((a\d)\)", r"(\1)", text)
    return shown in (plain, *(re.sub(r"^(\w+)\.", rf"\1{form}.", text) for form in "iq"))


@pytest.mark.skipif(shutil.which(ASSEMBLER) is None, reason=f"{ASSEMBLER} is not installed")
@pytest.mark.parametrize("spec", ["m68000", "m68010"])
def test_every_form_assembles_to_its_code(spec: str, tmp_path: Path) -> None:
    isa = bundled_isa(spec)
    random, disassembler = Random(spec), Disassembler(isa)
    made: list[tuple[ir.Form, str, bytes]] = []
    for form in isa.forms:
        for _ in range(COUNT):
            fields = sample_fields(isa, form, {}, random)
            assert fields is not None
            code = encode(isa, form, fields)
            if not is_long_later(form, code):
                made.append((form, disassembler.text(form, fields), code))
    lines = [f"\t{in_gas(*entry)}\n\t.balign {ROOM}, 0xFF\n" for entry in made]
    source, unit, binary = (tmp_path / f"all.{end}" for end in ("s", "o", "bin"))
    source.write_text("".join(lines), encoding="ascii")
    options = (f"-m{isa.title}", "--register-prefix-optional", "--pcrel")
    subprocess.run([ASSEMBLER, *options, "-o", unit, source], check=True)
    subprocess.run([OBJCOPY, "-O", "binary", "-j", ".text", unit, binary], check=True)
    image = binary.read_bytes()
    assert len(image) == ROOM * len(made)
    wrong, other = [], 0
    for i, (form, text, code) in enumerate(made):
        theirs = image[ROOM * i : ROOM * (i + 1)]
        if theirs == code.ljust(ROOM, b"\xff"):
            continue
        if another_choice(isa, text, theirs):
            other += 1
        else:
            wrong.append((form.key, text, code.hex(), theirs.hex()))
    assert wrong == []
    assert other < len(made) // 20
