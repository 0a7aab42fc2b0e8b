from __future__ import annotations

from dataclasses import replace

import pytest

from popek.guest import (
    Context,
    Disassembler,
    EncodingError,
    assemble,
    disassemble,
    form_bytes_and_text,
)
from popek.isa import ir
from popek.source import Source
from tests.guest.machines import BYTES, PROTECTED, WORDS


def form(isa: ir.Isa, name: str) -> ir.Form:
    return next(f for f in isa.forms if f.name == name)


def texts(isa: ir.Isa, code: str, context: Context | None = None) -> list[str]:
    return [line.text for line in disassemble(isa, bytes.fromhex(code), 0, context)]


def test_lines_have_addresses_and_bytes() -> None:
    lines = disassemble(BYTES, bytes.fromhex("8b05021000009d"), 0x1000, PROTECTED)
    assert [(line.address, line.code.hex(), line.text) for line in lines] == [
        (0x1000, "8b0502100000", "mov eax, [0x1002]"),
        (0x1006, "9d", "popf"),
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("8973fc", "mov [ebx-4], esi"),
        ("897380", "mov [ebx-0x80], esi"),
        ("b9ffffffff", "mov ecx, 0xffffffff"),
        ("ebfe", "jmp -2"),
    ],
)
def test_numbers(code: str, text: str) -> None:
    assert texts(BYTES, code, PROTECTED) == [text]


def test_numbers_against_words_and_in_narrow_fields_are_decimal() -> None:
    assert texts(WORDS, "4e4f") == ["trap #15"]
    assert texts(WORDS, "343c007f") == ["move.w #0x7f,d2"]
    assert texts(WORDS, "1e07") == ["move.b d7,d7"]


def test_code_that_means_nothing_is_data() -> None:
    assert texts(BYTES, "ff9d8b", PROTECTED) == [".byte 0xff", "popf", ".byte 0x8b"]
    assert texts(WORDS, "ffff4e71") == [".word 0xffff", "nop"]


def test_a_part_of_a_unit_is_bytes() -> None:
    assert texts(WORDS, "4e7142") == ["nop", ".byte 0x42"]


def test_code_that_the_assembler_writes_otherwise_is_data_with_a_comment() -> None:
    assert texts(BYTES, "66669d", PROTECTED) == [".byte 0x66, 0x66, 0x9d ; popf {size=1}"]
    assert texts(WORDS, "4e73") == [".word 0x4e73 ; nop"]


def test_the_form_is_said_where_a_shorter_one_is_written_alike() -> None:
    assert texts(BYTES, "e905000000", PROTECTED) == ['jmp 5 {form "E9 cz"}']
    assert texts(BYTES, "8bc1", PROTECTED) == ['mov eax, ecx {form "8B /r"}']
    assert texts(BYTES, "89c8", PROTECTED) == ["mov eax, ecx"]


def test_fields_that_are_not_printed_are_said_where_they_are_not_what_the_assembler_takes() -> None:
    assert texts(BYTES, "2e8b03", PROTECTED) == ["mov eax, [ebx] {segment=2}"]
    assert texts(BYTES, "66b90500", PROTECTED) == ["mov cx, 5"]
    assert texts(BYTES, "8b8305000000", PROTECTED) == ["mov eax, [ebx+5] {mod=2}"]


def test_two_forms_with_one_encoding_text_are_told_apart_by_name() -> None:
    moves = {f.name: f for f in BYTES.forms}
    load = replace(moves["MOV_load"], text="89 /r")
    isa = replace(BYTES, forms=(moves["MOV"], load))
    code = bytes.fromhex("8bc1")
    (line,) = disassemble(isa, code, 0, PROTECTED)
    assert line.text == 'mov eax, ecx {instruction MOV_load, form "89 /r"}'
    assert assemble(isa, Source("a.s", line.text), PROTECTED) == code


def test_a_witness_is_shown_with_its_code() -> None:
    fields = {"mod": 1, "rm": 3, "reg": 6, "d8": 0xFC}
    shown = form_bytes_and_text(BYTES, form(BYTES, "MOV"), fields, PROTECTED)
    assert shown == ("8973fc", "mov [ebx-4], esi")


def test_fields_that_the_code_does_not_hold_do_not_show() -> None:
    fields = {"mod": 3, "rm": 3, "reg": 6, "d8": 0xFC, "d32": 1, "base": 5, "length": 9}
    shown = form_bytes_and_text(BYTES, form(BYTES, "MOV"), fields, PROTECTED)
    assert shown == ("89f3", "mov ebx, esi")


def test_fields_that_mean_another_form_are_shown_as_data() -> None:
    fields = {"ib": 3}
    shown = form_bytes_and_text(BYTES, form(BYTES, "INT"), fields, PROTECTED)
    assert shown == ("cd03", ".byte 0xcd, 0x03 ; int 3")


def test_fields_without_code_are_an_error() -> None:
    with pytest.raises(EncodingError):
        Disassembler(WORDS).text(form(WORDS, "MOVE.B"), {"mode": 7, "reg": 7})


def test_a_long_run_of_prefixes_takes_no_longer_than_its_length() -> None:
    lines = disassemble(BYTES, b"\x66" * 3000, 0, PROTECTED)
    assert len(lines) == 3000
