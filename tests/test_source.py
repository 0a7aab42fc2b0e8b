import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popek import source as source_module
from popek.diagnostics import PopekError
from popek.source import Source, Span

TEXT = 'isa "toy"\n\tpc x : u8\n\nend'


@pytest.fixture
def toy() -> Source:
    return Source("toy.isa", TEXT)


def the_code(error: pytest.ExceptionInfo[PopekError]) -> str:
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code


def test_equal_by_path_and_text(toy: Source) -> None:
    assert toy == Source("toy.isa", TEXT)
    assert hash(toy) == hash(Source("toy.isa", TEXT))
    assert toy != Source("other.isa", TEXT)
    assert toy != Source("toy.isa", TEXT + " ")


def test_line_and_column_start_at_one(toy: Source) -> None:
    assert (toy.span(0, 3).line, toy.span(0, 3).column) == (1, 1)
    pc = TEXT.index("pc")
    span = toy.span(pc, pc + 2)
    assert (span.line, span.column, span.text) == (2, 2, "pc")
    assert str(span) == "toy.isa:2:2"


def test_line_text_has_no_newline(toy: Source) -> None:
    lines = [toy.line_text(number) for number in range(1, toy.line_count + 1)]
    assert lines == ['isa "toy"', "\tpc x : u8", "", "end"]
    with pytest.raises(IndexError):
        toy.line_text(5)


def test_a_final_newline_starts_no_line() -> None:
    assert Source("x", "a\nb\n").line_count == 2
    assert Source("x", "a\nb").line_count == 2
    assert Source("x", "").line_count == 1
    assert Source("x", "").line_text(1) == ""


def test_through_joins_in_any_order(toy: Source) -> None:
    first, last = toy.span(4, 9), toy.span(11, 13)
    assert first.through(last) == last.through(first) == toy.span(4, 13)
    assert first.through(last).end_line == 2
    with pytest.raises(ValueError, match="different files"):
        first.through(Source("other.isa", TEXT).span(0, 1))


def test_a_span_lies_in_its_source(toy: Source) -> None:
    for start, end in [(-1, 0), (3, 2), (0, len(TEXT) + 1)]:
        with pytest.raises(ValueError, match="no span"):
            Span(toy, start, end)


@given(st.text(alphabet="ab\t\n", max_size=40), st.data())
def test_offset_of_inverts_line_and_column(text: str, data: st.DataObject) -> None:
    source = Source("x", text)
    offset = data.draw(st.integers(0, len(text)))
    span = source.span(offset, offset)
    assert source.offset_of(span.line, span.column) == offset
    assert text[:offset].count("\n") == span.line - 1


def test_spans_survive_pickling(toy: Source) -> None:
    span = toy.span(4, 9)
    assert span.line == 1
    assert pickle.loads(pickle.dumps(span)) == span


class TestRead:
    def test_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "é.isa"
        path.write_bytes('\ufeffisa "é"\r\nend\r'.encode())
        source = Source.read(path)
        assert source == Source(str(path), 'isa "é"\nend\n')

    def test_shown_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a.isa"
        path.write_text("x")
        assert Source.read(path, shown="specs/a.isa").path == "specs/a.isa"

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(PopekError) as error:
            Source.read(tmp_path / "a.isa", shown="a.isa")
        assert str(error.value) == "error[E0001]: there is no such file\n  --> a.isa"

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.isa").write_text("")
        with pytest.raises(PopekError) as error:
            Source.read(tmp_path / "a.isa" / "b.isa")
        assert the_code(error) == "E0005"

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(PopekError) as error:
            Source.read(tmp_path)
        assert the_code(error) == "E0002"

    def test_name_that_no_file_can_have(self) -> None:
        with pytest.raises(PopekError) as error:
            Source.read("a\0b")
        assert the_code(error) == "E0005"
        with pytest.raises(PopekError) as error:
            Source.read("a" * 5000)
        assert the_code(error) == "E0005"

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"isa\nx\xff\n", "this is not UTF-8 text: byte 0xff on line 2 fits no character"),
            (b"isa\n\n\xc3", "this is not UTF-8 text: byte 0xc3 on line 3 fits no character"),
            (b"\x7fELF\0\xff", "this is not text: line 1 holds a NUL byte"),
            (b"isa\nx\0", "this is not text: line 2 holds a NUL byte"),
        ],
    )
    def test_binary(self, tmp_path: Path, data: bytes, message: str) -> None:
        path = tmp_path / "a.isa"
        path.write_bytes(data)
        with pytest.raises(PopekError) as error:
            Source.read(path)
        assert the_code(error) == "E0003"
        assert error.value.diagnostics[0].message == message

    def test_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(source_module, "SIZE_LIMIT", 1024 * 1024)
        path = tmp_path / "a.isa"
        path.write_bytes(b"#" * (1024 * 1024))
        assert len(Source.read(path).text) == 1024 * 1024
        path.write_bytes(b"#" * (1024 * 1024 + 1))
        with pytest.raises(PopekError) as error:
            Source.read(path)
        assert the_code(error) == "E0004"
        assert "1 MiB" in str(error.value)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_text_or_a_diagnostic(self, data: bytes) -> None:
        try:
            source = Source.from_bytes("x", data)
        except PopekError as error:
            assert error.diagnostics[0].code == "E0003"
        else:
            assert "\r" not in source.text
