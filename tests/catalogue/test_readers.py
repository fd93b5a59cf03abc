"""A catalogue is read by whatever reads Delta tables, and by what takes a dataset of pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

import orbscan
from tests.catalogue.conftest import rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(fleet: Path, target: Path) -> orbscan.Catalogue:
    """A catalogue that was brought up to date once."""
    orbscan.update_catalogue(target, fleet, match="a/**")
    orbscan.update_catalogue(target, fleet)
    return orbscan.open_catalogue(target)


@pytest.fixture
def sums(fleet: Path, made: orbscan.Catalogue) -> dict[str | None, int | None]:
    """The bytes of the leaves of each type, as a scan tells them."""
    del made
    grouped = pa.table(orbscan.leaf_table(fleet)).group_by("dtype").aggregate([("nbytes", "sum")])
    return {row["dtype"]: row["nbytes_sum"] for row in grouped.to_pylist()}


def test_duckdb_takes_both_tables(
    made: orbscan.Catalogue, sums: dict[str | None, int | None]
) -> None:
    with duckdb.connect() as connection:
        connection.register("leaves", made.leaves())
        connection.register("checkpoints", made.checkpoints())
        found = connection.execute(
            "SELECT dtype, sum(nbytes) FROM leaves GROUP BY dtype"
        ).fetchall()
        assert dict(found) == sums
        query = (
            "SELECT count(DISTINCT path) FROM leaves JOIN checkpoints USING (path) WHERE committed"
        )
        assert connection.execute(query).fetchall() == [(5,)]


def test_polars_takes_the_table_and_the_datasets(
    made: orbscan.Catalogue, sums: dict[str | None, int | None]
) -> None:
    table = pl.scan_delta(made.target).filter(pl.col("rows_of") == "leaves")
    for frame in (table, pl.scan_pyarrow_dataset(made.leaves())):
        grouped = frame.group_by("dtype").agg(pl.col("nbytes").sum()).collect()
        # The sum of nothing is nothing in polars.
        assert dict(grouped.iter_rows()) == {kind: sum_ or 0 for kind, sum_ in sums.items()}


def test_pandas_takes_both_tables(
    made: orbscan.Catalogue, sums: dict[str | None, int | None]
) -> None:
    frame = made.leaves().to_table(columns=["dtype", "nbytes"]).to_pandas()
    found = frame.groupby("dtype")["nbytes"].sum().to_dict()
    assert found == {kind: sum_ for kind, sum_ in sums.items() if kind is not None}
    assert len(made.checkpoints().to_table().to_pandas()) == 6


def test_deltalake_alone_reads_the_rows_of_each_table(made: orbscan.Catalogue, fleet: Path) -> None:
    table = DeltaTable(made.target)
    dataset = table.to_pyarrow_dataset()
    for rows_of, fresh in (
        ("leaves", orbscan.leaf_table(fleet)),
        ("checkpoints", orbscan.checkpoint_table(fleet)),
    ):
        wanted = pa.table(fresh)
        kept = dataset.filter(pc.field("rows_of") == rows_of).to_table(columns=wanted.schema.names)
        assert rows(kept) == rows(wanted)
    # By the bounds that the log has of each file, a reader leaves out those without the rows.
    paths = table.file_uris(file_pruning_predicate=f"path = '{fleet}/b/10'")
    assert 0 < len(paths) < len(table.file_uris())
    assert table.metadata().partition_columns == ["rows_of"]
