"""Assembly text against the templates of a form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from popek.guest.expressions import Sum, sums
from popek.guest.patterns import Rows
from popek.isa import ir


@dataclass(frozen=True, slots=True)
class Condensed:
    """A text without blanks, but for one between two words; `offsets` are places in the original.

    `offsets` has one more entry than `text` has characters: the end.
    """

    text: str
    offsets: tuple[int, ...]


def condensed(text: str) -> Condensed:
    """The text as it is matched: blanks matter only between words."""
    kept: list[str] = []
    offsets: list[int] = []
    blank = False
    for offset, character in enumerate(text):
        if character.isspace():
            blank = True
            continue
        if blank and kept and _is_word(kept[-1]) and _is_word(character):
            kept.append(" ")
            offsets.append(offset - 1)
        blank = False
        kept.append(character)
        offsets.append(offset)
    return Condensed("".join(kept), (*offsets, len(text)))


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """The text in lower case and with plain blanks, as long as before."""
    return "".join(
        " " if character.isspace() else character.lower() if character.isascii() else character
        for character in text
    )


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


@dataclass(frozen=True, slots=True)
class Matched:
    """One way to read a line as a form: what the text says of the fields and operand rows.

    `places` are where in the condensed text each field's value stands.  Operands that the text
    does not print have the row None.
    """

    form: ir.Form
    values: dict[str, int | Sum]
    places: dict[str, tuple[int, int]]
    rows: Rows

    @property
    def labels(self) -> Iterator[str]:
        """The names that the text uses as labels."""
        for value in self.values.values():
            if isinstance(value, Sum):
                yield from value.names

    @property
    def mentions_next(self) -> bool:
        """Whether a value depends on the length of the code."""
        sums = [value for value in self.values.values() if isinstance(value, Sum)]
        return any(term == "next" for value in sums for _, term in value.terms)


@dataclass(slots=True)
class Furthest:
    """How far into the text any attempt has come; shared by the attempts at one line."""

    at: int = 0


@dataclass(slots=True)
class _Attempt:
    form: ir.Form
    text: str
    folded: str
    furthest: Furthest
    values: dict[str, int | Sum] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)

    def walk(self, parts: tuple[ir.TemplatePart | int, ...], at: int) -> Iterator[None]:
        """Yields each time the parts match all of the text from `at` on."""
        self.furthest.at = max(self.furthest.at, at)
        if not parts:
            if at == len(self.text):
                yield
            return
        first, rest = parts[0], parts[1:]
        match first:
            case int():
                yield from self._operand(first, rest, at)
            case ir.TemplateText(text=literal):
                end = self._literal(folded(literal), at)
                if end is not None:
                    yield from self.walk(rest, end)
                elif literal.endswith("+") and rest and isinstance(rest[0], ir.TemplateField):
                    # A negative number replaces the `+` before it.
                    end = self._literal(folded(literal[:-1]), at)
                    if end is not None and self.text[end : end + 1] == "-":
                        yield from self.walk(rest, end)
            case ir.TemplateField():
                yield from self._field(first, rest, at)

    def _operand(
        self, operand: int, rest: tuple[ir.TemplatePart | int, ...], at: int
    ) -> Iterator[None]:
        rows = self.form.operands[operand].rows
        if operand in self.rows:
            yield from self.walk((*rows[self.rows[operand]].template, *rest), at)
            return
        for number, row in enumerate(rows):
            self.rows[operand] = number
            yield from self.walk((*row.template, *rest), at)
        self.rows.pop(operand, None)

    def _literal(self, literal: str, at: int) -> int | None:
        """The position after a literal; a blank in it may be missing where it parts no words."""
        if self.folded.startswith(literal, at):
            return at + len(literal)
        text = self.folded
        for character in literal:
            here = text[at : at + 1]
            if character == " ":
                if here == " ":
                    at += 1
                elif at > 0 and here and _is_word(text[at - 1]) and _is_word(here):
                    return None
            elif here == character:
                at += 1
            else:
                self.furthest.at = max(self.furthest.at, at)
                return None
        return at

    def _field(
        self,
        part: ir.TemplateField,
        rest: tuple[ir.TemplatePart | int, ...],
        at: int,
    ) -> Iterator[None]:
        name = part.field
        readings: list[tuple[int | Sum, int]] = [
            (value, end)
            for value, word in enumerate(map(folded, part.names))
            if (end := self._word(word, at)) is not None
        ]
        readings.sort(key=lambda reading: -reading[1])
        if len(part.names) < 1 << self.form.fields[name]:
            readings += sums(self.text, at)
        known = name in self.values
        for value, end in readings:
            if known and self.values[name] != value:
                continue
            if not known:
                self.values[name] = value
                self.places[name] = (at, end)
            yield from self.walk(rest, end)
        if not known:
            self.values.pop(name, None)
            self.places.pop(name, None)

    def _word(self, word: str, at: int) -> int | None:
        """The position after a name; an empty one, such as that of no prefix, is always there."""
        end = self._literal(word, at)
        if not word or end is None:
            return end
        if _is_word(word[-1]) and end < len(self.text) and _is_word(self.text[end]):
            return None
        return end


def matches(form: ir.Form, text: str, furthest: Furthest) -> Iterator[Matched]:
    """The ways to read a condensed text as this form."""
    attempt = _Attempt(form, text, folded(text), furthest)
    for _ in attempt.walk(form.template, 0):
        yield Matched(
            form,
            dict(attempt.values),
            dict(attempt.places),
            tuple(attempt.rows.get(i) for i in range(len(form.operands))),
        )


def shown_syntax(form: ir.Form) -> str:
    """The form's syntax with its operands' names in braces, for messages."""
    parts: list[str] = []
    for part in form.template:
        match part:
            case int():
                parts.append(f"{{{form.operands[part].name}}}")
            case ir.TemplateText(text=text):
                parts.append(text)
            case ir.TemplateField(field=name):
                parts.append(f"{{{name}}}")
    return "".join(parts)


def leading_word(parts: Sequence[ir.TemplatePart | int]) -> str:
    """The mnemonic as it is written: the template's text up to its first blank or operand."""
    texts = itertools.takewhile(lambda part: isinstance(part, ir.TemplateText), parts)
    text = "".join(part.text for part in texts if isinstance(part, ir.TemplateText))
    return text.split(maxsplit=1)[0].casefold() if text.strip() else ""
