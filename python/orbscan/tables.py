"""Tables of many checkpoints: as Arrow streams, and as files.

A stream has `__arrow_c_stream__`, so polars, duckdb, pandas and pyarrow read it as it is. Only
`write_table` and `identities` need a library of their own: pyarrow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    import pyarrow as pa

    from orbscan import _core

    class ArrowTable(Protocol):
        """Anything with the Arrow PyCapsule interface."""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

    Previous: TypeAlias = str | os.PathLike[str] | ArrowTable

SCHEMA_VERSION = 1
"""The version of the columns; `orbscan.schema_version` in the metadata of a table."""

_VERSION_KEY = b"orbscan.schema_version"

# The states of checkpoints of which a table has all that a scan would find again.
_KNOWN = ("read", "unchanged")


def leaf_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Any
) -> _core.ArrowStream:
    """Read checkpoints into a table with a row for each leaf.

    A function without state that can be pickled, for engines that call it on many machines. The
    columns are those of docs/tables.md.

    Args:
        paths: one path or many, as for `scan`.
        options: as for `scan`.

    Returns:
        a stream of record batches, which can be read once. Checkpoints are read as it is.

    Raises as `scan` does. A checkpoint that cannot be read is a row without a keypath whose
    `error` says why.
    """
    import orbscan

    return orbscan.scan(paths, **options).leaves()


def checkpoint_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Any
) -> _core.ArrowStream:
    """Read checkpoints into a table with a row for each; otherwise as `leaf_table`."""
    import orbscan

    return orbscan.scan(paths, **options).checkpoints()


def identities(previous: Previous) -> dict[str, int]:
    """Tell which checkpoints a table of an earlier scan holds, and which identity each had.

    A scan that is given the result reads only those that have another identity now. Left out are
    checkpoints without an identity, and those that could not be read.

    Args:
        previous: a table of leaves or of checkpoints: the path of a `.parquet` or `.arrow` file, or
            anything with `__arrow_c_stream__`.

    Raises:
        ValueError: it is no such table, or of another schema version.
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, int] = {}
    unknown: set[str] = set()
    schema, batches = _opened(previous)
    judge = "state" if "state" in schema.names else "keypath"
    for batch in batches:
        columns = ("path", "identity", "error", judge)
        table = pa.table({name: _as(batch[name], pa.string()) for name in columns})
        if judge == "state":
            read = pc.is_in(table["state"], pa.array(_KNOWN))
            known = pc.and_(read, pc.is_null(table["error"]))
        else:
            known = pc.is_valid(table["keypath"])
        unknown.update(table.filter(pc.invert(known))["path"].to_pylist())
        named = table.filter(pc.and_(known, pc.is_valid(table["identity"])))
        rows = named.group_by(["path", "identity"]).aggregate([])
        names, numbers = rows["path"].to_pylist(), rows["identity"].to_pylist()
        found.update((name, int(number, 16)) for name, number in zip(names, numbers, strict=True))
    return {name: number for name, number in found.items() if name not in unknown}


def write_table(
    stream: _core.ArrowStream, path: str | os.PathLike[str], *, since: Previous | None = None
) -> int:
    """Write a table to a file, batch by batch.

    The file appears under its name when it is complete. What the format cannot hold is written as
    text: lists as JSON in `.csv`, timestamps in ISO form in `.csv` and `.jsonl`. The columns of
    `.arrow` files are not dictionary-encoded, since few libraries read several dictionaries of one
    column from such a file.

    Args:
        stream: as `leaf_table`, `checkpoint_table` and the methods of `Scan` give it; not read yet.
        path: ends in `.parquet`, `.arrow`, `.csv` or `.jsonl`.
        since: the table that the scan was given: the rows of checkpoints that were not read again
            are taken from it. May be the file at `path`.

    Returns:
        how many rows were written.

    Raises:
        ValueError: the path has another ending, or `since` is no table of this kind.
        OSError: the file cannot be written.
        ModuleNotFoundError: pyarrow is not installed.
    """
    target = Path(path)
    writer = _WRITERS.get(target.suffix)
    if writer is None:
        message = f"{target}: a table is written as {', '.join(_WRITERS)}, by the end of the name"
        raise ValueError(message)
    # Hidden, and in the same directory, so that it can be renamed.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        rows = writer(unfinished, *_complete(stream, since))
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        # Libraries turn what Ctrl-C raises inside of a stream into errors of their own.
        stream.check_interrupt()
        raise
    return rows


