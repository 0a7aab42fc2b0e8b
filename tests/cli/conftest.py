from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from popek.cli import main

DATA = Path(__file__).parent / "data"


@dataclass
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.out)


Popek = Callable[..., Ran]


@pytest.fixture
def popek(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Popek:
    """Runs `popek` in the folder of the toy specs, 80 columns wide."""
    monkeypatch.chdir(DATA)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("POPEK_DEBUG", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        return Ran(int(code), *capfd.readouterr())

    return run
