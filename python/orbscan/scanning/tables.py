"""Tables of many checkpoints: as Arrow streams, and as files.

A stream has `__arrow_c_stream__`, so polars, duckdb, pandas and pyarrow read it as it is. Only
`write_table` needs a library, pyarrow, and not for JSON lines.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orbscan._imports import importing
from orbscan.extras import need
from orbscan.scanning import json_lines
from orbscan.scanning.api import begun, scan
from orbscan.scanning.columns import array_of, as_type, without_dictionaries
from orbscan.scanning.earlier import UNCHANGED, Earlier, opened
from orbscan.scanning.files import replaced
from orbscan.scanning.forms import FORMS
from orbscan.scanning.levels import depth
from orbscan.scanning.roots import expanded, placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Unpack

    import pyarrow as pa

    from orbscan import _core
    from orbscan.aliases import Level, TableName
    from orbscan.scanning.forms import Form
    from orbscan.scanning.options import Previous, ScanOptions


def leaf_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    categories: bool = False,
    **options: Unpack[ScanOptions],
) -> _core.ArrowStream:
    """Read checkpoints into a table with a row for each leaf.

    A function without state that can be pickled, for engines that call it on many machines. The
    columns are those of docs/tables.md.

    Args:
        paths: one path or many, as for `scan`.
        categories: whether columns with few distinct texts are dictionaries, as for `Scan.leaves`.
        options: as for `scan`.

    Returns:
        a stream of record batches, which can be read once. Checkpoints are read while it is; one
        that cannot be read is a row without a keypath, whose `error` says why.

    Raises:
        ValueError: an argument is invalid, or a root is a `file://` URL of another machine.
    """
    return stream_of("leaves", paths, categories=categories, **options)


def checkpoint_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    categories: bool = False,
    **options: Unpack[ScanOptions],
) -> _core.ArrowStream:
    """Read checkpoints into a table with a row for each; otherwise as `leaf_table`.

    Raises:
        ValueError: as for `leaf_table`.
    """
    return stream_of("checkpoints", paths, categories=categories, **options)


def finding_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    level: Level = "index",
    check_values: bool = False,
    max_bandwidth: int | None = None,
    categories: bool = False,
    **options: Unpack[ScanOptions],
) -> _core.ArrowStream:
    """Check checkpoints: a table with a row for each finding, and one for each sound checkpoint.

    Otherwise as `leaf_table`. Everything that is wrong is a row, including checkpoints that could
    not be checked.

    Args:
        paths: one path or many, as for `scan`. A save that never finished is checked if it is given
            itself; below a directory it has a row with the state `uncommitted`.
        level: the level of the check, as for `orbscan.verify`.
        check_values: as for `orbscan.verify`.
        max_bandwidth: as for `orbscan.verify`.
        categories: as for `leaf_table`.
        options: as for `scan`, except `since`: a check reads everything again.

    Raises:
        ValueError: an argument is invalid.
    """
    return stream_of(
        "findings",
        paths,
        categories=categories,
        level=level,
        check_values=check_values,
        max_bandwidth=max_bandwidth,
        **options,
    )


def stream_of(
    table: TableName,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    categories: bool = False,
    pieces: Sequence[_core.Piece] | None = None,
    parts: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    **options: Any,
) -> _core.ArrowStream:
    """Read a table, or a share of it; options are those of the function for that table.

    Args:
        table: the name of the table.
        paths: as for `scan`.
        categories: as for `leaf_table`.
        pieces: only these pieces of the paths, as `_core.divide_scan` gives them.
        parts: for these checkpoints only these parts of the check: the index of each and how many
            there are.
        options: as for that table.

    Raises:
        ValueError: an argument is invalid.
    """
    with importing:
        from orbscan import _core

    if table == "findings":
        given = _check_of(options)
        store = {name: options.pop(name, None) for name in ("store", "store_options")}
        roots = (expanded if pieces is None else placed)(paths, **store)
        return _core.finding_stream(
            _begun(roots, pieces, options | {"leaves": False}),
            roots,
            *given,
            atomicity=options.get("atomicity", "auto"),
            categories=categories,
            parts=parts,
        )
    begin = _core.leaf_stream if table == "leaves" else _core.checkpoint_stream
    return begin(_begun(paths, pieces, options), categories=categories)


def _begun(paths: Any, pieces: Sequence[_core.Piece] | None, options: dict[str, Any]) -> _core.Scan:
    if pieces is None:
        # Its error says what is wrong with a keyword.
        return scan(paths, **options)._core  # noqa: SLF001 - our own
    return begun(paths, pattern=options.pop("match", None), pieces=pieces, **options)


def _check_of(options: dict[str, Any]) -> tuple[int, bool, int | None]:
    """Remove from the options those of a check: level, whether values are checked, speed."""
    level, check_values = options.pop("level", "index"), options.pop("check_values", False)
    max_bandwidth = options.pop("max_bandwidth", None)
    number = depth(level, max_bandwidth)
    if options.get("since") is not None:
        message = "since is for tables of leaves and of checkpoints: a check looks at everything"
        raise ValueError(message)
    return number, check_values, max_bandwidth


def schema(table: TableName, *, categories: bool = False) -> _core.ArrowSchema:
    """Return the columns of a table; nothing is read, and no other library is needed.

    Args:
        table: `leaves`, `checkpoints` or `findings`.
        categories: as for `leaf_table`.

    Returns:
        a value for any library with the Arrow PyCapsule interface: `pyarrow.schema(...)`.

    Raises:
        ValueError: there is no such table.

    >>> schema("leaves").names[:3]
    ['path', 'root', 'step']
    """
    with importing:
        from orbscan import _core

    return _core.ArrowSchema(table, categories=categories)


def write_table(
    stream: _core.ArrowStream, path: str | os.PathLike[str], *, since: Previous | None = None
) -> int:
    """Write a table to a file, batch by batch.

    The file appears under its name when it is complete. Values that the format does not support are
    written as text: lists as JSON in `.csv`, timestamps in ISO form in `.csv` and `.jsonl`. Only
    `.parquet` files keep the dictionaries of a stream that has some: few libraries read several
    dictionaries of one column from an `.arrow` file.

    Args:
        stream: from `leaf_table`, `checkpoint_table` or the methods of `Scan`; not read yet.
        path: ends in `.parquet`, `.arrow`, `.csv` or `.jsonl`.
        since: the table that the scan was given: the rows of checkpoints that were not read again
            are copied from it. May be the file at `path`. A `.jsonl` file takes rows only from
            another.

    Returns:
        the number of rows that were written.

    Raises:
        ValueError: the path has another ending, or `since` is not a table of this kind.
        OSError: the file cannot be written.
        ImportError: pyarrow is not installed, which all formats except `.jsonl` need.
    """
    suffix = Path(path).suffix
    if suffix == json_lines.SUFFIX:
        if since is not None and not isinstance(since, (str, os.PathLike)):
            raise ValueError(json_lines.TAKES)
        return json_lines.write(stream, path, since=since)
    form = FORMS.get(suffix)
    if form is None:
        endings = ", ".join([*FORMS, json_lines.SUFFIX])
        message = f"{path}: a table is written as {endings}, by the end of the name"
        raise ValueError(message)
    need("pyarrow", "writing a table")

    def write(unfinished: str) -> int:
        try:
            return _write(form, Path(unfinished), stream, since)
        except BaseException:
            # Libraries convert the exception of Ctrl-C inside a stream to their own errors.
            stream.check_interrupt()
            raise

    return replaced(path, write)


def _write(form: Form, path: Path, stream: _core.ArrowStream, since: Previous | None) -> int:
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(stream)
    schema = reader.schema if form.dictionaries else without_dictionaries(reader.schema)
    fresh = _fresh(reader, schema)
    if since is None:
        return form.write(path, schema, fresh)
    return _continued(form, path, schema, fresh, Earlier(since, schema, stream))


def _fresh(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stream without the checkpoints that were not read again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for whole in reader:
        batch = whole
        if "state" in schema.names:
            state = as_type(batch["state"], pa.string())
            batch = batch.filter(pc.invert(pc.is_in(state, array_of([UNCHANGED]))))
        if batch.num_rows:
            yield batch if batch.schema.equals(schema) else batch.cast(schema)


def _continued(
    form: Form,
    path: Path,
    schema: pa.Schema,
    fresh: Iterator[pa.RecordBatch],
    earlier: Earlier,
) -> int:
    """Write what is new and, after it, what is copied from an earlier table."""
    from itertools import chain

    first = next(fresh, None)
    # If there is no first batch, the scan has ended.
    same = earlier.file_of(form.suffix) if first is None else None
    if same is None:
        head = () if first is None else (first,)
        return form.write(path, schema, chain(head, fresh, _later(earlier)))
    import shutil

    shutil.copyfile(same, path)
    return sum(batch.num_rows for batch in opened(same, ("path",))[1])


def _later(earlier: Earlier) -> Iterator[pa.RecordBatch]:
    """Request rows only after everything that is new: before that it is not known which."""
    yield from earlier.rows()
