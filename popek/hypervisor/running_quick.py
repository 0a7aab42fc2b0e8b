"""Steps that were compiled, by where their code is: for instructions that are executed often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from popek.hypervisor.design import Direct, Disposition
from popek.hypervisor.running_bare import Bare
from popek.hypervisor.running_machine import Ended, Fetched, Processor, State, number
from popek.hypervisor.running_stack import Stack
from popek.hypervisor.running_start import predicate_reads
from popek.isa.fetching import fetching
from popek.isa.footprint import writes
from popek.semantics.python import Quick, Special, Unsuited, quick_step
from popek.semantics.running import Cells
from popek.semantics.storage import Walk, translation_reads
from popek.terms import ArrayValue

#: How often an instruction is executed before its step is compiled.
OFTEN = 4


@dataclass(frozen=True, slots=True)
class Compiled:
    """The step of the code at an address, in the states that have these components.

    `writes` are the components that it may change.
    """

    reads: tuple[tuple[str, int | ArrayValue], ...]
    step: Quick | None
    writes: frozenset[str]

    def fits(self, state: State) -> bool:
        """Whether the same code is fetched in this state, and means the same."""
        return all(state[name] is value or state[name] == value for name, value in self.reads)


@dataclass
class Cache:
    """The compiled steps of one machine.  `code` are the cells that fetching them read."""

    processor: Processor
    code: set[int] = field(default_factory=set)
    _counts: dict[int, int] = field(default_factory=dict)
    _found: dict[int, list[Compiled]] = field(default_factory=dict)

    def at(self, state: State) -> Compiled | None:
        """The step of the instruction that comes, if it was executed often."""
        pc = number(state, self.processor.isa.pc)
        for one in self._found.get(pc, ()):
            if one.fits(state):
                return one
        count = self._counts[pc] = self._counts.get(pc, 0) + 1
        if count < OFTEN:
            return None
        self._counts[pc] = 0
        made = self._made(state)
        if made is not None:
            self._found.setdefault(pc, []).append(made)
        return made

    def stored(self, cells: Iterable[int]) -> None:
        """Cells of memories change: what was read from them is void."""
        if not self.code.isdisjoint(cells):
            self.code.clear()
            self._found.clear()

    def _made(self, state: State) -> Compiled | None:
        processor = self.processor
        algebra, isa = processor.algebra, processor.isa
        seen: set[int] = set()
        algebra.seen = seen
        try:
            fetched = processor.fetch(Walk(), state)
        except Ended:
            return None
        finally:
            algebra.seen = None
        if not isinstance(fetched, Fetched):
            return None
        if any(fetched.state[name] is not state[name] for name in isa.memories):
            return None  # the fetch is marked in a table
        self.code |= seen
        names = translation_reads(isa, fetching(isa)[0]) | set(processor.context)
        reads = tuple((name, state[name]) for name in sorted(names))
        known = {name: value for name, value in reads if isinstance(value, int)}
        step: Quick | None
        try:
            step = quick_step(isa, fetched.form, fetched.fields, known)
        except Unsuited:
            step = None  # remembered, so that it is not tried again
        return Compiled(reads, step, writes(fetched.form.body) | {isa.pc})


def bases(state: State, memories: Iterable[str]) -> Mapping[str, dict[int, int]]:
    """The cells of settled memories, which stay where they are."""
    found: dict[str, dict[int, int]] = {}
    for name in memories:
        bank = state[name]
        assert isinstance(bank, Cells)
        found[name] = bank.base
    return found


class Pair:
    """The real machine and the bare one, while neither needs more than compiled steps.

    That is where one hypervisor alone is on the machine, which runs the guest's instructions as
    they are, and an instruction changes only what both machines keep in the same way.  What the two
    do is compared before it counts: where it is not the same, or not so simple, nothing happens.
    """

    def __init__(self, stack: Stack, bare: Bare) -> None:
        self.stack, self.bare = stack, bare
        design, isa = stack.top.design, stack.real.isa
        rules = design.rules
        self.suited = len(stack.monitors) == 1 and all(
            rule.disposition is Disposition.RUN and rule.condition is None for rule in rules
        )
        required = {n for p in design.requirements for n in predicate_reads(p)}
        direct = {n for n, row in design.rows.items() if isinstance(row, Direct)}
        self._shared = frozenset(direct - required)
        self._real, self._bare = Cache(stack.real), Cache(bare.processor)
        self._real_cells = bases(stack.machine, isa.memories)
        self._bare_cells = bases(bare.state, isa.memories)
        pieces = stack.top.pieces(stack.top.host(stack.machine))
        self._pieces = {
            m.name: (pieces[m.name].base, pieces[m.name].size, (1 << m.index_width) - 1)
            for m in isa.memories.values()
        }

    def step(self) -> bool:
        """One step of both; whether it was done."""
        stack, bare = self.stack, self.bare
        machine, state = stack.machine, bare.state
        real, other = self._real.at(machine), self._bare.at(state)
        if real is None or other is None or real.step is None or other.step is None:
            return False
        if not real.writes <= self._shared:
            return False
        try:
            changes, stores, reached = real.step(machine, self._real_cells, stack.real.inputs)
            wanted, kept, _ = other.step(state, self._bare_cells, stack.virtual.inputs)
        except Special:
            return False
        if changes != wanted or not (self._alike(stores, kept) and self._within(reached)):
            return False
        for cells, stored, cache in (
            (self._real_cells, stores, self._real),
            (self._bare_cells, kept, self._bare),
        ):
            for name, values in stored.items():
                cells[name].update(values)
                cache.stored(values)
        stack.machine = {**machine, **changes}
        bare.state = {**state, **wanted}
        return True

    def settled(self, real: Iterable[int], bare: Iterable[int]) -> None:
        """Other steps than these have stored in these cells."""
        self._real.stored(real)
        self._bare.stored(bare)

    def _alike(
        self, stores: Mapping[str, dict[int, int]], kept: Mapping[str, dict[int, int]]
    ) -> bool:
        """Whether the same is stored in the guest's cells of both machines."""
        for name, (base, _, mask) in self._pieces.items():
            real, bare = stores.get(name, {}), kept.get(name, {})
            if len(real) != len(bare):
                return False
            if any(real.get((base + i) & mask) != value for i, value in bare.items()):
                return False
        return True

    def _within(self, reached: Mapping[str, list[int]]) -> bool:
        """Whether real cells are the guest's."""
        for name, cells in reached.items():
            base, size, mask = self._pieces[name]
            if any((cell - base) & mask >= size for cell in cells):
                return False
        return True
