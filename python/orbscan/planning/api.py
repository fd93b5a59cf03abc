"""What it takes to restore a checkpoint over a mesh: `restore_plan`.

Works only on the values of a metadata tree; neither a device nor jax is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.model.leaves import (
    ArrayMetadata,
    NumpyMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    leaves,
    own,
)
from orbscan.model.result import tree_of
from orbscan.model.sharding import (
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.planning.array import Array, collected, named, scalar
from orbscan.planning.build import build
from orbscan.planning.fit import MeshMismatchError, Problem
from orbscan.planning.plan import RestorePlan
from orbscan.planning.value import DevicePlan, HostPlan, LeafPlan

if TYPE_CHECKING:
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata

__all__ = [
    "DevicePlan",
    "HostPlan",
    "LeafPlan",
    "MeshMismatchError",
    "Problem",
    "RestorePlan",
    "restore_plan",
]


def restore_plan(
    metadata: CheckpointMetadata[Any] | PyTreeMetadata,
    mesh: object = None,
    *,
    devices_per_host: int | None = None,
    hosts: int | None = None,
) -> RestorePlan:
    """Compute how many bytes each device and host would hold and must read.

    Arrays are laid out over the mesh by their saved partition specs, by the names of the axes.
    Arrays without a named sharding are read and held as a whole by each host. Reads are whole
    chunks,
    uncompressed: a device reads every chunk that its part of an array overlaps.

    Args:
        metadata: the metadata of a checkpoint, or a tree of its leaves.
        mesh: `'data=4,model=8'`, a mapping of axis names to lengths, or a `Mesh` or `AbstractMesh`
            of jax. None for the mesh that the checkpoint was saved from.
        devices_per_host: consecutive devices of each host, in row-major order of the mesh.
        hosts: the number of hosts, instead of or in addition to `devices_per_host`; by default 1.

    Raises:
        MeshMismatchError: a ValueError with all leaves, dimensions and axes that do not fit.
        ShardingError: a ValueError; the mesh, given or saved, has more than 64 axes or 100,000
            devices.
        ValueError: the mesh is not a mesh, or its devices cannot be divided evenly; no mesh was
            given, and the checkpoint does not name exactly one.
        TypeError: the mesh has none of these forms, or `metadata` is a path.

    >>> import numpy as np
    >>> split = NamedShardingMetadata((2,), ("x",), ("x", None))
    >>> plan = restore_plan({"w": ArrayMetadata((8, 4), np.dtype("float32"), split)}, "x=4")
    >>> [device.held for device in plan.devices]
    [32, 32, 32, 32]
    """
    arrays, unreadable = collected(
        leaves(tree_of(metadata)),
        _array,
        lambda leaf: isinstance(leaf, UnreadableLeaf | UnsupportedLeaf),
    )
    return build(
        arrays, mesh, devices_per_host=devices_per_host, hosts=hosts, unreadable=unreadable
    )


def _array(leaf: object) -> Array | None:
    """The properties of a leaf that a plan needs; None for a leaf without bytes."""
    leaf = own(leaf)
    if isinstance(leaf, ArrayMetadata | NumpyMetadata):
        storage = leaf.storage_metadata
        chunk_shape = None if storage is None else storage.chunk_shape
        common = (leaf.shape, leaf.dtype.itemsize, chunk_shape)
        if isinstance(leaf, NumpyMetadata):
            return Array(*common, "numpy")
        sharding = leaf.sharding_metadata
        if isinstance(sharding, NamedShardingMetadata):
            return named(common, sharding.partition_spec, sharding.axis_names, sharding.shape)
        if isinstance(sharding, SingleDeviceShardingMetadata):
            return Array(*common, "single")
        known = isinstance(sharding, PositionalShardingMetadata)
        return Array(*common, "positional" if known else "unknown")
    return scalar(type(leaf))
