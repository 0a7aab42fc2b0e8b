"""Where searches begin: states drawn at random, made useful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from popek.guest import sample_fields
from popek.isa import ir
from popek.validation.search import Search
from popek.validation.stepping import Stepped
from popek.validation.world import FIELD, WHOLE, Place, World


def starts(search: Search, name: str, count: int, *, anywhere: bool = False) -> Iterator[Stepped]:
    """Useful steps, near home but for what home leaves open; `anywhere`: and for what programs keep
    in registers.
    """
    isa, form, home = search.stepper.isa, search.stepper.form, search.stepper.ground.home
    for number in range(count):
        seed = f"{name}/{number}"
        world = World(seed, {}, home)
        if anywhere:
            world = world.but(_registers(isa, World(seed, {}), home))
        context = {
            c.name: world.value((c.name, WHOLE), c.width)
            for c in isa.components.values()
            if c.role is ir.Role.HIDDEN and c.size is None
        }
        fields = sample_fields(isa, form, context, Random(seed))
        if fields is None:
            continue
        run = search.start(world.but({(FIELD + n, WHOLE): v for n, v in fields.items()}))
        if run is not None:
            yield run


def _registers(isa: ir.Isa, drawn: World, home: Mapping[Place, int]) -> dict[Place, int]:
    """Other values for the registers that home has, but for the pc."""
    own = [(p, isa.components[p[0]]) for p in home if p[0] in isa.components and p[0] != isa.pc]
    return {p: drawn.value(p, c.width) for p, c in own if c.role is ir.Role.REGISTER}
