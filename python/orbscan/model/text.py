"""The metadata of a checkpoint, and leaves, as text to read."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from orbscan.model.leaves import (
    ArrayMetadata,
    NumpyMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    leaves,
    own,
)
from orbscan.model.sharding import (
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.showing.keypaths import keypath
from orbscan.showing.text import brackets, counted, grid, shortened, size, spec_on_mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.aliases import AnyPath

_SHOWN_LEAVES = 10
_SHOWN_WIDTH = 96


class Shown(Protocol):
    """The members of a `CheckpointMetadata` that are shown."""

    @property
    def path(self) -> AnyPath:
        """The path of the checkpoint."""

    @property
    def metadata(self) -> Any:
        """The tree, or trees by name."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When the save began."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When it finished."""

    @property
    def custom_metadata(self) -> dict[str, Any] | None:
        """The custom metadata of the user."""

    @property
    def issues(self) -> Sequence[object]:
        """The faults that were tolerated."""


def text(metadata: Shown) -> str:
    """Show everything, but only a part of a large tree: at most 20 lines of 100 characters."""
    every = leaves(metadata.metadata)
    shown = [f"{keypath(at)}: {leaf_text(leaf)}" for at, leaf in islice(every, _SHOWN_LEAVES)]
    number = len(shown)
    more = sum(1 for _ in every)
    if more:
        shown.append(f"... and {counted(more, 'more leaf', 'more leaves')}")
    lines = [
        f"path={str(metadata.path)!r}",
        f"init_timestamp_nsecs={metadata.init_timestamp_nsecs}",
        f"commit_timestamp_nsecs={metadata.commit_timestamp_nsecs}",
        f"custom_metadata={metadata.custom_metadata!r}",
        f"issues={metadata.issues!r}",
        f"metadata, number of leaves: {number + more}",
        *(f"  {line}" for line in shown),
    ]
    return "\n".join(["CheckpointMetadata(", *(f"  {_cut(line)}" for line in lines), ")"])


def leaf_text(leaf: object) -> str:
    """Show a leaf in one line: type, size and sharding."""
    leaf = own(leaf)
    if isinstance(leaf, ArrayMetadata):
        element, shape = str(leaf.dtype), leaf.shape
        if leaf.prng_impl is not None:
            # The last dimension of a key's data is not one of the key.
            element, shape = f"key<{leaf.prng_impl}>", shape[:-1]
        placed = _sharding_text(leaf.sharding_metadata)
        text = f"{element}{brackets(shape)}  {size(leaf.nbytes)}  {placed}"
    elif isinstance(leaf, NumpyMetadata):
        text = f"{leaf.dtype}{brackets(leaf.shape)}  {size(leaf.nbytes)}  numpy"
    elif isinstance(leaf, UnreadableLeaf):
        text = f"unreadable: {leaf.error}"
    elif isinstance(leaf, UnsupportedLeaf):
        files = counted(len(leaf.files), "file")
        text = f"custom {leaf.typestr}  {size(leaf.stored_bytes)} in {files}"
    elif isinstance(leaf, bool | int | float | complex):
        # The tree holds a placeholder: the value was not read.
        text = type(leaf).__name__
    else:
        text = leaf if leaf == "string" else repr(leaf)
    return shortened(text.rstrip())


def _sharding_text(sharding: object) -> str:
    if isinstance(sharding, NamedShardingMetadata):
        return spec_on_mesh(sharding.partition_spec, sharding.shape, sharding.axis_names)
    if isinstance(sharding, SingleDeviceShardingMetadata):
        return sharding.device_str
    if isinstance(sharding, PositionalShardingMetadata):
        return f"positional {grid(sharding.shape)}"
    return ""


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN_WIDTH else f"{line[: _SHOWN_WIDTH - 3]}..."
