"""Tables as dataframes of Dask, on two workers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pyarrow as pa
import pytest
from distributed import Client, LocalCluster

import orbscan
from orbscan.dask import read_checkpoints
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["root"]


@pytest.fixture(scope="module", autouse=True)
def _client() -> Iterator[None]:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1"}
    with LocalCluster(dashboard_address=None, **options) as cluster, Client(cluster):
        yield


def table_of(frame: Any, table: Any) -> pa.Table:
    """What pandas has, as Arrow; the schema says what an empty column is."""
    return pa.Table.from_pandas(frame, pa.schema(orbscan.schema(table)), preserve_index=False)


@each_table
def test_rows_are_those_of_one_machine(table: Any, root: Path) -> None:
    frame = read_checkpoints(root, table, shares=8, threads=2)
    assert frame.npartitions == 8
    found = frame.compute()
    assert (found.dtypes == frame.dtypes).all()
    assert rows(table_of(found, table)) == rows(whole(table, root))


@each_table
def test_it_groups(table: Any, root: Path) -> None:
    frame = read_checkpoints(root, table, shares=8)
    counted = frame.groupby(GROUP[table], dropna=False).size().compute()
    found = {key if isinstance(key, str) else None: int(n) for key, n in counted.items()}
    assert found == groups(table, root)


def test_it_sorts(root: Path) -> None:
    frame = read_checkpoints(root, shares=8)
    sizes = frame[frame["nbytes"].notnull()].sort_values("nbytes", ascending=False)["nbytes"]
    assert sizes.compute().tolist()[:10] == largest(root)


@each_table
def test_it_writes_what_it_reads(table: Any, root: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "t.parquet")
    read_checkpoints(root, table, shares=8).to_parquet(
        target, schema=pa.schema(orbscan.schema(table)), write_index=False
    )
    back = dd.read_parquet(target, dtype_backend="pyarrow").compute()
    assert rows(table_of(back, table)) == rows(whole(table, root))


def test_what_is_asked_again_is_read_again(root: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(root / "run_00" / "10", run / "1")

    def count() -> int:
        return len(read_checkpoints(run, "checkpoints", shares=2, leaves=False).persist())

    assert count() == 1
    shutil.copytree(root / "run_00" / "10", run / "2")
    assert count() == 2
    with pytest.raises(ValueError, match="latest must be at least 1"):
        read_checkpoints(run, latest=0)


def test_what_the_documentation_shows_is_what_comes(tmp_path: Path) -> None:
    shown.check("docs/engines.md", "orbscan.dask", tmp_path)
