"""The entry point: what becomes of errors, interrupts and readers that have gone."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from io import StringIO, TextIOWrapper

import click

from popek import __version__
from popek.cli.bugs import report_bug
from popek.cli.exits import Exit
from popek.cli.output import forget, say, say_diagnostics
from popek.cli.verbs import Verbs
from popek.diagnostics import PopekError


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 it holds, 1 it does not, 2 wrong usage, 3 bad input, 4 undecided, "
    "5 an oracle is missing, 70 a bug in popek, 130 interrupted.",
)
@click.version_option(__version__, message="popek %(version)s")
def popek() -> None:
    """Decides, by proof, whether an instruction set can be virtualized.

    SPEC is the path of an .isa file, or the name of a bundled one (popek list).
    """


#: What the system says where there is no room for the output: no fault of popek's.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs popek and returns its exit code."""
    _stand_in_for_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title may hold what the terminal lacks
    try:
        code = popek.main(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name="popek",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.ctx.get_help())
        return Exit.USAGE
    except click.ClickException as error:
        shown = StringIO()
        error.show(shown)
        say(shown.getvalue().rstrip())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("popek: interrupted")
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click exits where a help text finds no reader
        forget(sys.stdout)
        return Exit.HOLDS
    except PopekError as error:
        say_diagnostics(error.diagnostics)
        return Exit.BAD_INPUT
    except OSError as error:
        if error.errno not in _NO_ROOM:
            return report_bug(error)
        forget(sys.stdout)
        say(f"popek: the output cannot be written: {error.strerror}")
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001 -- the last resort, so that no traceback is shown
        return report_bug(error)
    return int(code or 0)


def _stand_in_for_closed_streams() -> None:
    """Python has None for a stream that was closed before the start (`popek check x >&-`)."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+"))  # noqa: SIM115 -- as long as popek runs
