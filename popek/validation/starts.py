"""Where searches begin: states drawn at random, made useful."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from popek.guest import sample_fields
from popek.isa import ir
from popek.validation.search import Search
from popek.validation.stepping import Stepped
from popek.validation.world import FIELD, WHOLE, World


def starts(search: Search, name: str, count: int) -> Iterator[Stepped]:
    """Useful steps, near home but for what home leaves open."""
    isa, form, home = search.stepper.isa, search.stepper.form, search.stepper.ground.home
    for number in range(count):
        seed = f"{name}/{number}"
        world = World(seed, {}, home)
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
