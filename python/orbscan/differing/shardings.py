"""Shardings as rows: those of metadata, and those of jax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.model.sharding import NamedShardingMetadata, SingleDeviceShardingMetadata

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.model.sharding import ShardingMetadata


def row_of_metadata(sharding: ShardingMetadata) -> _core.Sharding:
    """The row of a saved sharding."""
    if isinstance(sharding, SingleDeviceShardingMetadata):
        return ("single", sharding.device_str)
    if not isinstance(sharding, NamedShardingMetadata):
        return ("positional", sharding.shape, sharding.memory_kind)
    mesh = sharding.device_mesh
    return (
        "named",
        sharding.shape,
        sharding.axis_names,
        sharding.axis_types,
        sharding.partition_spec,
        None if mesh is None else (mesh.shape, mesh.ids),
    )


def row_of_jax(sharding: Any) -> _core.Sharding | None:
    """The row of a sharding of jax; None for one that cannot be saved as it is."""
    import jax

    if isinstance(sharding, jax.sharding.NamedSharding):
        mesh = sharding.mesh
        has_devices = isinstance(mesh, jax.sharding.Mesh)
        shape = tuple(mesh.shape.values())
        return (
            "named",
            shape,
            tuple(map(str, mesh.axis_names)),
            tuple(kind.name for kind in mesh.axis_types),
            tuple(map(_entry, sharding.spec)),
            (shape, tuple(device.id for device in mesh.devices.flat)) if has_devices else None,
        )
    devices = getattr(sharding, "device_set", ())
    if isinstance(sharding, jax.sharding.SingleDeviceSharding) and len(devices) == 1:
        return ("single", str(next(iter(devices))))
    return None


def _entry(entry: Any) -> str | tuple[str, ...] | None:
    """One element of a partition spec."""
    if entry is None:
        return None
    return tuple(map(str, entry)) if isinstance(entry, tuple) else str(entry)
