"""The same metadata in the classes of Orbax, for code that checks types.

Nothing here is needed to load a checkpoint: Orbax takes orbscan's leaves for its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, cast, overload

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
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)

if TYPE_CHECKING:
    from types import ModuleType

    import jax

    from orbscan.model.leaves import Compression, Zarr2Metadata, Zarr3Metadata
    from orbscan.model.result import PyTreeMetadata
    from orbscan.model.sharding import ShardingMetadata


def orbax_v1() -> ModuleType:
    """Import `orbax.checkpoint.experimental.v1`, which takes a second or two the first time.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    need("orbax.checkpoint.experimental.v1", "loading values, which orbscan leaves to Orbax,")
    import orbax.checkpoint.experimental.v1 as ocp

    return cast("ModuleType", ocp)


@overload
def to_orbax(metadata: CheckpointMetadata[Any]) -> Any: ...
@overload
def to_orbax(metadata: PyTreeMetadata) -> PyTreeMetadata: ...
def to_orbax(metadata: CheckpointMetadata[Any] | PyTreeMetadata) -> Any:
    """Convert metadata to the classes that Orbax itself would have returned.

    Issues and the implementations of PRNG keys have no place there and are left out.

    Args:
        metadata: what `orbscan.metadata` or `orbscan.checkpointables_metadata` returned, or a
            tree; leaves that are not orbscan's stay what they are.

    Raises:
        ImportError: Orbax is not installed.
        OrbscanError: the tree has an `UnreadableLeaf`: its error, which also says which leaf.
        ValueError: an array has a `PositionalSharding`, for which Orbax has no class.
    """
    tree_of(metadata)  # A path is refused.
    ocp = orbax_v1()
    if isinstance(metadata, CheckpointMetadata):
        from etils import epath

        return ocp.CheckpointMetadata(
            epath.Path(metadata.path),
            metadata=_tree(metadata.metadata),
            init_timestamp_nsecs=metadata.init_timestamp_nsecs,
            commit_timestamp_nsecs=metadata.commit_timestamp_nsecs,
            custom_metadata=metadata.custom_metadata,
        )
    return _tree(metadata)


def from_orbax(leaf: Any) -> Any:
    """Convert the metadata of an array by Orbax; anything else is given as it is."""
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


def _tree(tree: PyTreeMetadata) -> PyTreeMetadata:
    import jax

    return jax.tree_util.tree_map_with_path(_leaf, tree)


def _leaf(path: jax.tree_util.KeyPath[Any], leaf: object) -> object:
    leaf = own(leaf)
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
            sharding_metadata=sharding(leaf.sharding_metadata),
            storage_metadata=storage(leaf.storage_metadata),
        )
    if isinstance(leaf, NumpyMetadata):
        return numpy_leaf_handler.NumpyMetadata(
            shape=leaf.shape,
            dtype=leaf.dtype,
            storage_metadata=storage(leaf.storage_metadata),
        )
    if isinstance(leaf, UnreadableLeaf):
        import jax

        raise_unreadable(leaf, jax.tree_util.keystr(path))
    return leaf


def is_safetensors(leaf: object) -> TypeGuard[ArrayMetadata]:
    """Tell whether a leaf is of a safetensors file, which says nothing of storage."""
    return isinstance(leaf, ArrayMetadata) and not (leaf.storage_metadata or leaf.sharding_metadata)


def abstract_array(leaf: ArrayMetadata) -> jax.ShapeDtypeStruct:
    """Make what Orbax gives for an array of a safetensors file."""
    import jax

    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)  # type: ignore[no-untyped-call]


def has_class(metadata: ShardingMetadata | None) -> bool:
    """Tell whether Orbax has a class for a sharding."""
    return not isinstance(metadata, PositionalShardingMetadata)


def sharding(metadata: ShardingMetadata | None) -> object:
    """Convert a sharding, as `to_orbax` does; None for none."""
    from orbax.checkpoint import metadata as theirs

    match metadata:
        case NamedShardingMetadata():
            import jax
            import numpy as np

            kinds = metadata.axis_types
            return theirs.NamedShardingMetadata(
                shape=np.array(metadata.shape),
                axis_names=list(metadata.axis_names),
                # Orbax leaves joint axes in the lists that it reads them in.
                partition_spec=tuple(
                    [*entry] if isinstance(entry, tuple) else entry
                    for entry in metadata.partition_spec
                ),
                axis_types=(
                    None if kinds is None else tuple(jax.sharding.AxisType[kind] for kind in kinds)
                ),
                device_mesh=_device_mesh(metadata.device_mesh),
            )
        case SingleDeviceShardingMetadata():
            return theirs.SingleDeviceShardingMetadata(metadata.device_str)
        case PositionalShardingMetadata():
            message = "Orbax has no class for a PositionalSharding"
            raise ValueError(message)
    return None


def _device_mesh(mesh: DeviceMesh | None) -> object:
    if mesh is None:
        return None
    from orbax.checkpoint._src.metadata import sharding as theirs

    def devices(ids: Any) -> Any:
        return [*map(devices, ids)] if isinstance(ids, tuple) else theirs.DeviceMetadata(ids)

    return theirs.DeviceMetadataMesh(devices(mesh.mesh))


def storage(metadata: StorageMetadata | None) -> object:
    """Convert what is known of storage; None for nothing."""
    if metadata is None:
        return None
    from orbax.checkpoint import metadata as theirs

    zarr = metadata.zarr_metadata
    return theirs.StorageMetadata(
        chunk_shape=metadata.chunk_shape,
        write_shape=metadata.write_shape,
        **({} if zarr is None else {"zarr_metadata": _zarr(zarr)}),
    )


def _zarr(zarr: Zarr2Metadata | Zarr3Metadata) -> object:
    import msgspec
    from orbax.checkpoint._src.metadata import value as theirs

    fields = msgspec.structs.asdict(zarr)
    fields["compression"] = _compression(zarr.compression)
    # The classes of Orbax, which have the same names and fields, know their version.
    del fields["zarr_format"]
    return getattr(theirs, type(zarr).__name__)(**fields)


def _compression(compression: Compression | None) -> object:
    if compression is None:
        return None
    from orbax.checkpoint._src.metadata import value as theirs

    return theirs.Compression(compression.algorithm, compression.level)
