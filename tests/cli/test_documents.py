"""What `to_dict` gives in Python is what the commands print as JSON."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path


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


CHECKPOINTS = ("o0.12.8-v1", "o0.12.8-sharded", "o0.12.8-composite", "o0.3.5-aggregate")


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_metadata(case: str, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [entry for entry in orbscan.scan(archive / case) if entry.metadata is not None]
    assert entries
    for entry in entries:
        document = printed(capsys, "show", entry.path)
        assert plain(orbscan.metadata(entry.path).to_dict()) == document
        assert entry.metadata is not None
        assert plain(entry.metadata.to_dict()) == document


def test_metadata_of_every_pytree(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = archive / "o0.12.8-composite" / "ckpt"
    read = orbscan.checkpointables_metadata(path)
    document = plain(read.to_dict())
    pytrees = [name for name, tree in read.metadata.items() if tree is not None]
    assert len(pytrees) > 1
    assert document == {
        "schema_version": 1,
        "path": str(path),
        "checkpointables": [printed(capsys, "show", path, "--name", name) for name in pytrees],
    }


def test_what_was_not_read_here_has_no_document(archive: Path) -> None:
    read = orbscan.metadata(archive / "o0.12.8-v1" / "ckpt")
    passed_on = pickle.loads(pickle.dumps(read))  # noqa: S301
    assert (passed_on, passed_on.items) == (read, read.items)
    for other in (passed_on, orbscan.CheckpointMetadata.from_bytes(read.to_bytes())):
        with pytest.raises(ValueError, match="has a document"):
            other.to_dict()


@pytest.mark.parametrize("damaged", [False, True])
def test_dumps(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, damaged: bool
) -> None:
    content = (archive / "o0.12.8-v1" / "ckpt" / "state" / "manifest.ocdbt").read_bytes()
    path = tmp_path / "manifest.ocdbt"
    path.write_bytes(content[:-1] if damaged else content)
    document = printed(capsys, "dump", path)
    assert [plain(found.to_dict()) for found in orbscan.dump(path)] == document["structures"]
    assert (document["structures"][0]["error"] is not None) == damaged
