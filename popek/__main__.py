"""`python -m popek`."""

import sys

from popek.cli import main

if __name__ == "__main__":
    sys.exit(main())
