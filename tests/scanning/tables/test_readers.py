"""Each library that people use reads in both tables what `orbscan.metadata` says."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import orbscan
from orbscan.scanning import tables
from orbscan.scanning.earlier import SCHEMA_VERSION
from tests.scanning.tables import expected
from tests.scanning.tables.readers import READERS, Rows
from tests.support.processes import python

PAGE = Path(__file__).parents[3] / "docs" / "tables.md"

readers = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def documented(heading: str) -> dict[str, str]:
    """The columns of a table and their types, from the page about them."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def by_path(rows: Rows) -> dict[str, Rows]:
    groups = itertools.groupby(rows, key=lambda row: row["path"])
    return {path: [*group] for path, group in groups}


@pytest.fixture(scope="module")
def leaves(golden: Path) -> dict[str, Rows]:
    """What the rows of each checkpoint must be."""
    scan = orbscan.scan(golden, ordered=True)
    return {str(entry.path): expected.leaf_rows(entry) for entry in scan if entry.state == "read"}


@readers
def test_the_leaves_are_those_that_metadata_gives(
    read: Any, golden: Path, leaves: dict[str, Rows]
) -> None:
    found = by_path(read(tables.leaf_table(golden, ordered=True)))
    assert len(leaves) > 200
    for path, rows in leaves.items():
        got = [row for row in found.pop(path, []) if row["keypath"] is not None]
        assert len(got) == len(rows), path
        for row, wanted in zip(got, rows, strict=True):
            shown = {name: row[name] for name in wanted}
            wanted = {  # noqa: PLW2901 - what the tree cannot tell is taken over
                name: row[name] if value is ... else value for name, value in wanted.items()
            }
            assert shown == wanted, path
    # What is left are the checkpoints that cannot be read, each with one row.
    assert all(len(rows) == 1 and rows[0]["error"] for rows in found.values())


@readers
def test_the_checkpoints_are_those_of_the_scan(read: Any, golden: Path) -> None:
    def exact(number: int | None) -> float | None:
        # pandas makes floating-point numbers of whole ones where a value is missing.
        return float(number) if read is READERS["pandas"] and number is not None else number

    rows = read(tables.checkpoint_table(golden, ordered=True))
    entries = [*orbscan.scan(golden, ordered=True)]
    assert [row["path"] for row in rows] == [str(entry.path) for entry in entries]
    for row, entry in zip(rows, entries, strict=True):
        assert row["root"] == str(entry.root)
        same = ("step", "kind", "state", "committed", "commit_reason")
        assert {name: row[name] for name in same} == {name: getattr(entry, name) for name in same}
        assert row["fingerprint"] == (entry.fingerprint and f"{entry.fingerprint:016x}")
        assert row["error_kind"] == (entry.error and entry.error.kind)
        for name in ("init_timestamp", "commit_timestamp"):
            nsecs = row[f"{name}_nsecs"]
            if read is not READERS["pandas"]:
                assert row[name] == (None if nsecs is None else nsecs // 1_000)
        if entry.state != "read":
            assert row["leaves"] is None
            continue
        assert row["checkpointables"] == [name for name in entry.names if name is not None]
        totals = expected.totals(entry)
        assert {name: row[name] for name in totals} == totals, entry.path
        whole = entry.checkpointables
        assert whole is not None
        if entry.kind != "safetensors":
            times = (whole.init_timestamp_nsecs, whole.commit_timestamp_nsecs)
            found = (row["init_timestamp_nsecs"], row["commit_timestamp_nsecs"])
            assert [*map(exact, found)] == [*map(exact, times)]
            assert row["save_duration_nsecs"] == (None if None in times else times[1] - times[0])
        assert len(row["issues"]) == len(whole.issues)


TABLES = pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("Leaves", tables.leaf_table),
        ("Checkpoints", tables.checkpoint_table),
        ("Findings", tables.finding_table),
    ],
)


@TABLES
def test_the_schema_is_the_documented_one(heading: str, table: Any) -> None:
    schema = pa.schema(table([]))
    types = {field.name: str(field.type) for field in schema}
    assert types == {
        name: {
            "text": "string",
            "timestamp": "timestamp[us, tz=UTC]",
            "bool": "bool",
            "int64": "int64",
            "list of int64": "list<item: int64>",
            "list of text": "list<item: string>",
            "list of keys": "list<item: struct<key: string, index: int64>>",
        }[kind]
        for name, kind in documented(heading).items()
    }
    version = schema.metadata[b"orbscan.schema_version"]
    assert version == str(SCHEMA_VERSION).encode()
    assert schema.metadata[b"orbscan.table"] == heading.lower().encode()


@TABLES
@pytest.mark.parametrize("categories", [False, True])
def test_a_schema_is_that_of_its_table(heading: str, table: Any, *, categories: bool) -> None:
    schema = orbscan.schema(heading.lower(), categories=categories)  # type: ignore[arg-type]
    of_table = pa.schema(table([], categories=categories))
    assert pa.schema(schema).equals(of_table, check_metadata=True)
    assert schema.names == of_table.names
    assert schema.table == heading.lower()
    assert repr(schema) == f"<ArrowSchema of {schema.table}: {', '.join(schema.names)}>"


def test_a_schema_needs_no_other_library() -> None:
    program = (
        "import sys; sys.modules |= dict.fromkeys(['pyarrow', 'pandas', 'numpy'])\n"
        "import orbscan; assert orbscan.schema('checkpoints').names[0] == 'path'"
    )
    python(program)


def test_a_table_that_there_is_not_has_no_schema() -> None:
    with pytest.raises(ValueError, match=r"'leaves' or 'checkpoints' or .*, not 'steps'"):
        orbscan.schema("steps")  # type: ignore[arg-type]


def test_an_empty_scan_is_an_empty_table() -> None:
    assert pa.table(tables.leaf_table([])).num_rows == 0
    assert pa.table(tables.checkpoint_table([])).num_rows == 0


def test_a_path_that_does_not_exist_is_a_row(tmp_path: Path) -> None:
    stream = tables.leaf_table(tmp_path / "gone")
    (row,) = pa.table(stream).to_pylist()
    assert (row["keypath"], row["error_kind"]) == (None, "not_found")
    assert str(tmp_path / "gone") in row["error"]
    assert (stream.checkpoints_seen, stream.checkpoints_incomplete) == (1, 1)


def test_a_stream_is_read_once(run: Path) -> None:
    scan = orbscan.scan(run)
    stream = scan.leaves()
    assert pa.schema(stream).names[0] == "path"
    assert pa.table(stream).num_rows > 0
    with pytest.raises(ValueError, match="was read already"):
        pa.table(stream)
    with pytest.raises(ValueError, match="is read as a table already"):
        scan.checkpoints()


def test_a_scan_that_was_begun_goes_on_as_a_table(run: Path) -> None:
    scan = orbscan.scan(run, ordered=True)
    first = next(iter(scan))
    rest = pa.table(scan.checkpoints())["path"].to_pylist()
    assert [str(first.path), *rest] == [str(run / "0"), str(run / "10")]
