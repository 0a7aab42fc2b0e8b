"""Machine code becomes a form and the values of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from popek.guest.conditions import Context
from popek.guest.patterns import Pattern
from popek.guest.units import Units
from popek.isa import ir


@dataclass(frozen=True, slots=True)
class Decoded:
    """What code means: `fields` are all of the form's, 0 where the code does not hold them.

    `size` is in bytes; the field `length`, where the form has one, is in addresses.
    """

    form: ir.Form
    fields: Mapping[str, int]
    size: int


class Undecodable(Enum):
    """Why code means nothing."""

    UNKNOWN = "no form has these bits"
    TRUNCATED = "the code ends inside an instruction"


@dataclass(frozen=True, slots=True)
class _Head:
    """The fixed bits of a form before the first extension."""

    width: int
    mask: int
    value: int

    @classmethod
    def of(cls, form: ir.Form) -> _Head:
        width = mask = value = 0
        for item in form.encoding:
            match item:
                case ir.FixedBits(width=more):
                    part, known_bits = item.value & item.mask, item.mask
                case ir.FieldBits(high=high, low=low):
                    more, part, known_bits = high - low + 1, 0, 0
                case ir.ImmediateBits(width=more):
                    part = known_bits = 0
                case ir.Extension():
                    break
            width, mask, value = width + more, mask << more | known_bits, value << more | part
        return cls(width, mask, value)


def _widest(form: ir.Form) -> int:
    """The bits of the form's longest code, without prefixes."""

    def width(items: Sequence[ir.EncodingItem]) -> int:
        total = 0
        for item in items:
            match item:
                case ir.FixedBits(width=more) | ir.ImmediateBits(width=more):
                    total += more
                case ir.FieldBits(high=high, low=low):
                    total += high - low + 1
                case ir.Extension(operand=operand):
                    rows = form.operands[operand].rows
                    total += max((width(row.extension) for row in rows), default=0)
        return total

    return width(form.encoding)


class Decoder:
    """The forms of an instruction set, found by their fixed bits.

    Forms with the same fixed positions are one table, so that decoding looks into a few tables
    and tries the few forms that it finds, in the order of the spec.
    """

    def __init__(self, isa: ir.Isa) -> None:
        self.isa = isa
        self.units = Units.of(isa)
        self._tables: dict[tuple[int, int], dict[int, list[int]]] = {}
        for position, form in enumerate(isa.forms):
            head = _Head.of(form)
            table = self._tables.setdefault((head.width, head.mask), {})
            table.setdefault(head.value, []).append(position)
        self._widest = self.units.bytes_of(max(map(_widest, isa.forms), default=0))
        self._prefixes = {
            code: (group.field, position)
            for group in isa.prefixes
            for position, code in enumerate(group.codes, 1)
        }
        lengths = [form.fields["length"] for form in isa.forms if "length" in form.fields]
        #: More addresses than this no instruction has, redundant prefixes included.
        self._longest = (1 << max(lengths)) - 1 if lengths else None

    @property
    def reach(self) -> int:
        """Bytes of code that are enough to decode one instruction."""
        prefixes = 0 if self._longest is None else self._longest * self.units.address_size
        return prefixes + self._widest

    def decode(self, code: bytes, context: Context | None = None) -> Decoded | Undecodable:
        """What the code at the start of `code` means in this decode context."""
        truncated = False
        for found in self._meanings(code, context or {}):
            if isinstance(found, Decoded):
                return found
            truncated = True
        return Undecodable.TRUNCATED if truncated else Undecodable.UNKNOWN

    def meanings(self, code: bytes, context: Context | None = None) -> list[Decoded]:
        """All that the start of `code` could mean; a spec without overlaps gives at most one."""
        found = self._meanings(code, context or {})
        return [meaning for meaning in found if isinstance(meaning, Decoded)]

    def _meanings(self, code: bytes, context: Context) -> Iterator[Decoded | None]:
        """Meanings in the order of the spec's forms; None where more code could have one."""
        prefixes, start = self._read_prefixes(code)
        if start is None:
            return
        window = _Bits(*self.units.unpack(code[start : start + self._widest]))
        bits, width = window.value, window.width
        positions: list[int] = []
        for (head, mask), table in self._tables.items():
            if head <= width:
                positions += table.get(bits >> (width - head) & mask, ())
            elif any(self._may_start(window, head, mask, value) for value in table):
                yield None
        for position in sorted(positions):
            form = self.isa.forms[position]
            fields = {n: v for n, v in prefixes.items() if n in form.fields}
            yield from self._read(form, fields, window, start, context)

    @staticmethod
    def _may_start(code: _Bits, head: int, mask: int, value: int) -> bool:
        """Whether the code could be the beginning of a longer head."""
        rest = head - code.width
        return code.value & mask >> rest == value >> rest

    def _read_prefixes(self, code: bytes) -> tuple[dict[str, int], int | None]:
        """The prefix fields, and where the opcode starts; None if there is no room for one."""
        fields: dict[str, int] = {}
        at = 0
        size = self.units.size
        while self._prefixes and at + size <= len(code):
            unit, _ = self.units.unpack(code[at : at + size])
            if (found := self._prefixes.get(unit)) is None:
                break
            fields[found[0]] = found[1]
            at += size
            if self._longest is not None and self.units.addresses(at) >= self._longest:
                return fields, None
        return fields, at

    def _read(
        self,
        form: ir.Form,
        prefixes: Mapping[str, int],
        code: _Bits,
        start: int,
        context: Context,
    ) -> Iterator[Decoded | None]:
        """The form read from `code`: at most one meaning, since rows are tried in order."""
        pattern = Pattern.of(form)
        reading = _Reading(self.units, pattern, code, context)
        for read in reading.parse(form.encoding, 0, dict(prefixes), {}):
            if read is None:
                yield None
                continue
            found, used, rows = read
            fields = {name: found.get(name, 0) for name in form.fields}
            size = start + self.units.bytes_of(used)
            if "length" in form.fields:
                length = self.units.addresses(size)
                if length >> form.fields["length"]:
                    continue
                fields["length"] = length
            chosen = pattern.rows(fields, context)
            if all(chosen[operand] == row for operand, row in rows.items()):
                if pattern.decode(fields, context) == 1:
                    yield Decoded(form, fields, size)
                    return


