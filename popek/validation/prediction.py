"""What the spec says of a case: the state after the step and the delivery of its trap.

What the spec leaves undefined is masked: the bits that differ between two readings of the step, one
whose undefined values are all zeros and one where they are all ones.  In the second, what
runs by itself while an oracle shows the step has run, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from popek.isa import ir
from popek.isa.ir import AbstractFunction
from popek.oracles.oracle import Bench, Case, Event, Memory, Outcome, State, number
from popek.semantics.ints import Ints
from popek.semantics.outcome import LeftOpen, ShutDown, Step, Trapped
from popek.semantics.step import Inputs, Run, next_pc, step
from popek.semantics.storage import Walk
from popek.terms import ArrayValue

#: Deliveries in a row before the processor counts as lost.
DELIVERIES = 3


@dataclass(frozen=True, slots=True)
class Predicted:
    """One reading of a step.  `ending`: the trap's name, "" where the step completes; `access`: an
    access raises it; `then`: traps that end its delivery, and theirs.  `wraps`: an access, or the
    code itself, goes beyond the last address, to the first.
    """

    state: Mapping[str, int | ArrayValue]
    ending: str
    access: bool
    then: tuple[str, ...]
    args: tuple[int, ...]
    wraps: bool
    waits: bool
    events: tuple[Event, ...]

    @property
    def argument(self) -> int:
        """The trap's first, 0 if it has none."""
        return self.args[0] if self.args else 0


@dataclass(frozen=True, slots=True)
class Silent:
    """The spec says nothing that an oracle could show."""

    why: str


#: What the reasons of `Silent` begin with.
_SHUT_DOWN: Final = "the processor shuts down"
_NO_END: Final = "trap after trap"
_LEFT_OPEN: Final = "left open"


def is_silence(why: str) -> bool:
    """Whether it is a reason of the spec's to say nothing, and not one of an oracle's."""
    return why.startswith((_SHUT_DOWN, _NO_END, _LEFT_OPEN))


class _Undefined(Ints):
    """Ints; what is undefined is all zeros, or all ones, and so are functions left abstract."""

    def __init__(self, ones: bool) -> None:
        super().__init__({})
        self._ones = ones
        #: Whether anything undefined was asked for.
        self.asked = False

    def inputs(self, kind: str, site: str, width: int) -> int:
        self.asked = True
        return (1 << width) - 1 if self._ones else 0

    def abstract(self, function: AbstractFunction, args: Sequence[int], width: int) -> int:
        return self.inputs("abstract", function.name, width)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The two readings; one and the same where the step leaves nothing undefined."""

    zeros: Predicted
    ones: Predicted

    def like(self, seen: Outcome) -> Prediction:
        """Where what is undefined decides how the step ends: the reading that ends as was seen."""
        endings = [(bool(r.ending), r.waits) for r in (self.zeros, self.ones)]
        if endings[0] == endings[1] and self.zeros.ending == self.ones.ending:
            return self
        alike = (seen.trap is not None, seen.waits) == endings[1]
        return Prediction(self.ones, self.ones) if alike else Prediction(self.zeros, self.zeros)

    @property
    def ending(self) -> str:
        return self.zeros.ending


#: An oracle that shows the step and nothing else.
_STEP_ALONE: Final = Bench({}, ())


def predict(
    isa: ir.Isa,
    form: ir.Form,
    fields: Mapping[str, int],
    case: Case,
    bench: Bench = _STEP_ALONE,
) -> Prediction | Silent:
    """What the spec says of the step of `form` in this case, shown by an oracle of this bench."""
    low, high = _Undefined(ones=False), _Undefined(ones=True)
    zeros = reading(isa, form, fields, _start(isa, case.state, case.memory), low, low.inputs)
    if isinstance(zeros, Silent):
        return zeros
    if not (low.asked or bench.running):
        return Prediction(zeros, zeros)
    later = {name: number(case.state, name) ^ bits for name, bits in bench.running.items()}
    state = _start(isa, {**case.state, **later}, case.memory)
    ones = reading(isa, form, fields, state, high, high.inputs)
    return ones if isinstance(ones, Silent) else Prediction(zeros, ones)


def reading(
    isa: ir.Isa,
    form: ir.Form,
    fields: Mapping[str, int],
    state: Mapping[str, int | ArrayValue],
    algebra: Ints,
    inputs: Inputs[int],
) -> Predicted | Silent:
    """The step, and the delivery of the trap that it ends in, or of the one that this ends in."""
    storage: Walk[int, ArrayValue] = Walk()
    run = step(isa, form, algebra, storage, state, fields, inputs)
    traps: list[Trapped[int, ArrayValue]] = []
    events = _events(run)
    fetching = Run(isa, algebra, storage, state, fields, inputs)
    pc = state[isa.pc]
    assert isinstance(pc, int)
    wraps = 0 < fetching.value(next_pc(isa, form)) < pc
    for _ in range(DELIVERIES + 1):
        wraps = wraps or any(
            a.guard and a.args[-1] + a.units > 1 << a.widths[-1] for a in run.accesses
        )
        if run.completes:
            names = tuple(t.name for t in traps)
            return Predicted(
                run.state,
                names[0] if traps else "",
                bool(traps) and traps[0].memory,
                names[1:],
                traps[0].args if traps else (),
                wraps,
                bool(run.waits) and not traps,
                events,
            )
        (end,) = (e for e in run.exits if e.guard)
        match end:
            case LeftOpen(unmodelled=what):
                return Silent(f"{_LEFT_OPEN}: {what or 'unpredictable'}")
            case ShutDown():
                return Silent(_SHUT_DOWN)
            case Trapped(name=name, args=given, state=after):
                traps.append(end)
        delivery: Run[int, ArrayValue] = Run(isa, algebra, storage, after, {}, inputs)
        for param, value in zip(isa.traps[name].params, given, strict=True):
            delivery.locals[param.name] = value
        delivery.run(isa.traps[name].delivery)
        run = delivery.finish()
    return Silent(_NO_END)


def _start(isa: ir.Isa, before: State, memory: Memory) -> dict[str, int | ArrayValue]:
    """The state before the step as the semantics reads it."""
    state: dict[str, int | ArrayValue] = {
        name: value
        if isinstance(value, int)
        else ArrayValue(0, {i: element for i, element in enumerate(value) if element})
        for name, value in before.items()
    }
    return state | {n: ArrayValue(0, dict(memory.get(n, {}))) for n in isa.memories}


def _events(run: Step[int, ArrayValue]) -> tuple[Event, ...]:
    return tuple(Event(e.device, e.operation, tuple(e.args)) for e in run.events if e.guard)
