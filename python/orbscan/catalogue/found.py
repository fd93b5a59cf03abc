"""Writes what a scan finds to files that are not yet in any state of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan._imports import importing
from orbscan.catalogue import files as of_files
from orbscan.catalogue.files import CHECKPOINTS, LEAVES
from orbscan.catalogue.state import FILE
from orbscan.scanning.columns import array_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa
    import pyarrow.fs
    from deltalake.transaction import AddAction

    from orbscan import _core
    from orbscan.catalogue.state import State

_VANISHED = "vanished"


class Found:
    """What a scan has found.

    Attributes:
        added: the files with the rows that are new or have changed.
        changed: the checkpoints that have rows there.
        same: the checkpoints that were read again and have the same rows as before.
        gone: the checkpoints that do not exist any more.
        unseen: the paths that could not be examined, so that it is unknown what lies below.
    """

    def __init__(self) -> None:
        self.added: list[AddAction] = []
        self.changed: list[str] = []
        self.same: set[str] = set()
        self.gone: set[str] = set()
        self.unseen: list[str] = []

    def write(self, stream: _core.ArrowStream, before: State, files: pyarrow.fs.FileSystem) -> None:
        """Read a scan to its end, and write what it finds.

        Raises:
            OSError: a file cannot be written.
        """
        known = set(texts_of(before.known["path"].combine_chunks()))
        for leaves, checkpoints in _groups(stream):
            self._note(checkpoints)
            again = [path for path in texts_of_table(checkpoints) if path in known]
            alike = _alike(before, files, leaves, checkpoints, again) if again else set()
            self.same |= alike
            self._put(files, leaves, checkpoints, alike)

    def _note(self, checkpoints: pa.Table) -> None:
        columns = (checkpoints[name].to_pylist() for name in ("path", "state", "kind"))
        for path, state, kind in zip(*columns, strict=True):
            if state == _VANISHED:
                self.gone.add(path)
            elif state == "failed" and kind == "unknown":
                self.unseen.append(path)

    def _put(
        self,
        files: pyarrow.fs.FileSystem,
        leaves: pa.Table,
        checkpoints: pa.Table,
        alike: set[str],
    ) -> None:
        """Write a group, except unchanged rows and checkpoints that are gone."""
        left_out = array_of([*alike, *self.gone])
        leaves = of_files.without(leaves, left_out)
        checkpoints = of_files.without(checkpoints, left_out)
        if not checkpoints.num_rows:
            return
        self.changed += texts_of_table(checkpoints)
        stem = of_files.new_stem()
        if leaves.num_rows:
            self.added.append(of_files.written(files, LEAVES, stem, leaves))
        self.added.append(of_files.written(files, CHECKPOINTS, stem, checkpoints))


def texts_of_table(table: pa.Table) -> list[str]:
    """Return the paths of checkpoints."""
    return texts_of(table["path"].combine_chunks())


def _groups(stream: _core.ArrowStream) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield leaves and the checkpoints that they belong to, group by group."""
    import pyarrow as pa

    with importing:
        from orbscan import _core

    of_leaves = pa.schema(_core.ArrowSchema(LEAVES))
    of_checkpoints = pa.schema(_core.ArrowSchema(CHECKPOINTS))
    batches: list[pa.RecordBatch] = []
    for batch in pa.RecordBatchReader.from_stream(stream):
        if texts_of(batch["rows_of"].slice(0, 1)) == [LEAVES]:
            batches.append(_narrowed(batch, of_leaves))
            continue
        leaves = pa.Table.from_batches(batches, of_leaves)
        yield leaves, pa.Table.from_batches([_narrowed(batch, of_checkpoints)])
        batches = []


def _narrowed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch([batch[name] for name in schema.names], schema=schema)


def _alike(
    before: State,
    files: pyarrow.fs.FileSystem,
    leaves: pa.Table,
    checkpoints: pa.Table,
    again: Iterable[str],
) -> set[str]:
    """Return those checkpoints that have the same rows as before."""
    wanted = array_of([*again])
    holders = _holders(before, wanted)
    earlier = _by_path(_read(before, files, holders, wanted))
    fresh = _by_path(of_files.within(checkpoints, wanted))
    alike = {path for path, row in fresh.items() if earlier.get(path) == row}
    doubtful = array_of([path for path in alike if fresh[path][0]["leaves"] is not None])
    if len(doubtful):
        # A checkpoint with faults has no fingerprint, so its leaves may have changed all the same.
        of_leaves = before.leaf_files(_holders(before, doubtful))
        earlier = _by_path(_read(before, files, of_leaves, doubtful))
        fresh = _by_path(of_files.within(leaves, doubtful))
        alike -= {path for path in texts_of(doubtful) if earlier.get(path) != fresh.get(path)}
    return alike


def _holders(before: State, paths: pa.Array) -> list[str]:
    return texts_of(of_files.within(before.known, paths)[FILE].combine_chunks().unique())


def _read(
    before: State, files: pyarrow.fs.FileSystem, names: list[str], paths: pa.Array
) -> Iterator[pa.Table]:
    for name in names:
        yield of_files.within(before.rows(name, files), paths)


def _by_path(tables: pa.Table | Iterator[pa.Table]) -> dict[str, list[dict[str, object]]]:
    import pyarrow as pa

    rows: dict[str, list[dict[str, object]]] = {}
    for table in [tables] if isinstance(tables, pa.Table) else tables:
        for row in table.to_pylist():
            rows.setdefault(row["path"], []).append(row)
    return rows
