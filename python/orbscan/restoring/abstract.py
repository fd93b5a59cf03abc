"""From metadata to the abstract arrays of jax for a restore."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from orbscan.extras import need
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, UnreadableLeaf, own, raise_unreadable
from orbscan.model.result import tree_of
from orbscan.model.sharding import (
    MissingDevicesError,
    NamedShardingMetadata,
    ShardingError,
    check_mesh,
    check_shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import jax
    import numpy as np

    from orbscan.aliases import AnyMesh
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata
    from orbscan.model.sharding import ShardingMetadata

    Shape: TypeAlias = tuple[int, ...]
    # (shape, what is known of the sharding) to the sharding to restore with.
    Layout: TypeAlias = Callable[[Shape, ShardingMetadata | None], jax.sharding.Sharding | None]


def abstract_state(
    metadata: CheckpointMetadata[Any] | PyTreeMetadata,
    *,
    mesh: AnyMesh | None = None,
    sharding: jax.sharding.Sharding | None = None,
    dtype: Any = None,
) -> PyTreeMetadata:
    """Make an abstract state: a tree of `jax.ShapeDtypeStruct`, ready for `orbscan.load`.

    Without `mesh` and `sharding`, the arrays are placed on the devices of the save. If one of those
    is missing, all arrays are placed on meshes without devices (`jax.sharding.AbstractMesh`):
    useful for inspection, for compiling, and for loading inside `with jax.set_mesh(mesh):`.

    A typed PRNG key becomes an abstract key. Leaves that are not arrays of jax stay what they are:
    arrays of numpy, scalars, strings, None, empty containers, leaves of custom handlers
    (`UnsupportedLeaf`), and objects that the caller has put there. A complex scalar becomes a numpy
    scalar, since Orbax refuses Python's.

    Args:
        metadata: the result of `orbscan.metadata`, or a tree of its leaves.
        mesh: the mesh for the arrays, each of which is split over the axes with the same names as
            when it was saved. An array saved on one device, or without a known sharding, is whole
            on each device of the mesh.
        sharding: the sharding of all arrays, instead of a mesh.
        dtype: the type of all arrays of floating-point numbers, including those of numpy. Other
            arrays, PRNG keys and scalars keep their type.

    Raises:
        ShardingError: an array, which the error names, does not fit the mesh or the sharding; or a
            mesh is too large for jax: more than 64 axes, or 2^31 devices.
        OrbscanError: the error of an `UnreadableLeaf` in the tree, with the keypath of the leaf.
        TypeError: both `mesh` and `sharding` are given, or one is something else, or `dtype` is not
            of floating point, or `metadata` is a path.
    """
    if mesh is not None and sharding is not None:
        message = "mesh and sharding exclude each other"
        raise TypeError(message)
    floats = _floating_dtype(dtype)
    if sharding is not None:
        return _converted(metadata, _same_for_all(sharding), floats)
    if mesh is not None:
        return _converted(metadata, _on_mesh(mesh), floats)
    try:
        return on_saved_devices(metadata, floats)
    except ShardingError:
        return _converted(metadata, _without_devices, floats)


def on_saved_devices(
    metadata: CheckpointMetadata[Any] | PyTreeMetadata, dtype: np.dtype[Any] | None = None
) -> PyTreeMetadata:
    """Make the abstract state for the devices of the save.

    Raises:
        MissingDevicesError: this process does not have the devices.
        ShardingError: the devices are not known; says for which leaf.
        OrbscanError: as for `abstract_state`.
    """
    return _converted(metadata, _as_saved(), dtype)


def _as_saved() -> Layout:
    # Thousands of arrays share one sharding, which can have thousands of devices.
    @cache
    def build(saved: ShardingMetadata) -> jax.sharding.Sharding:
        return saved.to_jax_sharding()

    def layout(shape: Shape, saved: ShardingMetadata | None) -> jax.sharding.Sharding | None:
        del shape
        return None if saved is None else build(saved)

    return layout


def _without_devices(shape: Shape, saved: ShardingMetadata | None) -> jax.sharding.Sharding | None:
    del shape
    return None if saved is None else saved.to_jax_sharding(saved.to_abstract_mesh())


def _on_mesh(mesh: AnyMesh) -> Layout:
    need("jax", "an abstract state")
    import jax

    check_mesh(mesh)
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())  # type: ignore[no-untyped-call]

    def layout(shape: Shape, saved: ShardingMetadata | None) -> jax.sharding.Sharding:
        return whole if saved is None else saved.to_jax_sharding(mesh, shape)

    return layout


def _same_for_all(sharding: jax.sharding.Sharding) -> Layout:
    need("jax", "an abstract state")
    import jax

    if not isinstance(sharding, jax.sharding.Sharding):
        message = f"sharding is a jax.sharding.Sharding, not {type(sharding).__name__}"
        raise TypeError(message)

    def layout(shape: Shape, saved: ShardingMetadata | None) -> jax.sharding.Sharding:
        del saved
        if isinstance(sharding, jax.sharding.NamedSharding):
            check_shape(shape, sharding.spec, sharding.mesh.shape)
        return sharding

    return layout


def _floating_dtype(dtype: Any) -> np.dtype[Any] | None:
    if dtype is None:
        return None
    need("jax", "an abstract state")
    import jax.numpy as jnp

    try:
        wanted: np.dtype[Any] = jnp.dtype(dtype)
    except TypeError as error:
        message = f"dtype is a floating-point type such as 'bfloat16', not {dtype!r}"
        raise TypeError(message) from error
    if not jnp.issubdtype(wanted, jnp.floating):
        message = f"dtype applies to floating-point arrays and cannot be {wanted}"
        raise TypeError(message)
    return wanted


def _converted(
    metadata: CheckpointMetadata[Any] | PyTreeMetadata, layout: Layout, dtype: np.dtype[Any] | None
) -> PyTreeMetadata:
    """Convert every leaf of a tree; an object in many places is converted once."""
    need("jax", "an abstract state")
    import jax

    tree = tree_of(metadata)
    known: dict[int, object] = {}

    def convert(path: jax.tree_util.KeyPath[Any], leaf: object) -> object:
        leaf = _own(leaf)
        if isinstance(leaf, UnreadableLeaf):
            raise_unreadable(leaf, jax.tree_util.keystr(path))
        if type(leaf) is complex:
            import numpy as np

            return np.complex128(leaf)
        if not isinstance(leaf, ArrayMetadata | NumpyMetadata):
            return leaf
        if id(leaf) not in known:
            try:
                known[id(leaf)] = _abstract_array(leaf, layout, dtype)
            except MissingDevicesError:
                raise
            except ShardingError as error:
                message = f"the leaf {jax.tree_util.keystr(path)}: {error}"
                raise ShardingError(message) from error
        return known[id(leaf)]

    return jax.tree_util.tree_map_with_path(convert, tree)


def _own(leaf: object) -> object:
    """Return a leaf of orbscan or of Orbax as orbscan has it."""
    found = own(leaf)
    if type(found).__module__.startswith("orbax.checkpoint."):
        from orbscan.restoring.orbax_types import from_orbax

        return from_orbax(found)
    return found


def _abstract_array(
    leaf: ArrayMetadata | NumpyMetadata, layout: Layout, dtype: np.dtype[Any] | None
) -> object:
    import jax
    import jax.numpy as jnp

    is_floating = jnp.issubdtype(leaf.dtype, jnp.floating)
    wanted = dtype if dtype is not None and is_floating else leaf.dtype
    if isinstance(leaf, NumpyMetadata):
        return msgspec.structs.replace(leaf, dtype=wanted)
    if leaf.prng_impl is not None:
        return _abstract_key(leaf, leaf.prng_impl, layout)
    sharding = layout(leaf.shape, leaf.sharding_metadata)
    return jax.ShapeDtypeStruct(leaf.shape, wanted, sharding=sharding)  # type: ignore[no-untyped-call]


def _abstract_key(leaf: ArrayMetadata, implementation: str, layout: Layout) -> object:
    """Make an abstract PRNG key from the metadata of its data, which has more dimensions."""
    import jax

    key = jax.eval_shape(lambda: jax.random.key(0, impl=implementation))
    data = jax.eval_shape(jax.random.key_data, key)
    rank = len(leaf.shape) - len(data.shape)
    saved = leaf.sharding_metadata
    if isinstance(saved, NamedShardingMetadata):
        saved = msgspec.structs.replace(saved, partition_spec=saved.partition_spec[:rank])
    shape = leaf.shape[:rank]
    return jax.ShapeDtypeStruct(shape, key.dtype, sharding=layout(shape, saved))  # type: ignore[no-untyped-call]
