"""One step of each machine of a proof: the real one, and the virtual one that is the guest's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from popek.hypervisor.abstraction import Abstraction, State
from popek.hypervisor.placing import Touched, storage_of
from popek.isa import ir
from popek.isa.footprint import reads
from popek.semantics.algebra import B, V
from popek.semantics.outcome import Step
from popek.semantics.step import Inputs, step
from popek.semantics.storage import memory_of, translation_reads
from popek.theory.direct import BARE, DIRECT, inputs_of


@dataclass(frozen=True)
class Instruction(Generic[V, B]):
    """An instruction of the guest's, and the guest's state where it comes."""

    form: ir.Form
    fields: Mapping[str, V]
    guest: Mapping[str, V | B]


@dataclass(frozen=True)
class Stepped(Generic[V, B]):
    """A step, and the real cells that it touched."""

    step: Step[V, B]
    touched: list[Touched[V]]


def inputs_at(alpha: Abstraction[V, B], side: str) -> Inputs[V]:
    """What a machine reads that is no state: the virtual one reads what the bare one does."""
    exempt = "timing-exempt" not in alpha.design.dropped
    return inputs_of(alpha.algebra, side, clocks_shared=exempt)


def virtual_step(
    alpha: Abstraction[V, B], instruction: Instruction[V, B], host: Mapping[str, V | B]
) -> Stepped[V, B]:
    """The virtual machine's step of an instruction, from the guest's state in one of the host's.

    From the state in which it comes this is the bare machine's step, and made once.
    """
    state, pieces = alpha.virtual(host), alpha.pieces(host)
    form, algebra, isa = instruction.form, alpha.algebra, alpha.design.isa

    def make() -> Stepped[V, B]:
        coherent = all(state[name] is instruction.guest[name] for name in _translating(isa))
        storage = storage_of(alpha.reach, isa, algebra, pieces, virtual=True, coherent=coherent)
        processor = BARE if "same-processor" in alpha.design.dropped else ""
        fields, inputs = instruction.fields, inputs_at(alpha, BARE)
        done = step(isa, form, algebra, storage, state, fields, inputs, processor)
        return Stepped(done, storage.touched)

    where = tuple((p.base, p.size) for p in pieces.values())
    return algebra.once(("virtual", alpha.reach, form.key, where, tuple(state.values())), make)


def real_step(
    alpha: Abstraction[V, B], instruction: Instruction[V, B], host: State[V, B]
) -> Stepped[V, B]:
    """The real machine's step, while the guest runs on it."""
    isa, algebra = alpha.design.isa, alpha.algebra
    storage = storage_of(alpha.reach, isa, algebra, alpha.pieces(host), virtual=False)
    inputs = inputs_at(alpha, DIRECT)
    machine, fields = alpha.machine(host), instruction.fields
    done = step(isa, instruction.form, algebra, storage, machine, fields, inputs)
    return Stepped(done, storage.touched)


def _translating(isa: ir.Isa) -> frozenset[str]:
    """What the translations of programs' accesses read, memories included."""
    names: set[str] = set()
    for space, translation in isa.translations.items():
        if not translation.processor:
            names |= translation_reads(isa, space)
            inner = reads(translation.body) & (isa.translations.keys() | isa.memories.keys())
            names |= {memory_of(isa, name).name for name in inner}
    return frozenset(names)
