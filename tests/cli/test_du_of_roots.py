"""`orbscan du` of directories of checkpoints: each, and the sum."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(v1: Path, tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("a/1", "a/2", "b/7", "b/8.orbax-checkpoint-tmp"):
        shutil.copytree(v1, root / name)
    return root


def on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_every_checkpoint_and_the_sum_are_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["du", str(root), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    one = orbscan.du(root / "a" / "1")
    rows = document["checkpoints"]
    assert [row["path"] for row in rows] == [
        str(root / name) for name in ("a/1", "a/2", "b/7", "b/8.orbax-checkpoint-tmp")
    ]
    assert [row["state"] for row in rows] == ["committed"] * 3 + ["uncommitted"]
    assert (rows[0]["total"], rows[0]["free"], rows[0]["nbytes"]) == (
        one.total,
        one.free,
        one.nbytes,
    )
    temporary = on_disk(root / "b" / "8.orbax-checkpoint-tmp")
    assert document["totals"] == {
        "total": on_disk(root),
        "nbytes": 3 * one.nbytes,
        "stored": 3 * one.stored,
        "free": 3 * one.free,
        "uncommitted": temporary,
    }


def test_several_paths_are_a_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["du", str(root / "a"), str(root / "b"), "--sort", "size"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0].split()
        == ["CHECKPOINT", "STATE", "MEMORY", "ON", "DISK", "UNUSED"][: len(lines[0].split())]
    )
    assert any(line.startswith("unfinished") and "1 uncommitted save" in line for line in lines)
    assert lines[-1].endswith("in 4 checkpoints")


def test_what_cannot_be_measured_is_counted_by_its_files(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "a" / "1" / "_CHECKPOINT_METADATA").unlink()
    (root / "a" / "1" / "state" / "_METADATA").unlink()
    assert main(["du", str(root), "-o", "json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["totals"]["total"] == on_disk(root)
    assert document["checkpoints"][0]["error"]


def test_a_directory_without_checkpoints_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["du", str(tmp_path)]) == 3
    assert "is not a checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--step=1", "--name=x", "--flat", "--depth=1", "--files"])
def test_some_options_are_for_one_checkpoint(
    option: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["du", str(root / "a"), str(root / "b"), option])
    assert "is for one checkpoint" in capsys.readouterr().err


def test_every_command_calls_a_checkpoint_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    demo = tmp_path / "demo"
    assert main(["demo", str(demo)]) == 0
    capsys.readouterr()
    assert main(["ls", str(demo)]) == 5
    total = capsys.readouterr().out.splitlines()[-1]
    rows = orbscan.du([demo])
    states = {os.path.relpath(row.path, demo): row.state for row in rows}
    counts = Counter(states.values())
    assert ", ".join(f"{counts[state]} {state}" for state in sorted(counts)) in total
    assert {name: state for name, state in states.items() if state != "committed"} == {
        "copied/30": "broken",
        "damaged/unsharded": "incomplete",
        "runs/base/1600.orbax-checkpoint-tmp": "uncommitted",
        "runs/wide/1100": "broken",
    }
    assert main(["verify", str(demo)]) == 1
    assert "1600.orbax-checkpoint-tmp: uncommitted: " in capsys.readouterr().out
