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


def programs(page: str, named: str) -> list[tuple[str, str]]:
    """The programs of a page that name something, each with what the page says that it prints."""
    text = (TOP / page).read_text("utf-8")
    found = [(match[1], match[2]) for match in PROGRAM.finditer(text) if named in match[1]]
    assert found, f"{page} has no program with {named}"
    return found


def check(page: str, named: str, where: Path) -> None:
    """Runs the programs of a page that name something, and compares what they print.

    The directory of the demo is written below `where`, which must be short for some engines.
    """
    unpack(str(where / "demo"))
    quiet = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    for program, shown in programs(page, named):
        printed = output([sys.executable, "-c", program], cwd=where / "demo", env=quiet)
        if printed != shown:
            pytest.fail(f"{page} shows\n{shown}and what comes is\n{printed}", pytrace=False)
