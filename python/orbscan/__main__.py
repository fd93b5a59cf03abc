"""`python -m orbscan`, and the installed command `orbscan`."""

from __future__ import annotations

import sys

from orbscan.cli import main

if __name__ == "__main__":
    sys.exit(main())