def _complete(
    stream: _core.ArrowStream, since: Previous | None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Give the batches of a stream and, after them, those carried over from an earlier table."""
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(stream)
    if since is None:
        return reader.schema, iter(reader)
    # Opened now: a mistake should show before hours of scanning.
    old_schema, old = _opened(since)
    missing = [name for name in reader.schema.names if name not in old_schema.names]
    if missing:
        message = f"the earlier table is one of another kind: it has no column {missing[0]!r}"
        raise ValueError(message)
    return reader.schema, _carried_over(stream, reader, old)


def _carried_over(
    stream: _core.ArrowStream, reader: pa.RecordBatchReader, old: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = reader.schema
    has_state = "state" in schema.names
    for batch in reader:
        if has_state:
            fresh = pc.not_equal(_as(batch["state"], pa.string()), "unchanged")
            yield batch.filter(fresh)
        else:
            yield batch
    unchanged = pa.array(stream.unchanged(), pa.string())
    for batch in old:
        columns = {field.name: _as(batch[field.name], field.type) for field in schema}
        if has_state:
            state = pa.array(["unchanged"] * batch.num_rows, pa.string())
            columns["state"] = _as(state, schema.field("state").type)
        kept = pc.is_in(columns["path"], unchanged)
        yield pa.record_batch([*columns.values()], schema=schema).filter(kept)


def _as(column: pa.Array, values: pa.DataType) -> pa.Array:
    """Give a column the type that it has in a table of ours; libraries keep text in many ways."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        if column.type == values:
            return column
        column = column.dictionary.cast(pa.string()).take(column.indices)
    if pa.types.is_dictionary(values):
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(values)


def _opened(previous: Previous) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open an earlier table.

    Raises:
        ValueError: it is no table of a scan, or of another schema version.
    """
    import pyarrow as pa

    if isinstance(previous, (str, os.PathLike)):
        schema, batches = _opened_file(Path(previous))
    else:
        reader = pa.RecordBatchReader.from_stream(previous)
        schema, batches = reader.schema, iter(reader)
    version = (schema.metadata or {}).get(_VERSION_KEY)
    if version is not None and version != str(SCHEMA_VERSION).encode():
        message = (
            f"the earlier table has schema version {version.decode()}, this release writes"
            f" {SCHEMA_VERSION}: scan once without it"
        )
        raise ValueError(message)
    names = {*schema.names}
    if not {"path", "identity", "error"} <= names or not {"state", "keypath"} & names:
        message = "the earlier table is not one of a scan: it lacks path, identity or error"
        raise ValueError(message)
    return schema, batches


def _opened_file(path: Path) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        return file.schema_arrow, file.iter_batches()
    if path.suffix == ".arrow":
        import pyarrow.ipc

        opened = pyarrow.ipc.open_file(path)
        return opened.schema, map(opened.get_batch, range(opened.num_record_batches))
    message = f"{path}: an earlier table is read from .parquet or .arrow"
    raise ValueError(message)


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        return _written(batches, writer.write_batch)


def _write_arrow(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import pyarrow.ipc

    plain = _without_dictionaries(schema)
    options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
    with pyarrow.ipc.new_file(path, plain, options=options) as writer:
        return _written(batches, lambda batch: writer.write_batch(batch.cast(plain)))


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


def _write_jsonl(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
    import json

    import pyarrow as pa

    moments = [at for at, field in enumerate(schema) if pa.types.is_timestamp(field.type)]
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(batch: pa.RecordBatch) -> None:
            for at in moments:
                texts = batch.column(at).cast(pa.string())
                batch = batch.set_column(at, batch.schema.names[at], texts)
            file.writelines(f"{encode(row)}\n" for row in batch.to_pylist())

        return _written(batches, write)


def _written(batches: Iterator[pa.RecordBatch], write: Callable[[pa.RecordBatch], object]) -> int:
    rows = 0
    for batch in batches:
        if batch.num_rows:
            write(batch)
            rows += batch.num_rows
    return rows


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(plain, schema.metadata)


def _flat_type(values: pa.DataType) -> pa.DataType:
    """The type of a column of a CSV file."""
    import pyarrow as pa

    kept = pa.types.is_integer(values) or pa.types.is_boolean(values)
    return values if kept else pa.string()


_WRITERS: dict[str, Callable[[Path, pa.Schema, Iterator[pa.RecordBatch]], int]] = {
    ".parquet": _write_parquet,
    ".arrow": _write_arrow,
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
}