@dataclass(frozen=True, slots=True)
class _Bits:
    """The code after the prefixes: `width` bits, the first most significant."""

    value: int
    width: int

    def take(self, at: int, count: int) -> int | None:
        """`count` bits from bit `at` on; None beyond the end."""
        rest = self.width - at - count
        return None if rest < 0 else self.value >> rest & ((1 << count) - 1)


#: Fields and the position after what was read, or why there are none.
_Read = tuple[dict[str, int], int] | Undecodable


@dataclass(frozen=True, slots=True)
class _Reading:
    """An attempt to read code as one form."""

    units: Units
    pattern: Pattern
    code: _Bits
    context: Context

    def parse(
        self,
        items: tuple[ir.EncodingItem, ...],
        at: int,
        fields: dict[str, int],
        rows: dict[int, int],
    ) -> Iterator[tuple[dict[str, int], int, dict[int, int]] | None]:
        """Fields, end and rows, for each choice of rows that fits so far; None if cut off."""
        for position, item in enumerate(items):
            if isinstance(item, ir.Extension):
                rest = items[position + 1 :]
                conditions = self.pattern.conditions[item.operand]
                operand = self.pattern.form.operands[item.operand]
                for number, (row, holds) in enumerate(zip(operand.rows, conditions, strict=True)):
                    if holds(fields, self.context) == 0:
                        continue
                    match self._take(row.extension, at, fields):
                        case Undecodable.TRUNCATED:
                            yield None
                        case (found, end) if holds(found, self.context) != 0:
                            yield from self.parse(rest, end, found, {**rows, item.operand: number})
                        case _:
                            pass
                return
            match self._take((item,), at, fields):
                case Undecodable.TRUNCATED:
                    yield None
                    return
                case Undecodable.UNKNOWN:
                    return
                case (fields, at):
                    pass
        yield fields, at, rows

    def _take(
        self, items: tuple[ir.EncodingItem, ...], at: int, fields: Mapping[str, int]
    ) -> _Read:
        """The fields in `items`, which hold no extension, beside those in `fields`."""
        found = dict(fields)
        for item in items:
            match item:
                case ir.FixedBits(width=width) | ir.ImmediateBits(width=width):
                    pass
                case ir.FieldBits(high=high, low=low):
                    width = high - low + 1
                case ir.Extension():
                    raise AssertionError("an extension holds no extension")
            part = self.code.take(at, width)
            if part is None:
                return Undecodable.TRUNCATED
            at += width
            match item:
                case ir.FixedBits(value=value, mask=mask):
                    if (part ^ value) & mask:
                        return Undecodable.UNKNOWN
                case ir.FieldBits(field=name, low=low):
                    found[name] = found.get(name, 0) | part << low
                case ir.ImmediateBits(field=name):
                    found[name] = self.units.immediate(part, width)
        return found, at


def decode(isa: ir.Isa, code: bytes, context: Context | None = None) -> Decoded | Undecodable:
    """What the code at the start of `code` means in this decode context.

    `context` has the values of the components that say how code is read, 0 where it is silent.
    Of a group's prefixes the last counts.  Builds an index of the forms: to decode more than once,
    keep a Decoder.
    """
    return Decoder(isa).decode(code, context)
