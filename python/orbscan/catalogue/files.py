"""The files of a catalogue: Parquet, with the statistics that the log of the table needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from orbscan.catalogue.lake import ROWS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    import pyarrow.dataset
    import pyarrow.fs
    import pyarrow.parquet as pq
    from deltalake.transaction import AddAction

LEAVES: Final = "leaves"
CHECKPOINTS: Final = "checkpoints"
ROOTS: Final = "roots"

_SUFFIX = ".parquet"
_PIECE = 1 << 20
"""Bytes that are written at once."""

_LONGEST = 256
"""Characters of a text in statistics."""


def new_stem() -> str:
    """Return a name that no file has."""
    from secrets import token_hex

    return token_hex(10)


def name_of(rows_of: str, stem: str) -> str:
    """Return the path of a file relative to the table."""
    return f"{ROWS_OF}={rows_of}/{stem}{_SUFFIX}"


def stem_of(path: str) -> str:
    """Return the name that the files of a group share.

    >>> stem_of("rows_of=leaves/ab12.parquet")
    'ab12'
    """
    return path.rpartition("/")[2].removesuffix(_SUFFIX)


def written(files: pyarrow.fs.FileSystem, rows_of: str, stem: str, table: pa.Table) -> AddAction:
    """Write a file, and return its entry in the log.

    Raises:
        OSError: it cannot be written.
    """
    from shutil import copyfileobj

    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake.transaction import AddAction

    name = name_of(rows_of, stem)
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    files.create_dir(name.partition("/")[0], recursive=True)
    try:
        # The writer for buckets takes bytes, not buffers: pieces that are copied arrive unchanged.
        with files.open_output_stream(name, buffer_size=_PIECE) as stream:
            copyfileobj(pa.BufferReader(content), stream, _PIECE // 2)
    except BaseException:
        removed(files, [name])
        raise
    about = files.get_file_info(name)
    return AddAction(
        path=name,
        size=about.size,
        partition_values={ROWS_OF: rows_of},
        modification_time=about.mtime_ns // 1_000_000,
        data_change=True,
        stats=json.dumps(_statistics(pq.read_metadata(pa.BufferReader(content)))),
    )


def _statistics(about: pq.FileMetaData) -> dict[str, Any]:
    """Return the bounds of columns, by which readers skip files, from those of row groups."""
    bounds: dict[str, list[Any]] = {}
    nulls: dict[str, int] = {}
    unknown: set[str] = set()
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        for column in (group.column(at) for at in range(group.num_columns)):
            name, known = column.path_in_schema, column.statistics
            if "." in name or known is None:
                continue
            nulls[name] = nulls.get(name, 0) + known.null_count
            if known.null_count == column.num_values:
                continue
            if not known.has_min_max or not (_is_bound(known.min) and _is_bound(known.max)):
                unknown.add(name)
                continue
            bounds.setdefault(name, []).extend((known.min, known.max))
    kept = {name: values for name, values in bounds.items() if name not in unknown}
    return {
        "numRecords": about.num_rows,
        "minValues": {name: min(values) for name, values in kept.items()},
        "maxValues": {name: max(values) for name, values in kept.items()},
        "nullCount": nulls,
    }


def _is_bound(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return isinstance(value, int) and not isinstance(value, bool)


def dataset(
    files: pyarrow.fs.FileSystem, paths: Iterable[str], schema: pa.Schema
) -> pyarrow.dataset.Dataset:
    """Open files of one kind as one table, in which missing columns are null."""
    import pyarrow.dataset as ds

    form = ds.ParquetFileFormat()
    fragments = [form.make_fragment(path, filesystem=files) for path in paths]
    return ds.FileSystemDataset(fragments, schema, form, filesystem=files)


def without(table: pa.Table, paths: pa.Array) -> pa.Table:
    """Return the rows that belong to none of these checkpoints."""
    import pyarrow.compute as pc

    return table.filter(pc.invert(pc.is_in(table["path"], paths)))


def within(table: pa.Table, paths: pa.Array) -> pa.Table:
    """Return the rows that belong to these checkpoints."""
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["path"], paths))


def removed(files: pyarrow.fs.FileSystem, paths: Iterable[str]) -> None:
    """Delete files that are in no state; what cannot be deleted stays until a clean-up."""
    from contextlib import suppress

    for path in paths:
        with suppress(OSError):
            files.delete_file(path)
