"""Tables in DataFusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datafusion import SessionContext, col

import orbscan
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


@each_table
def test_it_groups_sorts_and_writes_what_it_reads(table: Any, root: Path, tmp_path: Path) -> None:
    name = GROUP[table]
    context = SessionContext()
    context.register_record_batches("t", [whole(table, root).to_batches()])
    counted = context.sql(f"SELECT {name}, count(*) AS n FROM t GROUP BY {name}").to_pylist()  # noqa: S608 - of ours
    assert {row[name]: row["n"] for row in counted} == groups(table, root)
    context.table("t").sort(col("path").sort()).write_parquet(str(tmp_path / "t"))
    back = context.read_parquet(str(tmp_path / "t")).to_arrow_table()
    assert rows(back) == rows(whole(table, root))


def test_it_takes_a_stream(root: Path) -> None:
    frame = SessionContext().from_arrow(orbscan.leaf_table(root))
    sizes = frame.filter(col("nbytes").is_not_null()).sort(col("nbytes").sort(ascending=False))
    assert sizes.limit(10).to_arrow_table()["nbytes"].to_pylist() == largest(root)
    assert pa.table(frame).num_rows == whole("leaves", root).num_rows


def test_the_documentation_prints_what_it_shows(tmp_path: Path) -> None:
    shown.check("docs/tables.md", "from datafusion", tmp_path)
