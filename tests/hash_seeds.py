"""Programs in processes in which sets have their elements in different orders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SEEDS = ("1", "2", "3")


def printed(program: str) -> set[bytes]:
    """What a program prints: one thing, if nothing depends on the order of a set."""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[1],
            check=True,
            capture_output=True,
        ).stdout
        for seed in SEEDS
    }
