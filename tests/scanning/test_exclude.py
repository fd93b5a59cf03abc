"""Directories that are left out, by `exclude=` and `--exclude`."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path

KEPT = ["a/9", "a/10", "a/100", "b/step_0007", "b/step_0008"]


@pytest.fixture
def kept(runs: Path) -> Path:
    """The two roots, with what a cleaner has set aside and a copy of one."""
    shutil.copytree(runs / "a" / "9", runs / "a" / "_todelete_" / "8")
    shutil.copytree(runs / "b", runs / "b" / "snapshots")
    return runs


EXCLUDED = ["**/_todelete_", "*/snapshots"]


def test_what_is_excluded_is_in_no_answer(kept: Path) -> None:
    entries = orbscan.scan(kept, exclude=EXCLUDED, ordered=True)
    assert [os.path.relpath(str(entry.path), kept) for entry in entries] == KEPT
    for table in (orbscan.leaf_table, orbscan.checkpoint_table):
        paths = pa.table(table(kept, exclude=EXCLUDED))["path"].unique().to_pylist()
        assert sorted(paths) == sorted(str(kept / way) for way in KEPT)
    assert len([*orbscan.scan(kept, exclude="**/snapshots")]) == len(KEPT) + 1


@pytest.mark.parametrize("command", ["ls", "scan"])
def test_the_option_can_be_given_several_times(
    kept: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    options = [f"--exclude={pattern}" for pattern in EXCLUDED]
    assert main([command, str(kept), "-o", "json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = document["checkpoints" if command == "ls" else "rows"]
    assert {row["path"] for row in rows} == {str(kept / way) for way in KEPT}


def test_where_nothing_is_left_the_option_is_named(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls", str(kept), "--exclude", "*", "--exclude", "nothing"]) == 3
    assert "matches --exclude" in capsys.readouterr().err
