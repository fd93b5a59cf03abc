"""What a checkpoint takes on disk: the public function `orbscan.du`.

Everything is known from the index of the store: no chunk is looked at.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import starmap
from typing import overload

from orbscan._imports import importing
from orbscan.checking.alone import alone, only
from orbscan.checking.amounts import CheckpointUsage, FileUsage, LeafUsage
from orbscan.checking.usage import Usage, Usages
from orbscan.errors import OrbscanError, StoreError
from orbscan.reading import api
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.aliases import Atomicity, MeasuredState, Name, StepChoice


@overload
def du(  # type: ignore[overload-overlap] # a text is one path, not many of one letter
    path: str | os.PathLike[str],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> Usage: ...
@overload
def du(path: Iterable[str | os.PathLike[str]], *, atomicity: Atomicity = "auto") -> Usages: ...
def du(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> Usage | Usages:
    """Measure what a checkpoint takes on disk, or what several do.

    Stored bytes are exact: they come from the index of the store, which lists every chunk.

    Args:
        path: the checkpoint, a local directory; `~` stands for the home directory. Of a list of
            paths, each is a checkpoint or a directory to search, as for `orbscan.scan`, and the
            answer has an entry for each checkpoint: also for those that cannot be read, and for
            saves that never finished.
        name: the one checkpointable to measure, as for `orbscan.verify`. By default all, and the
            files of the checkpoint itself.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`.
        allow_uncommitted: as for `orbscan.metadata`.

    Raises:
        TypeError: `name`, `step` or `allow_uncommitted` comes with several paths.
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is not a finished checkpoint, or has no checkpointable of that name.
        StoreError: the file system refused or failed.
        DeletionRecoveryError: the record of an interrupted deletion is damaged.
        ValueError: the name is empty or reserved, or the path is a remote URL.
    """
    if not isinstance(path, (str, os.PathLike)):
        if name is not ... or step is not None or allow_uncommitted:
            message = "name, step and allow_uncommitted are for one checkpoint, not for several"
            raise TypeError(message)
        return Usages(measured_below([api.local_path(each) for each in path], atomicity=atomicity))
    text = api.local_path(path, step, atomicity=atomicity)
    found, issues = measured(text, name, atomicity=atomicity, allow_uncommitted=allow_uncommitted)
    from orbscan.model.result import Issue

    return replace(found, issues=tuple(Issue(*issue) for issue in issues))


def measured(
    path: str,
    name: Name = ...,
    *,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> tuple[Usage, list[_core.Issue]]:
    """Measure a checkpoint; the part of `du` that needs no other library.

    Returns:
        the usage without its issues, and these as columns.

    Raises:
        OrbscanError: as `du` does.
    """
    wanted = only(name)
    with importing:
        from orbscan import _core

    checkpoint, items, found, chosen = _core.usage(
        path, atomicity=atomicity, allow_uncommitted=allow_uncommitted, only=wanted
    )
    leaves: list[LeafUsage] = []
    strays = 0
    for (item, table), (_, arrays, of_strays) in zip(checkpoint.items, items, strict=True):
        if table is not None:
            leaves += _leaves(item, table, arrays)
        strays += of_strays
    files = sorted(starmap(FileUsage, found), key=_place)
    usage = Usage(path, tuple(leaves), tuple(files), strays, alone=alone(chosen))
    return usage, checkpoint.issues


def measured_below(roots: list[str], *, atomicity: Atomicity = "auto") -> Iterator[CheckpointUsage]:
    """Measure every checkpoint at or below some paths, in the order of their paths."""
    from orbscan.scanning.api import begun

    for entry in begun(roots, leaves=False, ordered=True, atomicity=atomicity):
        yield _of_entry(entry, atomicity)


def _of_entry(entry: _core.Entry, atomicity: Atomicity) -> CheckpointUsage:
    if entry.temporary or entry.kind == "temporary":
        return CheckpointUsage(entry.path, "temporary", _size_of(entry.path))
    state: MeasuredState = "committed" if entry.committed else "uncommitted"
    try:
        usage, _ = measured(entry.path, atomicity=atomicity, allow_uncommitted=True)
    except OrbscanError as error:
        state = "unreadable" if isinstance(error, StoreError) else "broken"
        return CheckpointUsage(entry.path, state, _size_of(entry.path), error=error)
    free = None if usage.unknown else usage.free
    return CheckpointUsage(entry.path, state, usage.total, usage.nbytes, usage.stored, free)


def _size_of(path: str) -> int:
    """Add up the sizes of the files below a directory; of what cannot be looked at nothing."""
    total = 0
    for directory, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _place(file: FileUsage) -> tuple[object, list[object]]:
    """The place of a file among those of its checkpoint."""
    return natural(file.checkpointable or ""), [natural(part) for part in file.path.split("/")]


def _leaves(
    name: str | None, table: _core.LeafTable, arrays: list[_core.ArrayUsage]
) -> list[LeafUsage]:
    from orbscan.reading.facts import leaves

    stored = {array: amounts for array, *amounts in arrays}
    names = table.node_names()
    found = []
    for entries, node, leaf in leaves(table):
        param_name = names[node] or ""
        chunks, in_files, inline, _ = stored.get(param_name, (0, 0, 0, 0))
        readable = leaf.error is None
        if leaf.dtype is None and readable:
            chunks = in_files = inline = 0
        found.append(
            LeafUsage(
                checkpointable=name,
                keypath=entries,
                param_name=param_name,
                dtype=leaf.dtype,
                nbytes=leaf.nbytes,
                stored=in_files + inline,
                inline=inline,
                chunks=chunks,
                readable=readable,
            )
        )
    return found
