"""Delta tables: everything that needs `deltalake`.

A commit adds and removes files, and fails if another writer was faster: so a writer that commits
has seen the whole previous state.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orbscan.errors import StoreError, error
from orbscan.extras import need
from orbscan.places import absolute, url_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow.fs
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

    from orbscan import _core
    from orbscan.aliases import ErrorKind

ROWS_OF = "rows_of"
"""The column, and the folders, that separate rows of leaves from those of checkpoints."""

_NAME = "orbscan catalogue, schema version "


class Conflict(Exception):  # noqa: N818 - the way of two writers at once
    """Another writer has committed meanwhile."""


class File(NamedTuple):
    """A file that belongs to a state of the table.

    Attributes:
        path: relative to the table.
        rows_of: the kind of its rows.
        rows: the number of its rows.
        size: in bytes.
    """

    path: str
    rows_of: str
    rows: int
    size: int


class Lake:
    """The place of a Delta table, whether or not there is one.

    Attributes:
        target: the path or URL from the top of the disk or the store.
    """

    def __init__(self, target: str, options: Mapping[str, str] | None = None) -> None:
        """Use it as the place.

        Raises:
            ImportError: `deltalake` or `pyarrow` is not installed.
        """
        need("deltalake", "a catalogue")
        need("pyarrow", "a catalogue")
        self.target = absolute(target).rstrip("/")
        self._options = _told_by_environment(self.target) | dict(options or {}) or None

    def opened(self, version: int | None = None) -> DeltaTable | None:
        """Open the newest state, or an older one; None if there is no catalogue yet.

        Raises:
            ValueError: the target is something else, or has another schema version; or there is no
                such version.
            StoreError: it cannot be read.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        with self.told():
            try:
                table = DeltaTable(self.target, storage_options=self._options)
            except TableNotFoundError:
                self._check_empty()
                return None
        self._check_kind(table)
        if version is None or version == table.version():
            return table
        if not 0 <= version < table.version():
            message = (
                f"{self.target}: has no version {version}: the newest is {table.version()}, and"
                " the first 0"
            )
            raise ValueError(message)
        with self.told(f"version {version} cannot be read, perhaps it was cleaned up"):
            table.load_as_version(version)
        return table

    def _check_empty(self) -> None:
        if url_scheme(self.target) is not None or not os.path.lexists(self.target):
            return
        # A writer that was killed leaves only such folders.
        others = [name for name in os.listdir(self.target) if not name.startswith(ROWS_OF)]  # noqa: PTH208
        if others:
            message = (
                f"{self.target}: is a directory with other files ({min(others)!r}), not a"
                " catalogue: name one that does not exist"
            )
            raise ValueError(message)

    def _check_kind(self, table: DeltaTable) -> None:
        from orbscan import _core

        name = table.metadata().name or ""
        if not name.startswith(_NAME):
            message = (
                f"{self.target}: is a Delta table that was written by something else, not a"
                " catalogue of orbscan: name another"
            )
            raise ValueError(message)
        ours = _core.ArrowSchema("catalogue").names
        theirs = {field.name for field in table.schema().fields}
        if name != f"{_NAME}{_core.TABLES_VERSION}" or not theirs.issuperset(ours):
            message = (
                f"{self.target}: is a catalogue of another release of orbscan ({name}), and this"
                f" one writes schema version {_core.TABLES_VERSION}: make it anew beside it"
            )
            raise ValueError(message)

    def made(self) -> pyarrow.fs.FileSystem:
        """Return its file system, for writing; creates the directory if it is missing.

        Raises:
            OSError: it cannot be created.
        """
        if url_scheme(self.target) is None:
            with self.told():
                Path(self.target).mkdir(exist_ok=True)
        return self.files()

    def files(self) -> pyarrow.fs.FileSystem:
        """Return its file system."""
        from pyarrow import fs

        if url_scheme(self.target) is None:
            return fs.SubTreeFileSystem(self.target, fs.LocalFileSystem())
        from deltalake.fs import DeltaStorageHandler

        with self.told():
            return fs.PyFileSystem(DeltaStorageHandler(self.target, self._options))

    def commit(
        self, table: DeltaTable | None, added: Iterable[AddAction], removed: Iterable[File]
    ) -> int:
        """Add and remove files, in one transaction on the state that was opened.

        Returns:
            the new version.

        Raises:
            Conflict: it is no longer the newest state.
            StoreError: it cannot be written.
        """
        from deltalake.exceptions import DeltaError
        from deltalake.transaction import CommitProperties

        from orbscan import _core

        # Without another attempt: the change must be computed again first.
        alone = CommitProperties(
            custom_metadata={"orbscan": _core.__version__}, max_commit_retries=0
        )
        before = -1 if table is None else table.version()
        with self.told():
            try:
                if table is None:
                    self._create([*added], _core.ArrowSchema("catalogue"), alone)
                    return 0
                actions = [*added, *(_removal(file) for file in removed)]
                table.create_write_transaction(
                    actions, "append", table.schema(), [ROWS_OF], commit_properties=alone
                )
            except DeltaError as cause:
                newest = self.opened()
                if newest is not None and newest.version() > before:
                    raise Conflict from cause
                raise
        return before + 1

    def _create(self, added: list[AddAction], columns: _core.ArrowSchema, properties: Any) -> None:
        import pyarrow as pa
        from deltalake import Schema
        from deltalake.transaction import create_table_with_add_actions

        from orbscan import _core

        create_table_with_add_actions(
            self.target,
            Schema.from_arrow(pa.schema(columns)),
            added,
            "error",
            [ROWS_OF],
            name=f"{_NAME}{_core.TABLES_VERSION}",
            description="leaves and checkpoints: the column rows_of says which",
            storage_options=self._options,
            commit_properties=properties,
        )

    @contextmanager
    def told(self, what: str = "the catalogue cannot be read or written") -> Iterator[None]:
        """Name the catalogue in the error of a library.

        Raises:
            StoreError: the disk or the store failed, or refused access.
        """
        from deltalake.exceptions import DeltaError
        from pyarrow import ArrowException

        try:
            yield
        except StoreError:
            raise
        except (DeltaError, ArrowException, OSError) as cause:
            number = cause.errno if isinstance(cause, OSError) else None
            reason = " ".join(f"{what}: {cause}".split())
            kind: ErrorKind = "store"
            raise error(kind, reason, self.target, errno=number) from cause


def _told_by_environment(target: str) -> dict[str, str]:
    """Options for an emulator of Google's storage, which the environment names as for its tools."""
    host = os.environ.get("STORAGE_EMULATOR_HOST")
    if url_scheme(target) != "gs" or not host:
        return {}
    account = {
        "gcs_base_url": host if "://" in host else f"http://{host}",
        "disable_oauth": True,
        **dict.fromkeys(("client_email", "private_key", "private_key_id"), ""),
    }
    return {"google_service_account_key": json.dumps(account), "allow_http": "true"}


def files_of(table: DeltaTable | None) -> list[File]:
    """List the files of a state."""
    import pyarrow as pa

    if table is None:
        return []
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = ("path", f"partition.{ROWS_OF}", "num_records", "size_bytes")
    rows = zip(*(actions[name].to_pylist() for name in columns), strict=True)
    return [File(path, rows_of, rows or 0, size) for path, rows_of, rows, size in rows]


def _removal(file: File) -> Any:
    from deltalake.transaction import RemoveAction

    now = round(datetime.now(UTC).timestamp() * 1_000)
    return RemoveAction(
        path=file.path,
        data_change=True,
        deletion_timestamp=now,
        size=file.size,
        partition_values={ROWS_OF: file.rows_of},
    )
