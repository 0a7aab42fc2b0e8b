"""The command line: one file per verb."""

from popek.cli.main import main

__all__ = ["main"]
