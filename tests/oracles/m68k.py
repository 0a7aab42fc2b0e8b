"""Start states for the 68000 and 68010 that mostly let a step through."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from popek.guest import canonical, encode, sample_fields
from popek.isa import ir
from popek.semantics.sampled import Sampled
from popek.terms import ArrayValue
from tests.oracles.comparing import Trial, trial
from tests.semantics.drawing import draw

#: Traps that machine68k does not have.
MEMORY_TRAPS = {"bus_error", "address_error", "bus_fault", "address_fault"}


def trials(isa: ir.Isa, form: ir.Form, random: Random) -> Iterator[Trial]:
    """Trials of a form, without end."""
    while True:
        fields = sample_fields(isa, form, {}, random)
        assert fields is not None, form.key
        if random.random() < 0.8:
            # Odd addresses end in an address error.
            even = {n: v & ~1 if _displaces(n) else v for n, v in fields.items()}
            fields = canonical(isa, form, even, {}) or fields
        state = start(isa, random)
        base, pc = state["R.base"], state["PC"]
        assert isinstance(base, int)
        assert isinstance(pc, int)
        at = base + (pc & 0xFF_FFFF)
        made = trial(isa, form, fields, encode(isa, form, fields), at, state, Sampled(random))
        if made is not None:
            yield made


def _displaces(field: str) -> bool:
    return field.rsplit(".", maxsplit=1)[-1] in ("d8", "d16", "a16", "a32")


def start(isa: ir.Isa, random: Random) -> dict[str, int | ArrayValue]:
    """Values of all components: the pc and the stacks are usable, the rest often."""

    def bank(size: int, mask: int = 0xFFFF_FFFF) -> ArrayValue:
        return ArrayValue(0, {i: draw(random, 32) & mask for i in range(size)})

    def reachable() -> int:
        # The processor drives 24 lines: what stands above them says nothing.
        return random.randrange(0x1000, 0x1F_0000) & ~1 | random.getrandbits(8) << 24

    even = random.choice((0xFFFF_FFFF, 0xFFFF_FFFE))
    state: dict[str, int | ArrayValue] = {
        name: draw(random, component.width)
        for name, component in isa.components.items()
        if component.size is None
    }
    state |= {
        "D": bank(8, even),
        "AR": bank(7, even),
        "A7": ArrayValue(0, {i: reachable() for i in range(2)}),
        "PC": reachable(),
        "storage": 0xFF_FFFE,
        "R.base": 0,
        "R.bound": 0xFF_FFFE,
    }
    if random.random() < 0.4:  # relocated
        state |= {
            "AR": ArrayValue(0, {i: reachable() for i in range(7)}),
            "R.base": random.randrange(0x40_0000),
            "R.bound": random.randrange(0x20_0000, 0x40_0000),
        }
    if "VBR" in isa.components:
        state["VBR"] = random.choice((0, random.randrange(0x70_0000) & ~1))
    return state
