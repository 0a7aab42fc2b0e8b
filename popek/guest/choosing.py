"""Which code a line of assembly stands for, among all the code that it could."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from popek.guest.conditions import Context, solutions
from popek.guest.decoding import Decoded, Decoder
from popek.guest.encoding import EncodingError, encode
from popek.guest.fields import canonical
from popek.guest.matching import Furthest, Matched, condensed, leading_word, matches
from popek.guest.patterns import Pattern
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


class Chooser:
    """Reads lines of assembly in one decode context.

    A line stands for the code with the fewest prefixes, of those for the shortest, of those for
    that of the form that the spec has first.  Fields that the text does not print are 0 or, where
    that is not the form's code, the first values that are: prefixes first, each from 0 up.
    """

    def __init__(self, isa: ir.Isa, context: Context, decoder: Decoder | None = None) -> None:
        self.isa = isa
        self.context = context
        self.decoder = decoder if decoder is not None else Decoder(isa)
        self._forms: dict[str, list[ir.Form]] = {}
        for form in isa.forms:
            self._forms.setdefault(leading_word(form.template), []).append(form)
        self._prefixes = [group.field for group in isa.prefixes]
        self._limits = {group.field: len(group.codes) for group in isa.prefixes}

    @property
    def mnemonics(self) -> list[str]:
        """The words that an instruction may start with, in lower case."""
        return [word for word in self._forms if word]

    def named(self, word: str) -> list[ir.Form]:
        """The forms that are written with this word first."""
        return self._forms.get(word.casefold(), []) if word else []

    def forms(self, line: str) -> list[ir.Form]:
        """The forms that the line may be, by its first word; some may start with a prefix."""
        words = line.split(maxsplit=1)
        return self.named(words[0]) + self._forms.get("", []) if words else []

    def readings(self, line: str, furthest: Furthest) -> Iterator[Matched]:
        """The ways to read a line, forms in the order of the spec."""
        text = condensed(line).text
        for form in self.forms(line):
            yield from matches(form, text, furthest)

    def choose(
        self,
        readings: Iterable[Matched],
        fixed: Mapping[str, int],
        labels: Mapping[str, int],
        address: int,
        at_least: int = 0,
    ) -> Candidate | tuple[OutOfRange, ...]:
        """The code of at least so many bytes that a line with these readings stands for.

        `fixed` are values for fields that the text does not print.  A sum with an unknown label
        may have any value.  `address` is that of the line, in the units that addresses count.
        Without code that means this in the decode context, the values that are out of range.
        """
        found: list[Candidate] = []
        outside: list[OutOfRange] = []
        for reading in readings:
            if fixed.keys() <= reading.form.fields.keys():
                match self._candidate(reading, fixed, labels, address):
                    case Candidate() as candidate:
                        found.append(candidate)
                    case OutOfRange() as value:
                        outside.append(value)
                    case None:
                        pass
        found.sort(key=self._preference)
        for candidate in found:
            if len(candidate.code) >= at_least and self._is_meant(candidate):
                return candidate
        return tuple(outside)

    def _preference(self, candidate: Candidate) -> tuple[int, int]:
        prefixes = sum(1 for name in self._prefixes if candidate.fields.get(name))
        return prefixes, len(candidate.code)

    def _is_meant(self, candidate: Candidate) -> bool:
        meaning = self.decoder.decode(candidate.code, self.context)
        return (
            isinstance(meaning, Decoded)
            and meaning.form is candidate.form
            and meaning.fields == candidate.fields
        )

    def _candidate(
        self,
        reading: Matched,
        fixed: Mapping[str, int],
        labels: Mapping[str, int],
        address: int,
    ) -> Candidate | OutOfRange | None:
        following: int | None = None
        for _ in range(3):
            values = self._values(reading, labels, address, following)
            if isinstance(values, OutOfRange):
                return values
            found = self._solve(reading, {**values, **fixed})
            if found is None or not reading.mentions_next:
                return found
            after = address + self.decoder.units.addresses(len(found.code))
            if after == following:
                return found
            following = after
        return None

    def _values(
        self, reading: Matched, labels: Mapping[str, int], here: int, following: int | None
    ) -> dict[str, int] | OutOfRange:
        """The fields' values by the text, without those that are not known yet."""
        values: dict[str, int] = {}
        signed = Pattern.of(reading.form).signed
        for name, value in reading.values.items():
            width = reading.form.fields[name]
            number = value if isinstance(value, int) else value.value(labels, here, following)
            if number is None:
                continue
            # Narrow fields without a sign are numbers of registers, vectors, bits.
            low = -(1 << (width - 1)) if width >= 8 or name in signed else 0
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
        pattern = Pattern.of(form)

        def tried(name: str, width: int) -> Iterable[int]:
            top = self._limits.get(name, (1 << width) - 1)
            if top < 64:
                return range(top + 1)
            near = [value for value in pattern.constants if 0 <= value <= top]
            return sorted({0, 1, top, *near})

        for found in solutions(pattern.goals(reading.rows), values, free, self.context, tried):
            fields = canonical(self.isa, form, {**values, **found}, self.context)
            if fields is None or any(fields[name] != value for name, value in values.items()):
                continue
            try:
                code = encode(self.isa, form, fields, self.context)
            except EncodingError:
                continue
            return Candidate(form, fields, code)
        return None
