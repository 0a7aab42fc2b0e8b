"""Start states for IA-32: the tables of a system, and registers that mostly lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from popek.guest import canonical, encode, sample_fields
from popek.isa import ir
from popek.oracles.oracle import Bench
from popek.semantics.sampled import Drawn, Sampled
from popek.terms import ArrayValue
from tests.oracles.comparing import Trial, trial
from tests.semantics.drawing import draw

# ---------------------------------------------------------------- tables

GDT, LDT, IDT, TSS, PDES, PTES = 0x3000, 0x3800, 0x2000, 0x4000, 0x1_0000, 0x1_1000

CODE, DATA = 0x9B, 0x93


def descriptor(kind: int, base: int = 0, limit: int = 0xF_FFFF, flags: int = 0xC) -> int:
    """Type and rights, and the four flags above the limit."""
    return (
        limit & 0xFFFF
        | (base & 0xFF_FFFF) << 16
        | kind << 40
        | (limit >> 16) << 48
        | flags << 52
        | (base >> 24) << 56
    )


def gate(kind: int, selector: int, offset: int, count: int = 0) -> int:
    return offset & 0xFFFF | selector << 16 | count << 32 | kind << 40 | (offset >> 16) << 48


def _segments(random: Random) -> list[int]:
    """One table's descriptors: what an operating system has, and what it should not have."""
    own = [0]
    for level in range(4):
        own += descriptor(CODE | level << 5), descriptor(DATA | level << 5)
    own += [
        descriptor(0x9E),  # conforming code, not accessed
        descriptor(0xF0),  # read-only data
        descriptor(0xF6, limit=0xF, flags=4),  # expand-down data, not accessed
        descriptor(0x72),  # not there
        gate(0xEC, 0x08, 0xA000, random.choice((0, 0, 2))),  # call gates
        gate(0xE4, 0x08, 0xA010, random.choice((0, 0, 2))),
        gate(0xEC, 0x4B, 0xA020),
        descriptor(0x82, LDT, 0x7F, 0),
        descriptor(0x89, TSS, 0x67, 0),
        descriptor(0x8B, TSS, 0x67, 0),
        descriptor(0xFA, flags=0),  # 16-bit code
        descriptor(0xF2, flags=0),  # 16-bit data
        descriptor(0xF8, limit=0xFFF, flags=4),  # code that cannot be read
        descriptor(0x18),  # code that is not there
        gate(0x6C, 0x08, 0xA000),
        gate(0xEC, random.choice((0, 0x10, 0x60, 0x4000)), 0xA000),
    ]
    while len(own) < 32:
        own.append(random.getrandbits(64))
    return own


class Background(Sampled):
    """Memory that holds something before it is drawn."""

    def __init__(self, random: Random, background: Mapping[int, int]) -> None:
        super().__init__(random)
        self._background = background

    def select(self, bank: ArrayValue, index: int, index_width: int, width: int) -> int:
        if (
            isinstance(bank, Drawn)
            and index_width == 32
            and index not in bank.entries
            and index not in bank.drawn
            and index in self._background
        ):
            bank.drawn[index] = self._background[index]
        return super().select(bank, index, index_width, width)


@dataclass(frozen=True)
class Start:
    """A state, and memory that it has."""

    state: dict[str, int | ArrayValue]
    memory: dict[int, int]


@cache
def _tables(number: int) -> Mapping[int, int]:
    """GDT, LDT, IDT and TSS."""
    random = Random(number)
    memory: dict[int, int] = {}

    def put(at: int, value: int, size: int) -> None:
        memory.update(zip(range(at, at + size), value.to_bytes(size, "little"), strict=True))

    for table in (GDT, LDT):
        for i, entry in enumerate(_segments(random)):
            put(table + 8 * i, entry, 8)
    for vector in range(256):
        kind = random.choice((0x8E, 0x8E, 0xEE, 0xEF, 0x8F))
        to = random.choice((0x08, 0x08, 0x08, 0x08, 0x48))
        entry = gate(kind, to, 0x9000 + vector * 4)
        if random.random() < 0.03:
            entry = random.choice((0, gate(0x0E, to, 0), gate(0xE6, to, 0x9000), gate(0xEE, 0, 0)))
        put(IDT + 8 * vector, entry, 8)
    for level in range(3):
        put(TSS + 4 + 8 * level, 0x7000 - 0x200 * level, 4)
        put(TSS + 8 + 8 * level, 0x10 + 16 * level | level, 4)
    put(TSS, random.choice((0x88, 0x90, 0x10)), 2)
    put(TSS + 102, 0x68, 2)
    return memory


