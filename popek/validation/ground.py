"""What an oracle can be set up as, in the way that the search asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from popek.oracles.oracle import Bench, Region
from popek.terms import Term, Terms
from popek.validation.world import WHOLE, Place


@dataclass(frozen=True)
class Ground:
    """The part of the state space that cases are drawn from."""

    bench: Bench

    def regions(self, memory: str) -> tuple[Region, ...]:
        """The cells of a memory; without any, all of it."""
        return tuple(r for r in self.bench.regions if r.memory == memory)

    def contains(self, memory: str, cell: int) -> bool:
        """Whether a case may name the cell."""
        regions = self.regions(memory)
        return not regions or any(r.first <= cell <= r.last for r in regions)

    def inside(self, terms: Terms, memory: str, index: Term) -> Term | None:
        """That an index is one of the cells; None where all are."""
        regions = self.regions(memory)
        if not regions:
            return None
        width = index.width
        return terms.any_of(
            terms.and_(
                terms.ule(terms.const(r.first, width), index),
                terms.ule(index, terms.const(r.last, width)),
            )
            for r in regions
        )

    @cached_property
    def home(self) -> Mapping[Place, int]:
        """The places of the bench's home, none if it has none."""
        home = self.bench.home
        if home is None:
            return {}
        places = {(name, WHOLE): value for name, value in home.state.items()}
        return places | {(name, i): v for name, own in home.cells.items() for i, v in own.items()}

    def shown(self, memory: str) -> Mapping[int, int]:
        """What the cells of a memory hold in every case in which nothing else is chosen."""
        return self.bench.cells.get(memory, {})

    @property
    def fixed(self) -> Mapping[Place, int]:
        """The places that hold one value in every case."""
        found: dict[Place, int] = {}
        for name, value in self.bench.fixed.items():
            if isinstance(value, int):
                found[name, WHOLE] = value
            else:
                found |= {(name, i): element for i, element in enumerate(value)}
        return found
