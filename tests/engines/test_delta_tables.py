"""Tables in Delta Lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

import orbscan
from tests.catalogue.conftest import rows
from tests.scanning.tables.conftest import run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run"]


@pytest.mark.parametrize("table", ["leaves", "checkpoints", "findings"])
def test_it_keeps_what_is_written_and_groups_it(table: Any, run: Path, tmp_path: Path) -> None:
    next((run / "10").rglob("_METADATA")).unlink()
    whole = pa.table(orbscan.shares(run, 1, table=table)[0].read())
    # A stream goes in as it comes, and shares are appended, as jobs do.
    for share in orbscan.shares(run, 3, table=table):
        write_deltalake(tmp_path / "t", share.read(), mode="append")
    kept = DeltaTable(tmp_path / "t").to_pyarrow_dataset()
    assert rows(kept) == rows(whole)
    name = {"leaves": "dtype", "checkpoints": "kind", "findings": "state"}[table]
    for found in (kept.to_table(), whole):
        counted = found.group_by(name).aggregate([([], "count_all")]).to_pylist()
        assert sum(row["count_all"] for row in counted) == whole.num_rows
    with_steps = kept.filter(pc.field("step") >= 0).sort_by("step").to_table(columns=["step"])
    assert with_steps["step"].to_pylist() == sorted(whole["step"].to_pylist())
