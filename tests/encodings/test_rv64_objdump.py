"""RV64's encodings beside those of the GNU binutils, which come from riscv-opcodes: validity,
mnemonic, registers and numbers.

Every form is looked at, and every word that is another bit away from it: that is what the masks and
matches of riscv-opcodes say, taken bit by bit.  Where objdump disagrees, a table below says why.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from popek.guest import Decoded, Decoder, Disassembler, encode, sample_fields
from tests.semantics.specs import bundled_isa

PROGRAM: Final = "riscv64-unknown-elf-objdump"
if shutil.which(PROGRAM) is None:
    pytest.skip(
        f"{PROGRAM} is not installed: apt install binutils-riscv64-unknown-elf",
        allow_module_level=True,
    )

#: States of the fields of each form.
SAMPLES: Final = 3
LINE: Final = re.compile(r"^ +[0-9a-f]+:\t(\S+)(?:\t(.*))?$")
NUMBER: Final = re.compile(r"-?0x[0-9a-f]+|-?\b\d+\b")
REGISTER: Final = re.compile(r"\b(?:zero|ra|sp|gp|tp|f?[ast]\d+|ft1[01])\b")
ROUNDING: Final = {"rne": 0, "rtz": 1, "rdn": 2, "rup": 3, "rmm": 4}
#: Conversions that are exact, of which binutils know the rounding mode 0 alone; they have the field
#: (UNPRIV, 21.5: "unaffected by rounding mode").
EXACT: Final = {"fcvt.d.w", "fcvt.d.wu", "fcvt.d.s"}
#: Fields that are there for finer fences, and are to be ignored (UNPRIV, 2.7 and chapter 6).
FENCES: Final = {"fence", "fence.i"}


def printed(words: list[int], folder: Path) -> Iterator[tuple[str, str]]:
    """Mnemonic and operands of each word, as objdump prints it; "" for what is none."""
    file = folder / "words.bin"
    file.write_bytes(b"".join(word.to_bytes(4, "little") for word in words))
    command = [PROGRAM, "-D", "-z", "-b", "binary", "-m", "riscv:rv64", "--no-show-raw-insn"]
    said = subprocess.run(
        [*command, "-M", "no-aliases", str(file)], check=True, capture_output=True, text=True
    )
    lines = [m for line in said.stdout.splitlines() if (m := LINE.match(line))]
    assert len(lines) == len(words)
    for line in lines:
        mnemonic = "" if line[1].startswith(".") else line[1]
        # The mnemonic of an atomic has its ordering, which is no operand.
        yield mnemonic.removesuffix(".aqrl").removesuffix(".aq").removesuffix(".rl"), line[2] or ""


def spelled(text: str) -> str:
    """The mnemonic of a line of popek's, as others write it."""
    return text.split(maxsplit=1)[0].replace("_", ".")


def operands(text: str, address: int = 0) -> Counter[str]:
    """The registers and numbers of a line; what is relative to `.` becomes an address."""
    text = text.split(" #", maxsplit=1)[0].replace(". + ", f"{address:#x} + ")
    if (found := re.search(r"(\S+) \+ (\S+)$", text)) is not None:
        target = int(found[1], 0) + int(found[2], 0) & (1 << 64) - 1
        text = f"{text[: found.start()]} {target:#x}"
    for name, number in ROUNDING.items():
        text = re.sub(rf"\b{name}\b", str(number), text)
    numbers = [str(int(n, 0) & (1 << 64) - 1) for n in NUMBER.findall(text)]
    return Counter([*REGISTER.findall(text), *numbers])


def test_every_form_is_the_same_instruction(tmp_path: Path) -> None:
    isa = bundled_isa("rv64")
    disassembler = Disassembler(isa)
    words, texts = [], []
    for form in isa.forms:
        random = Random(f"{form.key}")
        for _ in range(SAMPLES):
            fields = sample_fields(isa, form, {}, random)
            assert fields is not None
            words.append(int.from_bytes(encode(isa, form, fields), "little"))
            texts.append(disassembler.text(form, fields))
    wrong = []
    for n, (text, (mnemonic, rest)) in enumerate(zip(texts, printed(words, tmp_path), strict=True)):
        name, ours = spelled(text), text.partition(" ")[2]
        if mnemonic == "" and name in EXACT:
            continue
        if name != mnemonic:
            wrong.append((f"{words[n]:08x}", text, mnemonic, rest))
        elif "unknown" in rest or name in FENCES or ours[:1].isdigit():
            continue  # reserved rounding modes, sets of fences, CSRs that do not exist
        elif operands(ours, 4 * n) != operands(rest):
            # Dynamic rounding is not printed, and 0 not where it is the only one.
            silent = "0" if name in EXACT else "7"
            if operands(ours) - operands(rest) != Counter([silent]):
                wrong.append((f"{words[n]:08x}", text, mnemonic, rest))
    assert wrong == []


def test_every_word_a_bit_away_means_the_same(tmp_path: Path) -> None:
    """Valid here if valid there, unless it is of an extension that the spec leaves out."""
    isa = bundled_isa("rv64")
    decoder, disassembler = Decoder(isa), Disassembler(isa)
    ours = {spelled(f.mnemonic) for f in isa.forms}
    words: dict[int, None] = {}
    for form in isa.forms:
        fields = sample_fields(isa, form, {}, Random(f"{form.key}"))
        assert fields is not None
        word = int.from_bytes(encode(isa, form, fields), "little")
        # Bits 1 and 0 say that there are 32 bits, and bits 4 to 2 that there are no more.
        words |= dict.fromkeys(word ^ 1 << bit for bit in range(2, 32))
    there = [w for w in words if w & 31 != 31]
    wrong = []
    for word, (mnemonic, _) in zip(there, printed(there, tmp_path), strict=True):
        found = decoder.decode(word.to_bytes(4, "little"))
        name = ""
        if isinstance(found, Decoded):
            name = spelled(disassembler.text(found.form, found.fields))
        if name == mnemonic or (name == "" and mnemonic not in ours):
            continue
        if mnemonic == "" and name in EXACT | FENCES:
            continue
        wrong.append((f"{word:08x}", name, mnemonic))
    assert wrong == []
