"""The entry point, `popek` and `python -m popek`: an interrupt during the imports is one too."""

import gc
import sys

#: Trees, terms and states are small, many, and hardly ever in cycles: looking through all of them
#: for garbage as often as Python does by itself takes a tenth of a run.
GARBAGE_AFTER = 500_000


def main() -> int:
    """Runs the command line; returns its exit code."""
    gc.set_threshold(GARBAGE_AFTER, 20, 20)
    try:
        from popek.cli import main as run  # noqa: PLC0415 -- inside, so that Ctrl-C is caught

        code = run()
        # Nor does the interpreter look through them once more before it ends.
        gc.freeze()
        return code
    except KeyboardInterrupt:
        sys.stderr.write("popek: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
