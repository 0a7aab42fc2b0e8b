"""Numbers in assembly: sums of constants, labels, `.` and `next`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_NUMBER = r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9]+"
_TERM = re.compile(rf"(?P<number>{_NUMBER})|(?P<name>{NAME})|(?P<here>\.)")
#: Longer numbers are refused, so that a line cannot take forever to read.
DIGIT_LIMIT = 1000
#: Sums with more terms are not read further.
TERM_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms with their signs: a number, or the name of a label, `.` or `next`."""

    terms: tuple[tuple[int, int | str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that the sum mentions."""
        return tuple(
            term for _, term in self.terms if isinstance(term, str) and term not in RESERVED
        )

    def value(
        self, labels: Mapping[str, int], here: int | None = None, following: int | None = None
    ) -> int | None:
        """The value; None if it mentions a name that has no address.

        `here` is the address of the line, which `.` stands for, `following` that of the next.
        """
        total = 0
        for sign, term in self.terms:
            match term:
                case int():
                    number: int | None = term
                case ".":
                    number = here
                case "next":
                    number = following
                case _:
                    number = labels.get(term)
            if number is None:
                return None
            total += sign * number
        return total


#: Names with a meaning of their own: this instruction's address, and the next one's.
RESERVED = frozenset({".", "next"})


def sums(text: str, at: int) -> Iterator[tuple[Sum, int]]:
    """The sums that start at `at`, with their ends, the longest first.

    `text` holds no blanks but between words (see `popek.guest.matching.condensed`).  Against a
    word only a decimal number stands: the 3 of `d3`.
    """
    if re.match(r"\w\w", text[max(at - 1, 0) : at + 1]) and at > 0:
        digits = re.compile("[0-9]+").match(text, at)
        if digits is not None and len(digits.group()) <= DIGIT_LIMIT:
            for end in range(digits.end(), at, -1):
                yield Sum(((1, int(text[at:end])),)), end
        return
    found: list[tuple[Sum, int]] = []
    terms: tuple[tuple[int, int | str], ...] = ()
    position = at
    sign = 1
    if text[at : at + 1] in ("-", "+"):
        sign = -1 if text[at] == "-" else 1
        position += 1
    while (term := _TERM.match(text, position)) is not None:
        if term.end() - term.start() > DIGIT_LIMIT:
            break
        number = term.group("number")
        value = _integer(number) if number is not None else term.group()
        terms = (*terms, (sign, value))
        position = term.end()
        found.append((Sum(terms), position))
        if text[position : position + 1] not in ("+", "-") or len(terms) == TERM_LIMIT:
            break
        sign = -1 if text[position] == "-" else 1
        position += 1
    yield from reversed(found)


def _integer(text: str) -> int:
    """The number; decimal may start with zeros."""
    base = {"x": 16, "b": 2, "o": 8}.get(text[1:2].lower(), 10)
    return int(text, base)


def parse_sum(text: str) -> Sum | None:
    """The sum that is all of `text`, None if it is none; blanks may stand around its signs."""
    squeezed = re.sub(r"\s*([+-])\s*", r"\1", text.strip())
    return next((found for found, end in sums(squeezed, 0) if end == len(squeezed)), None)
