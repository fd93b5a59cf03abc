"""The rows that the command line makes by itself, beside those of the Arrow tables."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orbscan import _core, scan
from orbscan.cli import json_lines, main
from orbscan.scanning.tables import write_table
from tests.scanning.conftest import unpacked

if TYPE_CHECKING:
    from pathlib import Path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("table", ["leaves", "checkpoints"])
def test_both_make_the_same_rows(archive: Path, tmp_path: Path, table: str) -> None:
    own, other = tmp_path / "own.jsonl", tmp_path / "other.jsonl"
    json_lines.write(str(own), table, _core.scan([str(archive)], ordered=True))
    found = scan(archive, ordered=True)
    write_table(found.leaves() if table == "leaves" else found.checkpoints(), other)
    ours, theirs = rows(own), rows(other)
    assert [*ours[0]] == [*theirs[0]]
    assert len(ours) == len(theirs)
    for mine, its in zip(ours, theirs, strict=True):
        assert mine == its


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_the_command_writes_each_kind_of_file(runs: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"checkpoints.{ending}"
    assert main(["scan", str(runs), "--table", "checkpoints", "-o", str(target)]) == 0
    assert target.stat().st_size
    assert [*tmp_path.glob(".*")] == []


def test_the_command_goes_on_from_a_table(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    command = ["scan", str(runs), "--table", "checkpoints"]
    assert main([*command, "-o", str(first)]) == 0
    shutil.copytree(runs / "a" / "9", runs / "a" / "11")
    (runs / "a" / "10" / "state" / "_METADATA").write_text("{")
    assert main([*command, "-o", str(second), "--since", str(first)]) == 5
    assert "1 of 6 checkpoints could not be read" in capsys.readouterr().err
    states = pq.read_table(second)["state"].to_pylist()
    assert sorted(states) == ["read", "read", "unchanged", "unchanged", "unchanged", "unchanged"]


def test_a_checkpointable_that_cannot_be_read_has_a_row(tmp_path: Path) -> None:
    checkpoint = unpacked("o0.12.8-v1-checkpointables", tmp_path) / "all"
    whole = pa.table(scan(checkpoint).leaves()).to_pylist()
    names = sorted({row["checkpointable"] for row in whole})
    assert len(names) > 1
    # Reads of the checkpoint choose another one.
    lost = next(name for name in names if name not in {"pytree", "state"})
    (checkpoint / lost / "_METADATA").write_text("[1")
    found = pa.table(scan(checkpoint).leaves()).to_pylist()
    assert next(scan(checkpoint)).error is None
    errors = [row for row in found if row["error"] is not None]
    assert [(row["checkpointable"], row["keypath"]) for row in errors] == [(lost, None)]
    assert f"{lost}/_METADATA" in errors[0]["error"]
    without = [row["keypath"] for row in whole if row["checkpointable"] != lost]
    assert [row["keypath"] for row in found if row not in errors] == without
    own = tmp_path / "own.jsonl"
    json_lines.write(str(own), "leaves", _core.scan([str(checkpoint)], ordered=True))
    assert [row["error"] for row in rows(own)] == [row["error"] for row in found]


def test_of_the_rows_of_a_checkpoint_one_is_decoded(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert main(["scan", str(runs), "-o", str(first)]) == 0
    decoded: list[str] = []
    loads = json.loads

    def counted(line: str) -> Any:
        decoded.append(line)
        return loads(line)

    monkeypatch.setattr(json, "loads", counted)
    found = [one.path for one in json_lines.found(str(first), "leaves")]
    paths = [row["path"] for row in map(loads, first.read_text().splitlines())]
    assert found == [*dict.fromkeys(paths)]
    assert len(decoded) == 5
    assert main(["scan", str(runs), "-o", str(second), "--since", str(first)]) == 0
    assert len(decoded) == 15
    assert sorted(second.read_text().splitlines()) == sorted(first.read_text().splitlines())
