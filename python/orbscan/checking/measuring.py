"""The disk usage of a checkpoint: the public function `orbscan.du`.

Everything is known from the index of the store: no chunk is read.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import starmap
from typing import cast, overload

from orbscan.checking.alone import alone, asked_alone
from orbscan.checking.amounts import CheckpointUsage, FileUsage, LeafUsage
from orbscan.checking.usage import Usage, Usages
from orbscan.errors import OrbscanError
from orbscan.places import in_store_of, url_scheme
from orbscan.reading.paths import place_of
from orbscan.showing.states import state_of, state_of_entry
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from orbscan import _core
    from orbscan.aliases import Atomicity, Keypath, Name, StepChoice, StoreOptions
    from orbscan.reading.facts import Leaf


@overload
def du(  # type: ignore[overload-overlap] # a text is one path, not many of one letter
    path: str | os.PathLike[str],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Usage: ...
@overload
def du(
    path: Iterable[str | os.PathLike[str]],
    *,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Usages: ...
def du(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Usage | Usages:
    """Measure the disk usage of a checkpoint, or of several.

    Stored bytes are exact: they come from the index of the store, which lists every chunk.

    Args:
        path: the checkpoint, as for `orbscan.metadata`. If it is a list of paths, each is a
            checkpoint or a directory to search, as for `orbscan.scan`, and the result has an entry
            for each checkpoint, including those that cannot be read, and saves that never finished.
        name: the one checkpointable to measure, as for `orbscan.verify`. By default all, and the
            files of the checkpoint itself.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`.
        allow_uncommitted: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        TypeError: `name`, `step` or `allow_uncommitted` is given together with several paths.
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is not a finished checkpoint, or has no checkpointable with that
            name.
        StoreError: the file system refused or failed.
        DeletionRecoveryError: the record of an interrupted deletion is damaged.
        ValueError: the name is empty or reserved, or there are store options for a path on a disk.
    """
    if not isinstance(path, (str, os.PathLike)):
        if name is not ... or step is not None or allow_uncommitted:
            message = "name, step and allow_uncommitted are for one checkpoint, not for several"
            raise TypeError(message)
        from orbscan.scanning.roots import expanded

        roots = expanded(path, store=store, store_options=store_options)
        return Usages(measured_below(roots, atomicity=atomicity))
    text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    found, issues = measured(text, name, atomicity=atomicity, allow_uncommitted=allow_uncommitted)
    from orbscan.model.result import Issue

    faults = tuple(Issue(*issue) for issue in issues)
    return replace(found, leaves=tuple(found.leaves), issues=faults)


def measured(
    path: str,
    name: Name = ...,
    *,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> tuple[Usage, list[_core.Issue]]:
    """Measure a checkpoint; the part of `du` that needs no other library.

    Returns:
        the usage without its issues, and the issues as columns; `leaves` makes them when they are
        iterated over.

    Raises:
        OrbscanError: as `du` does.
    """
    path, answer = asked_alone(
        lambda core, path, wanted: core.usage(
            path, atomicity=atomicity, allow_uncommitted=allow_uncommitted, only=wanted
        ),
        path,
        name,
    )
    checkpoint, items, found, chosen = answer
    leaves = Leaves()
    strays = 0
    for (item, table), (_, array_of, amounts, of_strays) in zip(
        checkpoint.items, items, strict=True
    ):
        if table is not None:
            leaves.add(item, table, array_of, amounts)
        strays += of_strays
    files = sorted(starmap(FileUsage, found), key=_place)
    # The command only iterates over leaves; `du` returns a tuple.
    walked = cast("tuple[LeafUsage, ...]", leaves)
    usage = Usage(path, walked, tuple(files), strays, alone=alone(chosen))
    return usage, checkpoint.issues


def measured_below(roots: list[str], *, atomicity: Atomicity = "auto") -> Iterator[CheckpointUsage]:
    """Measure every checkpoint at or below some paths, ordered by path."""
    from orbscan.scanning.api import begun

    for entry in begun(roots, ordered=True, atomicity=atomicity):
        yield of_entry(entry, in_store_of(roots, entry.path), atomicity)


def of_entry(entry: _core.Entry, place: str, atomicity: Atomicity) -> CheckpointUsage:
    """Measure a checkpoint that a scan has found, which lies at `place`."""
    state = state_of_entry(entry)
    if state == "uncommitted":
        return CheckpointUsage(place, state, _size_of(place))
    try:
        usage, _ = measured(place, atomicity=atomicity, allow_uncommitted=True)
    except OrbscanError as error:
        state = state_of(error, committed=True)
        return CheckpointUsage(place, state, _size_of(place), error=error)
    known = entry.error is None
    return CheckpointUsage(
        place,
        state,
        usage.total,
        usage.nbytes if known else None,
        usage.stored if known else None,
        None if usage.unknown else usage.free,
        entry.error,
    )


def _size_of(path: str) -> int:
    """Sum up the sizes of the files below a directory; those that cannot be examined count as 0."""
    if url_scheme(path) is not None:
        from orbscan import _core

        return _core.size_below(path)
    total = 0
    for directory, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _place(file: FileUsage) -> tuple[object, list[object]]:
    """The sort key of a file among those of its checkpoint."""
    return natural(file.checkpointable or ""), [natural(part) for part in file.path.split("/")]


class Leaves:
    """The usage of leaves, each made when it is needed: a million of them take most of a GB."""

    def __init__(self) -> None:
        self._trees: list[tuple[str | None, _core.LeafTable, memoryview, memoryview]] = []

    def add(
        self, name: str | None, table: _core.LeafTable, array_of: bytes, amounts: bytes
    ) -> None:
        """Add the leaves of a tree; the columns are those of `_core.usage`."""
        columns = memoryview(array_of).cast("q"), memoryview(amounts).cast("Q")
        self._trees.append((name, table, *columns))

    def __len__(self) -> int:
        of_trees = (table.node_leaves for _, table, _, _ in self._trees)
        return sum(leaf >= 0 for of_nodes in of_trees for leaf in of_nodes)

    def stored(self) -> Iterator[tuple[str | None, Keypath, int]]:
        """Give for each leaf its checkpointable, its keypath and the bytes of its chunks."""
        from orbscan.reading.facts import leaves

        for name, table, array_of, amounts in self._trees:
            for entries, node, leaf in leaves(table):
                _, in_files, inline = _amounts(leaf, array_of[node], amounts)
                yield name, entries, in_files + inline

    def __iter__(self) -> Iterator[LeafUsage]:
        from orbscan.reading.facts import leaves
        from orbscan.reading.leaf_text import leaf_type

        for name, table, array_of, amounts in self._trees:
            for entries, node, leaf in leaves(table):
                chunks, in_files, inline = _amounts(leaf, array_of[node], amounts)
                yield LeafUsage(
                    checkpointable=name,
                    keypath=entries,
                    param_name=table.node_name(node) or "",
                    dtype=leaf.dtype or (leaf_type(leaf) if leaf.custom else None),
                    nbytes=leaf.nbytes,
                    stored=in_files + inline,
                    inline=inline,
                    chunks=chunks,
                    readable=leaf.error is None,
                )


def _amounts(leaf: Leaf, number: int, amounts: memoryview) -> tuple[int, int, int]:
    """The chunks of a leaf, and their bytes in data files and in nodes."""
    is_stored = leaf.dtype is not None or leaf.custom is not None or leaf.error is not None
    if number < 0 or not is_stored:
        return 0, 0, 0
    chunks, in_files, inline, _ = amounts[4 * number : 4 * number + 4]
    return chunks, in_files, inline
