"""The bench that several oracles have in common: what each of them can be set up as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

from popek.oracles.oracle import Bench, Region


def common(benches: Sequence[Bench]) -> Bench:
    """What all can be set up as, whichever is the first, for cases that every oracle can vote on.

    Where two hold a component at different values, as that is how their processors differ, it has
    the value of the first.  Conditions are those of the spec already (`on_bench`), and what an
    oracle does not show is its own.
    """
    return reduce(_both, benches)


def _both(bench: Bench, other: Bench) -> Bench:
    memories = dict.fromkeys(r.memory for r in (*bench.regions, *other.regions))
    return replace(
        bench,
        fixed={**bench.fixed, **{n: v for n, v in other.fixed.items() if n not in bench.fixed}},
        regions=tuple(r for m in memories for r in _shared(bench, other, m)),
        home=bench.home or other.home,
    )


def _shared(bench: Bench, other: Bench, memory: str) -> Iterator[Region]:
    """The cells of a memory that both have."""
    mine = [r for r in bench.regions if r.memory == memory]
    theirs = [r for r in other.regions if r.memory == memory]
    if not mine or not theirs:
        yield from mine or theirs
        return
    for a in mine:
        for b in theirs:
            first, last = max(a.first, b.first), min(a.last, b.last)
            if first <= last:
                yield Region(memory, first, last)
