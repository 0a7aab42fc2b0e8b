"""The lines of an assembly file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from popek.diagnostics import Collector
from popek.guest.expressions import NAME, Sum, parse_sum
from popek.source import Source, Span

_LABEL = re.compile(rf"\s*({NAME}):")
_SELECTOR = re.compile(r"\{([^{}]*)\}\s*$")
_ENTRY = re.compile(
    r'\s*(?:form\s+"(?P<form>[^"]*)"|instruction\s+(?P<instruction>[^\s,]+)'
    r"|(?P<field>[^\s,=]+)\s*=\s*(?P<value>[^\s,]+))\s*(?:,|$)"
)


@dataclass(frozen=True, slots=True)
class Label:
    """`name:`: the address of what follows."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Selector:
    """What `{...}` behind an instruction says beyond its text: the form, and unprinted fields."""

    span: Span
    instruction: str | None
    form: str | None
    fields: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Instruction:
    """Mnemonic and operands, as `span` has them."""

    span: Span
    selector: Selector | None

    @property
    def text(self) -> str:
        return self.span.text


@dataclass(frozen=True, slots=True)
class Data:
    """`.byte` or `.word`: values, with the place of each."""

    directive: str
    span: Span
    values: tuple[tuple[Sum, Span], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """`.org N`: what follows is at address N."""

    span: Span
    address: Sum


Statement = Label | Instruction | Data | Origin

DIRECTIVES = (".byte", ".word", ".org")


def parse(source: Source, collector: Collector) -> list[Statement]:
    """The statements of a file, in order; a line that is none goes to `collector` (E0906, E0908).

    A line is `label:`, then an instruction with an optional `{...}`, or a directive; each part may
    be missing.  `;` starts a comment, and so does a `#` that begins the line or has a blank or the
    line's end behind it: in `moveq #5,d0` it is part of the operand.
    """
    statements: list[Statement] = []
    for line in range(1, source.line_count + 1):
        start = source.offset_of(line)
        text = _without_comment(source.line_text(line))
        while (label := _LABEL.match(text)) is not None:
            begin, end = label.span(1)
            statements.append(Label(label.group(1), source.span(start + begin, start + end)))
            text = " " * label.end() + text[label.end() :]
        if text.strip():
            begin = len(text) - len(text.lstrip())
            span = source.span(start + begin, start + len(text.rstrip()))
            if span.text.startswith("."):
                statements.extend(_directive(span, collector))
            else:
                statements.extend(_instruction(span, collector))
    return statements


def _without_comment(line: str) -> str:
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character == ";":
            return line[:at]
        elif character == "#":
            if not line[:at].strip() or not line[at + 1 : at + 2].strip():
                return line[:at]
    return line


def _directive(span: Span, collector: Collector) -> Iterator[Statement]:
    word, _, rest = span.text.partition(" ")
    word, tab, more = word.partition("\t")
    rest = more + " " + rest if tab else rest
    at = span.start + len(word)
    if word not in DIRECTIVES:
        collector.add(
            "E0906",
            f"`{word}` is not a directive",
            span.source.span(span.start, at),
            hint=f"the directives are {', '.join(DIRECTIVES)}",
        )
        return
    values: list[tuple[Sum, Span]] = []
    for piece in span.source.text[at : span.end].split(","):
        begin = at + len(piece) - len(piece.lstrip())
        place = span.source.span(min(begin, span.end), min(at + len(piece), span.end))
        at += len(piece) + 1
        value = parse_sum(piece)
        if value is None:
            collector.add(
                "E0906",
                f"`{word}` needs numbers" if piece.strip() else f"`{word}` needs a number here",
                place,
                hint="a number is a sum of constants, labels, `.` and `next`",
            )
            return
        values.append((value, place))
    if word != ".org":
        yield Data(word, span, tuple(values))
    elif len(values) == 1:
        yield Origin(span, values[0][0])
    else:
        collector.add("E0906", "`.org` takes one address", span)


def _instruction(span: Span, collector: Collector) -> Iterator[Statement]:
    match = _SELECTOR.search(span.text)
    if match is None:
        yield Instruction(span, None)
        return
    place = span.source.span(span.start + match.start(), span.start + match.end())
    body = span.source.span(span.start, span.start + len(span.text[: match.start()].rstrip()))
    selector = _selector(match.group(1), place)
    if selector is None or not body.text:
        collector.add(
            "E0908",
            "this does not select a form",
            place,
            hint='write {form "89 /r"}, {instruction NAME}, {field=1}, or several with commas',
        )
        return
    yield Instruction(body, selector)


def _selector(text: str, span: Span) -> Selector | None:
    instruction: str | None = None
    form: str | None = None
    fields: list[tuple[str, int]] = []
    at = 0
    while at < len(text):
        entry = _ENTRY.match(text, at)
        if entry is None:
            return None
        at = entry.end()
        if entry["form"] is not None:
            form = entry["form"]
        elif entry["instruction"] is not None:
            instruction = entry["instruction"]
        else:
            value = parse_sum(entry["value"])
            number = None if value is None else value.value({})
            if number is None:
                return None
            fields.append((entry["field"], number))
    return Selector(span, instruction, form, tuple(fields))
