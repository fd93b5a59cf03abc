"""The page about `verify` names every code as it is."""

from __future__ import annotations

import re
from pathlib import Path

from orbscan import _core
from orbscan.checking.findings import Restores

PAGE = Path(__file__).parents[2] / "docs" / "verify.md"


def test_the_page_has_a_row_for_each_code() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| \w+ \| .+ \| (.+) \| (.+) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [
        (code, severity, meaning, str(Restores(*restores)))
        for code, severity, meaning, restores in _core.FINDING_CODES
    ]
