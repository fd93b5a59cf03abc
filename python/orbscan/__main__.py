"""`python -m orbscan`, and the installed command `orbscan`."""

from __future__ import annotations

import os
import sys

from orbscan import cli
from orbscan.cli import exits

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """As `cli.main`; without `argv`, the process is its own, and ends here if it is interrupted."""
    status = cli.main(argv)
    if argv is None and status == exits.INTERRUPTED:
        # A login may still be running in a thread of the extension. The interpreter would end that
        # thread where it is, which aborts the process (before Python 3.14).
        sys.stderr.flush()
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
