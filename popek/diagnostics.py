"""Errors with a place: stable codes, carets, and the exception that carries them.

A message says what is wrong in the words of the spec's author, points at it, points
at the second place involved, and says what to write instead. Codes never change
their meaning; a code that is no longer raised is kept. To add one, add a line to
:data:`CODES` in its group.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self

from popek.source import Source, Span

CODES: Mapping[str, str] = MappingProxyType(
    {
        # ------------------------------------------------------------ E00xx files
        "E0001": "The file that was named, on the command line or by `include`, `extends` or "
        "`for`, does not exist.",
        "E0002": "A folder was named where a file is expected.",
        "E0003": "The file is not text. Specs and designs are UTF-8 without NUL bytes; a byte "
        "order mark at the start and any line ending are accepted.",
        "E0004": "The file is larger than popek reads. A spec of this size is almost certainly "
        "a wrong file name; split it with `include` if it is not.",
        "E0005": "The operating system refused to let popek read the file, for instance because "
        "of its permissions.",
        "E0006": 'The file is empty, or holds only comments. A spec starts with `isa "title"`, '
        'a design with `hypervisor "title"`.',
        "E0007": "A file includes itself, directly or through others. Files are included once, "
        "and in the order of their `include` lines.",
        "E0008": "An `include` or `extends` names a file outside the folder of the spec it "
        "belongs to. A spec reads only files beside it or below it, so that its hash "
        "covers all of its text and a spec from a stranger reads nothing else.",
        "E0009": "An absolute path was given to `include` or `extends`. Paths are relative to "
        "the file that names them.",
        "E0010": "The name is neither a file nor a bundled spec or design. `popek list` prints the "
        "bundled ones.",
        # ------------------------------------------------------------ E01xx syntax
        "E0101": "The text does not follow the grammar at this place; the message says what "
        "could stand here.",
        "E0102": "The file ends in the middle of something: a clause without a body, an open "
        "bracket, an operator without its right side.",
        "E0103": "A character that means nothing in the language.",
        "E0104": "The indentation of this line matches no enclosing block. All lines of a block "
        "start in the same column.",
        "E0105": "Indentation mixes tabs and spaces, so that its depth depends on the editor.",
        "E0106": "A number that is not one: a digit outside its base, or no digit at all.",
        "E0107": "A string without its closing quote. Strings end on the line they start.",
        "E0108": "A bracket that is not closed, or closed without being open.",
        "E0109": "A section or clause stands in a place, or an order, where it is not allowed.",
        # ------------------------------------------------------------ E02xx names
        "E0201": "A name that nothing declares, here or in an included or extended file.",
        "E0202": "A field that the register or structure does not have.",
        "E0203": "A name that is declared twice in the same scope.",
        "E0204": "Definitions that need each other: an alias, constant, function or width that "
        "is defined, through others, in terms of itself.",
        "E0205": "A name of the wrong kind: a trap where a value is expected, a constant on the "
        "left of `=`, a call of something that is not a function.",
        "E0206": "A call with too few or too many arguments.",
        "E0207": "A word of the language used as a name.",
        "E0208": "A local name that is read before it has a value on every path.",
        # ------------------------------------------------------------ E03xx widths and types
        "E0301": "The two sides of an operator have different widths. popek never extends or "
        "cuts a value silently: write `zext`, `sext` or a slice.",
        "E0302": "The value assigned, passed or returned does not have the width of its "
        "destination.",
        "E0303": "A constant that does not fit the width it is used at.",
        "E0304": "A width that nothing determines. A constant takes its width from its "
        "neighbour; here there is none.",
        "E0305": "A bit or slice outside the value, or a slice whose ends are reversed.",
        "E0306": "A condition that is wider than one bit. Compare it with something.",
        "E0307": "A width that is zero or negative, an extension to a smaller width, or a "
        "narrowing to a larger one.",
        "E0308": "A decimal number in `@`. Only binary and hexadecimal numbers have a width of "
        "their own there.",
        "E0309": "The branches of an `if` or `match` have different widths or types.",
        "E0310": "A type that does not fit: an enumeration compared with another one, a "
        "structure used as a number, an operator that the type does not have.",
        "E0311": "An index into an array or memory that is wider than, or outside, its range.",
        "E0312": "A value that has to be known when the spec is read, such as a width, a "
        "position or a count, but depends on the state.",
        # ------------------------------------------------------------ E04xx encodings
        "E0401": "Two encodings share a bit pattern, so that some code could be read as either. "
        "Make one of them more specific, or exclude the pattern.",
        "E0402": "An encoding whose bits do not add up to whole code units of the instruction set.",
        "E0403": "An operand that the encoding does not hold, or a field of the encoding that is "
        "declared twice.",
        "E0404": "A table of operands or a family without a row that its use requires, or with "
        "two rows for the same bits.",
        "E0406": "A form that can never be decoded: nothing satisfies its `valid when` and the "
        "conditions of its operands.",
        "E0407": "A malformed bit pattern or opcode in an encoding.",
        "E0408": "An encoding that is longer than popek decodes: 15 units of code where the length "
        "varies, 255 where it does not.",
        "E0409": "An assembly syntax that names no operand of its encoding, or leaves one out.",
        # ------------------------------------------------------------ E05xx state and roles
        "E0501": "A role that does not exist, or that this kind of component cannot have.",
        "E0502": "Two fields of a register cover the same bit.",
        "E0503": "A field outside its register, or with its ends reversed.",
        "E0504": "A component that every instruction set needs is missing: a `pc`, a `mode`, "
        "a `memory`.",
        "E0505": "The order of the mode's levels is malformed: a level is missing, named twice, "
        "or does not fit the bits that hold it.",
        "E0506": "A second order of levels. A spec has one; switches that change behaviour "
        "without ordering privilege have the role `control`.",
        "E0507": "An assignment to something that cannot be written: a parameter, a constant "
        "bit, an input.",
        "E0508": "A reset, fixed or host value that does not fit its component.",
        "E0509": "Bad banking: `banked by` names something that is not the mode, or the copies "
        "do not match its levels.",
        "E0510": "A name of the wrong count: `named` gives more or fewer names than the "
        "register file has entries.",
        "W0501": "A component that masks the host's interrupts has a role other than `resource` "
        "with a `host` clause, so the guest could keep the hypervisor from running.",
        # ------------------------------ E06xx traps, translation, host, invariants
        "E0601": "A trap that is malformed or raised with the wrong arguments.",
        "E0602": "A `translate` that is malformed: it does not end in an access, or translates "
        "through itself.",
        "E0603": "A `host` clause that does not state a condition on a held component.",
        "E0604": "The `host` lines of a spec contradict each other: no host could satisfy them. "
        "Contradictions that take a proof to find leave every form `undecided` instead.",
        "E0605": "An `invariant` that is not a condition on the state alone.",
        "E0606": "An `interrupt` whose condition has effects: it assigns, raises or jumps.",
        "E0607": "A `contract` that is malformed or names no level of the mode.",
        "E0608": "An `expect` that names no class, or contradicts another one of the same form.",
        "E0609": "A citation of a manual that the spec does not declare.",
        "E0610": "An assumption that is not in popek's registry.",
        # ------------------------------------------------------------ E07xx variants
        "E0701": "A spec extends itself, directly or through others.",
        "E0702": "`amend` names an instruction that the extended spec does not have.",
        "E0703": "`remove` names something that the extended spec does not have.",
        "E0704": "One file replaces the same clause twice, or amends what it removes.",
        "E0705": "A component that is declared again does not match its first declaration: "
        "its width, role or fields differ. Only new fields may be added.",
        "E0706": "`amend` or `remove` in a spec that extends nothing.",
        # ------------------------------------------------------------ E08xx limits
        "E0801": "Expressions, blocks or includes are nested more deeply than popek follows. "
        "No instruction set needs this; name the inner parts.",
        "E0802": "A value wider than popek supports.",
        "E0803": "The spec has more forms, components or fields than popek supports, or an "
        "encoding expands into more.",
        "E0804": "More files than popek includes into one spec.",
        "E0805": "A number with more digits than popek reads.",
        "E0806": "A loop, repetition or function expands into more than popek follows.",
        # ------------------------------------------------------------ E09xx assembly
        "E0901": "A word in the place of an instruction that is the mnemonic of none, in this "
        "instruction set.",
        "E0902": "Operands that fit no form of the instruction. They are written as the operand "
        "tables of the spec print them.",
        "E0903": "A value that does not fit its field. A field whose sign the instruction extends "
        "holds as many negative numbers as others.",
        "E0904": "A label that the file does not declare.",
        "E0905": "A label that is declared twice in one file.",
        "E0906": "A directive that does not exist, or is written with the wrong values. There are "
        "`.byte`, `.word` and `.org`.",
        "E0907": "An `.org` that goes back to an address that already has code or data.",
        "E0908": "A `{...}` behind an instruction that selects no form which is written like this.",
        "E0909": "A label that is called like a register or another word of the operands.",
        "E0910": "Operands without code: the instruction excludes them, or needs another decode "
        "context, such as one for operands of 16 bits.",
        "E0911": "An image that is larger than popek assembles.",
        # ------------------------------------------------------------ E10xx designs
        "E1001": "A design that does not say how it keeps some part of the guest's state. Each "
        "component, memory and device has a row in `state`.",
        "E1002": "A row of `state` that names no part of the state, or a memory as a whole.",
        "E1003": "A real value for what the guest holds itself, or for a parameter of the "
        "processor, or a second one.",
        "E1004": "A value that loads from memory or a device where one of the state is needed.",
        "E1005": "An instruction for which no row of `instructions` says what becomes of it, in "
        "some state of the guest's.",
        "E1006": "An instruction that is said to `trap` and that, in some state, does not. With "
        "`run` it is the machine that decides what traps.",
        "E1007": "A `require` that does not hold where a guest starts: of the state that `reset` "
        "leaves, with anything that the host may choose.",
        "E1008": "An assumption that a design may not make: that translations are coherent is "
        "proved of a design, and what is no id has to be a condition.",
        "E1009": "The host is to do an instruction by which nothing brings it back: others run "
        "directly in the same states, and this one does not always trap.",
        # ------------------------------------------------------------ E11xx guests
        "E1101": "The description of a guest (`NAME.json`) is not as its schema says, or names "
        "what the design that it is run under does not have.",
        "E1102": "A design under which this guest cannot start: its requirements fail with the "
        "parameters that were given, or with all that were tried, or leave the guest no room; or "
        "it leaves open what the host's translation tables hold (`shadowed`).",
    }
)

LINE_LIMIT = 100
"""Source lines are shown up to this many columns wide; longer ones are cut."""

TAB_WIDTH = 4
"""A tab in a shown line advances to the next column that is a multiple of this."""


@dataclass(frozen=True, slots=True)
class Note:
    """The second place involved, and what it has to do with the error."""

    span: Span
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error (or warning), at one place, with everything needed to show it."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    hint: str = ""
    path: str | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code} is not in popek.diagnostics.CODES")
        object.__setattr__(self, "notes", tuple(self.notes))
        if self.path is None and self.span is not None:
            object.__setattr__(self, "path", self.span.path)

    @property
    def severity(self) -> Literal["error", "warning"]:
        """Whether the input is bad or merely suspicious: the first letter of the code."""
        return "warning" if self.code.startswith("W") else "error"

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Orders diagnostics by file, then position."""
        start, end = (self.span.start, self.span.end) if self.span else (-1, -1)
        return self.path or "", start, end, self.code, self.message

    def __str__(self) -> str:
        return render(self)


