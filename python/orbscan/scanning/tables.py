"""Tables of many checkpoints: as Arrow streams, and as files.

A stream has `__arrow_c_stream__`, so polars, duckdb, pandas and pyarrow read it as it is. Only
`write_table` and `found` need a library of their own: pyarrow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orbscan._imports import importing
from orbscan.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    import pyarrow as pa

    from orbscan import _core
    from orbscan.aliases import Previous
    from orbscan.scanning.since import Found


SCHEMA_VERSION = 1
"""The version of the columns; `orbscan.schema_version` in the metadata of a table."""

_VERSION_KEY = b"orbscan.schema_version"

_UNCHANGED = "unchanged"


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
        a stream of record batches, which can be read once. Checkpoints are read while it is; one
        that cannot be read is a row without a keypath whose `error` says why.

    Raises:
        ValueError: an argument has no meaning, or a root is a remote URL.
    """
    import orbscan

    return orbscan.scan(paths, **options).leaves()


def checkpoint_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Any
) -> _core.ArrowStream:
    """Read checkpoints into a table with a row for each; otherwise as `leaf_table`.

    Raises:
        ValueError: as for `leaf_table`.
    """
    import orbscan

    return orbscan.scan(paths, **options).checkpoints()


def found(previous: Previous) -> Iterator[Found]:
    """Give what a table of an earlier scan says of each checkpoint.

    Args:
        previous: a table of leaves or of checkpoints: the path of a `.parquet` or `.arrow` file, or
            anything with `__arrow_c_stream__`.

    Raises:
        ValueError: it is no such table, or of another schema version.
        ImportError: pyarrow is not installed.
    """
    with importing:
        from orbscan.scanning.since import Found

    need("pyarrow", "an earlier table")
    _, batches = _opened(previous, ("path", "fingerprint", "complete", "leaves"))
    for batch in batches:
        paths = _comparable(batch["path"])
        heads = _heads(paths)
        # The rows of a table of leaves are the leaves of trees.
        trees = batch["leaves"] if "leaves" in batch.schema.names else paths
        columns: tuple[list[Any], ...] = (
            _texts(paths.take(heads)),
            _texts(_comparable(batch["fingerprint"]).take(heads)),
            batch["complete"].take(heads).to_pylist(),
            trees.take(heads).is_valid().to_pylist(),
        )
        for path, fingerprint, complete, has_trees in zip(*columns, strict=True):
            number = None if fingerprint is None else int(fingerprint, 16)
            yield Found(path, number, complete=complete, trees=has_trees)


def _comparable(column: pa.Array) -> pa.Array:
    """Give a column of text in a form that all kernels know; dictionaries stay."""
    import pyarrow as pa

    return column if pa.types.is_dictionary(column.type) else column.cast(pa.string())


def _array(texts: Sequence[str]) -> pa.Array:
    """Give texts as an array.

    `pyarrow.array`, `scalar`, and kernels that are given a plain value, would import pandas to see
    that it is none of its own: that takes longer than everything else here.
    """
    from array import array
    from itertools import accumulate

    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def _texts(column: pa.Array) -> list[str]:
    import pyarrow as pa

    texts: list[str] = _as(column, pa.string()).to_pylist()
    return texts


def _heads(column: pa.Array) -> pa.Array:
    """Find the rows whose value is not that of the row before: one for each checkpoint."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(column):
        return pa.nulls(0, pa.int64())
    values = column.indices if pa.types.is_dictionary(column.type) else column
    differs = pc.not_equal(values.slice(1), values.slice(0, len(values) - 1))
    return pc.indices_nonzero(pa.concat_arrays([pc.is_valid(values.slice(0, 1)), differs]))


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
        ImportError: pyarrow is not installed.
    """
    need("pyarrow", "writing a table")
    import pyarrow as pa

    target = Path(path)
    form = _FORMS.get(target.suffix)
    if form is None:
        message = f"{target}: a table is written as {', '.join(_FORMS)}, by the end of the name"
        raise ValueError(message)
    if target.is_symlink():
        # The file that the link leads to is replaced, not the link.
        target = target.resolve()
    # Hidden, and in the same directory, so that it can be renamed.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    reader = pa.RecordBatchReader.from_stream(stream)
    schema = reader.schema if form.dictionaries else _without_dictionaries(reader.schema)
    try:
        fresh = _fresh(reader, schema)
        if since is None:
            rows = form.write(unfinished, schema, fresh)
        else:
            rows = _continued(form, unfinished, schema, fresh, _Earlier(since, schema, stream))
        unfinished.replace(target)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        # Libraries turn what Ctrl-C raises inside of a stream into errors of their own.
        stream.check_interrupt()
        if isinstance(error, OSError) and error.errno and unfinished.name in str(error):
            # Nobody has given that name.
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    return rows


