"""Tables in Lance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lance
import pyarrow as pa

import orbscan
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


@each_table
def test_it_keeps_what_is_written_and_groups_it(table: Any, root: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "t.lance")
    # A stream goes in as it comes, and shares are appended, as jobs do.
    for share in orbscan.shares(root, 3, table=table):
        reader = pa.RecordBatchReader.from_stream(share.read())
        lance.write_dataset(reader, place, mode="append" if share.index else "create")
    back = lance.dataset(place).to_table()
    assert rows(back) == rows(whole(table, root))
    name = GROUP[table]
    counted = back.group_by(name).aggregate([([], "count_all")]).to_pylist()
    assert {row[name]: row["count_all"] for row in counted} == groups(table, root)


def test_it_filters_and_sorts(root: Path, tmp_path: Path) -> None:
    kept = lance.write_dataset(whole("leaves", root), str(tmp_path / "t.lance"))
    sizes = kept.to_table(columns=["nbytes"], filter="nbytes IS NOT NULL")
    assert sizes.sort_by([("nbytes", "descending")])["nbytes"].to_pylist()[:10] == largest(root)


def test_the_documentation_prints_what_it_shows(tmp_path: Path) -> None:
    shown.check("docs/tables.md", "import lance", tmp_path)
