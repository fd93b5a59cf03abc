"""The content of Orbax's leaves, in the classes of the installed release: shardings and storage.

The classes have gained fields from release to release. Fields that a release does not have yet are
left out, as the release itself does when it reads them.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from orbscan.model.sharding import (
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from orbscan.model.leaves import Compression, StorageMetadata, Zarr2Metadata, Zarr3Metadata
    from orbscan.model.sharding import DeviceMesh, ShardingMetadata

T = TypeVar("T")


@cache
def module(name: str) -> ModuleType:
    """Import one of Orbax's modules of metadata: `sharding`, `value`, `tree`.

    Raises:
        ImportError: there is none.
    """
    from importlib import import_module

    try:
        return import_module(f"orbax.checkpoint._src.metadata.{name}")
    except ModuleNotFoundError:
        # Its place until 0.6.
        return import_module(f"orbax.checkpoint.metadata.{name}")


def has_class(metadata: ShardingMetadata | None) -> bool:
    """Return whether Orbax has a class for a sharding."""
    is_positional = isinstance(metadata, PositionalShardingMetadata)
    return not is_positional or hasattr(module("sharding"), "PositionalShardingMetadata")


class _Remembered:
    """`to_jax_sharding` of a sharding of Orbax, which looks at every device in each call.

    The answer is kept for as long as jax has the same devices.
    """

    __slots__ = ("_made", "_sharding")

    def __init__(self, sharding: Any) -> None:
        self._sharding = sharding
        self._made: tuple[tuple[object, ...], Any] | None = None

    def __call__(self) -> Any:
        import jax

        devices = tuple(jax.devices())
        made = self._made
        if made is None or made[0] != devices:
            build = type(self._sharding).to_jax_sharding
            made = self._made = devices, build(self._sharding)
        return made[1]

    def __reduce__(self) -> tuple[type[_Remembered], tuple[Any]]:
        # Devices are those of this process.
        return type(self), (self._sharding,)


class Values:
    """Converts shardings and storage, each object once.

    A tree of thousands of leaves has a few shardings, over one mesh of thousands of devices.
    """

    def __init__(self) -> None:
        self._meshes: dict[DeviceMesh, object] = {}
        # By their id, because meshes of many devices are slow to hash. The values keep them alive.
        self._made: dict[int, tuple[object, object]] = {}

    def sharding(self, metadata: ShardingMetadata | None) -> object:
        """Convert a sharding; None if there is none.

        Raises:
            ValueError: Orbax has no class for it.
        """
        return None if metadata is None else self._once(metadata, self._remembering)

    def storage(self, metadata: StorageMetadata | None) -> object:
        """Convert what is known about storage; None if nothing is known."""
        return None if metadata is None else self._once(metadata, _storage)

    def _once(self, value: T, convert: Callable[[T], object]) -> object:
        known = self._made.get(id(value))
        if known is None:
            known = self._made[id(value)] = value, convert(value)
        return known[1]

    def _remembering(self, metadata: ShardingMetadata) -> object:
        """Convert a sharding that leaves share; it builds the sharding of jax only once."""
        made = self._sharding(metadata)
        if hasattr(made, "to_jax_sharding"):
            # On the object only: the method of its class is Orbax's own, and does not change.
            vars(made)["to_jax_sharding"] = _Remembered(made)
        return made

    def _sharding(self, metadata: ShardingMetadata) -> object:
        theirs = module("sharding")
        match metadata:
            case NamedShardingMetadata():
                import jax
                import numpy as np

                kinds: dict[str, Any] = {}
                if metadata.axis_types and _has(theirs.NamedShardingMetadata, "axis_types"):
                    types = (jax.sharding.AxisType[kind] for kind in metadata.axis_types)
                    kinds["axis_types"] = tuple(types)
                return theirs.NamedShardingMetadata(
                    shape=np.array(metadata.shape),
                    axis_names=list(metadata.axis_names),
                    # Orbax keeps joint axes in lists, as it reads them.
                    partition_spec=tuple(
                        [*entry] if isinstance(entry, tuple) else entry
                        for entry in metadata.partition_spec
                    ),
                    device_mesh=self._device_mesh(metadata.device_mesh),
                    **kinds,
                )
            case SingleDeviceShardingMetadata():
                return theirs.SingleDeviceShardingMetadata(metadata.device_str)
            case PositionalShardingMetadata():
                if not has_class(metadata):
                    message = "Orbax has no class for a PositionalSharding"
                    raise ValueError(message)
                import numpy as np

                return theirs.PositionalShardingMetadata(
                    np.array(metadata.shape), metadata.memory_kind
                )

    def _device_mesh(self, mesh: DeviceMesh | None) -> object:
        if mesh is None:
            return None
        if mesh not in self._meshes:
            theirs = module("sharding")

            def devices(ids: Any) -> Any:
                return (
                    [*map(devices, ids)] if isinstance(ids, tuple) else theirs.DeviceMetadata(ids)
                )

            self._meshes[mesh] = theirs.DeviceMetadataMesh(devices(mesh.mesh))
        return self._meshes[mesh]


def _storage(metadata: StorageMetadata) -> object:
    theirs = module("value").StorageMetadata
    known: dict[str, object] = {}
    if _has(theirs, "write_shape"):
        known["write_shape"] = metadata.write_shape
    if metadata.zarr_metadata is not None and _has(theirs, "zarr_metadata"):
        known["zarr_metadata"] = _zarr(metadata.zarr_metadata)
    return theirs(chunk_shape=metadata.chunk_shape, **known)


def _zarr(zarr: Zarr2Metadata | Zarr3Metadata) -> object:
    import msgspec

    fields = msgspec.structs.asdict(zarr)
    fields["compression"] = _compression(zarr.compression)
    # Orbax's classes, which have the same names and fields, know their version.
    del fields["zarr_format"]
    return getattr(module("value"), type(zarr).__name__)(**fields)


def _compression(compression: Compression | None) -> object:
    if compression is None:
        return None
    return module("value").Compression(compression.algorithm, compression.level)


@cache
def _has(made: type[Any], field: str) -> bool:
    """Return whether a class of the installed release has a field."""
    return field in {each.name for each in dataclasses.fields(made)}
