"""The disassembler: machine code becomes lines that assemble to the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from popek.guest.choosing import Candidate, Chooser
from popek.guest.conditions import Context
from popek.guest.decoding import Decoded
from popek.guest.encoding import encode
from popek.guest.fields import canonical
from popek.guest.matching import Furthest, Matched
from popek.guest.patterns import Pattern, Rows
from popek.guest.rendering import parts_of, render
from popek.isa import ir


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of code and its text; the text alone assembles to the same bytes."""

    address: int
    code: bytes
    text: str


class Disassembler:
    """Writes code as text in one decode context."""

    def __init__(self, isa: ir.Isa, context: Context | None = None) -> None:
        self.isa = isa
        self.context: Context = context or {}
        self._chooser = Chooser(isa, self.context)
        self._decoder = self._chooser.decoder
        self._units = self._decoder.units

    def lines(self, code: bytes, address: int = 0) -> Iterator[Line]:
        """The lines of the code that lies at `address`.

        Code that is no instruction, or not as the assembler would write it (redundant prefixes,
        bits that are ignored but set), is data; in the latter case the instruction is a comment.
        """
        at = 0
        while at < len(code):
            found = self._decoder.decode(code[at : at + self._decoder.reach], self.context)
            place = address + self._units.addresses(at)
            if isinstance(found, Decoded):
                piece = code[at : at + found.size]
                text = self.text(found.form, found.fields)
                if encode(self.isa, found.form, found.fields, self.context) != piece:
                    text = f"{self._data(piece)} ; {text}"
            else:
                piece = code[at : at + self._units.size]
                text = self._data(piece)
            yield Line(place, piece, text)
            at += len(piece)

    def text(self, form: ir.Form, fields: Mapping[str, int]) -> str:
        """The line that assembles to the code of a form with these fields.

        Where the plain text stands for other code, `{...}` says what is missing: fields that are
        not printed, then the form's encoding, then its name, each only if those before it do not
        suffice.  Raises EncodingError if no code has these fields.
        """
        wanted = encode(self.isa, form, fields, self.context)
        fields = canonical(self.isa, form, fields, self.context) or fields
        rows = Pattern.of(form).rows(fields, self.context)
        plain = render(form, fields, rows)
        found = self._chooser.readings(plain, Furthest())
        readings = [reading for reading in found if not any(reading.labels)]
        if self._stands_for(readings, {}, wanted):
            return plain
        exact = [reading for reading in readings if reading.form is form]
        hidden = self._unsaid(form, fields, rows, exact)
        for kept, words in (
            (readings, []),
            ([r for r in readings if r.form.text == form.text], [f'form "{form.text}"']),
            (exact, [f"instruction {form.name}", f'form "{form.text}"']),
        ):
            for fixed in ({}, *hidden):
                if self._stands_for(kept, fixed, wanted):
                    return _with(plain, [*words, *(f"{n}={v}" for n, v in fixed.items())])
        return f"{self._data(wanted)} ; {plain}"

    def _unsaid(
        self,
        form: ir.Form,
        fields: Mapping[str, int],
        rows: Rows,
        exact: list[Matched],
    ) -> list[dict[str, int]]:
        """The fields to say beside the text, in the order to try: those that would be others."""
        printed = {p.field for p in parts_of(form, rows) if isinstance(p, ir.TemplateField)}
        hidden = {n: v for n, v in fields.items() if n not in printed and n != "length"}
        default = self._best(exact, {})
        base = default.fields if default is not None else dict.fromkeys(hidden, 0)
        others = {n: v for n, v in hidden.items() if base[n] != v}
        present = {n: v for n, v in hidden.items() if v}
        return [{n: v for n, v in others.items() if v}, others, present, hidden]

    def _best(self, readings: list[Matched], fixed: Mapping[str, int]) -> Candidate | None:
        found = self._chooser.choose(readings, fixed, {}, 0)
        return found if isinstance(found, Candidate) else None

    def _stands_for(self, readings: list[Matched], fixed: Mapping[str, int], wanted: bytes) -> bool:
        chosen = self._best(readings, fixed)
        return chosen is not None and chosen.code == wanted

    def _data(self, code: bytes) -> str:
        """A directive for bytes: words where they fill units wider than a byte."""
        units = self._units
        if units.bits > 8 and len(code) % units.size == 0 and self._whole(code):
            width = units.size * 2
            values = [
                units.unpack(code[at : at + units.size])[0]
                for at in range(0, len(code), units.size)
            ]
            return ".word " + ", ".join(f"0x{value:0{width}x}" for value in values)
        return ".byte " + ", ".join(f"0x{byte:02x}" for byte in code)

    def _whole(self, code: bytes) -> bool:
        """Whether the bytes hold units and nothing beside them."""
        value, width = self._units.unpack(code)
        return self._units.pack(value, width) == code


def _with(text: str, entries: list[str]) -> str:
    return f"{text} {{{', '.join(entries)}}}"


def disassemble(
    isa: ir.Isa, code: bytes, address: int = 0, context: Context | None = None
) -> list[Line]:
    """The lines of the code that lies at `address`; see Disassembler.lines."""
    return list(Disassembler(isa, context).lines(code, address))


def form_bytes_and_text(
    isa: ir.Isa, form: ir.Form, fields: Mapping[str, int], context: Context | None = None
) -> tuple[str, str]:
    """Code of a form as hexadecimal digits, and its assembly text.

    Raises EncodingError if no code has these fields.
    """
    code = encode(isa, form, fields, context)
    return code.hex(), Disassembler(isa, context).text(form, fields)
