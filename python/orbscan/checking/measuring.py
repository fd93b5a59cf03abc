"""What a checkpoint takes on disk: the public function `orbscan.du`.

Everything is known from the index of the store: no chunk is looked at.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import starmap

from orbscan._imports import importing
from orbscan.checking.alone import alone, only
from orbscan.checking.usage import FileUsage, LeafUsage, Usage
from orbscan.reading import api
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import os

    from orbscan import _core
    from orbscan.aliases import Atomicity, Name, StepChoice


def du(
    path: str | os.PathLike[str],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> Usage:
    """Measure what a checkpoint takes on disk.

    Stored bytes are exact: they come from the index of the store, which lists every chunk.

    Args:
        path: the checkpoint, a local directory; `~` stands for the home directory.
        name: the one checkpointable to measure, as for `orbscan.verify`. By default all, and the
            files of the checkpoint itself.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`.
        allow_uncommitted: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is not a finished checkpoint, or has no checkpointable of that name.
        StoreError: the file system refused or failed.
        DeletionRecoveryError: the record of an interrupted deletion is damaged.
        ValueError: the name is empty or reserved, or the path is a remote URL.
    """
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
