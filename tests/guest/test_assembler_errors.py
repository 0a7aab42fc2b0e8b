"""What the assembler says about wrong lines, word for word."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

import popek
from popek.diagnostics import PopekError, render_all
from popek.guest import Context, assemble
from popek.isa import ir
from popek.source import Source
from tests.guest.machines import BYTES, PROTECTED, WORDS


def errors(text: str, isa: ir.Isa = BYTES, context: Context = PROTECTED) -> str:
    with pytest.raises(PopekError) as caught:
        assemble(isa, Source("guest.s", text), context)
    return render_all(caught.value.diagnostics)


def same(found: str, expected: str) -> None:
    assert found == dedent(expected).strip("\n")


def test_unknown_mnemonic() -> None:
    same(
        errors("popg"),
        """
        error[E0901]: there is no instruction `popg`
          --> guest.s:1:1
           |
         1 | popg
           | ^^^^
           = did you mean popf?
        """,
    )


def test_forms_that_may_start_with_a_prefix_hide_no_unknown_mnemonic() -> None:
    isa = popek.load("ia32", only=["CMPS", "PUSHF", "MOV"])
    same(
        errors("pushfd\nmov eax\n", isa, {}),
        """
        error[E0901]: there is no instruction `pushfd`
          --> guest.s:1:1
           |
         1 | pushfd
           | ^^^^^^
           = did you mean pushf?

        error[E0902]: these operands fit no form of the instruction
          --> guest.s:2:7
           |
         2 | mov eax
           |       ^
           = it is written
             mov {dst}, {src}
        """,
    )


def test_operands_that_fit_no_form() -> None:
    same(
        errors("mov eax, [ebx+1] extra"),
        """
        error[E0902]: these operands fit no form of the instruction
          --> guest.s:1:18
           |
         1 | mov eax, [ebx+1] extra
           |                  ^^^^^
           = it is written
             mov {rm}, {r}
             mov {r}, {rm}
             mov {r}, {iz}
        """,
    )


def test_value_out_of_range() -> None:
    same(
        errors("a: popf\n   int  0x100"),
        """
        error[E0903]: 256 is out of range
          --> guest.s:2:9
           |
         2 |    int  0x100
           |         ^^^^^
           = the field holds -128 to 255
        """,
    )


def test_a_label_that_is_declared_twice() -> None:
    same(
        errors("a: popf\na: popf"),
        """
        error[E0905]: the label `a` is declared twice
          --> guest.s:2:1
           |
         2 | a: popf
           | ^
          ::: guest.s:1:1
           |
         1 | a: popf
           | - first here
        """,
    )


def test_unknown_label() -> None:
    same(
        errors("jmp nowhere - next\nnowhare: popf"),
        """
        error[E0904]: there is no label `nowhere`
          --> guest.s:1:5
           |
         1 | jmp nowhere - next
           |     ^^^^^^^^^^^^^^
           = did you mean nowhare?
        """,
    )


def test_unknown_directive() -> None:
    same(
        errors(".wrd 5"),
        """
        error[E0906]: `.wrd` is not a directive
          --> guest.s:1:1
           |
         1 | .wrd 5
           | ^^^^
           = the directives are .byte, .word, .org
        """,
    )


def test_a_directive_without_numbers() -> None:
    same(
        errors(".byte 1, x+"),
        """
        error[E0906]: `.byte` needs numbers
          --> guest.s:1:10
           |
         1 | .byte 1, x+
           |          ^^
           = a number is a sum of constants, labels, `.` and `next`
        """,
    )


def test_data_out_of_range() -> None:
    same(
        errors(".word 0x10000"),
        """
        error[E0903]: 65536 is out of range
          --> guest.s:1:7
           |
         1 | .word 0x10000
           |       ^^^^^^^
           = `.word` holds -32768 to 65535
        """,
    )


def test_an_origin_that_goes_back() -> None:
    same(
        errors("popf\n.org 0"),
        """
        error[E0907]: `.org` goes back, from 0x1
          --> guest.s:2:1
           |
         2 | .org 0
           | ^^^^^^
        """,
    )


def test_a_selector_that_is_none() -> None:
    same(
        errors("popf {mod 3}"),
        """
        error[E0908]: this does not select a form
          --> guest.s:1:6
           |
         1 | popf {mod 3}
           |      ^^^^^^^
           = write {form "89 /r"}, {instruction NAME}, {field=1}, or several with commas
        """,
    )


def test_a_selector_of_a_form_that_is_written_otherwise() -> None:
    same(
        errors('jmp 5 {form "E8"}'),
        """
        error[E0908]: no form that is written like this is called so
          --> guest.s:1:7
           |
         1 | jmp 5 {form "E8"}
           |       ^^^^^^^^^^^
           = it may be instruction
             JMP_short, form "EB cb"
             JMP, form "E9 cz"
        """,
    )


def test_a_selector_with_an_unknown_field() -> None:
    same(
        errors("popf {sgment=1}"),
        """
        error[E0908]: there is no field `sgment`
          --> guest.s:1:6
           |
         1 | popf {sgment=1}
           |      ^^^^^^^^^^
           = did you mean segment?
        """,
    )


def test_a_selector_with_a_value_that_does_not_fit() -> None:
    same(
        errors("popf {segment=9}"),
        """
        error[E0908]: `segment` holds no 9 here
          --> guest.s:1:6
           |
         1 | popf {segment=9}
           |      ^^^^^^^^^^^
           = it has 2 bits
        """,
    )


def test_a_label_called_like_a_register() -> None:
    same(
        errors("eax: popf"),
        """
        error[E0909]: `eax` is a word of this assembly language
          --> guest.s:1:1
           |
         1 | eax: popf
           | ^^^
           = give the label another name
        """,
    )


def test_operands_without_code() -> None:
    same(
        errors("lea eax, ebx"),
        """
        error[E0910]: these operands have no code
          --> guest.s:1:1
           |
         1 | lea eax, ebx
           | ^^^^^^^^^^^^
           = the instruction excludes them, or needs another decode context than CS_D = 1
        """,
    )


def test_an_image_that_is_too_large() -> None:
    same(
        errors("popf\n.org 0xffffffff\npopf"),
        """
        error[E0911]: the image would be too large
          --> guest.s:2:1
           |
         2 | .org 0xffffffff
           | ^^^^^^^^^^^^^^^
        """,
    )


def test_narrow_fields_hold_no_negative_numbers() -> None:
    assert "the field holds 0 to 15" in errors("trap #16", WORDS, {})
    assert "-1 is out of range" in errors("trap #-1", WORDS, {})


def test_signed_fields_hold_as_many_negative_numbers_as_others() -> None:
    assert "the field holds -128 to 127" in errors("moveq #200,d0", WORDS, {})


def test_bytes_need_addresses_that_hold_bytes() -> None:
    words = ir.Memory("E", 16, 16, 1 << 16)
    isa = replace(WORDS, memories={"E": words})
    assert "an address holds 16 bits here" in errors(".byte 1", isa, {})


def test_an_origin_has_no_label() -> None:
    assert "`.org` takes a number, not a label" in errors(".org a\na: popf")


def test_all_errors_of_a_file_are_reported_at_once() -> None:
    found = errors("popg\nmov eax\njmp nowhere\neax: popf\n.byte\npopf {x}\n")
    lines = [line for line in found.splitlines() if line.startswith("error")]
    assert [line[6:11] for line in lines] == ["E0901", "E0902", "E0904", "E0909", "E0906", "E0908"]


def test_all_values_out_of_range_are_reported_at_once() -> None:
    found = errors("int 256\npopf\nint 257\n.byte 300\n")
    assert found.count("error[E0903]") == 3


PIECES = st.one_of(
    st.sampled_from('[]+-*,.:{}=#;é"\u2028\n \t'),
    st.sampled_from(
        ["mov", "jmp", "popf", "int", "eax", "bx", "a", "next", "move.b", "(a0)+", "#5"]
    ),
    st.sampled_from(["0x", "0x10", "7", "0b2", ".byte", ".org", ".word"]),
    st.sampled_from(["{segment=1}", '{form "89 /r"}']),
)


@given(
    parts=st.lists(PIECES, max_size=30),
    isa=st.sampled_from([BYTES, WORDS]),
)
def test_any_text_is_code_or_has_errors_with_places(parts: list[str], isa: ir.Isa) -> None:
    source = Source("guest.s", "".join(parts))
    try:
        assemble(isa, source, PROTECTED)
    except PopekError as error:
        assert all(found.span is not None for found in error.diagnostics)
        assert render_all(error.diagnostics)


@pytest.mark.parametrize(
    "text",
    ["mov eax, " + "1+" * 50_000 + "1", "int " + "9" * 100_000, "a" * 100_000, "[" * 100_000],
)
def test_long_lines_are_refused_quickly(text: str) -> None:
    assert errors(text)
