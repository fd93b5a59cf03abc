"""Tables as datasets of Ray."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.engines import shown
from tests.engines.fleet import root
from tests.support.processes import ROOT, output

__all__ = ["root"]


def test_ray_reads_groups_and_writes_what_one_machine_reads(root: Path, tmp_path: Path) -> None:
    # Ray would report that it was used.
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    asked = [sys.executable, "-m", "tests.engines.on_ray", root, tmp_path]
    output(asked, cwd=ROOT, env=quiet)


def test_what_the_documentation_shows_is_what_comes() -> None:
    for page in ("README.md", "docs/engines.md"):
        # The names of sockets of Ray must be short.
        with TemporaryDirectory(prefix="r") as where:
            shown.check(page, "orbscan.ray", Path(where))
