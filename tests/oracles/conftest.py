"""Emulators, each test once on each."""

from __future__ import annotations

import shutil

import pytest

from tests.oracles.ia32_flat import EMULATORS, Emulator


@pytest.fixture(params=EMULATORS)
def emulator(request: pytest.FixtureRequest) -> Emulator:
    found = EMULATORS[request.param]
    if shutil.which(found.program) is None:
        pytest.skip(f"the oracle {found.program} is not installed")
    return found
