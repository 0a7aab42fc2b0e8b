"""Source texts and places in them.

A :class:`Source` is a text with the name its user knows it by; a :class:`Span` is
a run of characters in one. Everything that popek later says about a line of a
spec rests on a span, so spans are small, immutable and hashable.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SIZE_LIMIT = 64 * 1024 * 1024
"""Larger files are refused unread (bytes)."""

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Source:
    """A text and the path it is shown under.

    Two sources are equal if path and text are. Lines end with ``\\n``;
    :meth:`read` turns ``\\r\\n`` and ``\\r`` into it.
    """

    path: str
    text: str

    @classmethod
    def read(cls, path: str | Path, *, shown: str | None = None) -> Source:
        """Read the UTF-8 file at `path`, shown to users as `shown` (default: the path as given).

        Raises PopekError (E00xx) if that cannot be done.
        """
        # The one upward import of the project: reading is the first thing that can go wrong.
        from popek.diagnostics import PopekError  # noqa: PLC0415

        shown = str(path) if shown is None else shown
        try:
            data = _read_bytes(Path(path))
            return cls(shown, _decode(data))
        except _Unreadable as error:
            raise PopekError.at(error.code, error.message, path=shown, hint=error.hint) from None

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> Source:
        """Decode `data` as :meth:`read` does, for texts that do not come from a file."""
        from popek.diagnostics import PopekError  # noqa: PLC0415

        try:
            return cls(path, _decode(data))
        except _Unreadable as error:
            raise PopekError.at(error.code, error.message, path=path, hint=error.hint) from None

    @cached_property
    def _line_starts(self) -> tuple[int, ...]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return tuple(starts)

    @property
    def line_count(self) -> int:
        """The number of lines; a newline at the very end starts no further line."""
        starts = self._line_starts
        return len(starts) - (len(starts) > 1 and starts[-1] == len(self.text))

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The characters from `start` up to `end`; without arguments, the whole text."""
        return Span(self, start, len(self.text) if end is None else end)

    def line_of(self, offset: int) -> int:
        """The 1-based line that holds the character at `offset`."""
        return bisect_right(self._line_starts, offset)

    def column_of(self, offset: int) -> int:
        """The 1-based column of the character at `offset`; a tab counts as one."""
        return offset - self._line_starts[self.line_of(offset) - 1] + 1

    def offset_of(self, line: int, column: int = 1) -> int:
        """The offset of a 1-based line and column, kept inside that line."""
        start, end = self._line_bounds(line)
        return min(start + column - 1, end)

    def line_text(self, line: int) -> str:
        """The text of a 1-based line, without its newline."""
        start, end = self._line_bounds(line)
        return self.text[start:end]

    def _line_bounds(self, line: int) -> tuple[int, int]:
        starts = self._line_starts
        if not 1 <= line <= len(starts):
            raise IndexError(f"{self.path} has no line {line}")
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return starts[line - 1], end

    def __repr__(self) -> str:
        return f"Source({self.path!r}, {len(self.text)} characters)"

    def __reduce__(self) -> tuple[type[Source], tuple[str, str]]:
        return Source, (self.path, self.text)


@dataclass(frozen=True, slots=True)
class Span:
    """The characters ``start`` to ``end`` (exclusive) of a source."""

    source: Source
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= len(self.source.text):
            raise ValueError(f"no span {self.start}..{self.end} in {self.source!r}")

    @property
    def line(self) -> int:
        """The 1-based line of the first character."""
        return self.source.line_of(self.start)

    @property
    def column(self) -> int:
        """The 1-based column of the first character; a tab counts as one."""
        return self.source.column_of(self.start)

    @property
    def end_line(self) -> int:
        """The 1-based line of the last character."""
        return self.source.line_of(max(self.start, self.end - 1))

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    @property
    def path(self) -> str:
        """The path of the source, as shown to users."""
        return self.source.path

    def through(self, other: Span) -> Span:
        """The smallest span that holds both; they lie in the same source, in any order."""
        if other.source is not self.source and other.source != self.source:
            raise ValueError(f"{self} and {other} lie in different files")
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column}"

    def __repr__(self) -> str:
        return f"Span({self}, {self.start}..{self.end})"


def read_bytes(path: str | Path) -> bytes:
    """A binary file of at most SIZE_LIMIT bytes.  Raises PopekError (E00xx)."""
    from popek.diagnostics import PopekError  # noqa: PLC0415

    try:
        return _read_bytes(Path(path))
    except _Unreadable as error:
        raise PopekError.at(error.code, error.message, path=str(path), hint=error.hint) from None


class _Unreadable(Exception):
    """Why a file did not become a text."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _Unreadable(
                "E0002", "this is a folder, not a file", hint="name one of the files in it"
            )
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise _Unreadable("E0001", "there is no such file") from None
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the path. strerror is the system's own phrase.
        reason = getattr(error, "strerror", None) or str(error)
        raise _Unreadable("E0005", f"the file cannot be read: {reason}") from None
    if len(data) > SIZE_LIMIT:
        raise _Unreadable(
            "E0004",
            f"the file is larger than {SIZE_LIMIT // 1024 // 1024} MiB",
            hint="popek reads files up to that size",
        )
    return data


def _decode(data: bytes) -> str:
    nul = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if 0 <= nul < error.start:
            raise _binary(data, nul) from None
        raise _Unreadable(
            "E0003",
            f"this is not UTF-8 text: byte {data[error.start]:#04x} on line "
            f"{_line(data, error.start)} fits no character",
            hint="save the file as UTF-8",
        ) from None
    if nul >= 0:
        raise _binary(data, nul)
    return text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


def _binary(data: bytes, nul: int) -> _Unreadable:
    return _Unreadable(
        "E0003",
        f"this is not text: line {_line(data, nul)} holds a NUL byte",
        hint="name a text file; popek reads no binary here",
    )


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
