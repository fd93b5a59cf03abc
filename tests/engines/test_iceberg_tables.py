"""Tables in Iceberg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

import orbscan
from tests.engines import shown
from tests.engines.fleet import GROUP, each_table, groups, largest, root, rows, whole

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.table import Table

__all__ = ["root"]


def made(table: Any, where: Path) -> Table:
    """An empty table with the columns of one of ours."""
    catalog = SqlCatalog("c", uri=f"sqlite:///{where}/c.db", warehouse=f"file://{where}")
    catalog.create_namespace("fleet")
    return catalog.create_table(f"fleet.{table}", schema=pa.schema(orbscan.schema(table)))


def read_back(table: pa.Table) -> pa.Table:
    """What pyiceberg makes of a table: a list of keys that is null is empty."""
    if "keys" not in table.schema.names:
        return table
    at = table.schema.get_field_index("keys")
    lists = [[] if keys is None else keys for keys in table["keys"].to_pylist()]
    return table.set_column(at, "keys", pa.array(lists, table.schema.field(at).type))


@each_table
def test_it_keeps_what_is_written_and_groups_it(table: Any, root: Path, tmp_path: Path) -> None:
    kept = made(table, tmp_path)
    # Shares are appended one after the other, as jobs do.
    for share in orbscan.shares(root, 3, table=table):
        kept.append(pa.table(share.read()))
    back = kept.scan().to_arrow()
    assert rows(back) == rows(read_back(whole(table, root)))
    name = GROUP[table]
    counted = back.group_by(name).aggregate([([], "count_all")]).to_pylist()
    assert {row[name]: row["count_all"] for row in counted} == groups(table, root)


def test_it_filters_and_sorts(root: Path, tmp_path: Path) -> None:
    kept = made("leaves", tmp_path)
    kept.append(whole("leaves", root))
    sizes = kept.scan(row_filter="nbytes IS NOT NULL", selected_fields=("nbytes",)).to_arrow()
    largest_first = sizes.sort_by([("nbytes", "descending")])
    assert largest_first["nbytes"].to_pylist()[:10] == largest(root)


def test_the_documentation_prints_what_it_shows(tmp_path: Path) -> None:
    shown.check("docs/tables.md", "from pyiceberg", tmp_path)
