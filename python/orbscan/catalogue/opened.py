"""A catalogue that is opened at one version, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orbscan._imports import importing
from orbscan.catalogue import files as of_files
from orbscan.catalogue.files import CHECKPOINTS, LEAVES
from orbscan.catalogue.state import State
from orbscan.errors import error

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow.dataset as ds

    from orbscan.aliases import ErrorKind, TableName
    from orbscan.catalogue.lake import Lake


class CatalogueVersion(NamedTuple):
    """A state of a catalogue.

    Attributes:
        version: its number.
        moment: when it was committed, in UTC.
    """

    version: int
    moment: datetime


class CatalogueContents(NamedTuple):
    """The amount of content in a catalogue.

    Attributes:
        checkpoints: how many have a row.
        complete: how many of them were read completely.
        leaves: of all of them.
        files: of the table.
        nbytes: the size of these files.
    """

    checkpoints: int
    complete: int
    leaves: int
    files: int
    nbytes: int


class Catalogue:
    """A catalogue at one version: later commits do not show.

    Attributes:
        target: the directory of the table.
        version: the number of the state.
    """

    __slots__ = ("_lake", "_state", "target", "version")

    target: str
    version: int

    def __init__(self, lake: Lake, version: int | None) -> None:
        table = lake.opened(version)
        if table is None:
            reason = "there is no catalogue: make it with orbscan.update_catalogue"
            kind: ErrorKind = "not_found"
            raise error(kind, reason, lake.target)
        self._lake = lake
        self._state = State(lake, table)
        self.target = lake.target
        self.version = self._state.version
        if version is not None:
            self._check_whole()

    def _check_whole(self) -> None:
        from pyarrow.fs import FileType

        with self._lake.told():
            found = self._lake.files().get_file_info([*self._state.files])
        if any(info.type == FileType.NotFound for info in found):
            reason = f"version {self.version} was cleaned up: some of its files are gone"
            kind: ErrorKind = "store"
            raise error(kind, reason, self.target)

    @property
    def roots(self) -> tuple[str, ...]:
        """The roots: directories and patterns."""
        return tuple(sorted(self._state.roots))

    def leaves(self) -> ds.Dataset:
        """Return the table with a row for each leaf; the columns are those of docs/tables.md.

        Returns:
            a pyarrow dataset, which duckdb and polars (`scan_pyarrow_dataset`) take as it is;
            only the requested parts of it are read.
        """
        return self._dataset(LEAVES)

    def checkpoints(self) -> ds.Dataset:
        """Return the table with a row for each checkpoint; otherwise as `leaves`."""
        return self._dataset(CHECKPOINTS)

    def _dataset(self, rows_of: TableName) -> ds.Dataset:
        import pyarrow as pa

        with importing:
            from orbscan import _core
        schema = pa.schema(_core.ArrowSchema(rows_of))
        return of_files.dataset(self._lake.files(), self._state.paths(rows_of), schema)

    def contents(self) -> CatalogueContents:
        """Count the content; no leaves are read.

        Raises:
            StoreError: it cannot be read, or not any more.
        """
        import pyarrow.compute as pc

        known, files = self._state.known, self._state.files.values()
        return CatalogueContents(
            checkpoints=known.num_rows,
            complete=pc.sum(known["complete"]).as_py() or 0,
            leaves=pc.sum(known["leaves"]).as_py() or 0,
            files=len(files),
            nbytes=sum(file.size for file in files),
        )

    def versions(self) -> list[CatalogueVersion]:
        """List the states, the newest first; not all of them can still be read."""
        from datetime import UTC, datetime

        table = self._lake.opened()
        with self._lake.told():
            history = [] if table is None else table.history()
        return [
            CatalogueVersion(
                entry["version"], datetime.fromtimestamp(entry["timestamp"] / 1_000, UTC)
            )
            for entry in history
        ]

    def vacuum(self, *, days: float = 7) -> list[str]:
        """Delete the files of older states, and files left by writers that were killed.

        States that were replaced longer ago than that cannot be read any more. A writer or a reader
        that has been working for longer loses its files.

        Args:
            days: how long a file must have been out of use. With less than one day, files left by
                killed writers stay: they may belong to a writer that is still working.

        Returns:
            the deleted paths, relative to the table.

        Raises:
            ValueError: the number is negative.
            StoreError: they cannot be deleted.
        """
        if days < 0:
            message = f"days must not be negative, got {days}"
            raise ValueError(message)
        table = self._lake.opened()
        with self._lake.told():
            return (
                []
                if table is None
                else table.vacuum(
                    retention_hours=round(days * 24),
                    dry_run=False,
                    enforce_retention_duration=False,
                    full=days >= 1,
                )
            )

    def __repr__(self) -> str:
        return f"<Catalogue {self.target}, version {self.version}>"
