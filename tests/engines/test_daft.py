"""Tables as dataframes of Daft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import daft
import pytest

from orbscan.daft import read_checkpoints
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


@each_table
def test_rows_are_those_of_one_machine(table: Any, root: Path) -> None:
    found = read_checkpoints(root, table, shares=8, threads=2).to_arrow()
    assert found.schema.names == whole(table, root).schema.names
    assert rows(found) == rows(whole(table, root))


@each_table
def test_it_groups(table: Any, root: Path) -> None:
    name = GROUP[table]
    frame = read_checkpoints(root, table, shares=8)
    counted = frame.groupby(name).agg(daft.col("path").count().alias("count")).to_pylist()
    assert {row[name]: row["count"] for row in counted} == groups(table, root)


def test_it_sorts(root: Path) -> None:
    sizes = read_checkpoints(root, shares=8).select("nbytes").where(daft.col("nbytes").not_null())
    first = sizes.sort("nbytes", desc=True).limit(10).to_pylist()
    assert [row["nbytes"] for row in first] == largest(root)


@each_table
def test_it_writes_what_it_reads(table: Any, root: Path, tmp_path: Path) -> None:
    read_checkpoints(root, table, shares=8).write_parquet(str(tmp_path / "t"))
    back = daft.read_parquet(str(tmp_path / "t" / "*.parquet")).to_arrow()
    assert rows(back) == rows(whole(table, root))


def test_a_limit_reads_no_more_than_it_must(root: Path) -> None:
    assert read_checkpoints(root, shares=8).limit(3).count_rows() == 3


def test_mistakes_are_told(root: Path) -> None:
    with pytest.raises(ValueError, match="latest must be at least 1"):
        read_checkpoints(root, latest=0)


def test_what_the_documentation_shows_is_what_comes(tmp_path: Path) -> None:
    shown.check("docs/engines.md", "orbscan.daft", tmp_path)
