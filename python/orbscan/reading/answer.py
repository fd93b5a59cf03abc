"""Converts the results of the extension module to the result of a call.

Apart from `api`, because it imports numpy and more: `api` imports it for the first result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orbscan.model.result import CheckpointMetadata, Issue
from orbscan.reading.items import Contents, Found
from orbscan.reading.tree import assemble

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.model.result import PyTreeMetadata
    from orbscan.reading.tree import Dresser


def pytree(
    path: str, checkpoint: _core.Checkpoint, dressed: Dresser | None = None
) -> CheckpointMetadata[PyTreeMetadata]:
    """Compose the result for the one item that was read; `dressed` as for `tree.assemble`."""
    ((_, table), *_) = checkpoint.items
    tree = None if table is None else assemble(table, dressed)
    return composed(path, checkpoint, tree, checkpoint.issues, which=0)


def checkpointables(
    path: str, checkpoint: _core.Checkpoint, dressed: Dresser | None = None
) -> CheckpointMetadata[dict[str, PyTreeMetadata]]:
    """Compose the result for all items by name; `dressed` as for `tree.assemble`."""
    trees = {
        name: None if table is None else assemble(table, dressed)
        for name, table in checkpoint.items
        if name is not None
    }
    # Metrics that are a pytree are not read here.
    return composed(path, checkpoint, trees, checkpoint.issues, is_all=False)


def header(path: str, checkpoint: _core.Checkpoint) -> CheckpointMetadata[dict[str, None]]:
    """Compose the result of `_core.read_header`; the values are not known."""
    names = dict.fromkeys(name for name, _ in checkpoint.items if name is not None)
    read = composed(path, checkpoint, names, checkpoint.issues)
    # None of them has been read.
    return replace(read, _contents=Found(path, checkpoint.handlers))


def composed(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str,
    checkpoint: _core.Checkpoint,
    metadata: PyTreeMetadata,
    issues: list[_core.Issue],
    *,
    which: int | None = None,
    is_all: bool = True,
) -> CheckpointMetadata[PyTreeMetadata]:
    """Combine trees, or one of them, with the metadata outside them."""
    return CheckpointMetadata._of_place(  # noqa: SLF001 - for use within orbscan only
        path,
        checkpoint.custom_metadata,
        {
            "metadata": metadata,
            "init_timestamp_nsecs": checkpoint.init_timestamp_nsecs,
            "commit_timestamp_nsecs": checkpoint.commit_timestamp_nsecs,
            "issues": tuple([Issue(*issue) for issue in issues]) if issues else (),
            "_contents": Contents(path, checkpoint, which, issues, is_all),
        },
    )
