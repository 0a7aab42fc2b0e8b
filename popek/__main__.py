"""The entry point, `popek` and `python -m popek`: an interrupt during the imports is one too."""

import sys


def main() -> int:
    """Runs the command line; returns its exit code."""
    try:
        from popek.cli import main as run  # noqa: PLC0415 -- inside, so that Ctrl-C is caught

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("popek: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
