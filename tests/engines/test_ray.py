"""Tables as datasets of Ray."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.scanning.tables.conftest import run
from tests.support.processes import ROOT, output

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run"]


def test_ray_reads_groups_and_writes_what_one_machine_reads(run: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "r"
    scratch.mkdir()
    # A damaged one has several findings.
    next((run / "10").rglob("_METADATA")).unlink()
    # Ray would report that it was used.
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    asked = [sys.executable, "-m", "tests.engines.on_ray", run, scratch]
    output(asked, cwd=ROOT, env=quiet)
