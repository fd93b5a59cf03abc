"""What is asked of Ray: `python -m tests.engines.on_ray ROOT SCRATCH`. Ends with 0 if all holds."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray

import orbscan
import orbscan.ray


def main(root: str, scratch: str) -> None:
    """Asks, on a Ray of its own with two workers."""
    # The names of its sockets must be short.
    with TemporaryDirectory(prefix="r") as folder:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            object_store_memory=200 << 20,
            log_to_driver=False,
            _temp_dir=folder,
        )
        try:
            ask(root, Path(scratch))
        finally:
            ray.shutdown()


def ask(root: str, scratch: Path) -> None:
    """Asks for each table, and for a part of one."""
    for table, whole in (
        ("leaves", orbscan.leaf_table(root)),
        ("checkpoints", orbscan.checkpoint_table(root)),
        ("findings", orbscan.finding_table(root)),
    ):
        asked(table, pa.table(whole), root, scratch / table)
    first = orbscan.ray.read_checkpoints(root, shares=4).limit(3)
    assert first.count() == 3


def asked(table: Any, whole: pa.Table, root: str, target: Path) -> None:
    """Asks for one table: all rows, groups, and a file of each share."""
    dataset = orbscan.ray.read_checkpoints(root, table, shares=4, threads=2)
    assert rows(pa.concat_tables(ray.get(dataset.to_arrow_refs()))) == rows(whole), table
    name = {"leaves": "dtype", "checkpoints": "kind", "findings": "state"}[table]
    groups = {row[name]: row["count()"] for row in dataset.groupby(name).count().take_all()}
    wanted = whole.group_by(name).aggregate([([], "count_all")]).to_pylist()
    assert groups == {row[name]: row["count_all"] for row in wanted}, (table, groups)
    dataset.write_parquet(str(target))
    assert rows(pq.read_table(target)) == rows(whole), table


def rows(table: pa.Table) -> list[str]:
    """The rows of a table in an order that they have by themselves."""
    return sorted(repr(sorted(row.items())) for row in table.to_pylist())


if __name__ == "__main__":
    main(*sys.argv[1:])
