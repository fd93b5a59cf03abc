"""Tables as a source of data of Spark."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession, functions

import orbscan
from orbscan.spark import CheckpointSource
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["root"]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.dataSource.register(CheckpointSource)
    yield session
    session.stop()


def read(spark: SparkSession, root: Path, **options: Any) -> Any:
    return spark.read.format("orbscan").options(shares=8, threads=2, **options).load(str(root))


@each_table
def test_rows_are_those_of_one_machine(table: str, spark: SparkSession, root: Path) -> None:
    found = read(spark, root, table=table).toArrow()
    assert found.schema.names == pa.schema(orbscan.schema(table)).names  # type: ignore[arg-type]
    assert rows(found) == rows(whole(table, root))


@each_table
def test_it_groups(table: str, spark: SparkSession, root: Path) -> None:
    name = GROUP[table]
    counted = read(spark, root, table=table).groupBy(name).count().collect()
    assert {row[name]: row["count"] for row in counted} == groups(table, root)


def test_it_sorts(spark: SparkSession, root: Path) -> None:
    first = read(spark, root).orderBy(functions.desc("nbytes")).limit(10).collect()
    assert [row["nbytes"] for row in first] == largest(root)


@each_table
def test_it_writes_what_it_reads(
    table: str, spark: SparkSession, root: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "t.parquet")
    read(spark, root, table=table).write.parquet(target)
    assert rows(spark.read.parquet(target).toArrow()) == rows(whole(table, root))


def test_options_are_texts(spark: SparkSession, root: Path) -> None:
    options = {"latest": 2, "committed": True, "exclude": '["run_0?", "run_1?"]', "leaves": False}
    found = read(spark, root, table="checkpoints", steps="[10, null]", **options)
    wanted = orbscan.checkpoint_table(
        root, latest=2, committed=True, exclude=["run_0?", "run_1?"], leaves=False, steps=(10, None)
    )
    assert rows(found.toArrow()) == rows(pa.table(wanted))
    both = [str(root / "run_00"), str(root / "run_01")]
    several = spark.read.format("orbscan").option("table", "checkpoints").load(both)
    assert several.count() == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "steps"}, "not .*steps"),
        ({"latest": 0}, "latest must be at least 1"),
        ({"categories": True}, "Spark has no columns with categories"),
    ],
)
def test_mistakes_are_told(
    options: dict[str, Any], message: str, spark: SparkSession, root: Path
) -> None:
    with pytest.raises(Exception, match=message):
        read(spark, root, **options).count()


def test_a_path_is_needed(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="no path"):
        spark.read.format("orbscan").load().count()


def test_what_may_be_secret_is_not_in_plans(
    spark: SparkSession, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    frame = read(spark, root, table="checkpoints", store_options='{"token": "hush"}')
    frame.explain(extended=True)
    assert frame.count() == whole("checkpoints", root).num_rows
    said = capfd.readouterr()
    assert "Scan" in said.out
    assert "hush" not in said.out + said.err


def test_it_reads_the_files_of_a_catalogue(spark: SparkSession, root: Path, tmp_path: Path) -> None:
    run, target = root / "run_00", tmp_path / "fleet.delta"
    # Twice, so that there are files that belong to an older version only.
    orbscan.update_catalogue(target, run, latest=5)
    orbscan.update_catalogue(target, run)
    for table, fresh in (
        ("leaves", orbscan.leaf_table(run)),
        ("checkpoints", orbscan.checkpoint_table(run)),
    ):
        wanted = pa.table(fresh)
        every = DeltaTable(target).file_uris()
        files = [file for file in every if f"/rows_of={table}/" in file]
        assert 0 < len(files) < len(every)
        found = spark.read.parquet(*files).select(*wanted.schema.names)
        assert rows(found.toArrow()) == rows(wanted)


def test_what_the_documentation_shows_is_what_comes(tmp_path: Path) -> None:
    shown.check("docs/engines.md", "orbscan.spark", tmp_path)
