"""What `to_dict` gives in Python is what the commands print as JSON."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    main([*map(str, words), "-o", "json"])
    return json.loads(capsys.readouterr().out)


def plain(document: dict[str, object]) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


def test_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_step(tmp_path, "1", {"loss": float("nan"), "by": [float("inf"), -float("inf"), 0.5]})
    write_step(tmp_path, "2")
    (tmp_path / "3").mkdir()
    found = orbscan.steps(tmp_path)
    document = printed(capsys, "steps", tmp_path)
    assert plain(found.to_dict()) == document
    assert [plain(step.to_dict()) for step in found] == document["steps"]
    assert document["steps"][0]["metrics"]["loss"] == "NaN"
    assert document["steps"][2]["error"] is not None


def test_the_metadata_of_a_root(tmp_path: Path) -> None:
    write_step(tmp_path, "1")
    assert plain(orbscan.root_metadata(tmp_path).to_dict()) == {
        "schema_version": 1,
        "path": str(tmp_path),
        "custom_metadata": {},
        "internal_metadata": {},
    }


def test_entries_of_a_scan(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "broken" / "1").mkdir(parents=True)
    (runs / "broken" / "1" / "_CHECKPOINT_METADATA").write_text("{")
    rows = printed(capsys, "ls", runs)["checkpoints"]
    entries = [*orbscan.scan(runs, ordered=True)]
    assert [plain(entry.to_dict()) for entry in entries] == rows
    assert any(row["error"] for row in rows)
    again = [copy.copy(entry) for entry in entries]
    assert [plain(entry.to_dict()) for entry in again] == rows


def test_usages(runs: Path, step: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(orbscan.du(step).to_dict()) == printed(capsys, "du", step)
    several = orbscan.du([runs, step])
    assert plain(several.to_dict()) == printed(capsys, "du", runs, step)
    assert len(several) > 2
    assert several.total == sum(row.total for row in several)


def test_reports(step: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(orbscan.verify(step).to_dict()) == printed(capsys, "verify", step)


def test_differences(step: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = next(iter(orbscan.scan(runs, ordered=True)))
    document = printed(capsys, "diff", step, other.path)
    assert plain(orbscan.diff(step, other).to_dict()) == document
