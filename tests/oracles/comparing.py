"""A step of the spec laid beside an oracle's, bit by bit.

What the spec leaves undefined is masked: the bits that differ between two readings of the step, one
whose undefined values are all zeros and one where they are all ones.  The same goes for the values
of abstract functions of which a spec says nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from popek.isa import ir
from popek.oracles import Case, Outcome
from popek.semantics.ints import Ints
from popek.semantics.outcome import LeftOpen, ShutDown, Trapped
from popek.semantics.sampled import Drawn, Sampled
from popek.semantics.step import Run, step
from popek.semantics.storage import Walk
from popek.terms import ArrayValue

State: TypeAlias = Mapping[str, int | ArrayValue]


# ---------------------------------------------------------------- what the spec says


@dataclass(frozen=True)
class Predicted:
    """A step, and the delivery of the trap that it ends in, or of the one that this ends in.

    `state` is None where the spec says nothing that an oracle could show: `ending` then says why;
    elsewhere it is the trap's name, or "".  `written` are cells of memory that a step that
    completes stores in.
    """

    state: State | None
    ending: str = ""
    args: tuple[int, ...] = ()
    waits: bool = False
    events: int = 0
    written: frozenset[int] = frozenset()


def predict(
    isa: ir.Isa, form: ir.Form, algebra: Ints, state: State, fields: Mapping[str, int], ones: bool
) -> Predicted:
    """What the spec says, undefined values all zeros or all ones."""

    def inputs(kind: str, site: str, width: int) -> int:
        return (1 << width) - 1 if ones else 0

    storage: Walk[int, ArrayValue] = Walk()
    run = step(isa, form, algebra, storage, state, fields, inputs)
    events = sum(event.guard for event in run.events)
    if run.completes:
        cells = (a.index for a in run.assigned if a.guard and a.component in isa.memories)
        written = frozenset(cell for cell in cells if cell is not None)
        waits = bool(run.waits)
        return Predicted(run.state, waits=waits, events=events, written=written)
    taken: list[str] = []
    while True:
        (end,) = (e for e in run.exits if e.guard)
        match end:
            case LeftOpen():
                return Predicted(None, "left open")
            case ShutDown():
                return Predicted(None, "shutdown")
            case Trapped(name=name, args=args, state=after):
                taken.append(name)
        if len(taken) > 8:
            # IA-32: an alignment check in the delivery of one, without end (CVE-2015-5307).
            return Predicted(None, "deliveries without end")
        delivery: Run[int, ArrayValue] = Run(isa, algebra, storage, after, {}, inputs)
        for param, value in zip(isa.traps[name].params, args, strict=True):
            delivery.locals[param.name] = value
        delivery.run(isa.traps[name].delivery)
        run = delivery.finish()
        if run.completes:
            return Predicted(run.state, name, args, False, events)


# ---------------------------------------------------------------- one trial


@dataclass(frozen=True)
class Trial:
    """A form from a concrete state: the case for an oracle, and the two readings of the spec."""

    form: ir.Form
    fields: Mapping[str, int]
    code: bytes
    case: Case
    zeros: Predicted
    ones: Predicted


def trial(
    isa: ir.Isa,
    form: ir.Form,
    fields: Mapping[str, int],
    code: bytes,
    at: int,
    state: State,
    drawing: Sampled,
    also: Mapping[int, int] | None = None,
    abstract: Collection[str] = (),
) -> Trial:
    """`code` lies from the cell `at` on; cells that a step reads first are drawn, the rest is 0.

    `also` are other cells that are not drawn; `abstract` functions yield anything.
    """
    (memory,) = isa.memories.values()
    given = {**(also or {}), **{at + i: byte for i, byte in enumerate(code)}}
    cells = Drawn(0, given, {}, memory.width)
    predict(isa, form, drawing, {**state, memory.name: cells}, fields, False)
    contents = dict(cells.drawn)
    start = {**state, memory.name: ArrayValue(0, contents)}
    shown = {name: _shown(isa.components[name], value) for name, value in state.items()}
    return Trial(
        form,
        fields,
        code,
        Case(shown, {memory.name: contents}),
        predict(isa, form, Ints(dict.fromkeys(abstract, 0)), start, fields, False),
        predict(isa, form, Ints({n: _ones(isa, n) for n in abstract}), start, fields, True),
    )


def _ones(isa: ir.Isa, function: str) -> int:
    return (1 << isa.functions[function].width) - 1


def _shown(component: ir.Component, value: int | ArrayValue) -> int | tuple[int, ...]:
    return value if isinstance(value, int) else _elements(component, value)


def _elements(component: ir.Component, value: int | ArrayValue) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    assert component.size is not None
    if not value.entries:
        return (value.default,) * component.size
    return tuple(value.entries.get(i, value.default) for i in range(component.size))


# ---------------------------------------------------------------- spec and oracle


@dataclass(frozen=True)
class Difference:
    """One number that the oracle shows otherwise; `of` is a component, a memory, or what is said
    of the step itself, `at` an element or cell.  Bits that the spec leaves undefined are alike.
    """

    of: str
    at: int
    spec: int | None
    oracle: int | None


def differences(
    isa: ir.Isa, made: Trial, seen: Outcome, vector: int | None
) -> Iterator[Difference]:
    """Where the oracle disagrees; `vector` is the number of the trap that the spec takes."""
    zeros, ones = made.zeros, made.ones
    assert zeros.state is not None
    assert ones.state is not None
    theirs = None if seen.trap is None else seen.trap.vector
    for what, spec, oracle in (
        ("trap", vector, theirs),
        ("waits", int(zeros.waits), int(seen.waits)),
        ("events", zeros.events, len(seen.events)),
    ):
        if spec != oracle:
            yield Difference(what, 0, spec, oracle)
    for name, component in isa.components.items():
        value = seen.state[name]
        shown = (value,) if isinstance(value, int) else value
        first = _elements(component, zeros.state[name])
        second = _elements(component, ones.state[name])
        if first == second == shown:
            continue
        for i, (a, b, c) in enumerate(zip(first, second, shown, strict=True)):
            if bits := (a ^ c) & ~(a ^ b):
                yield Difference(name, i, a, a ^ bits)
    for name in isa.memories:
        before, changed = made.case.memory[name], seen.changed.get(name, {})
        low, high = zeros.state[name], ones.state[name]
        assert isinstance(low, ArrayValue)
        assert isinstance(high, ArrayValue)
        for cell in sorted(low.entries.keys() | high.entries.keys() | changed.keys()):
            a, b = low.entries.get(cell, 0), high.entries.get(cell, 0)
            c = changed.get(cell, before.get(cell, 0))
            if bits := (a ^ c) & ~(a ^ b):
                yield Difference(name, cell, a, a ^ bits)
