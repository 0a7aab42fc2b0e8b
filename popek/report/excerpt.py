"""Lines of a spec, with the one to blame marked."""

from __future__ import annotations

from dataclasses import dataclass

from popek.isa import ir
from popek.source import Span

#: A clause longer than this is shown around the lines that matter.
LONGEST = 24
AROUND = 3


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a spec.  `cut`: lines before it are left out.  `elsewhere`: not in the clause."""

    file: str
    number: int
    text: str
    blamed: bool
    cut: bool = False
    elsewhere: bool = False


def clause_lines(form: ir.Form, blame: Span | None) -> tuple[SourceLine, ...]:
    """The instruction as it stands in its spec; then the blamed line where it stands elsewhere."""
    span = form.span
    last = _last_line(form)
    blamed = None
    if blame is not None and blame.source == span.source:
        blamed = blame.line
    numbers = list(range(span.line, last + 1))
    if len(numbers) > LONGEST:
        centre = blamed if blamed is not None and span.line <= blamed <= last else span.line
        kept = {*range(span.line, span.line + AROUND * 2)}
        kept |= {*range(centre - AROUND * 2, centre + AROUND * 2 + 1)}
        numbers = [n for n in numbers if n in kept]
    lines = []
    previous = span.line - 1
    for number in numbers:
        text = span.source.line_text(number)
        lines.append(
            SourceLine(span.path, number, text, number == blamed, cut=number != previous + 1)
        )
        previous = number
    if blame is not None and not any(line.blamed for line in lines):
        text = blame.source.line_text(blame.line)
        lines.append(SourceLine(blame.path, blame.line, text, True, elsewhere=True))
    return tuple(lines)


def _last_line(form: ir.Form) -> int:
    """The last line of the clause: where its block ends in the text."""
    span = form.span
    source = span.source
    last = max(span.end_line, span.line)
    indent = _indent(source.line_text(span.line))
    number = span.line + 1
    while number <= source.line_count:
        text = source.line_text(number)
        if text.strip():
            if _indent(text) <= indent and number > span.end_line:
                break
            if not text.lstrip().startswith("#"):
                last = max(last, number)
        number += 1
    return last


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
