"""The kinds of files to which pyarrow writes a table, by their suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        return _written(batches, writer.write_batch)


def _write_arrow(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import pyarrow.ipc

    options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
    with pyarrow.ipc.new_file(path, schema, options=options) as writer:
        return _written(batches, writer.write_batch)


def _write_csv(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import json

    import pyarrow as pa
    import pyarrow.csv

    flat = pa.schema([(name, _flat_type(schema.field(name).type)) for name in schema.names])

    def flattened(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = []
        for column, field in zip(batch.columns, flat, strict=True):
            if pa.types.is_list(column.type):
                lists = column.to_pylist()
                texts = [None if value is None else json.dumps(value) for value in lists]
                columns.append(pa.array(texts, pa.string()))
            else:
                columns.append(column.cast(field.type))
        return pa.record_batch(columns, schema=flat)

    with pyarrow.csv.CSVWriter(path, flat) as writer:
        return _written(batches, lambda batch: writer.write_batch(flattened(batch)))


def _written(batches: Iterator[pa.RecordBatch], write: Callable[[pa.RecordBatch], object]) -> int:
    rows = 0
    for batch in batches:
        if batch.num_rows:
            write(batch)
            rows += batch.num_rows
    return rows


def _flat_type(values: pa.DataType) -> pa.DataType:
    """Return the type of a column in a CSV file."""
    import pyarrow as pa

    kept = pa.types.is_integer(values) or pa.types.is_boolean(values)
    return values if kept else pa.string()


class Form(NamedTuple):
    """How a table is written to a file.

    Attributes:
        suffix: the end of its name.
        write: writes batches, and returns the number of rows.
        dictionaries: whether columns keep their dictionaries.
    """

    suffix: str
    write: Callable[[Path, pa.Schema, Iterator[pa.RecordBatch]], int]
    dictionaries: bool


FORMS = {
    form.suffix: form
    for form in (
        Form(".parquet", _write_parquet, dictionaries=True),
        Form(".arrow", _write_arrow, dictionaries=False),
        Form(".csv", _write_csv, dictionaries=False),
    )
}
