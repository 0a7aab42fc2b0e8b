"""Where a run starts: the reset machine with the guest's image, and a host that may run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from popek.diagnostics import PopekError
from popek.hypervisor.abstraction import Abstraction
from popek.hypervisor.design import Design, Kept, kept
from popek.hypervisor.placing import Reach
from popek.hypervisor.running_machine import Ended, Processor, State, taken
from popek.isa import ir
from popek.isa.footprint import expression_reads, reads
from popek.semantics.running import Cells, Running
from popek.semantics.storage import Walk
from popek.terms import ArrayValue


@dataclass(frozen=True, slots=True)
class Image:
    """A guest before it runs: the cells of its memories, and its pc if not the reset's."""

    memory: Mapping[str, Mapping[int, int]]
    entry: int | None = None


def blank(component: ir.Component) -> int | ArrayValue:
    """What a component holds before the reset: 0, or a parameter's own value."""
    if component.size is None:
        return component.default
    return ArrayValue(0, dict(component.hardwired))


def reset(processor: Processor, given: State, image: Image) -> State:
    """The machine after its reset, the image in its memories; `given`: what it holds before."""
    isa = processor.isa
    state: dict[str, int | ArrayValue] = {c.name: blank(c) for c in isa.components.values()}
    state |= given
    for name in isa.memories:
        state[name] = Cells(dict(image.memory.get(name, {})), {})
    storage: Walk[int, ArrayValue] = Walk()
    run = processor.run(storage, state)
    run.run(isa.reset)
    done = run.finish()
    if taken(done.exits) is not None:
        raise Ended("the reset does not complete")
    entry = {} if image.entry is None else {isa.pc: image.entry}
    return {**done.state, **entry}


@dataclass
class Start:
    """A host with a guest in it: the machine's state, what the host keeps, and the guest's state
    as the bare machine has it.
    """

    machine: State
    own: dict[str, int | ArrayValue]
    bare: State


def start(
    design: Design,
    processor: Processor,
    machine: State,
    given: Mapping[str, int],
    image: Image,
) -> Start:
    """The guest, just reset, on a machine in this state.

    `given` are values of the design's parameters, and of components of the machine's.  Others that
    the requirements mention are chosen: powers of two, as large as may be for the guest's storage
    and as small for all else.  Raises PopekError (E1102) where none do.
    """
    if design.shadowed:
        shadowed = ", ".join(f"`{name}`" for name in sorted(design.shadowed))
        raise PopekError.at(
            "E1102",
            f"the design does not say what is in the host's tables for {shadowed}: it cannot run",
            path=design.path,
        )
    isa = design.isa
    algebra: Running = processor.algebra
    alpha: Abstraction[int, ArrayValue] = Abstraction(design, algebra, Reach.WALKED)
    names = design.machine.components
    room = {m: max(cells, default=-1) + 1 for m, cells in image.memory.items()}
    own: dict[str, int | ArrayValue] = {
        name: blank(c) for name, c in names.items() if name not in isa.components
    }

    def found(values: Mapping[str, int]) -> Start | None:
        """The start with these values, if all is well with it."""
        host = {**machine, **own, **values}
        if any(alpha.value(design.placements[m].size, host) < extent for m, extent in room.items()):
            return None
        computed = {
            name: alpha.value(row.value, host)
            for name, row in design.rows.items()
            if isinstance(row, Kept) and row.value is not None
        }
        bare = reset(processor, computed, image)
        pieces = alpha.pieces(host)
        memories: dict[str, int | ArrayValue] = {}
        for name, memory in isa.memories.items():
            bank, guest = host[name], bare[name]
            assert isinstance(bank, Cells) and isinstance(guest, Cells)
            memories[name] = bank.with_cells(guest.whole(), pieces[name].base, memory.index_width)
        host = alpha.loaded(alpha.put(host, {**bare, **memories}))
        if not all(alpha.holds(p, host) for p in design.requirements):
            return None
        return Start(alpha.machine(host), {name: host[name] for name in own}, bare)

    free = _free(design, given)
    for values in _choices(design, alpha, {**machine, **own, **given}, free):
        if (begun := found({**given, **values})) is not None:
            return begun
    texts = "; ".join(p.text for p in design.requirements)
    most = max(room.values(), default=0)
    raise PopekError.at(
        "E1102",
        f"no host with room for {most} cells meets what the design requires: {texts}",
        path=design.path,
        hint="give the host's parameters with --host 'NAME = VALUE'",
    )


def _free(design: Design, given: Mapping[str, int]) -> list[ir.Component]:
    """What the requirements mention and nothing decides: parameters, and registers of the machine's
    that may hold anything.
    """
    found = [c for c in design.parameters.values() if c.name not in given]
    mentioned = {n for p in design.requirements for n in predicate_reads(p)}
    for name, row in design.rows.items():
        component = design.isa.components[name]
        anything = isinstance(row, Kept) and row.real is None
        known = name in given or component.role is ir.Role.PARAMETER or component.size is not None
        if anything and name in mentioned and not known:
            found.append(component)
    return found


def predicate_reads(predicate: ir.Predicate) -> frozenset[str]:
    """The components that a condition depends on."""
    return frozenset(expression_reads(predicate.condition)) | reads(predicate.setup)


def _choices(
    design: Design,
    alpha: Abstraction[int, ArrayValue],
    host: State,
    free: list[ir.Component],
) -> Iterator[dict[str, int]]:
    """Values of what is free, those left out with which a requirement fails already."""
    settled = {kept(n) for n in design.rows} | {
        n for n, row in design.rows.items() if isinstance(row, Kept) and row.real is not None
    }

    sizes = {n for p in design.placements.values() for n in expression_reads(p.size)}

    def hold(values: Mapping[str, int]) -> bool:
        open_names = settled | {c.name for c in free if c.name not in values}
        return all(
            predicate_reads(p) & open_names or alpha.holds(p, {**host, **values})
            for p in design.requirements
        )

    def search(values: dict[str, int]) -> Iterator[dict[str, int]]:
        if len(values) == len(free):
            yield values
            return
        component = free[len(values)]
        large = component.name in sizes
        powers = range(component.width)
        for n in reversed(powers) if large else powers:
            more = {**values, component.name: 1 << n}
            if hold(more):
                yield from search(more)

    yield from search({})
