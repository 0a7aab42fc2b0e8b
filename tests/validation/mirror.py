"""An oracle that is the spec itself, with faults to order: what a run does with answers is tested
without an emulator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from popek.guest import Decoded, Decoder
from popek.isa import ir
from popek.oracles import Answer, Case, Identity, Outcome, Refused, Trap
from popek.oracles.oracle import Bench, Value
from popek.terms import ArrayValue
from popek.validation.prediction import Silent, predict

#: What becomes of an answer.
Fault = Callable[[Case, Outcome], Answer]


def no_fault(case: Case, outcome: Outcome) -> Answer:
    return outcome


class Mirror:
    """Runs cases of the 68000 on the concrete reading of its spec."""

    def __init__(self, isa: ir.Isa, fault: Fault = no_fault, name: str = "mirror") -> None:
        self.isa = isa
        self.fault = fault
        self.identity = Identity(name, "1", isa.title)
        self.bench = Bench(fixed={}, regions=())
        self.asked = 0
        self._decoder = Decoder(isa)

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        for case in cases:
            self.asked += 1
            seen = self._seen(case)
            yield self.fault(case, seen) if isinstance(seen, Outcome) else seen

    def _seen(self, case: Case) -> Answer:
        base, pc = case.state["R.base"], case.state["PC"]
        assert isinstance(base, int)
        assert isinstance(pc, int)
        cells = case.memory["store"]
        at = base + (pc & 0xFF_FFFF)
        meant = self._decoder.decode(bytes(cells.get(at + i, 0) for i in range(10)))
        assert isinstance(meant, Decoded)
        said = predict(self.isa, meant.form, meant.fields, case)
        if isinstance(said, Silent):
            return Refused(said.why)
        state: dict[str, Value] = {}
        for name, component in self.isa.components.items():
            value = said.zeros.state[name]
            state[name] = (
                value
                if isinstance(value, int)
                else tuple(value.select(i) for i in range(component.size or 0))
            )
        store = said.zeros.state["store"]
        assert isinstance(store, ArrayValue)
        touched = store.entries.keys() | cells.keys()
        changed = {c: store.select(c) for c in touched if store.select(c) != cells.get(c, 0)}
        trap = Trap(0) if said.ending else None
        return Outcome(state, {"store": changed}, trap, said.zeros.waits, said.zeros.events)


def wrong_carry(case: Case, outcome: Outcome) -> Answer:
    """The carry is always clear."""
    return replace(outcome, state={**outcome.state, "SR.C": 0})