class PopekError(Exception):
    """The input is bad. Carries every diagnostic found, sorted, at least one."""

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics = in_order(diagnostics)
        if not self.diagnostics:
            raise ValueError("a PopekError carries at least one diagnostic")
        super().__init__(self.diagnostics)

    @classmethod
    def at(
        cls,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        hint: str = "",
        path: str | None = None,
    ) -> Self:
        """An error with a single diagnostic: ``raise PopekError.at("E0201", ..., span)``."""
        return cls(Diagnostic(code, message, span, label, tuple(notes), hint, path))

    def __str__(self) -> str:
        return render_all(self.diagnostics)


class Collector:
    """Gathers the diagnostics of a phase, so that all errors of a file are reported at once."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        hint: str = "",
        path: str | None = None,
    ) -> None:
        """Record a diagnostic and go on."""
        self._found.append(Diagnostic(code, message, span, label, tuple(notes), hint, path))

    def extend(self, diagnostics: PopekError | Iterable[Diagnostic]) -> None:
        """Record the diagnostics of a part that gave up."""
        if isinstance(diagnostics, PopekError):
            diagnostics = diagnostics.diagnostics
        self._found.extend(diagnostics)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything recorded, sorted, without repetitions."""
        return in_order(self._found)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The recorded warnings alone."""
        return tuple(d for d in self.diagnostics if d.severity == "warning")

    @property
    def failed(self) -> bool:
        """Whether an error, not only warnings, was recorded."""
        return any(d.severity == "error" for d in self._found)

    def check(self) -> None:
        """Raise everything recorded if there is an error in it."""
        if self.failed:
            raise PopekError(self._found)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file and position, each once."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=lambda d: d.sort_key))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the known name closest to `name`; empty if none is close."""
    candidates = sorted(set(known) - {name})
    folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[found[0]]}?" if found else ""


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """All of them, in order, an empty line between; no newline at the end."""
    return "\n\n".join(render(diagnostic) for diagnostic in in_order(diagnostics))


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as plain text; no newline at the end."""
    blocks = _blocks(diagnostic)
    gutter = max([2, *(len(str(block.line)) for block in blocks)])
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {_one_line(diagnostic.message)}"]
    if diagnostic.span is None:
        if diagnostic.path is not None:
            lines.append(f"{'':{gutter}}--> {_one_line(diagnostic.path)}")
        if diagnostic.label:
            lines.append(f"{'':{gutter}} = {_one_line(diagnostic.label)}")
    for block in blocks:
        lines.extend(block.render(gutter))
    for number, part in enumerate(diagnostic.hint.splitlines()):
        lines.append(f"{'':{gutter}} {' ' if number else '='} {_visible(part)}")
    return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True, slots=True)
class _Mark:
    """An underline: where on its line (in characters), with what, and its text."""

    line: int
    start: int
    end: int
    rule: str
    label: str

    @classmethod
    def of(cls, span: Span, rule: str, label: str) -> _Mark:
        line, column = _place(span)
        text = span.source.line_text(line)
        start = column - 1
        end = start + span.end - span.start
        if end > len(text):  # goes on: the first line only
            end = max(len(text.rstrip()), start + 1)
        return cls(line, start, max(end, start + 1), rule, label)


@dataclass(frozen=True, slots=True)
class _Block:
    """A source line with the marks on it; the first mark gives the position."""

    arrow: str
    source: Source
    marks: tuple[_Mark, ...]

    @property
    def line(self) -> int:
        return self.marks[0].line

    def render(self, gutter: int) -> Iterator[str]:
        text = self.source.line_text(self.line)
        first = self.marks[0]
        path = _one_line(self.source.path)
        window = _Window.around(text, first)
        yield f"{'':{gutter}}{self.arrow} {path}:{self.line}:{first.start + 1}"
        yield f"{'':{gutter}} |"
        yield f"{self.line:>{gutter}} | {window.shown}"
        for mark in self.marks:
            left, right = window.columns(mark)
            rule = mark.rule * (right - left)
            yield f"{'':{gutter}} | {'':{left}}{rule} {_one_line(mark.label)}"


def _blocks(diagnostic: Diagnostic) -> list[_Block]:
    """The source lines to show, the primary one first, marks on the same line together."""
    blocks: list[_Block] = []
    places = [Note(diagnostic.span, diagnostic.label)] if diagnostic.span else []
    for note in (*places, *diagnostic.notes):
        rule = "-" if blocks or diagnostic.span is None else "^"
        mark = _Mark.of(note.span, rule, note.label)
        for index, block in enumerate(blocks):
            if (
                block.source == note.span.source
                and block.line == mark.line
                and _Window.around(block.source.line_text(block.line), block.marks[0]).holds(mark)
            ):
                blocks[index] = _Block(block.arrow, block.source, (*block.marks, mark))
                break
        else:
            arrow = "-->" if rule == "^" else ":::"
            blocks.append(_Block(arrow, note.span.source, (mark,)))
    return blocks


ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of a line that is shown, and the columns its characters take."""

    shown: str
    start: int
    end: int
    offsets: Sequence[int]
    shift: int

    @classmethod
    def around(cls, text: str, mark: _Mark) -> _Window:
        """All of a short line; of a long one, the part around `mark`."""
        pieces = list(_pieces(text))
        offsets = [0]
        for _, width in pieces:
            offsets.append(offsets[-1] + width)
        total = offsets[-1]
        if total <= LINE_LIMIT:
            return cls("".join(piece for piece, _ in pieces), 0, len(text), offsets, 0)
        room = LINE_LIMIT - 2 * len(ELLIPSIS)
        mark_left = offsets[min(mark.start, len(text))]
        mark_width = min(offsets[min(mark.end, len(text))] - mark_left, room)
        left = max(0, min(mark_left - (room - mark_width) // 2, total - room))
        start = next(i for i, offset in enumerate(offsets) if offset >= left)
        end = start
        while end < len(text) and offsets[end + 1] - offsets[start] <= room:
            end += 1
        shown = "".join(piece for piece, _ in pieces[start:end])
        before = ELLIPSIS if start > 0 else ""
        after = ELLIPSIS if end < len(text) else ""
        shift = len(before) - offsets[start]
        return cls(before + shown + after, start, end, offsets, shift)

    def holds(self, mark: _Mark) -> bool:
        """Whether the start of `mark` is in sight."""
        last = len(self.offsets) - 1
        return self.start <= mark.start < self.end or (self.end == last <= mark.start)

    def columns(self, mark: _Mark) -> tuple[int, int]:
        """The first column of `mark` in the shown text, and the one after its last."""
        last = len(self.offsets) - 1
        start = min(mark.start, last)
        end = min(mark.end, self.end)
        left = self.offsets[start] + self.shift + max(0, mark.start - last)
        return left, max(self.offsets[end] + self.shift, left + 1)


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """Each character as shown, and how many columns it takes."""
    column = 0
    for character in text:
        if character == "\t":
            width = TAB_WIDTH - column % TAB_WIDTH
            piece = " " * width
        elif not character.isprintable():
            piece, width = "\N{REPLACEMENT CHARACTER}", 1
        else:
            piece, width = character, _columns(character)
        yield piece, width
        column += width


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _place(span: Span) -> tuple[int, int]:
    """Line and column of a span; for the end of the file, just behind its last text."""
    if span.start == len(span.source.text) > 0:
        offset = max(len(span.source.text.rstrip()), 0)
        return span.source.line_of(offset), span.source.column_of(offset)
    return span.line, span.column


_WHITESPACE = re.compile(r"\s+")


def _one_line(text: str) -> str:
    return _visible(_WHITESPACE.sub(" ", text))


def _visible(text: str) -> str:
    return "".join(piece for piece, _ in _pieces(text))
