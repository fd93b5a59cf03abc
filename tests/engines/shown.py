"""Programs of the documentation that need an engine, each run where that is installed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from orbscan.cli.demo import unpack
from tests.support.processes import output

TOP = Path(__file__).parents[2]
PROGRAM = re.compile(r"^```py\n(.*?)^```$\n\n^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def check(page: str, named: str, where: Path) -> None:
    """Runs the programs of a page that name something, and compares what they print.

    The directory of the demo is written below `where`, which must be short for some engines.
    """
    text = (TOP / page).read_text("utf-8")
    programs = [match.groups() for match in PROGRAM.finditer(text) if named in match[1]]
    assert programs, f"{page} has no program with {named}"
    unpack(str(where / "demo"))
    quiet = {
        **os.environ,
        # Ray would report that it was used.
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    for program, shown in programs:
        printed = output([sys.executable, "-c", program], cwd=where / "demo", env=quiet)
        if printed != shown:
            pytest.fail(f"{page} shows\n{shown}and what comes is\n{printed}", pytrace=False)
