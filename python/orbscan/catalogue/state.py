"""The content of a catalogue, at one version: which files, and which checkpoints in them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orbscan._imports import importing
from orbscan.catalogue import files as of_files
from orbscan.catalogue import roots as of_roots
from orbscan.catalogue.files import CHECKPOINTS, LEAVES, ROOTS, name_of, stem_of
from orbscan.catalogue.lake import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    import pyarrow.fs
    from deltalake import DeltaTable

    from orbscan.catalogue.lake import File, Lake
    from orbscan.catalogue.roots import Root

FILE = "__filename"
"""The column of `State.known` with the file of the row."""

_KNOWN = ("path", "root", "kind", "step", "fingerprint", "state", "leaves", "complete", FILE)


class State:
    """The content of a catalogue.

    Attributes:
        lake: the place of the table.
        table: the table at this version; None if there is no catalogue yet.
        files: all its files, by their paths.
    """

    def __init__(self, lake: Lake, table: DeltaTable | None) -> None:
        self.lake = lake
        self.table = table
        self.files: dict[str, File] = {file.path: file for file in files_of(table)}

    @property
    def version(self) -> int:
        """The version, from 0; -1 if there is no catalogue yet."""
        return -1 if self.table is None else self.table.version()

    def paths(self, rows_of: str) -> list[str]:
        """List the files with rows of this kind."""
        return [file.path for file in self.files.values() if file.rows_of == rows_of]

    @cached_property
    def known(self) -> pa.Table:
        """What is known of each checkpoint: some columns, and the file of the row."""
        return self._read(CHECKPOINTS, _KNOWN)

    @cached_property
    def roots(self) -> dict[str, Root]:
        """The roots."""
        rows = self._read(ROOTS, ("path", "root", "custom_metadata"))
        return of_roots.of_table(rows)

    def _read(self, rows_of: str, columns: Iterable[str]) -> pa.Table:
        import pyarrow as pa

        with importing:
            from orbscan import _core
        schema = pa.schema(_core.ArrowSchema("catalogue"))
        with self.lake.told():
            opened = of_files.dataset(self.lake.files(), self.paths(rows_of), schema)
            return opened.to_table(columns=[*columns])

    def leaf_files(self, checkpoints: Iterable[str]) -> list[str]:
        """List the files that have the leaves of checkpoints in these files.

        Each group has a separate file, unless another program has moved the rows to new files: then
            any file that belongs to no group may have them.
        """
        own = {name_of(LEAVES, stem_of(path)) for path in checkpoints}
        stems = {stem_of(path) for path in self.paths(CHECKPOINTS)}
        files = self.paths(LEAVES)
        return [path for path in files if path in own or stem_of(path) not in stems]

    def rows(self, path: str, files: pyarrow.fs.FileSystem) -> pa.Table:
        """Read a file with all its columns."""
        import pyarrow.parquet as pq

        with self.lake.told(), files.open_input_file(path) as file:
            return pq.read_table(file)
