"""Tables as files, and scans that go on where an earlier one ended."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from orbscan.scanning import forms, tables
from orbscan.scanning.earlier import fingerprints
from tests.support.processes import python

if TYPE_CHECKING:
    from pathlib import Path

TABLES = [tables.leaf_table, tables.checkpoint_table]


def rows_of(path: Path) -> list[dict[str, Any]]:
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_files_hold_the_whole_table(table: Any, suffix: str, golden: Path, tmp_path: Path) -> None:
    file = tmp_path / f"table{suffix}"
    written = tables.write_table(table(golden, ordered=True), file)
    rows = pa.table(table(golden, ordered=True)).to_pylist()
    assert written == len(rows)
    assert rows_of(file) == rows
    assert pq.read_schema(file).metadata if suffix == ".parquet" else True
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_polars_and_pandas_read_the_files(run: Path, tmp_path: Path) -> None:
    for suffix in (".parquet", ".arrow"):
        tables.write_table(tables.leaf_table(run), tmp_path / f"leaves{suffix}")
    count = pl.read_parquet(tmp_path / "leaves.parquet").height
    assert count > 0
    assert pl.read_ipc(tmp_path / "leaves.arrow").height == count
    assert len(pd.read_parquet(tmp_path / "leaves.parquet")) == count


@pytest.mark.parametrize("table", TABLES)
def test_text_files_hold_lists_as_json_and_moments_as_text(
    table: Any, golden: Path, tmp_path: Path
) -> None:
    rows = pa.table(table(golden, ordered=True)).to_pylist()
    moments = ("init_timestamp", "commit_timestamp")
    tables.write_table(table(golden, ordered=True), tmp_path / "t.jsonl")
    lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    for line, row in zip(lines, rows, strict=True):
        found = json.loads(line)
        for name in row.keys() & moments:
            text, moment = found.pop(name), row.pop(name)
            assert (text and pd.Timestamp(text)) == moment
        assert found == row
    tables.write_table(table(golden, ordered=True), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        texts = [*csv.DictReader(file)]
    for cells, row in zip(texts, rows, strict=True):
        for name, value in row.items():
            if isinstance(value, list):
                assert json.loads(cells[name]) == value
            elif value is None:
                assert cells[name] == ""
            elif isinstance(value, bool):
                assert cells[name] == str(value).lower()
            else:
                assert cells[name] == str(value)


def test_another_ending_is_refused_before_anything_is_read(run: Path, tmp_path: Path) -> None:
    stream = tables.leaf_table(run)
    with pytest.raises(ValueError, match=r"\.parquet, \.arrow, \.csv, \.jsonl"):
        tables.write_table(stream, tmp_path / "table.xlsx")
    assert pa.table(stream).num_rows > 0


def test_a_failed_write_leaves_no_file(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        message = "no space left"
        raise OSError(message)

    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "table.parquet"
    target.write_text("earlier")
    monkeypatch.setattr(forms, "_written", full)
    with pytest.raises(OSError, match="no space left"):
        tables.write_table(tables.leaf_table(run), target)
    assert [path.name for path in target.parent.iterdir()] == ["table.parquet"]
    assert target.read_text() == "earlier"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_rows_of_unchanged_checkpoints_are_carried_over(
    table: Any, suffix: str, run: Path, tmp_path: Path
) -> None:
    file = tmp_path / f"table{suffix}"
    first = run / "10"
    hidden = tmp_path / "hidden"
    first.rename(hidden)
    tables.write_table(table(run), file)
    old = rows_of(file)
    hidden.rename(first)
    stream = table(run, since=file)
    # The file is replaced by its successor.
    tables.write_table(stream, file, since=file)
    assert stream.unchanged() == [str(run / "0")]
    new = rows_of(file)
    carried = [row for row in new if row["path"] == str(run / "0")]
    if "state" in carried[0]:
        assert [row.pop("state") for row in carried] == ["unchanged"]
        assert [row.pop("state") for row in old] == ["read"]
    assert carried == old
    assert {row["path"] for row in new} == {str(run / "0"), str(first)}
    again = table(run, since=file)
    tables.write_table(again, file, since=file)
    assert len(again.unchanged()) == 2
    assert len(rows_of(file)) == len(new)


def test_a_vanished_checkpoint_is_told_once(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    tables.write_table(tables.checkpoint_table(run), file)
    shutil.rmtree(run / "10")
    tables.write_table(tables.checkpoint_table(run, since=file), file, since=file)
    states = {row["path"]: row["state"] for row in rows_of(file)}
    assert states == {str(run / "0"): "unchanged", str(run / "10"): "vanished"}
    tables.write_table(tables.checkpoint_table(run, since=file), file, since=file)
    assert [row["path"] for row in rows_of(file)] == [str(run / "0")]


@pytest.mark.parametrize("table", TABLES)
def test_identities_are_read_from_what_any_library_holds(table: Any, run: Path) -> None:
    known = fingerprints(table(run))
    assert {*known} == {str(run / "0"), str(run / "10")}
    arrow = pa.table(table(run))
    for held in (arrow, pl.DataFrame(arrow), pd.DataFrame.from_arrow(arrow)):
        assert fingerprints(held) == known


def test_a_checkpoint_that_could_not_be_read_is_read_again(run: Path) -> None:
    for document in (run / "10").rglob("_METADATA"):
        document.write_text("{")
    for table in TABLES:
        assert {*fingerprints(table(run))} == {str(run / "0")}


def test_a_checkpoint_that_lost_a_part_is_read_again(run: Path) -> None:
    shutil.copytree(min((run / "10").glob("*/_METADATA")).parent, run / "10" / "other")
    (run / "10" / "other" / "_METADATA").write_text("{")
    for table in TABLES:
        assert {*fingerprints(table(run))} == {str(run / "0")}


def test_a_table_without_trees_does_not_count_as_read_where_trees_are_wanted(run: Path) -> None:
    headers = pa.table(tables.checkpoint_table(run, leaves=False))
    assert fingerprints(headers) == {}
    assert len(fingerprints(headers, leaves=False)) == 2
    again = pa.table(tables.checkpoint_table(run, since=headers))
    assert {*again["state"].to_pylist()} == {"read"}
    headers = pa.table(tables.checkpoint_table(run, since=headers, leaves=False))
    assert {*headers["state"].to_pylist()} == {"unchanged"}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_file_in_which_nothing_has_changed_is_copied(
    table: Any, suffix: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copy = tmp_path / f"table{suffix}", tmp_path / f"copy{suffix}"
    rows = tables.write_table(table(run), file)
    # The rows of checkpoints do not say yet that nothing has changed.
    tables.write_table(table(run, since=file), file, since=file)
    monkeypatch.setattr(forms, "_written", None)
    assert tables.write_table(table(run, since=file), copy, since=file) == rows
    assert copy.read_bytes() == file.read_bytes()
    shutil.rmtree(run / "10")
    with pytest.raises(TypeError):
        tables.write_table(table(run, since=file), copy, since=file)


def test_an_earlier_table_is_read_without_pandas(run: Path, tmp_path: Path) -> None:
    program = (
        "import orbscan as t, sys; run, file = sys.argv[1:]\n"
        "for _ in range(2): t.write_table(t.leaf_table(run, since=file), file, since=file)\n"
        "assert 'pandas' not in sys.modules"
    )
    file = tmp_path / "table.parquet"
    tables.write_table(tables.leaf_table(run), file)
    python(program, run, file)


def test_lines_of_json_are_carried_over_from_lines_of_json(run: Path, tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.parquet"))
    rows = tables.write_table(tables.leaf_table(run), first)
    assert rows == len(first.read_text(encoding="utf-8").splitlines()) > 0
    stream = tables.leaf_table(run, since=first)
    assert tables.write_table(stream, second, since=first) == rows
    assert len(stream.unchanged()) == stream.checkpoints_seen > 0
    assert sorted(second.read_text().splitlines()) == sorted(first.read_text().splitlines())
    tables.write_table(tables.leaf_table(run), other)
    with pytest.raises(ValueError, match="can only take rows from another such file"):
        tables.write_table(tables.leaf_table(run, since=other), first, since=other)
    with pytest.raises(ValueError, match=r"read from \.parquet or \.arrow"):
        tables.write_table(tables.leaf_table(run, since=first), other, since=first)
    assert [*tmp_path.glob(".*")] == []


def test_lines_of_json_come_in_pieces(run: Path) -> None:
    stream = tables.checkpoint_table(run, ordered=True)
    assert stream.table == "checkpoints"
    pieces = [*stream.json_lines()]
    assert sum(count for _, count in pieces) == stream.checkpoints_seen
    assert b"".join(text for text, _ in pieces).count(b"\n") == stream.checkpoints_seen
    with pytest.raises(ValueError, match="read already"):
        stream.json_lines()


def test_a_link_is_followed_to_the_file_that_is_written(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.parquet"
    link.symlink_to("table.parquet")
    tables.write_table(tables.leaf_table(run), link)
    assert link.is_symlink()
    assert rows_of(tmp_path / "table.parquet")


def test_a_table_of_another_version_is_refused(run: Path) -> None:
    table = pa.table(tables.leaf_table(run))
    other = table.replace_schema_metadata({b"orbscan.schema_version": b"0"})
    with pytest.raises(ValueError, match="schema version 0, this release writes 1"):
        fingerprints(other)


def test_a_table_of_something_else_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not one of a scan"):
        fingerprints(pa.table({"path": ["a"]}))
    with pytest.raises(ValueError, match=r"\.parquet or \.arrow"):
        fingerprints(tmp_path / "table.csv")
    checkpoints = pa.table(tables.checkpoint_table(run))
    with pytest.raises(ValueError, match="no column 'checkpointable'"):
        tables.write_table(tables.leaf_table(run), tmp_path / "t.parquet", since=checkpoints)
