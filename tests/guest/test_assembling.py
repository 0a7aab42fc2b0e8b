from __future__ import annotations

from dataclasses import replace

import pytest

from popek.guest import Context, assemble, assembly
from popek.isa import ir
from popek.source import Source
from tests.guest.machines import BYTES, PROTECTED, WORDS

WIDE = "B8+r iz"
SHORT = "B8+r iz, opsize=16"


def code(isa: ir.Isa, text: str, context: Context | None = None) -> str:
    return assemble(isa, Source("guest.s", text), context).hex()


def protected(text: str) -> str:
    return code(BYTES, text, PROTECTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("popf", "9d"),
        ("POPF", "9d"),
        ("mov eax, [ebx]", "8b03"),
        ("  mov  eax ,[ ebx ]  ", "8b03"),
        ("mov [ebx-4], esi", "8973fc"),
        ("mov [ebx+-4], esi", "8973fc"),
        ("mov [EBX+4],ESI", "897304"),
        ("mov [ebx+0x80], esi", "89b380000000"),
        ("mov edi, [eax+ebx*2]", "8b3c98"),
        ("mov edi, [ebx*2+0x10]", "8b3c9d10000000"),
        ("mov ecx, 0x12345678", "b978563412"),
        ("mov ecx, -1", "b9ffffffff"),
        ("mov cx, 0b101", "66b90500"),
        ("mov eax, ecx", "89c8"),
        ("int 0x80", "cd80"),
        ("int 0200", "cdc8"),
        ("break", "cd03"),
    ],
)  # fmt: skip
def test_instructions(text: str, expected: str) -> None:
    assert protected(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("move.b d0,d1", "1200"),
        ("move.w (a0)+,-(a1)", "3318"),
        ("move.w -2(a3),(0x1234).w", "31ebfffe1234"),
        ("move.w -2(a3,d4.l),(0x1234).l", "33f348fe00001234"),
        ("moveq #-1,d7", "7eff"),
        ("trap #15", "4e4f"),
        ("trap #0xf", "4e4f"),
        ("move.b #0xff,d0", "103c00ff"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert code(WORDS, text) == expected


def test_the_decode_context_chooses_prefixes() -> None:
    assert code(BYTES, "mov ecx, 5", {"CS_D": 1}) == "b905000000"
    assert code(BYTES, "mov ecx, 5", {"CS_D": 0}) == "66b905000000"
    assert code(BYTES, "mov cx, 5", {"CS_D": 0}) == "b90500"


def test_the_shortest_code_is_chosen_and_of_equal_ones_the_first_form() -> None:
    assert protected("jmp 5") == "eb05"
    assert protected("jmp 0x80") == "e980000000"
    assert protected("mov eax, ecx") == "89c8"
    assert protected('mov eax, ecx {form "8B /r"}') == "8bc1"


def test_a_longer_form_is_chosen_before_one_that_needs_a_prefix() -> None:
    wide, short = (next(f for f in BYTES.forms if f.text == text) for text in (WIDE, SHORT))
    alike = replace(short, template=wide.template)
    isa = replace(BYTES, forms=(alike, wide))
    assert code(isa, "mov ecx, 5", PROTECTED) == "b905000000"
    assert code(isa, "mov ecx, 5 {size=1}", PROTECTED) == "66b90500"


def test_what_the_text_does_not_say_is_said_in_braces() -> None:
    assert protected("popf {segment=2}") == "2e9d"
    assert protected('jmp 5 {form "E9 cz", size=0, segment = 3}') == "36e905000000"
    assert protected("mov eax, ecx {instruction MOV_load}") == "8bc1"
    assert protected("mov eax, [ebx+0] {mod=2}") == "8b8300000000"


def test_comments() -> None:
    text = """
    # a line
    popf ; the end
    popf # the end
    popf #
    """
    assert protected(text) == "9d9d9d"
    assert code(WORDS, "moveq #5,d0 # five; #5") == "7005"


def test_labels_are_addresses() -> None:
    made = assembly(
        BYTES,
        Source("guest.s", "start: popf\nhere: there: mov eax, [there+1]\n.byte end - here\nend:"),
        PROTECTED,
        0x1000,
    )
    assert made.labels == {"start": 0x1000, "here": 0x1001, "there": 0x1001, "end": 0x1008}
    assert made.code.hex() == "9d8b050210000007"
    assert [(line.address, line.code.hex()) for line in made.lines] == [
        (0x1000, "9d"),
        (0x1001, "8b0502100000"),
        (0x1007, "07"),
    ]


def test_relative_operands_are_differences() -> None:
    assert protected("loop: popf\njmp loop - next") == "9debfd"
    assert protected("jmp end-next\npopf\nend: popf") == "eb019d9d"
    assert code(WORDS, "nop\nbra end-.-2\nnop\nend: nop") == "4e7160024e714e71"


def test_branches_grow_until_they_reach() -> None:
    near = "jmp end-next\n" + ".byte 0\n" * 127 + "end: popf"
    assert protected(near).startswith("eb7f")
    far = "jmp end-next\n" + ".byte 0\n" * 128 + "end: popf"
    assert protected(far).startswith("e980000000")


def test_a_branch_that_grows_moves_the_target_of_another() -> None:
    # The second jump needs the long form, which puts the end out of the first one's reach.
    text = (
        "jmp end-next\n" + ".byte 0\n" * 123 + "jmp far-next\nend:\n" + ".byte 0\n" * 300 + "far:"
    )
    made = bytes.fromhex(protected(text))
    assert made[0] == 0xE9
    assert int.from_bytes(made[1:5], "little") == 123 + 5


def test_data() -> None:
    assert protected(".byte 1, -1, 0xff\n.word 0x1234, -2") == "01ffff3412feff"
    assert code(WORDS, ".byte 1, 2\n.word 0x1234, end\nend:") == "010212340006"
    assert protected("here: .word here, ., next") == "000000000600"


def test_origins() -> None:
    made = assembly(
        BYTES, Source("guest.s", ".org 0x7c00\npopf\n.org 0x7c04\nhere: popf\n.org .+1")
    )
    assert (made.address, made.code.hex()) == (0x7C00, "9d0000009d")
    assert made.labels == {"here": 0x7C04}
    assert protected("here: .org 3\npopf") == "0000009d"


def test_an_empty_file_is_an_empty_image() -> None:
    assert assemble(BYTES, Source("guest.s", "")) == b""
    assert assemble(BYTES, Source("guest.s", "\n  # nothing\n")) == b""


def test_labels_may_be_called_like_mnemonics() -> None:
    assert protected("popf: jmp popf-next") == "ebfe"


def test_a_number_of_a_register_is_decimal_and_whole() -> None:
    assert code(WORDS, "move.b d7,d0") == "1007"
