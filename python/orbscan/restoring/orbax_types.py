"""The same metadata in the classes of Orbax, for code that checks types, and back.

Nothing here is needed to load a checkpoint: Orbax accepts orbscan's leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeGuard, cast, overload

from orbscan.extras import need
from orbscan.model.leaves import (
    ArrayMetadata,
    NumpyMetadata,
    StorageMetadata,
    UnreadableLeaf,
    own,
    raise_unreadable,
)
from orbscan.model.result import CheckpointMetadata, tree_of
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.restoring.orbax_values import Values

if TYPE_CHECKING:
    from types import ModuleType

    import jax

    from orbscan.model.result import PyTreeMetadata
    from orbscan.model.sharding import ShardingMetadata


def orbax_v1() -> ModuleType:
    """Import `orbax.checkpoint.experimental.v1`, which takes a second or two at first.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    need("orbax.checkpoint.experimental.v1", "loading values, which orbscan leaves to Orbax,")
    import orbax.checkpoint.experimental.v1 as ocp

    return cast("ModuleType", ocp)


@overload
def to_orbax(metadata: CheckpointMetadata[Any], *, api: Literal["v1", "v0"] = "v1") -> Any: ...
@overload
def to_orbax(metadata: PyTreeMetadata, *, api: Literal["v1", "v0"] = "v1") -> PyTreeMetadata: ...
def to_orbax(
    metadata: CheckpointMetadata[Any] | PyTreeMetadata, *, api: Literal["v1", "v0"] = "v1"
) -> Any:
    """Convert metadata to the classes of Orbax.

    Each distinct sharding and mesh is made once, and shared. Issues and the implementations of PRNG
    keys have no place in these classes and are left out.

    Args:
        metadata: the result of `orbscan.metadata` or `orbscan.checkpointables_metadata`, or a tree;
            leaves that are not orbscan's are kept.
        api: the interface: `v1` is `orbax.checkpoint.experimental.v1`. `v0` is `orbax.checkpoint`,
            whose `Checkpointer.metadata(path)` returns a `StepMetadata` with a `TreeMetadata` as
            its `item_metadata`; for a tree the result is the `TreeMetadata`. There each leaf has
            its name and directory, and scalars and strings are leaves as well.

    Raises:
        ImportError: Orbax is not installed.
        OrbscanError: the error of an `UnreadableLeaf` in the tree, with the keypath of the leaf.
        ValueError: an array has a `PositionalSharding`, for which Orbax has no class; there is no
            such interface; or V0 does not accept the tree of the checkpoint, such as None.
    """
    tree_of(metadata)  # A path is refused.
    if api not in {"v1", "v0"}:
        message = f"an interface of Orbax is 'v1' or 'v0', not {api!r}"
        raise ValueError(message)
    ocp = orbax_v1()
    if api == "v0":
        from orbscan.restoring import orbax_older

        if isinstance(metadata, CheckpointMetadata):
            return orbax_older.step_metadata(metadata)
        return orbax_older.tree_metadata(metadata, None)
    if isinstance(metadata, CheckpointMetadata):
        from etils import epath

        return ocp.CheckpointMetadata(
            epath.Path(metadata.path),
            metadata=v1_tree(metadata.metadata),
            init_timestamp_nsecs=metadata.init_timestamp_nsecs,
            commit_timestamp_nsecs=metadata.commit_timestamp_nsecs,
            custom_metadata=metadata.custom_metadata,
        )
    return v1_tree(metadata)


def from_orbax(leaf: Any) -> Any:
    """Convert Orbax's metadata of an array; anything else is returned as it is."""
    name = type(leaf).__name__
    if name == "NumpyMetadata":
        return NumpyMetadata(tuple(leaf.shape), leaf.dtype)
    if name != "ArrayMetadata":
        return leaf
    storage_of = leaf.storage_metadata
    known = StorageMetadata(
        getattr(storage_of, "chunk_shape", None), getattr(storage_of, "write_shape", None)
    )
    saved = _own_sharding(leaf.sharding_metadata)
    return ArrayMetadata(tuple(leaf.shape), leaf.dtype, saved, known)


def _own_sharding(metadata: Any) -> ShardingMetadata | None:
    name = type(metadata).__name__
    if name == "SingleDeviceShardingMetadata":
        return SingleDeviceShardingMetadata(metadata.device_str)
    if name != "NamedShardingMetadata":
        return None
    import numpy as np

    mesh, kinds = metadata.device_mesh, metadata.axis_types
    shape = tuple(int(length) for length in np.atleast_1d(metadata.shape))
    ids = None
    if mesh is not None:
        flat = np.array(mesh.mesh, dtype=object).reshape(-1)
        ids = DeviceMesh(shape, tuple(int(device.id) for device in flat))
    return NamedShardingMetadata(
        shape,
        tuple(metadata.axis_names),
        tuple(tuple(each) if isinstance(each, list) else each for each in metadata.partition_spec),
        None if kinds is None else tuple(kind.name for kind in kinds),
        ids,
    )


def v1_tree(tree: PyTreeMetadata) -> PyTreeMetadata:
    """Convert the leaves of a tree to those of V1; raises as `to_orbax` does."""
    import jax

    values = Values()

    def convert(path: jax.tree_util.KeyPath[Any], leaf: object) -> object:
        return _leaf(path, own(leaf), values)

    return jax.tree_util.tree_map_with_path(convert, tree)


def _leaf(path: jax.tree_util.KeyPath[Any], leaf: object, values: Values) -> object:
    if is_safetensors(leaf):
        return abstract_array(leaf)
    # Orbax does not export the classes of its leaves.
    from orbax.checkpoint.experimental.v1._src.serialization import (
        array_leaf_handler,
        numpy_leaf_handler,
    )

    if isinstance(leaf, ArrayMetadata):
        return array_leaf_handler.ArrayMetadata(
            shape=leaf.shape,
            dtype=leaf.dtype,
            sharding_metadata=values.sharding(leaf.sharding_metadata),
            storage_metadata=values.storage(leaf.storage_metadata),
        )
    if isinstance(leaf, NumpyMetadata):
        return numpy_leaf_handler.NumpyMetadata(
            shape=leaf.shape,
            dtype=leaf.dtype,
            storage_metadata=values.storage(leaf.storage_metadata),
        )
    if isinstance(leaf, UnreadableLeaf):
        import jax

        raise_unreadable(leaf, jax.tree_util.keystr(path))
    return leaf


def is_safetensors(leaf: object) -> TypeGuard[ArrayMetadata]:
    """Return whether a leaf is from a safetensors file, which says nothing about storage."""
    return isinstance(leaf, ArrayMetadata) and not (leaf.storage_metadata or leaf.sharding_metadata)


def abstract_array(leaf: ArrayMetadata) -> jax.ShapeDtypeStruct:
    """Make Orbax's leaf for an array of a safetensors file."""
    import jax

    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)  # type: ignore[no-untyped-call]
