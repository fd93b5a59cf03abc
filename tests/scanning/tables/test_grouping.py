"""Tables of several scans, joined: each library groups, sorts, writes and reads them back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orbscan.scanning import tables
from tests.support.processes import python

if TYPE_CHECKING:
    from pathlib import Path

LEAVES = ("value_type", "dtype", "sharding_type", "partition_spec", "device", "error_kind")
CHECKPOINTS = ("kind", "state", "error_kind")

few_texts = pytest.mark.parametrize(
    ("table", "columns"),
    [(tables.leaf_table, LEAVES), (tables.checkpoint_table, CHECKPOINTS)],
    ids=["leaves", "checkpoints"],
)


def halves(golden: Path, table: Any) -> tuple[Any, Any]:
    """Streams of two scans that differ in which texts they have, and in what order."""
    cases = sorted(golden.iterdir())
    middle = len(cases) // 2
    return table(cases[:middle], ordered=True), table(cases[middle:], ordered=True)


@pytest.fixture(scope="module")
def counts(golden: Path) -> dict[str, Counter[str]]:
    """How many rows have each text, by column."""
    found: dict[str, Counter[str]] = {}
    for table, columns in ((tables.leaf_table, LEAVES), (tables.checkpoint_table, CHECKPOINTS)):
        rows = [row for half in halves(golden, table) for row in pa.table(half).to_pylist()]
        found |= {
            f"{table.__name__}.{name}": Counter(row[name] for row in rows) for name in columns
        }
    return found


@few_texts
def test_pyarrow(
    table: Any, columns: tuple[str, ...], golden: Path, counts: Any, tmp_path: Path
) -> None:
    joined = pa.concat_tables([pa.table(half) for half in halves(golden, table)])
    pq.write_table(joined, tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.equals(joined)
    for name in columns:
        for one in (joined, read):
            groups = one.group_by(name).aggregate([([], "count_all")]).sort_by(name)
            found = dict(
                zip(groups[name].to_pylist(), groups["count_all"].to_pylist(), strict=True)
            )
            assert found == counts[f"{table.__name__}.{name}"]


@few_texts
def test_polars(
    table: Any, columns: tuple[str, ...], golden: Path, counts: Any, tmp_path: Path
) -> None:
    joined = pl.concat([pl.DataFrame(half) for half in halves(golden, table)])
    joined.write_parquet(tmp_path / "t.parquet")
    read = pl.read_parquet(tmp_path / "t.parquet")
    assert read.equals(joined)
    for name in columns:
        groups = read.group_by(name).len().sort(name)
        assert dict(groups.iter_rows()) == counts[f"{table.__name__}.{name}"]


@few_texts
def test_pandas(
    table: Any, columns: tuple[str, ...], golden: Path, counts: Any, tmp_path: Path
) -> None:
    joined = pd.concat([pd.DataFrame.from_arrow(half) for half in halves(golden, table)])
    joined.to_parquet(tmp_path / "t.parquet")
    read = pd.read_parquet(tmp_path / "t.parquet")
    assert len(read) == len(joined)
    for name in columns:
        groups = read.groupby(name, dropna=False).size().sort_index()
        found = {None if pd.isna(text) else text: count for text, count in groups.items()}
        assert found == counts[f"{table.__name__}.{name}"]


@few_texts
def test_duckdb(
    table: Any, columns: tuple[str, ...], golden: Path, counts: Any, tmp_path: Path
) -> None:
    first, second = halves(golden, table)
    file = tmp_path / "t.parquet"
    with duckdb.connect() as database:
        database.register("first", first)
        database.register("second", second)
        database.sql("FROM first UNION ALL FROM second").write_parquet(str(file))
        for name in columns:
            groups = database.sql(f"SELECT {name}, count(*) FROM '{file}' GROUP BY 1 ORDER BY 1")  # noqa: S608
            assert dict(groups.fetchall()) == counts[f"{table.__name__}.{name}"]


@few_texts
def test_categories_are_the_same_texts(table: Any, columns: tuple[str, ...], golden: Path) -> None:
    plain = pa.table(table(golden, ordered=True))
    categories = pa.table(table(golden, ordered=True, categories=True))
    words = "dictionary<values=string, indices=int32, ordered=0>"
    assert {field.name for field in categories.schema if str(field.type) == words} == {*columns}
    assert categories.cast(plain.schema).equals(plain)
    groups = categories.unify_dictionaries().group_by(columns[0]).aggregate([([], "count_all")])
    assert sum(groups["count_all"].to_pylist()) == plain.num_rows


@few_texts
def test_an_earlier_table_may_be_of_categories_or_not(
    table: Any, columns: tuple[str, ...], run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "t.parquet"
    rows = tables.write_table(table(run, categories=True), file)
    assert pa.types.is_dictionary(pq.read_schema(file).field(columns[0]).type)
    for categories in (False, True):
        stream = table(run, since=file, categories=categories)
        assert tables.write_table(stream, file, since=file) == rows
        assert len(stream.unchanged()) == 2
        kept = pq.read_schema(file).field(columns[0]).type
        assert pa.types.is_dictionary(kept) == categories
    for suffix in (".arrow", ".csv", ".jsonl"):
        assert tables.write_table(table(run, categories=True), tmp_path / f"t{suffix}") == rows


def test_moments_are_python_objects_without_pandas(run: Path) -> None:
    program = (
        "import datetime, sys, orbscan, pyarrow as pa\n"
        "class Missing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'pandas': raise ImportError\n"
        "sys.meta_path.insert(0, Missing())\n"
        "rows = pa.table(orbscan.checkpoint_table(sys.argv[1])).to_pylist()\n"
        "assert all(type(row['commit_timestamp']) is datetime.datetime for row in rows)\n"
        "for row in rows:\n"
        "    read = orbscan.metadata(row['path'])\n"
        "    assert row['commit_timestamp'] == read.commit_timestamp\n"
        "    assert row['commit_timestamp_nsecs'] == read.commit_timestamp_nsecs\n"
    )
    python(program, run)
