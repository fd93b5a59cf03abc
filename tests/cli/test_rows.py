"""The rows that the command line writes, beside those of the Arrow tables."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orbscan import scan
from orbscan.cli import main
from orbscan.scanning import json_lines
from orbscan.scanning.tables import write_table
from tests.scanning.conftest import unpacked

if TYPE_CHECKING:
    from pathlib import Path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def spelled(table: pa.Table) -> list[str]:
    """The rows of a table as Python's own JSON has them; timestamps as Arrow casts them."""
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(at, field.name, table.column(at).cast(pa.string()))
    return [json.dumps(row, ensure_ascii=False) for row in table.to_pylist()]


@pytest.mark.parametrize("table", ["leaves", "checkpoints"])
def test_rows_are_spelled_as_python_spells_them(archive: Path, tmp_path: Path, table: str) -> None:
    target = tmp_path / "t.jsonl"
    command = ["scan", str(archive), "--ordered", "--table", table, "-o"]
    status = main([*command, str(target)])
    found = scan(archive, ordered=True)
    expected = spelled(pa.table(found.leaves() if table == "leaves" else found.checkpoints()))
    assert len(expected) > 100
    assert target.read_text(encoding="utf-8").splitlines() == expected
    assert status in {0, 5}


@pytest.mark.parametrize("table", ["leaves", "checkpoints"])
def test_a_document_has_the_rows_of_a_file(
    archive: Path, tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "t.jsonl"
    command = ["scan", str(archive), "--ordered", "--table", table, "-o"]
    assert main([*command, str(target)]) == main([*command, "json"])
    written = [json.dumps(row) for row in rows(target)]
    head = f'{{"schema_version": 1, "table": "{table}", "rows": [\n'
    assert capsys.readouterr().out == head + ",\n".join(written) + "\n]}\n"


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_the_command_writes_each_kind_of_file(runs: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"checkpoints.{ending}"
    assert main(["scan", str(runs), "--table", "checkpoints", "-o", str(target)]) == 0
    assert target.stat().st_size
    assert [*tmp_path.glob(".*")] == []


def test_dictionaries_are_for_parquet(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "leaves.parquet"
    for flags, dictionaries in ([], False), (["--categories"], True):
        assert main(["scan", str(runs), "-o", str(target), *flags]) == 0
        kept = pq.read_schema(target).field("dtype").type
        assert pa.types.is_dictionary(kept) == dictionaries
    with pytest.raises(SystemExit):
        main(["scan", str(runs), "-o", str(tmp_path / "t.arrow"), "--categories"])
    assert "--categories needs a file that ends in .parquet" in capsys.readouterr().err


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
    write_table(scan(checkpoint, ordered=True).leaves(), own)
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
    found = [one.path for one in json_lines.found(first)]
    paths = [row["path"] for row in map(loads, first.read_text().splitlines())]
    assert found == [*dict.fromkeys(paths)]
    assert len(decoded) == 5
    assert main(["scan", str(runs), "-o", str(second), "--since", str(first)]) == 0
    # The first row once more: of which table it is must be known before the scan.
    assert len(decoded) == 16
    assert sorted(second.read_text().splitlines()) == sorted(first.read_text().splitlines())
