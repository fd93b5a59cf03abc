"""A scan that is running: an iterator of entries, which can also be read as a table.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan._imports import importing
from orbscan.places import Url
from orbscan.scanning.entry import CheckpointEntry
from orbscan.showing.text import counted

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from orbscan import _core


class Scan:
    """The checkpoints of a scan, each as soon as it is read.

    An iterator; leaving it as a context manager, or closing it, ends the scan at once. It reads
    only a little ahead of the caller. It belongs to the process that began it: in a process that
    was forked since, every use of it raises a RuntimeError.
    """

    __slots__ = ("_core", "_leaves", "_stores")

    def __init__(self, core: _core.Scan, roots: Iterable[str] = (), *, leaves: bool = True) -> None:
        self._core = core
        self._leaves = leaves
        self._stores = [root for root in roots if isinstance(root, Url)]

    def __iter__(self) -> Iterator[CheckpointEntry]:
        """Return the iterator itself."""
        return self

    def __next__(self) -> CheckpointEntry:
        """Wait for the next checkpoint."""
        return CheckpointEntry(next(self._core), self._stores, leaves=self._leaves)

    def __enter__(self) -> Self:
        """Return the scan itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the scan."""
        self.close()

    def close(self) -> None:
        """End the scan: there are no more entries."""
        self._core.close()

    def leaves(self, *, categories: bool = False) -> _core.ArrowStream:
        """Return what the scan finds as a table with a row for each leaf: see docs/tables.md.

        A stream of Arrow record batches, which polars, duckdb, pandas and pyarrow take directly.
        Checkpoints are read while the stream is. The scan itself is then closed.

        Args:
            categories: whether columns with few distinct texts, such as `dtype`, are dictionaries:
                smaller, but not all engines accept them, or can join those of several tables.

        Raises:
            ValueError: the scan was closed, or is read as a table already.
        """
        with importing:
            from orbscan import _core

        return _core.leaf_stream(self._core, categories=categories)

    def checkpoints(self, *, categories: bool = False) -> _core.ArrowStream:
        """Return what the scan finds as a table with a row for each checkpoint; see `leaves`.

        Args:
            categories: as for `leaves`.

        Raises:
            ValueError: as for `leaves`.
        """
        with importing:
            from orbscan import _core

        return _core.checkpoint_stream(self._core, categories=categories)

    def __repr__(self) -> str:
        return f"<Scan: {self.progress.shown()}>"

    def _repr_html_(self) -> str:
        """Show the progress in a notebook; no entry is taken."""
        from orbscan.showing.pages import report_html

        return report_html(f"Scan: {self.progress.shown()}")

    @property
    def progress(self) -> Progress:
        """The progress of the scan; can be read from any thread."""
        return Progress(*self._core.progress())


class Progress:
    """The progress of a scan.

    Attributes:
        found: checkpoints found so far.
        done: those of them that were read, or need not be.
        waiting: directories that are known but not examined yet. Each may be a checkpoint, hold
            many or hold none.
    """

    __slots__ = ("done", "found", "waiting")

    def __init__(self, found: int, done: int, waiting: int) -> None:
        self.found = found
        self.done = done
        self.waiting = waiting

    def shown(self) -> str:
        """Show it in a line.

        >>> Progress(3, 2, 1).shown()
        '3 checkpoints found, 2 of them done, 1 directory waiting'
        """
        found = counted(self.found, "checkpoint")
        waiting = counted(self.waiting, "directory", "directories")
        return f"{found} found, {self.done:,} of them done, {waiting} waiting"

    def __repr__(self) -> str:
        return f"Progress(found={self.found}, done={self.done}, waiting={self.waiting})"
