"""Tables as datasets of Ray."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.engines.fleet import root
from tests.support.processes import ROOT, output

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


def test_ray_gives_what_one_machine_reads_and_what_the_pages_show(
    root: Path, tmp_path: Path
) -> None:
    # Ray would report that it was used.
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    asked = [sys.executable, "-m", "tests.engines.on_ray", root, tmp_path]
    output(asked, cwd=ROOT, env=quiet)
