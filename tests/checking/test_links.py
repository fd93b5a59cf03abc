"""Links in a checkpoint: followed as Orbax follows them, but never without end."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path


def test_data_files_may_lie_behind_a_link(v1: Path, tmp_path: Path) -> None:
    whole = orbscan.verify(v1, level="data")
    moved = tmp_path / "another-disk"
    (v1 / "state" / "ocdbt.process_0").rename(moved)
    (v1 / "state" / "ocdbt.process_0").symlink_to(moved)
    assert orbscan.verify(v1, level="data").findings == whole.findings
    assert whole.ok


def test_a_link_in_a_circle_is_not_followed(v1: Path) -> None:
    whole = orbscan.verify(v1)
    usage = orbscan.du(v1)
    (v1 / "state" / "loop").symlink_to(".")
    (v1 / "state" / "d" / "top").symlink_to(v1)
    assert orbscan.verify(v1).findings == whole.findings
    assert orbscan.du(v1).files == usage.files


def test_links_that_double_the_files_with_each_level_are_refused(v1: Path, tmp_path: Path) -> None:
    levels = [tmp_path / f"level{number}" for number in range(30)]
    for level in levels:
        level.mkdir()
    for level, below in pairwise(levels):
        (level / "a").symlink_to(below)
        (level / "b").symlink_to(below)
    (v1 / "state" / "many").symlink_to(levels[0])
    found = orbscan.verify(v1)
    assert not found.ok
    assert any("more than 1000 links" in finding.reason for finding in found.findings)
    with pytest.raises(orbscan.FormatError, match="more than 1000 links"):
        orbscan.du(v1)
