"""The result of an earlier scan, in a table or in entries, and the rows that are copied from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orbscan._imports import importing
from orbscan.extras import need
from orbscan.scanning import json_lines
from orbscan.scanning.columns import array_of, as_type, comparable, first_rows, texts_of
from orbscan.scanning.since import Found, taken_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import pyarrow as pa

    from orbscan import _core
    from orbscan.scanning.entry import CheckpointEntry
    from orbscan.scanning.options import Previous, Since


with importing:
    from orbscan._core import TABLES_VERSION

SCHEMA_VERSION = TABLES_VERSION
"""The version of the columns; `orbscan.schema_version` in the metadata of a table."""

UNCHANGED = "unchanged"
"""The state of a checkpoint that was not read again."""

_VERSION_KEY = b"orbscan.schema_version"


def fingerprints(since: Since, *, leaves: bool = True) -> dict[str, int]:
    """Return the fingerprints of checkpoints that a scan need not read again, by path.

    Args:
        since: as for `orbscan.scan`. If it has fingerprints by paths, all of them are returned.
        leaves: whether trees are wanted.

    Raises:
        ValueError: it is a table, but not one of a scan, or it has another schema version.
        ImportError: it is a table other than a `.jsonl` file, and pyarrow is not installed.
    """
    from collections.abc import Mapping

    if isinstance(since, Mapping):
        return {os.fspath(path): fingerprint for path, fingerprint in since.items()}
    if isinstance(since, (str, os.PathLike)) and Path(since).suffix == json_lines.SUFFIX:
        return taken_over(json_lines.found(since), leaves=leaves)
    if isinstance(since, (str, os.PathLike)) or hasattr(since, "__arrow_c_stream__"):
        earlier: Previous = since  # type: ignore[assignment] # the checker ignores `hasattr`
        return taken_over(found(earlier), leaves=leaves)
    return taken_over(map(_of_entry, since), leaves=leaves)


def _of_entry(entry: CheckpointEntry) -> Found:
    trees = entry._leaves  # noqa: SLF001 - our own
    return Found(os.fspath(entry), entry.fingerprint, complete=entry.complete, trees=trees)


def found(previous: Previous) -> Iterator[Found]:
    """Yield what a table of an earlier scan says about each checkpoint.

    Args:
        previous: a table of leaves or of checkpoints: the path of a `.parquet` or `.arrow` file, or
            anything with `__arrow_c_stream__`.

    Raises:
        ValueError: it is not such a table, or has another schema version.
        ImportError: pyarrow is not installed.
    """
    need("pyarrow", "an earlier table")
    _, batches = opened(previous, ("path", "fingerprint", "complete", "leaves"))
    for batch in batches:
        paths = comparable(batch["path"])
        heads = first_rows(paths)
        # The rows of a table of leaves come from trees.
        trees = batch["leaves"] if "leaves" in batch.schema.names else paths
        columns: tuple[list[Any], ...] = (
            texts_of(paths.take(heads)),
            texts_of(comparable(batch["fingerprint"]).take(heads)),
            batch["complete"].take(heads).to_pylist(),
            trees.take(heads).is_valid().to_pylist(),
        )
        for path, fingerprint, complete, has_trees in zip(*columns, strict=True):
            number = None if fingerprint is None else int(fingerprint, 16)
            yield Found(path, number, complete=complete, trees=has_trees)


class Earlier:
    """The table of an earlier scan, and the rows that are copied from it after the scan."""

    def __init__(self, since: Previous, schema: pa.Schema, stream: _core.ArrowStream) -> None:
        """Open it now: a mistake should show before hours of scanning.

        Raises:
            ValueError: it is not a table of a scan, or one of another kind.
        """
        self._since = since
        self._schema = schema
        self._stream = stream
        self._columns, self._batches = opened(since)
        missing = [name for name in schema.names if name not in self._columns.names]
        if missing:
            message = f"the earlier table is one of another kind: it has no column {missing[0]!r}"
            raise ValueError(message)

    @property
    def _unchanged(self) -> pa.Array:
        return array_of(self._stream.unchanged())

    def file_of(self, suffix: str) -> Path | None:
        """Return the file, if it has this form and contains exactly what has not changed."""
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
        for batch in opened(file, ("path", "state"))[1]:
            paths = as_type(comparable(batch["path"]).unique(), pa.string())
            if not pc.all(pc.is_in(paths, unchanged)).as_py():
                return None
            if "state" in batch.schema.names:
                state = as_type(batch["state"], pa.string())
                if not pc.all(pc.is_in(state, array_of([UNCHANGED]))).as_py():
                    return None
        return file

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that have not changed."""
        import pyarrow as pa
        import pyarrow.compute as pc

        unchanged = self._unchanged
        for whole in self._batches:
            kept = pc.is_in(as_type(whole["path"], pa.string()), unchanged)
            batch = whole if pc.all(kept).as_py() else whole.filter(kept)
            columns = {
                field.name: _unchanged_states(batch.num_rows, field.type)
                if field.name == "state"
                else as_type(batch[field.name], field.type)
                for field in self._schema
            }
            yield pa.record_batch([*columns.values()], schema=self._schema)


def _unchanged_states(rows: int, values: pa.DataType) -> pa.Array:
    import pyarrow as pa

    zeros = pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(bytes(4 * rows))])
    return as_type(pa.DictionaryArray.from_arrays(zeros, array_of([UNCHANGED])), values)


def opened(
    previous: Previous, columns: Sequence[str] | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open an earlier table.

    Args:
        previous: the table.
        columns: which of its columns are in the batches; None for all. No others are read from a
            file.

    Raises:
        ValueError: it is not a table of a scan, or has another schema version.
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
        # In the few columns that are read, texts are repeated in all rows of a checkpoint.
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
