"""The types of the options of a scan, under one name each.

Modules that are imported at every start of the command line import these for type checkers only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypedDict

from orbscan.aliases import Atomicity, StoreOptions  # noqa: TC001 - annotations are resolved here
from orbscan.scanning.entry import CheckpointEntry

StepRange: TypeAlias = int | range | tuple[int | None, int | None]
"""One step, a range of steps, or the first and the last, None for no bound."""


class ArrowTable(Protocol):
    """Anything with the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of an Arrow stream."""


Previous: TypeAlias = str | os.PathLike[str] | ArrowTable
"""An earlier table: a file, or anything in memory."""

Since: TypeAlias = Mapping[Any, int] | Iterable[CheckpointEntry] | Previous
"""The results of an earlier scan."""


class ScanOptions(TypedDict, total=False):
    """The keywords of `orbscan.scan`, which explains each of them."""

    steps: StepRange | None
    latest: int | None
    committed: bool | None
    match: str | None
    exclude: str | Iterable[str]
    leaves: bool
    shardings: bool
    ordered: bool
    threads: int | None
    since: Since | None
    shard: tuple[int, int] | None
    rich_types: bool
    atomicity: Atomicity
    store: Any
    store_options: StoreOptions | None
