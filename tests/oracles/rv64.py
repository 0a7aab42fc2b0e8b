"""Start states for RV64 that mostly let a step through: within the memory that a bench has, with a
table that maps some pages, and registers that hold what their WARL fields can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from popek.guest import encode, sample_fields
from popek.isa import ir
from popek.oracles.oracle import Bench
from popek.semantics.ints import Ints
from popek.semantics.sampled import Sampled
from popek.semantics.step import Run
from popek.semantics.storage import Walk
from popek.terms import ArrayValue
from tests.oracles.comparing import Trial, trial
from tests.semantics.drawing import draw

M, S, U = 3, 1, 0

PAGE = 1 << 12
MEGAPAGE = 1 << 21
GIGAPAGE = 1 << 30

#: Bits of a page table entry.
V, R, W, X, OF_U, A, D = 1, 2, 4, 8, 16, 64, 128


def trials(isa: ir.Isa, form: ir.Form, bench: Bench, random: Random) -> Iterator[Trial]:
    """Trials of a form that stay within the bench, without end."""
    (region,) = bench.regions
    while True:
        fields = sample_fields(isa, form, {}, random)
        assert fields is not None, form.key
        board = Board(isa, bench, random)
        code = encode(isa, form, fields)
        state, cells = board.state, board.cells
        if not fetchable(isa, form, state, cells):
            continue
        made = trial(isa, form, fields, code, board.code, state, Sampled(random), cells)
        if made is not None and all(region.first <= cell <= region.last for cell in touched(made)):
            yield made


def touched(made: Trial) -> Iterator[int]:
    """The cells that a case has, or a step stores in."""
    yield from made.case.memory["ram"]
    for said in (made.said.zeros, made.said.ones):
        ram = said.state["ram"]
        assert isinstance(ram, ArrayValue)
        yield from ram.entries


def fetchable(
    isa: ir.Isa, form: ir.Form, state: Mapping[str, int | ArrayValue], cells: Mapping[int, int]
) -> bool:
    """Whether the tables and PMP let the code be fetched."""
    walk: Walk[int, ArrayValue] = Walk()
    start = {**state, "ram": ArrayValue(0, dict(cells))}
    run: Run[int, ArrayValue] = Run(isa, Ints({}), walk, start, {}, lambda kind, site, width: 0)
    walk.check(run, ir.Access.FETCH, "mem", [run.target], 4, form.span)
    return not run.exits


class Board:
    """A state, and the cells that it rests on: `code` is the cell that the pc leads to."""

    def __init__(self, isa: ir.Isa, bench: Bench, random: Random) -> None:
        (region,) = bench.regions
        self._random = random
        self._first, self._size = region.first, region.last + 1 - region.first
        self._free = self._first
        self.cells: dict[int, int] = {}
        self.code = self._cell() & ~3
        self.priv = random.choice((M, S, U))
        fixed = {n: value for n, value in bench.fixed.items() if isinstance(value, int)}
        self.state: dict[str, int | ArrayValue] = {
            name: draw(random, component.width)
            for name, component in isa.components.items()
            if component.size is None
        }
        self.state |= fixed | self._registers() | self._protection()
        translated = random.random() < 0.5
        reachable = self._mapped() if translated else [self.code, *(self._cell() for _ in range(8))]
        mode = 8 if translated else 0
        pc = reachable[0] if self.priv != M else self.code
        if random.random() < 0.05:  # where there is nothing
            reachable.append(draw(random, 64))
        pointers = self._pointers([*reachable, self.code] if self.priv == M else reachable)
        self.state |= {
            "priv": self.priv,
            "PC": pc,
            "satp.MODE": mode,
            "x": pointers,
            # LR reserves only what it can load.
            "reserved": int(not translated and random.random() < 0.3),
            "reservation": random.choice([cell & ~7 for cell in reachable[:9]]),
        }

    def _cell(self) -> int:
        """A cell of the bench, but for the first pages, where tables are."""
        return self._first + self._random.randrange(16 * PAGE, self._size)

    def _pointers(self, to: list[int]) -> ArrayValue:
        random = self._random
        entries = {0: 0}
        for i in range(1, 32):
            value = draw(random, 64)
            if random.random() < 0.75:
                value = random.choice(to) & random.choice((~7, ~7, ~3, -1))
            entries[i] = value & ((1 << 64) - 1)
        return ArrayValue(0, entries)

    def _registers(self) -> dict[str, int | ArrayValue]:
        """What is not any value: WARL fields, and what mostly lets steps through."""
        random = self._random

        def drawn(mask: int) -> int:
            return draw(random, 64) & mask

        return {
            "mstatus.MPP": random.choice((M, S, U)),
            "mstatus.FS": random.choice((0, 1, 2, 3, 3, 3)),
            # MRET and SRET out of M clear it (PRIV, 3.1.6.3).
            "mstatus.MPRV": int(self.priv == M and random.random() < 0.3),
            "fcsr.FRM": random.choice((0, 1, 2, 3, 4, 5, 7)),
            "medeleg": drawn(0xB3FF),
            "mideleg": drawn(0x222),
            "mie": drawn(0xAAA),
            "mtvec": drawn(~2 & ((1 << 64) - 1)),
            "stvec": drawn(~2 & ((1 << 64) - 1)),
            "mepc": drawn(~3 & ((1 << 64) - 1)),
            "sepc": drawn(~3 & ((1 << 64) - 1)),
            "f": ArrayValue(0, {i: self._float() for i in range(32)}),
        }

    def _float(self) -> int:
        """A single in its box, or any number."""
        value = draw(self._random, 64)
        return value | 0xFFFF_FFFF << 32 if self._random.random() < 0.5 else value

    def _protection(self) -> dict[str, int | ArrayValue]:
        """PMP: an entry for all of memory, after others now and then; rarely locked ones."""
        random = self._random
        configs = dict.fromkeys(range(8), 0)
        addresses = {i: draw(random, 54) for i in range(8)}
        last = 0
        if random.random() < 0.3:
            last = random.randrange(1, 8)
            for i in range(last):
                rights = random.choice((0, 1, 3, 4, 5, 7))
                configs[i] = random.randrange(4) << 3 | rights | (random.random() < 0.02) << 7
                span = (1 << random.randrange(14)) - 1  # NAPOT: 8 bytes to 64 KiB
                addresses[i] = self._cell() >> 2 & ~(span + 1) | span
        if random.random() < 0.95:
            configs[last], addresses[last] = 0x1F, (1 << 54) - 1
        return {"pmp.config": ArrayValue(0, configs), "pmp.address": ArrayValue(0, addresses)}

    # ------------------------------------------------------------ Sv39

    def _mapped(self) -> list[int]:
        """Addresses that a table maps, that of the code first."""
        root = self._table()
        self.state["satp.PPN"] = root >> 12
        found = [self._map(root, self.code, faulty=False)]
        found += [self._map(root, self._cell(), faulty=True) for _ in range(2)]
        return found

    def _map(self, root: int, cell: int, faulty: bool) -> int:
        """An address that leads to the cell, unless the path is faulty or another's."""
        depth = self._random.choice((1, 2, 3, 3))
        # Pages of all sizes begin where the bench does.
        span = (GIGAPAGE, MEGAPAGE, PAGE)[depth - 1]
        va = self._random.getrandbits(39) & ~(span - 1) | cell & (span - 1)
        va |= -(va >> 38) << 39 & ((1 << 64) - 1)
        table = root
        for level in range(depth):
            at = table + (va >> (30 - 9 * level) & 511) * 8
            if entry := self._entry(at):
                if entry & (R | X) or level == depth - 1:
                    break
                table = entry >> 10 << 12
            elif level < depth - 1:
                table = self._table()
                self._enter(at, table, V, faulty)
            else:
                self._enter(at, cell & ~(span - 1), self._rights(), faulty)
        return va

    def _table(self) -> int:
        self._free += PAGE
        return self._free - PAGE

    def _entry(self, at: int) -> int:
        return int.from_bytes([self.cells.get(at + i, 0) for i in range(8)], "little")

    def _enter(self, at: int, to: int, bits: int, faulty: bool) -> None:
        if faulty and self._random.random() < 0.1:
            bits ^= 1 << self._random.choice((*range(10), self._random.randrange(10, 64)))
        for i, byte in enumerate((to >> 12 << 10 | bits).to_bytes(8, "little")):
            self.cells[at + i] = byte

    def _rights(self) -> int:
        """Of a leaf: mostly all that the mode needs."""
        of_u = OF_U if self.priv == U else 0
        rights = self._random.choice((R | W | X,) * 5 + (R, R | X, X, R | W))
        return V | A | D | rights | of_u
