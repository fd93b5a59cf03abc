"""`orbscan scan --table findings`: `verify` of many as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def scan(*arguments: object) -> int:
    try:
        return main(["scan", *map(str, arguments), "--table", "findings"])
    except SystemExit as ended:
        return int(ended.code or 0)


def rows(table: Any) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in pa.table(table).to_pylist())


@pytest.fixture
def damaged(runs: Path) -> Path:
    """Runs of which one step has lost a file of its arrays, and one its tree."""
    data = max((runs / "a" / "9").rglob("d/*"), key=lambda file: file.stat().st_size)
    data.write_bytes(data.read_bytes()[:-9])
    next((runs / "a" / "10").rglob("_METADATA")).unlink()
    return runs


@pytest.mark.parametrize("level", [None, "structure", "data"])
def test_a_file_has_the_rows_of_finding_table(
    damaged: Path, tmp_path: Path, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [] if level is None else ["--level", level]
    wanted = rows(orbscan.finding_table(damaged, level=level or "index"))
    for ending in ("parquet", "arrow", "jsonl"):
        assert scan(damaged, "-o", tmp_path / f"f.{ending}", *options) == 0
        assert f"wrote {len(wanted)} rows of 5 checkpoints" in capsys.readouterr().err
    assert rows(pq.read_table(tmp_path / "f.parquet")) == wanted
    lines = (tmp_path / "f.jsonl").read_text().splitlines()
    assert len(lines) == len(wanted)
    assert {json.loads(line)["level"] for line in lines} == {level or "index"}


def test_a_document_has_them_too(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan(damaged, "-o", "json", "--match", "a/**") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["table"] == "findings"
    sound = {row["path"]: row["ok"] for row in document["rows"]}
    assert sound == {f"{damaged}/a/{step}": step == 100 for step in (9, 10, 100)}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "f.parquet", "--since", "e.parquet"], "a check looks at everything"),
        (["-o", "fleet.delta"], "--table is for a file"),
    ],
)
def test_what_goes_with_other_tables_is_refused(
    runs: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan(runs, *options) == 2
    assert told in capsys.readouterr().err


def test_a_level_goes_with_this_table_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["scan", str(runs), "-o", "json", "--level", "data"])
    assert "--level goes with --table findings" in capsys.readouterr().err
