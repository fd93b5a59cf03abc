"""The tables as lists of plain Python rows, read by each of the libraries that people use."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

Rows = list[dict[str, Any]]


def with_pyarrow(stream: Any) -> Rows:
    table = pa.table(stream)
    table.validate(full=True)
    return _rows(table)


def with_polars(stream: Any) -> Rows:
    return _rows(pl.DataFrame(stream).to_arrow())


def with_duckdb(stream: Any) -> Rows:
    return _rows(duckdb.from_arrow(stream).to_arrow_table())


def with_pandas(stream: Any) -> Rows:
    return _rows(pa.Table.from_pandas(pd.DataFrame.from_arrow(stream), preserve_index=False))


READERS = {
    "pyarrow": with_pyarrow,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "pandas": with_pandas,
}


def _rows(table: pa.Table) -> Rows:
    rows: Rows = []
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            # Moments as numbers of microseconds, whatever the zone is called.
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        values = column.to_pylist()
        if not rows:
            rows = [{} for _ in values]
        for row, value in zip(rows, values, strict=True):
            row[name] = _plain(value)
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        # pandas has no whole numbers beside nulls.
        return None if value != value else int(value)  # noqa: PLR0124 - NaN
    return value
