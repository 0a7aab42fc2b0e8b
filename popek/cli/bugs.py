"""When popek itself is wrong: what to say, and what to report."""

from __future__ import annotations

import os
import traceback

from popek.cli.exits import Exit
from popek.cli.output import say


def report_bug(error: BaseException) -> Exit:
    """Says that popek failed; where, only with POPEK_DEBUG=1."""
    text = " ".join(str(error).split())
    say(f"popek: a bug in popek: {type(error).__name__}{f': {text}' if text else ''}")
    if os.environ.get("POPEK_DEBUG"):
        say("".join(traceback.format_exception(error)).rstrip())
    else:
        say("  Please report it with the spec and the command line; POPEK_DEBUG=1 shows where.")
    return Exit.BUG


def report_disagreement(path: str, sha256: str, error: Exception) -> Exit:
    """Says that the ints do not confirm a solver's answer."""
    say(
        f"popek: {path}: the solver's answer is not confirmed by re-evaluation: {error}\n"
        "  No verdict is given. This is a bug in popek, or in the solver. Please report it with\n"
        f"  the spec (sha256 {sha256[:16]}), the command line, and the query that\n"
        "  --keep-smt2 DIR writes."
    )
    if os.environ.get("POPEK_DEBUG"):
        say("".join(traceback.format_exception(error)).rstrip())
    return Exit.BUG
