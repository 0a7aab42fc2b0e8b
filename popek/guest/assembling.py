"""The assembler: lines of text become machine code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from popek.diagnostics import Collector, Note, did_you_mean
from popek.guest.choosing import Candidate, Chooser
from popek.guest.conditions import Context
from popek.guest.expressions import NAME, RESERVED, Sum
from popek.guest.matching import Furthest, Matched, condensed, shown_syntax
from popek.guest.statements import Data, Instruction, Label, Origin, Statement, parse
from popek.isa import ir
from popek.source import Source, Span

#: Larger images are refused (bytes).
IMAGE_LIMIT = 16 * 1024 * 1024

#: How many syntaxes of a mnemonic a message shows.
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Placed:
    """The code of one statement, and its address."""

    address: int
    code: bytes
    span: Span


@dataclass(frozen=True, slots=True)
class Assembly:
    """A flat image from `address` on; `labels` are addresses; `lines` lists what lies where."""

    address: int
    code: bytes
    labels: Mapping[str, int]
    lines: tuple[Placed, ...]


def assemble(isa: ir.Isa, source: Source, context: Context | None = None) -> bytes:
    """The machine code of an assembly file, read by the templates of the instruction set.

    `context` gives the components that say how code is read.  Raises PopekError (E09xx).
    """
    return assembly(isa, source, context).code


def assembly(
    isa: ir.Isa, source: Source, context: Context | None = None, address: int = 0
) -> Assembly:
    """The image of an assembly file that starts at `address`, or at an `.org` before any code.

    Raises PopekError (E09xx) with all errors of the file.
    """
    collector = Collector()
    statements = parse(source, collector)
    assembler = _Assembler(Chooser(isa, context or {}), statements, collector)
    assembler.declare()
    assembler.read()
    collector.check()
    return assembler.settle(address)


@dataclass(slots=True)
class _Assembler:
    """The passes over the statements of one file.

    Code only grows from pass to pass, so that labels come to rest.
    """

    chooser: Chooser
    statements: Sequence[Statement]
    collector: Collector
    declared: dict[str, Span] = field(default_factory=dict)
    readings: dict[int, list[Matched]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    # ------------------------------------------------------------ before the passes

    def declare(self) -> None:
        """Collect the labels."""
        labels = [statement for statement in self.statements if isinstance(statement, Label)]
        words = _words(self.chooser.isa) if labels else frozenset()
        for statement in labels:
            name, span = statement.name, statement.span
            if name in RESERVED or name.casefold() in words:
                self.collector.add(
                    "E0909",
                    f"`{name}` is a word of this assembly language",
                    span,
                    hint="give the label another name",
                )
            elif name in self.declared:
                self.collector.add(
                    "E0905",
                    f"the label `{name}` is declared twice",
                    span,
                    notes=[Note(self.declared[name], "first here")],
                )
            else:
                self.declared[name] = span

    def read(self) -> None:
        """Find the ways to read each instruction; check the labels that data mentions."""
        for number, statement in enumerate(self.statements):
            match statement:
                case Instruction():
                    self._read_instruction(number, statement)
                case Data(values=values):
                    self._width(statement)
                    for value, span in values:
                        self._known(value.names, span)
                case Origin(address=address, span=span):
                    if address.names:
                        self.collector.add("E0906", "`.org` takes a number, not a label", span)
                case Label():
                    pass

    def _known(self, names: Sequence[str], span: Span) -> None:
        for name in names:
            if name not in self.declared:
                self.collector.add(
                    "E0904",
                    f"there is no label `{name}`",
                    span,
                    hint=did_you_mean(name, self.declared),
                )

    def _read_instruction(self, number: int, statement: Instruction) -> None:
        text = statement.text
        furthest = Furthest()
        readings = list(self.chooser.readings(text, furthest))
        word = text.split()[0]
        named = self.chooser.named(word)
        # Forms that may start with a prefix are tried on any line; here none knew the first word.
        if not readings and not named and furthest.at < len(word):
            self.collector.add(
                "E0901",
                f"there is no instruction `{word}`",
                statement.span.source.span(statement.span.start, statement.span.start + len(word)),
                hint=did_you_mean(word, self.chooser.mnemonics),
            )
            return
        if not readings:
            offset = condensed(text).offsets[furthest.at]
            shown = list(dict.fromkeys(map(shown_syntax, named or self.chooser.forms(text))))
            more = ["..."] if len(shown) > _SHOWN else []
            self.collector.add(
                "E0902",
                "these operands fit no form of the instruction",
                statement.span.source.span(
                    min(statement.span.start + offset, statement.span.end - 1), statement.span.end
                ),
                hint="\n".join(["it is written", *shown[:_SHOWN], *more]),
            )
            return
        known = [r for r in readings if all(name in self.declared for name in r.labels)]
        if not known:
            first = readings[0]
            for name, value in first.values.items():
                if isinstance(value, Sum):
                    self._known(value.names, _part(statement.span, first.places[name]))
            return
        self.readings[number] = self._selected(statement, known)

    def _selected(self, statement: Instruction, readings: list[Matched]) -> list[Matched]:
        selector = statement.selector
        if selector is None:
            return readings
        named = [
            reading
            for reading in readings
            if selector.instruction in (None, reading.form.name)
            and selector.form in (None, reading.form.text)
        ]
        if not named:
            names = dict.fromkeys(f'{r.form.name}, form "{r.form.text}"' for r in readings)
            self.collector.add(
                "E0908",
                "no form that is written like this is called so",
                selector.span,
                hint="\n".join(["it may be instruction", *names]),
            )
        kept = named
        for name, value in selector.fields:
            widths = [r.form.fields[name] for r in kept if name in r.form.fields]
            if kept and not any(0 <= value < 1 << width for width in widths):
                known = dict.fromkeys(name for reading in kept for name in reading.form.fields)
                self.collector.add(
                    "E0908",
                    f"`{name}` holds no {value} here" if widths else f"there is no field `{name}`",
                    selector.span,
                    hint=f"it has {max(widths)} bits"
                    if widths
                    else did_you_mean(name, known) or f"the fields are {', '.join(known)}",
                )
            kept = [r for r in kept if 0 <= value < 1 << r.form.fields.get(name, 0)]
        return kept

    # ------------------------------------------------------------ the passes

    def settle(self, start: int) -> Assembly:
        """Pass over the file until no label moves, then check it."""
        labels: dict[str, int] = {}
        while True:
            collector = Collector()
            placed, found, origin = self._pass(labels, start, collector)
            if found == labels or (not found and not labels):
                break
            labels = found
        collector.check()
        image = bytearray()
        units = self.chooser.decoder.units
        for piece in placed:
            image += bytes((piece.address - origin) * units.address_size - len(image))
            image += piece.code
        return Assembly(origin, bytes(image), labels, tuple(placed))

    def _pass(
        self, labels: Mapping[str, int], start: int, collector: Collector
    ) -> tuple[list[Placed], dict[str, int], int]:
        """The code with labels where `labels` says, and where they come to be."""
        units = self.chooser.decoder.units
        placed: list[Placed] = []
        found: dict[str, int] = {}
        address = start
        for number, statement in enumerate(self.statements):
            code = b""
            match statement:
                case Label(name=name):
                    found[name] = address
                    continue
                case Origin(address=value, span=span):
                    to = value.value({}, address, address) or 0
                    if not placed and not found:
                        start = to
                    limit = start + IMAGE_LIMIT // units.address_size
                    if to < address and (placed or found):
                        collector.add("E0907", f"`.org` goes back, from {address:#x}", span)
                    elif to > limit or to < 0:
                        collector.add("E0911", "the image would be too large", span)
                    else:
                        address = to
                    continue
                case Data():
                    code = self._data(statement, labels, address, collector)
                case Instruction():
                    candidate = self._choose(number, statement, labels, address, collector)
                    # A line in error keeps its place, so that the passes come to an end.
                    code = candidate.code if candidate else bytes(self.sizes.get(number, 0))
                    self.sizes[number] = len(code)
            placed.append(Placed(address, code, statement.span))
            address += units.addresses(len(code))
            if address - start > IMAGE_LIMIT // units.address_size:
                collector.add("E0911", "the image is too large", statement.span)
                break
        return placed, found, start

    def _choose(
        self,
        number: int,
        statement: Instruction,
        labels: Mapping[str, int],
        address: int,
        collector: Collector,
    ) -> Candidate | None:
        selector = statement.selector
        fixed = dict(selector.fields) if selector is not None else {}
        chosen = self.chooser.choose(
            self.readings[number], fixed, labels, address, self.sizes.get(number, 0)
        )
        if isinstance(chosen, Candidate):
            return chosen
        if chosen:
            widest = max(chosen, key=lambda r: r.high - r.low)
            collector.add(
                "E0903",
                f"{widest.value} is out of range",
                _part(statement.span, widest.place),
                hint=f"the field holds {widest.low} to {widest.high}",
            )
        else:
            collector.add(
                "E0910",
                "these operands have no code",
                statement.span,
                hint="the instruction excludes them, or needs another decode context than "
                + _shown_context(self.chooser.context),
            )
        return None

    # ------------------------------------------------------------ data

    def _width(self, data: Data) -> int:
        units = self.chooser.decoder.units
        if data.directive == ".word":
            return units.bits if units.bits > 8 else 16
        if units.address_size != 1:
            self.collector.add(
                "E0906",
                f"an address holds {units.address} bits here",
                data.span,
                hint="write `.word`",
            )
        return 8

    def _data(
        self, data: Data, labels: Mapping[str, int], address: int, collector: Collector
    ) -> bytes:
        units = self.chooser.decoder.units
        width = self._width(data)
        size = 1 if width == 8 else units.bytes_of(width)
        following = address + units.addresses(size * len(data.values))
        code = b""
        for value, span in data.values:
            number = value.value(labels, address, following) or 0
            if not -(1 << (width - 1)) <= number < 1 << width:
                collector.add(
                    "E0903",
                    f"{number} is out of range",
                    span,
                    hint=f"`{data.directive}` holds {-(1 << (width - 1))} to {(1 << width) - 1}",
                )
                number = 0
            number &= (1 << width) - 1
            if width == 8:
                code += bytes([number])
            else:
                code += units.pack(units.immediate(number, width), width)
        return code


def _part(span: Span, place: tuple[int, int]) -> Span:
    """The characters of a line that a place in its condensed text stands for."""
    offsets = condensed(span.text).offsets
    start, end = place
    last = offsets[end - 1] + 1 if end > start else offsets[start]
    return span.source.span(span.start + offsets[start], span.start + last)


def _words(isa: ir.Isa) -> frozenset[str]:
    """The words that operands are written with, in lower case: no label can be called so."""
    words: set[str] = set()
    for form in isa.forms:
        texts = [form.template[1:], *(row.template for o in form.operands for row in o.rows)]
        for part in (part for parts in texts for part in parts):
            match part:
                case ir.TemplateText(text=text):
                    words.update(re.findall(NAME, text))
                case ir.TemplateField(names=names):
                    words.update(word for name in names for word in re.findall(NAME, name))
                case int():
                    pass
    return frozenset(word.casefold() for word in words)


def _shown_context(context: Context) -> str:
    shown = ", ".join(f"{name} = {value}" for name, value in sorted(context.items()))
    return shown or "all zeros"
