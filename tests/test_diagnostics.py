import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popek.diagnostics import (
    CODES,
    LINE_LIMIT,
    Collector,
    Diagnostic,
    Note,
    PopekError,
    did_you_mean,
    render,
    render_all,
)
from popek.source import Source, Span

TEXT = "\n" * 9 + "  x[rd] = x[rs1] + imm\nregister mstatus : u64\n"


@pytest.fixture
def bad() -> Source:
    return Source("bad.isa", TEXT)


def find(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return source.span(start, start + len(text))


def lines(text: str) -> list[str]:
    return text.strip("\n").split("\n")


def test_codes_are_stable_names_with_an_explanation() -> None:
    for code, explanation in CODES.items():
        assert re.fullmatch(r"(?:E0[0-9]|E1[01])\d\d|W0[0-8]\d\d", code)
        assert re.fullmatch(r"[^\n]{30,}[.]", explanation), code


def test_unregistered_code_is_refused() -> None:
    with pytest.raises(ValueError, match="E9999"):
        Diagnostic("E9999", "x")


def test_second_place_on_the_same_line(bad: Source) -> None:
    diagnostic = Diagnostic(
        "E0301",
        "the two sides of `+` have different widths",
        find(bad, "imm"),
        "u12",
        (Note(find(bad, "x[rs1]"), "u64"),),
        "write sext(imm) or zext(imm)",
    )
    assert lines(render(diagnostic)) == lines("""
error[E0301]: the two sides of `+` have different widths
  --> bad.isa:10:20
   |
10 |   x[rd] = x[rs1] + imm
   |                    ^^^ u12
   |           ------ u64
   = write sext(imm) or zext(imm)
""")


def test_second_places_elsewhere() -> None:
    spec = Source("a.isa", 'isa "a"\nregister R : u8\nregister R : u16\n')
    other = Source("b.isa", "alias R = S\n")
    second = spec.text.rindex("R")
    diagnostic = Diagnostic(
        "E0203",
        "R is declared twice",
        spec.span(second, second + 1),
        notes=(Note(find(spec, "R"), "first here"), Note(find(other, "R"), "and here")),
        hint="give one of them another name",
    )
    assert lines(render(diagnostic)) == lines("""
error[E0203]: R is declared twice
  --> a.isa:3:10
   |
 3 | register R : u16
   |          ^
  ::: a.isa:2:10
   |
 2 | register R : u8
   |          - first here
  ::: b.isa:1:7
   |
 1 | alias R = S
   |       - and here
   = give one of them another name
""")


def test_same_line_of_another_file_is_another_place() -> None:
    one, two = Source("a.isa", "x = y"), Source("b.isa", "x = y")
    shown = render(
        Diagnostic("E0201", "no", one.span(0, 1), notes=(Note(two.span(4, 5), "there"),))
    )
    assert "::: b.isa:1:5" in shown


def test_two_marks_of_one_note_line_share_a_block(bad: Source) -> None:
    notes = (Note(find(bad, "mstatus"), "this"), Note(find(bad, "u64"), "that"))
    assert render(Diagnostic("E0301", "no", find(bad, "imm"), notes=notes)).count(":::") == 1


def test_without_a_place() -> None:
    assert render(Diagnostic("E0001", "there is no such file", path="x.isa", hint="a\nb")) == (
        "error[E0001]: there is no such file\n  --> x.isa\n   = a\n     b"
    )
    assert render(Diagnostic("E0001", "no")) == "error[E0001]: no"


def test_warning() -> None:
    assert render(Diagnostic("W0501", "IF is not a resource")).startswith("warning[W0501]: ")


def test_tabs_are_expanded_and_carets_follow() -> None:
    source = Source("a.isa", "\tx\ty = 1")
    shown = lines(render(Diagnostic("E0201", "no y", find(source, "y"))))
    assert shown[1] == "  --> a.isa:1:4"
    assert shown[3:] == [" 1 |     x   y = 1", "   |         ^"]


def test_wide_and_control_characters() -> None:
    source = Source("a.isa", "日本\u0301\x1b[31m y")
    shown = lines(render(Diagnostic("E0103", "bad\x1b", find(source, "y"))))
    assert "\x1b" not in "".join(shown)
    assert shown[3:] == [" 1 | 日本\u0301�[31m y", "   |           ^"]


def test_several_lines_show_the_first(bad: Source) -> None:
    span = find(bad, "x[rd]").through(find(bad, "mstatus"))
    assert lines(render(Diagnostic("E0101", "no", span, "all of it")))[3:] == [
        "10 |   x[rd] = x[rs1] + imm",
        "   |   ^^^^^^^^^^^^^^^^^^^^ all of it",
    ]


def test_the_end_of_the_file_is_behind_its_last_text() -> None:
    source = Source("a.isa", "x = 1 +\n\n\n")
    end = len(source.text)
    assert lines(render(Diagnostic("E0102", "cut", source.span(end, end))))[1:] == [
        "  --> a.isa:1:8",
        "   |",
        " 1 | x = 1 +",
        "   |        ^",
    ]
    empty = Source("a.isa", "")
    assert lines(render(Diagnostic("E0006", "the file is empty", empty.span())))[1:] == [
        "  --> a.isa:1:1",
        "   |",
        " 1 |",
        "   | ^",
    ]


def test_long_lines_are_cut_around_the_carets() -> None:
    source = Source("a.isa", "a" * 300 + " here " + "b" * 300)
    shown = lines(render(Diagnostic("E0201", "no", find(source, "here"), "x")))
    text, carets = shown[3].removeprefix(" 1 | "), shown[4].removeprefix("   | ")
    assert len(text) == LINE_LIMIT
    assert text.startswith("...a") and text.endswith("b...")
    assert text.index("here") == carets.index("^")
    assert carets.endswith("^^^^ x")


def test_a_mark_out_of_sight_gets_its_own_block() -> None:
    source = Source("a.isa", "first" + "a" * 300 + " here")
    note = Note(source.span(0, 5), "far")
    shown = render(Diagnostic("E0201", "no", find(source, "here"), notes=(note,)))
    assert lines(shown)[5] == "  ::: a.isa:1:1"
    assert lines(shown)[-1] == "   | ----- far"


@given(st.text(max_size=250), st.data())
def test_any_place_in_any_text_can_be_shown(text: str, data: st.DataObject) -> None:
    source = Source("x", text)
    start = data.draw(st.integers(0, len(text)))
    span = source.span(start, data.draw(st.integers(start, len(text))))
    note = Note(source.span(0, min(1, len(text))), "note")
    shown = render(Diagnostic("E0101", "no", span, "label", (note,))).split("\n")
    assert shown[1].startswith("  --> x:")
    assert any(line.lstrip(" |").startswith("^") for line in shown)
    assert all(line == line.rstrip() for line in shown)
    assert not any("\x1b" in line or "\t" in line for line in shown)


def test_errors_are_sorted_by_file_and_position() -> None:
    one, two = Source("a.isa", "x y"), Source("b.isa", "x y")
    found = [
        Diagnostic("E0201", "no", two.span(0, 1)),
        Diagnostic("E0201", "no", one.span(2, 3)),
        Diagnostic("E0201", "no", one.span(0, 1)),
        Diagnostic("E0201", "no", one.span(2, 3)),
    ]
    error = PopekError(found)
    assert [str(d.span) for d in error.diagnostics] == ["a.isa:1:1", "a.isa:1:3", "b.isa:1:1"]
    assert str(error) == render_all(found)
    assert str(error).count("\n\nerror[") == 2


def test_an_error_says_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        PopekError([])


def test_errors_cross_process_boundaries(bad: Source) -> None:
    error = PopekError.at("E0201", "no", find(bad, "imm"), label="x", hint="y")
    copy = pickle.loads(pickle.dumps(error))
    assert copy.diagnostics == error.diagnostics


def test_collector_reports_all_at_once(bad: Source) -> None:
    found = Collector()
    found.check()
    found.add("W0501", "suspicious", find(bad, "imm"))
    found.check()
    assert not found.failed
    found.add("E0201", "no", find(bad, "rs1"))
    found.extend(PopekError.at("E0202", "no", find(bad, "rd")))
    with pytest.raises(PopekError) as error:
        found.check()
    assert [d.code for d in error.value.diagnostics] == ["E0202", "E0201", "W0501"]
    assert [d.code for d in found.warnings] == ["W0501"]


def test_did_you_mean() -> None:
    assert did_you_mean("TRS", ["TSR", "TVM", "MPP"]) == "did you mean TSR?"
    assert did_you_mean("eflags", ["EFLAGS", "EIP"]) == "did you mean EFLAGS?"
    assert did_you_mean("whatever", ["EFLAGS", "EIP"]) == ""
    assert did_you_mean("x", []) == ""