def start(isa: ir.Isa, bench: Bench, random: Random) -> Start:
    """An operating system or its program, at any level."""
    memory = dict(_tables(random.randrange(16)))

    def put(at: int, value: int, size: int) -> None:
        memory.update(zip(range(at, at + size), value.to_bytes(size, "little"), strict=True))

    cpl = random.choice((0, 0, 1, 2, 3, 3, 3))
    state: dict[str, int | ArrayValue] = {
        name: draw(random, component.width)
        for name, component in isa.components.items()
        if component.size is None
    }
    wide = random.random() < 0.8
    stack_wide = random.random() < 0.8
    address = _paged if random.random() < 0.4 else _anywhere
    usable = [1] * 6
    selectors = [16 * cpl + 16 | cpl] * 6
    for n in (0, 3, 4, 5):
        if random.random() < 0.1:
            usable[n], selectors[n] = 0, random.choice((0, 3))
    limits = [random.choice((0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xF_FFFF)) for _ in range(6)]
    kinds = [random.choice((1, 1, 1, 0)) for _ in range(6)]
    writable = [0 if n == 1 else 1 if n == 2 else kinds[n] for n in range(6)]
    levels = [cpl if u else 0 for u in usable]
    state |= {
        "seg.base": ArrayValue(0, {n: _base(random) for n in (0, 3, 4, 5)}),
        "seg.limit": ArrayValue(0, dict(enumerate(limits))),
        "seg.usable": ArrayValue(0, dict(enumerate(usable))),
        "seg.readable": ArrayValue(1, {1: random.choice((1, 1, 0))}),
        "seg.writable": ArrayValue(0, dict(enumerate(writable))),
        "seg.down": ArrayValue(0, {}),
        "seg.big": ArrayValue(1, {1: int(wide), 2: int(stack_wide)}),
        "seg.level": ArrayValue(0, dict(enumerate(levels))),
        "CS_D": int(wide),
        "SS_B": int(stack_wide),
        "CS.RPL": cpl,
        "CS.INDEX": (8 + 16 * cpl) >> 2,
        "SS.RPL": cpl,
        "SS.INDEX": (16 + 16 * cpl) >> 2,
        "ES": selectors[0],
        "DS": selectors[3],
        "FS": selectors[4],
        "GS": selectors[5],
        "gpr": ArrayValue(0, {n: _register(random, address) for n in range(8)}),
        "EIP": address(random),
        "GDTR.base": GDT,
        "GDTR.limit": random.choice((0xFF, 0xFF, 0xFF, 0xF7)),
        "IDTR.base": IDT,
        "IDTR.limit": random.choice((0x7FF, 0x7FF, 0x7FF, 0x37F)),
        "LDTR": 0x80,
        "LDT.base": LDT,
        "LDT.limit": 0x7F,
        "LDT.usable": random.choice((1, 1, 1, 0)),
        "TR": 0x88,
        "TSS.base": TSS,
        "TSS.limit": random.choice((0x67, 0x2067, 0x67, 0x10)),
        "TSS.wide": random.choice((1, 1, 1, 0)),
        "MSR": ArrayValue(),
        "CR0.NW": 0,
        "CR0.CD": 0,
        "CR0.PG": int(address is _paged),
        "CR0.AM": random.choice((0, 0, 0, 1)),
        "CR3.BASE": PDES >> 12,
        "EFLAGS.NT": random.choice((0, 0, 0, 1)),
        "EFLAGS.VM": 0,
        "DR7.GD": random.choice((0, 0, 0, 1)),
        "CR4.PVI": random.choice((0, 0, 0, 1)),
        "EFLAGS.VIF": 0,
    }
    if not wide:
        state["EIP"] = random.randrange(0x8000, 0xFF00)
    eip = state["EIP"]
    assert isinstance(eip, int)
    if eip > 0xF_0000:
        state["seg.limit"] = ArrayValue(0, {**dict(enumerate(limits)), 1: 0xFFFF_FFFF})
    state |= {name: value for name, value in bench.fixed.items() if isinstance(value, int)}
    put(PDES, PTES | 0x27, 4)
    for page in range(0x40):
        rights = random.choice((7, 7, 7, 7, 5, 3, 1, 6)) | random.choice((0, 0x20, 0x60))
        if page in (2, 3, 4, 6, 7):
            rights = 3 | random.choice((0, 0x60))
        if page >= 0x20:
            rights |= 7
        put(PTES + 4 * page, page << 12 | rights, 4)
    for at in (eip, eip + 15):
        put(PTES + 4 * (at >> 12 & 0x3FF), at & 0xFFFF_F000 | 0x67, 4)
    return Start(state, memory)


def _base(random: Random) -> int:
    return random.choice((0, 0, 0x100, 0x7, 0xFFFF_FF00))


def _anywhere(random: Random) -> int:
    return random.choice((random.randrange(0x2_0000, 0x4_0000), random.getrandbits(32)))


def _paged(random: Random) -> int:
    return random.randrange(0x1_8000, 0x4_0000)


def _register(random: Random, address: object) -> int:
    match random.randrange(6):
        case 0:
            return draw(random, 32)
        case 1:
            return random.randrange(0, 0x100)
        case _:
            return random.randrange(0x1_8000, 0x4_0000)


def trials(isa: ir.Isa, bench: Bench, form: ir.Form, random: Random) -> Iterator[Trial]:
    """Trials of a form, without end."""
    while True:
        begin = start(isa, bench, random)
        context = {
            name: value
            for name, c in isa.components.items()
            if c.role is ir.Role.HIDDEN and isinstance(value := begin.state[name], int)
        }
        fields = sample_fields(isa, form, context, random)
        if fields is None:
            continue
        if random.random() < 0.85:
            # A LOCK, say, makes most forms trap.
            bare = {**fields, **{g.field: 0 for g in isa.prefixes}}
            fields = canonical(isa, form, bare, context) or fields
        code = encode(isa, form, fields, context)
        at = begin.state["EIP"]
        assert isinstance(at, int)
        if at + len(code) > 1 << 32:
            continue
        drawing = Background(random, begin.memory)
        also = {cell: begin.memory.get(cell, 0) for cell in _path(at, at + len(code))}
        made = trial(isa, form, fields, code, at, begin.state, drawing, also)
        if made is not None:
            yield made


def _path(*addresses: int) -> Iterator[int]:
    """The cells of the page entries that lead to these addresses, and the tables' most used ones.

    Without tables, an oracle that traps where the spec does not would shut down, and not say why.
    """
    yield from range(GDT, GDT + 0x100)
    yield from range(IDT, IDT + 8 * 18)
    yield from range(TSS, TSS + 28)
    yield from range(PTES + 8, PTES + 32)
    yield from range(PDES, PDES + 4)
    for address in addresses:
        entry = PTES + 4 * (address >> 12 & 0x3FF)
        yield from range(entry, entry + 4)
