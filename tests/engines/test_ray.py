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

OPTIONS = {
    # Ray would report that it was used.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Seconds. On a busy machine, processes take longer to start than it waits by default.
    "RAY_gcs_server_request_timeout_seconds": "600",
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_worker_register_timeout_seconds": "600",
}


def test_ray_gives_what_one_machine_reads_and_what_the_pages_show(
    root: Path, tmp_path: Path
) -> None:
    asked = [sys.executable, "-m", "tests.engines.on_ray", root, tmp_path]
    output(asked, cwd=ROOT, env={**os.environ, **OPTIONS})
