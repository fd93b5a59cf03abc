"""Tables as collections of Beam, on two processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from orbscan.beam import ReadCheckpoints
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


def pipeline() -> beam.Pipeline:
    options = {"direct_running_mode": "multi_processing", "direct_num_workers": 2}
    return beam.Pipeline(options=PipelineOptions.from_dictionary(options))


def written(target: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(file) for file in sorted(target.parent.iterdir())])


@each_table
def test_rows_are_those_of_one_machine_also_in_files(
    table: Any, root: Path, tmp_path: Path
) -> None:
    read = ReadCheckpoints(root, table, shares=8, threads=2)
    with pipeline() as p:
        p | read | beam.io.WriteToParquetBatched(str(tmp_path / "t"), read.schema)
    assert rows(written(tmp_path / "t")) == rows(whole(table, root))


@each_table
def test_it_groups(table: Any, root: Path, tmp_path: Path) -> None:
    name = GROUP[table]
    with pipeline() as p:
        (
            p
            | ReadCheckpoints(root, table, shares=8)
            | beam.FlatMap(pa.Table.to_pylist)
            | beam.Map(lambda row: row[name])
            | beam.combiners.Count.PerElement()
            | beam.Map(repr)
            | beam.io.WriteToText(str(tmp_path / "t"), shard_name_template="")
        )
    found = dict(map(eval, (tmp_path / "t").read_text("utf-8").splitlines()))
    assert found == groups(table, root)


def test_it_sorts(root: Path, tmp_path: Path) -> None:
    with pipeline() as p:
        (
            p
            | ReadCheckpoints(root, shares=8)
            | beam.FlatMap(lambda table: table["nbytes"].drop_null().to_pylist())
            | beam.combiners.Top.Largest(10)
            | beam.Map(repr)
            | beam.io.WriteToText(str(tmp_path / "t"), shard_name_template="")
        )
    assert (tmp_path / "t").read_text("utf-8").strip() == repr(largest(root))


def test_mistakes_are_told_before_anything_runs(root: Path) -> None:
    with pytest.raises(ValueError, match="latest must be at least 1"):
        ReadCheckpoints(root, latest=0)
    with pytest.raises(ValueError, match="expected one of"):
        ReadCheckpoints(root, "steps")  # type: ignore[arg-type]


def test_what_the_documentation_shows_is_what_comes(tmp_path: Path) -> None:
    shown.check("docs/engines.md", "orbscan.beam", tmp_path)
