"""Which code a line of assembly stands for, among all the code that it could."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from popek.guest.conditions import Context, constants, solutions
from popek.guest.decoding import Decoded, Decoder
from popek.guest.encoding import EncodingError, encode
from popek.guest.expressions import Sum
from popek.guest.fields import canonical, row_goals
from popek.guest.matching import Furthest, Matched, condensed, leading_word, matches
from popek.guest.rendering import signed_fields
from popek.isa import ir


@dataclass(frozen=True, slots=True)
class Candidate:
    """Code that a line may stand for."""

    form: ir.Form
    fields: Mapping[str, int]
    code: bytes


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A value that its field does not hold, at `place` in the condensed text."""

    value: int
    low: int
    high: int
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the assembler finds out about a form once."""

    form: ir.Form
    signed: frozenset[str]
    constants: frozenset[int]

    @classmethod
    def of(cls, form: ir.Form) -> Facts:
        conditions = [form.decode, *(r.condition for o in form.operands for r in o.rows)]
        return cls(form, signed_fields(form), constants(*conditions))


class Chooser:
    """Reads lines of assembly in one decode context.

    A line stands for its shortest code, of equally short ones that of the form that the spec has
    first.  Fields that the text does not print are 0 or, where that is not the form's code, the
    first values that are: prefixes first, each from 0 up.
    """

    def __init__(self, isa: ir.Isa, context: Context, decoder: Decoder | None = None) -> None:
        self.isa = isa
        self.context = context
        self.decoder = decoder if decoder is not None else Decoder(isa)
        self._forms: dict[str, list[ir.Form]] = {}
        for form in isa.forms:
            self._forms.setdefault(leading_word(form.template), []).append(form)
        self._facts: dict[int, Facts] = {}
        self._prefixes = [group.field for group in isa.prefixes]
        self._limits = {group.field: len(group.codes) for group in isa.prefixes}

    @property
    def mnemonics(self) -> list[str]:
        """The words that an instruction may start with, in lower case."""
        return [word for word in self._forms if word]

    def facts(self, form: ir.Form) -> Facts:
        """What is found out about a form of this instruction set once."""
        if (facts := self._facts.get(id(form))) is None:
            facts = self._facts[id(form)] = Facts.of(form)
        return facts

    def forms(self, line: str) -> list[ir.Form]:
        """The forms that are written with the first word of the line."""
        word = line.split(maxsplit=1)[0].casefold() if line.split() else ""
        found = self._forms.get(word, [])
        return found + self._forms.get("", []) if word else found

    def readings(self, line: str, furthest: Furthest) -> Iterator[Matched]:
        """The ways to read a line, forms in the order of the spec."""
        text = condensed(line).text
        for form in self.forms(line):
            yield from matches(form, text, furthest)

    def candidates(
        self,
        readings: Iterable[Matched],
        fixed: Mapping[str, int],
        labels: Mapping[str, int],
        address: int,
    ) -> Iterator[Candidate | OutOfRange]:
        """The code of each reading; a reading without code in this context is left out.

        `fixed` are values for fields that the text does not print.  A sum with an unknown label
        counts as 0.  `address` is that of the line, in the units that addresses count.
        """
        for reading in readings:
            if not fixed.keys() <= reading.form.fields.keys():
                continue
            yield from self._candidate(reading, fixed, labels, address)

    def _candidate(
        self,
        reading: Matched,
        fixed: Mapping[str, int],
        labels: Mapping[str, int],
        address: int,
    ) -> Iterator[Candidate | OutOfRange]:
        units = self.decoder.units
        following = address
        for _ in range(3):
            places = {**labels, ".": address, "next": following}
            values = self._values(reading, places)
            if isinstance(values, OutOfRange):
                # What is out of reach of an address yet unknown may be in reach of the right one.
                if following == address and _mentions_next(reading):
                    values = dict.fromkeys(reading.values, 0) | _words(reading)
                else:
                    yield values
                    return
            found = self._solve(reading, {**values, **fixed})
            if found is None:
                return
            after = address + units.addresses(len(found.code))
            if after == following or not _mentions_next(reading):
                yield found
                return
            following = after

    def _values(self, reading: Matched, places: Mapping[str, int]) -> dict[str, int] | OutOfRange:
        values: dict[str, int] = {}
        signed = self.facts(reading.form).signed
        for name, value in reading.values.items():
            width = reading.form.fields[name]
            number = (value.value(places) or 0) if isinstance(value, Sum) else value
            low = -(1 << (width - 1)) if width > 1 else 0
            high = (1 << (width - (name in signed))) - 1
            if not low <= number <= high:
                return OutOfRange(number, low, high, reading.places[name])
            values[name] = number & ((1 << width) - 1)
        return values

    def _solve(self, reading: Matched, values: dict[str, int]) -> Candidate | None:
        form = reading.form
        if any(value >> form.fields[name] for name, value in values.items()):
            return None
        order = [name for name in self._prefixes if name in form.fields]
        order += [name for name in form.fields if name not in order and name != "length"]
        free = {name: form.fields[name] for name in order if name not in values}
        hints = self.facts(form).constants

        def tried(name: str, width: int) -> Iterable[int]:
            top = self._limits.get(name, (1 << width) - 1)
            if top < 64:
                return range(top + 1)
            near = {h + d for h in hints for d in (-1, 0, 1)}
            return sorted(v for v in near | {0, 1, top} if 0 <= v <= top)

        goals = [form.decode, *row_goals(form, reading.rows)]
        for found in solutions(goals, values, free, self.context, tried):
            fields = canonical(self.isa, form, {**values, **found}, self.context)
            if fields is None or any(fields[name] != value for name, value in values.items()):
                continue
            try:
                code = encode(self.isa, form, fields, self.context)
            except EncodingError:
                continue
            meaning = self.decoder.decode(code, self.context)
            if isinstance(meaning, Decoded) and meaning.form is form and meaning.fields == fields:
                return Candidate(form, fields, code)
        return None


def _mentions_next(reading: Matched) -> bool:
    return any(
        isinstance(value, Sum) and any(term == "next" for _, term in value.terms)
        for value in reading.values.values()
    )


def _words(reading: Matched) -> dict[str, int]:
    return {name: value for name, value in reading.values.items() if isinstance(value, int)}


def best(candidates: Iterable[Candidate], at_least: int = 0) -> Candidate | None:
    """The shortest of at least so many bytes; of equally short ones the first."""
    fitting = [c for c in candidates if len(c.code) >= at_least]
    return min(fitting, key=lambda c: len(c.code), default=None)
