"""Guests drawn at random: proved designs agree with the bare machine, refuted ones are caught."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from popek.guest.image import Guest
from popek.hypervisor.design import Design
from popek.hypervisor.load import load_design
from popek.hypervisor.running import Beside, Ran, Setting, Shown
from popek.hypervisor.running_start import Image
from popek.resources import design_path
from popek.testing import guests
from tests.hypervisor.guest_files import rules

PROVED = (
    "pg74-clean/trap-and-emulate",
    "pg74-clean/interpret",
    "pg74/interpret",
    "pg74/translate",
    "pg74/paravirtual",
    "pg74-vt/hardware",
    "one-critical/hybrid",
    "one-critical/interpret",
)

STEPS = 60

#: Some example is enough: the smallest takes longer.
SEARCH = settings(max_examples=1000, deadline=None, phases=[Phase.generate], database=None)


@cache
def design(name: str) -> Design:
    return load_design(design_path(name))


def run(guest: Guest, *names: str, trace: list[Shown] | None = None) -> Ran:
    """A guest under designs, with a host that runs every three steps."""
    found = [design(name) for name in names]
    (memory,) = found[0].isa.memories
    image = Image({memory: guest.cells(found[0].isa)})
    watch = None if trace is None else trace.append
    return Beside(found, Setting(image, {"quantum": 3}), rules(found[0].isa.path), watch).run(STEPS)


@pytest.mark.parametrize("name", PROVED)
@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_proved_design_agrees(name: str, data: st.DataObject) -> None:
    guest = data.draw(guests(design(name).isa))
    ran = run(guest, name)
    assert ran.difference is None, (guest.code.hex(), ran)


@pytest.mark.parametrize("mnemonic", ["lra", "jrst1"])
def test_a_refuted_design_is_caught_at_each_critical_form(mnemonic: str) -> None:
    name = "pg74/trap-and-emulate"

    def caught(guest: Guest) -> bool:
        ran = run(guest, name)
        return (
            ran.difference is not None
            and ran.last is not None
            and ran.last.instruction.startswith(mnemonic)
        )

    find(guests(design(name).isa), caught, settings=SEARCH)


def test_guests_go_to_user_mode_and_come_back() -> None:
    name = "pg74-clean/trap-and-emulate"
    wanted = ["supervisor", "user", "supervisor", "user"]

    def there_and_back(guest: Guest) -> bool:
        trace: list[Shown] = []
        run(guest, name, trace=trace)
        levels = [s.level for s in trace]
        changes = [b for a, b in zip(["", *levels], levels, strict=False) if a != b]
        return changes[:4] == wanted

    isa = design(name).isa
    find(guests(isa), there_and_back, settings=SEARCH)