def _fresh(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Give the batches of a stream without the checkpoints that were not read again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for whole in reader:
        batch = whole
        if "state" in schema.names:
            state = _as(batch["state"], pa.string())
            batch = batch.filter(pc.invert(pc.is_in(state, _array([_UNCHANGED]))))
        if batch.num_rows:
            yield batch if batch.schema.equals(schema) else batch.cast(schema)


class _Earlier:
    """The table of an earlier scan, and what is taken over from it once the scan has ended."""

    def __init__(self, since: Previous, schema: pa.Schema, stream: _core.ArrowStream) -> None:
        """Open it now: a mistake should show before hours of scanning.

        Raises:
            ValueError: it is no table of a scan, or one of another kind.
        """
        self._since = since
        self._schema = schema
        self._stream = stream
        self._columns, self._batches = _opened(since)
        missing = [name for name in schema.names if name not in self._columns.names]
        if missing:
            message = f"the earlier table is one of another kind: it has no column {missing[0]!r}"
            raise ValueError(message)

    @property
    def _unchanged(self) -> pa.Array:
        return _array(self._stream.unchanged())

    def file_of(self, suffix: str) -> Path | None:
        """Give the file, if it is of this form and is as it stands what has not changed."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not isinstance(self._since, (str, os.PathLike)):
            return None
        file = Path(self._since)
        # Those of fields are numbers that Parquet adds.
        same = self._columns.metadata == self._schema.metadata
        if file.suffix != suffix or not same or not self._columns.equals(self._schema):
            return None
        unchanged = self._unchanged
        for batch in _opened(file, ("path", "state"))[1]:
            paths = _as(_comparable(batch["path"]).unique(), pa.string())
            if not pc.all(pc.is_in(paths, unchanged)).as_py():
                return None
            if "state" in batch.schema.names:
                state = _as(batch["state"], pa.string())
                if not pc.all(pc.is_in(state, _array([_UNCHANGED]))).as_py():
                    return None
        return file

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Give the rows of what has not changed."""
        import pyarrow as pa
        import pyarrow.compute as pc

        unchanged = self._unchanged
        for whole in self._batches:
            kept = pc.is_in(_as(whole["path"], pa.string()), unchanged)
            batch = whole if pc.all(kept).as_py() else whole.filter(kept)
            columns = {
                field.name: _unchanged_states(batch.num_rows, field.type)
                if field.name == "state"
                else _as(batch[field.name], field.type)
                for field in self._schema
            }
            yield pa.record_batch([*columns.values()], schema=self._schema)


def _unchanged_states(rows: int, values: pa.DataType) -> pa.Array:
    import pyarrow as pa

    zeros = pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(bytes(4 * rows))])
    return _as(pa.DictionaryArray.from_arrays(zeros, _array([_UNCHANGED])), values)


def _continued(
    form: _Form,
    path: Path,
    schema: pa.Schema,
    fresh: Iterator[pa.RecordBatch],
    earlier: _Earlier,
) -> int:
    """Write what is new and, after it, what is taken over from an earlier table."""
    from itertools import chain

    first = next(fresh, None)
    # The scan has ended, if there is no first batch.
    same = earlier.file_of(form.suffix) if first is None else None
    if same is None:
        head = () if first is None else (first,)
        return form.write(path, schema, chain(head, fresh, _later(earlier)))
    import shutil

    shutil.copyfile(same, path)
    return sum(batch.num_rows for batch in _opened(same, ("path",))[1])


def _later(earlier: _Earlier) -> Iterator[pa.RecordBatch]:
    """Ask for rows only when all that is new has passed: before that it is not known which."""
    yield from earlier.rows()


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


def _opened(
    previous: Previous, columns: Sequence[str] | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open an earlier table.

    Args:
        previous: the table.
        columns: which are to be in the batches, of those that it has; None for all. Of a file no
            others are read.

    Raises:
        ValueError: it is no table of a scan, or of another schema version.
    """
    import pyarrow as pa

    if isinstance(previous, (str, os.PathLike)):
        schema, batches = _opened_file(Path(previous), columns)
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
    of_checkpoints = "state" in schema.names
    needed = ("path", "fingerprint", "complete", "leaves" if of_checkpoints else "keypath")
    lacking = [name for name in needed if name not in schema.names]
    if lacking:
        message = f"the earlier table is not one of a scan: it has no column {lacking[0]!r}"
        raise ValueError(message)
    return schema, batches


def _opened_file(
    path: Path, columns: Sequence[str] | None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow as pa

    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        schema = pq.read_schema(path)
        names = _present(schema, columns)
        # Of the few columns that are looked at, texts repeat on all rows of a checkpoint.
        repeated = (
            [] if names is None else [n for n in names if schema.field(n).type == pa.string()]
        )
        file = pq.ParquetFile(path, read_dictionary=repeated)
        return schema, file.iter_batches(columns=names)
    if path.suffix == ".arrow":
        import pyarrow.ipc

        with pyarrow.ipc.open_file(path) as opened:
            schema = opened.schema
        names = _present(schema, columns)
        fields = None if names is None else [schema.get_field_index(name) for name in names]
        options = pyarrow.ipc.IpcReadOptions(included_fields=fields)
        opened = pyarrow.ipc.open_file(path, options=options)
        return schema, map(opened.get_batch, range(opened.num_record_batches))
    message = f"{path}: an earlier table is read from .parquet or .arrow"
    raise ValueError(message)


def _present(schema: pa.Schema, columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else [name for name in columns if name in schema.names]


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


class _Form(NamedTuple):
    """How a table is written to a file.

    Attributes:
        suffix: the end of its name.
        write: writes batches, and returns how many rows.
        dictionaries: whether columns keep their dictionaries.
    """

    suffix: str
    write: Callable[[Path, pa.Schema, Iterator[pa.RecordBatch]], int]
    dictionaries: bool


_FORMS = {
    form.suffix: form
    for form in (
        _Form(".parquet", _write_parquet, dictionaries=True),
        _Form(".arrow", _write_arrow, dictionaries=False),
        _Form(".csv", _write_csv, dictionaries=False),
        _Form(".jsonl", _write_jsonl, dictionaries=False),
    )
}
