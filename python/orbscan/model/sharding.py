"""How arrays were laid over devices, as plain values that need no device.

The names and fields are those of Orbax. Unlike Orbax's, these values are immutable, can be hashed
and hold no array: a mesh is its shape and its device ids.

Each of them can be converted to a sharding of jax with `to_jax_sharding`: on the saved devices, or
on a mesh of the caller. `to_abstract_mesh` returns such a mesh without devices.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from orbscan.extras import need
from orbscan.model.device_names import device_name
from orbscan.model.mesh_limits import objection
from orbscan.model.value import Value, as_dataclass
from orbscan.showing.text import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import jax

    from orbscan.aliases import AnyMesh

_SHOWN_IDS = 8
_WAY_ROUND = (
    "lay the arrays over devices that are there, with orbscan.abstract_state(metadata, mesh=...), "
    "on one device with orbscan.abstract_state(metadata, sharding=...), or with "
    "to_jax_sharding(mesh)"
)


class ShardingError(ValueError):
    """An array cannot be laid out as requested, on the devices or the mesh of this process."""

    def __init__(self, *reason: object) -> None:
        super().__init__(*reason)


class MissingDevicesError(ShardingError):
    """This process lacks devices on which an array was saved.

    Attributes:
        missing: the identifiers of those devices: ids of a mesh, the name of a single device.
        available: how many devices this process has.
    """

    missing: tuple[int | str, ...]
    available: int

    def __init__(self, missing: Iterable[int | str], available: int) -> None:
        self.missing = tuple(missing)
        self.available = available
        super().__init__(self.missing, available)

    def __str__(self) -> str:
        shown = ", ".join(str(device) for device in self.missing[:_SHOWN_IDS])
        more = len(self.missing) - _SHOWN_IDS
        rest = f" and {more} more" if more > 0 else ""
        devices = counted(self.available, "device")
        has_ids = all(isinstance(device, int) for device in self.missing)
        by = "those with the ids " if has_ids else ""
        return f"this process has {devices} and lacks {by}{shown}{rest}; {_WAY_ROUND}"


@as_dataclass
class DeviceMesh(Value, frozen=True, gc=False):
    """The devices of a mesh.

    Attributes:
        shape: of the mesh, in devices.
        ids: of the devices, in row-major order.
    """

    shape: tuple[int, ...]
    ids: tuple[int, ...]

    @property
    def mesh(self) -> tuple[Any, ...] | int:
        """The ids as tuples nested like the mesh; for a mesh without axes only the id.

        >>> DeviceMesh((2, 2), (0, 1, 2, 3)).mesh
        ((0, 1), (2, 3))
        >>> DeviceMesh((), (5,)).mesh
        5
        """
        if not self.shape and len(self.ids) == 1:
            return self.ids[0]
        nested: tuple[Any, ...] = self.ids
        for length in reversed(self.shape[1:]):
            rows = range(0, len(nested), max(length, 1))
            nested = tuple(nested[start : start + length] for start in rows)
        return nested


@as_dataclass
class NamedShardingMetadata(Value, frozen=True, gc=False):
    """An array laid over a grid of devices whose axes have names.

    Attributes:
        shape: the shape of the mesh, in devices.
        axis_names: the names of the axes of the mesh.
        partition_spec: for each dimension of the array, the mesh axes that split it: None, one
            name, or a tuple of names. Dimensions beyond its end are not split.
        axis_types: `Auto`, `Explicit` or `Manual` for each axis; None if they are not recorded.
        device_mesh: the devices; None if they are not recorded.
    """

    shape: tuple[int, ...]
    axis_names: tuple[str, ...]
    partition_spec: tuple[str | tuple[str, ...] | None, ...]
    axis_types: tuple[str, ...] | None = None
    device_mesh: DeviceMesh | None = None

    def to_jax_sharding(
        self, mesh: AnyMesh | None = None, shape: Sequence[int] | None = None
    ) -> jax.sharding.NamedSharding:
        """Build the sharding over the saved devices, or over all devices if none were saved.

        Args:
            mesh: the mesh to use instead, with or without devices; its axes are found by their
                names, and may have other sizes and another order than the saved ones.
            shape: the shape of the array; if given, it is checked that the mesh divides it.

        Raises:
            MissingDevicesError: no mesh is given and this process does not have the devices.
            ShardingError: the devices do not fill the saved mesh, or the given mesh lacks an axis,
                does not divide the shape, or is too large for jax.
        """
        need("jax", "a sharding of jax")
        import jax

        if mesh is None:
            sharding = _over_devices(self, tuple(jax.devices()))
            if shape is not None:
                check_shape(shape, self.partition_spec, sharding.mesh.shape)
            return sharding
        check_mesh(mesh)
        _check_axes(self.partition_spec, mesh)
        if shape is not None:
            check_shape(shape, self.partition_spec, mesh.shape)
        return self._over(mesh)

    def _over(self, mesh: AnyMesh) -> jax.sharding.NamedSharding:
        import jax

        spec = jax.sharding.PartitionSpec(*self.partition_spec)  # type: ignore[no-untyped-call]
        return jax.sharding.NamedSharding(mesh, spec)

    def to_abstract_mesh(self) -> jax.sharding.AbstractMesh:
        """Return the saved mesh without its devices. Imports jax.

        Raises:
            ShardingError: it is too large for jax, does not have a name for each axis, or leaves
                the length of one axis to the number of devices, which is not recorded.
        """
        need("jax", "a sharding of jax")
        import jax

        self._check()
        saved = 0 if self.device_mesh is None else len(self.device_mesh.ids)
        shape = _filled(self.shape, saved) or self.shape
        if min(shape, default=0) < 0:
            message = f"a mesh of shape {self.shape}, and its devices were not saved; {_WAY_ROUND}"
            raise ShardingError(message)
        kinds = _axis_types(len(shape), self.axis_types)
        return jax.sharding.AbstractMesh(shape, self.axis_names, kinds)

    def _saved_mesh(self, available: Sequence[jax.Device]) -> jax.sharding.Mesh:
        need("jax", "a sharding of jax")
        import jax
        import numpy as np

        self._check()
        devices = self._devices(available)
        shape = _filled(self.shape, len(devices))
        if shape is None:
            count = counted(len(devices), "device")
            message = f"a mesh of shape {self.shape} does not fit {count}; {_WAY_ROUND}"
            raise ShardingError(message)
        grid = np.array(devices, dtype=object).reshape(shape)
        kinds = _axis_types(len(shape), self.axis_types)
        return jax.sharding.Mesh(grid, self.axis_names, axis_types=kinds)

    def _check(self) -> None:
        _check_lengths(self.shape)
        if len(self.axis_names) != len(self.shape):
            names, axes = len(self.axis_names), len(self.shape)
            message = f"a mesh of {counted(axes, 'axis', 'axes')} has {counted(names, 'name')}"
            raise ShardingError(message)

    def _devices(self, available: Sequence[jax.Device]) -> list[jax.Device]:
        if self.device_mesh is None:
            devices = list(available)
        else:
            by_id = {device.id: device for device in available}
            ids = self.device_mesh.ids
            missing = [wanted for wanted in ids if wanted not in by_id]
            if missing:
                raise MissingDevicesError(missing, len(available))
            devices = [by_id[wanted] for wanted in ids]
        return devices


@as_dataclass
class SingleDeviceShardingMetadata(Value, frozen=True, gc=False):
    """An array on one device.

    Attributes:
        device_str: the device as jax named it at the time. The two names of a CPU device in jax,
            `TFRT_CPU_3` and `cpu:3`, compare equal.
    """

    device_str: str

    def to_jax_sharding(
        self, mesh: AnyMesh | None = None, shape: Sequence[int] | None = None
    ) -> jax.sharding.Sharding:
        """Build the sharding over the device with that name.

        Args:
            mesh: the mesh to use instead, with or without devices: each of them gets the whole
                array.
            shape: the shape of the array; any shape will do.

        Raises:
            MissingDevicesError: no mesh is given and this process does not have the device.
            ShardingError: the given mesh is too large for jax.
        """
        need("jax", "a sharding of jax")
        import jax

        del shape
        if mesh is not None:
            check_mesh(mesh)
            return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())  # type: ignore[no-untyped-call]
        available = jax.local_devices()
        by_name = {device_name(str(device)): device for device in available}
        device = by_name.get(device_name(self.device_str))
        if device is None:
            raise MissingDevicesError([self.device_str], len(available))
        # Newer releases of jax represent the sharding differently, and have this function to say
        # so.
        make = getattr(
            jax.sharding, "make_single_device_sharding", jax.sharding.SingleDeviceSharding
        )
        sharding: jax.sharding.Sharding = make(device)
        return sharding

    def to_abstract_mesh(self) -> jax.sharding.AbstractMesh:
        """Return a mesh of one device, along one axis named `device`. Imports jax."""
        need("jax", "a sharding of jax")
        import jax

        return jax.sharding.AbstractMesh((1,), ("device",), _axis_types(1))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SingleDeviceShardingMetadata):
            return NotImplemented
        return device_name(self.device_str) == device_name(other.device_str)

    def __hash__(self) -> int:
        return hash(device_name(self.device_str))


@as_dataclass
class PositionalShardingMetadata(Value, frozen=True, gc=False):
    """An array laid over a grid of devices without names, as jax allowed until 2025.

    Attributes:
        shape: the shape of the grid, in devices.
        memory_kind: the kind of memory that held the array, if it is recorded.
    """

    shape: tuple[int, ...]
    memory_kind: str | None = None

    def to_jax_sharding(
        self, mesh: AnyMesh | None = None, shape: Sequence[int] | None = None
    ) -> jax.sharding.NamedSharding:
        """Build a sharding that splits the array as this one did.

        Args:
            mesh: the devices, because they were not saved. Each dimension that was split is split
                over the first axis of the same size that no dimension before it has used.
            shape: the shape of the array; if given, it is checked that the mesh divides it.

        Raises:
            ShardingError: no mesh is given, it has no axis of the size, it does not divide the
                shape, or it is too large for jax.
        """
        need("jax", "a sharding of jax")
        import jax

        if mesh is None:
            lost = "jax no longer has PositionalSharding, and its devices were not saved"
            message = f"{lost}; {_WAY_ROUND}"
            raise ShardingError(message)
        check_mesh(mesh)
        entries = self._axes_by_size(mesh)
        if shape is not None:
            check_shape(shape, entries, mesh.shape)
        spec = jax.sharding.PartitionSpec(*entries)  # type: ignore[no-untyped-call]
        return jax.sharding.NamedSharding(mesh, spec)

    def to_abstract_mesh(self) -> jax.sharding.AbstractMesh:
        """Return the grid without its devices, along axes named `dim_0`, `dim_1`. Imports jax.

        Raises:
            ShardingError: it is too large for jax.
        """
        need("jax", "a sharding of jax")
        import jax

        _check_lengths(self.shape)
        names = tuple(f"dim_{position}" for position in range(len(self.shape)))
        return jax.sharding.AbstractMesh(self.shape, names, _axis_types(len(names)))

    def _axes_by_size(self, mesh: AnyMesh) -> list[str | None]:
        free = dict(mesh.shape)
        entries: list[str | None] = []
        for position, parts in enumerate(self.shape):
            axis = None if parts == 1 else next((a for a, n in free.items() if n == parts), None)
            if axis is not None:
                del free[axis]
            elif parts != 1:
                split = f"dimension {position} was split in {parts} parts"
                message = f"{split}, and {_shown(mesh)} has no free axis of that size"
                raise ShardingError(message)
            entries.append(axis)
        return entries


ShardingMetadata: TypeAlias = (
    NamedShardingMetadata | SingleDeviceShardingMetadata | PositionalShardingMetadata
)
"""Any of the shardings that Orbax has written."""


@lru_cache(maxsize=256)
def _over_devices(
    saved: NamedShardingMetadata, available: tuple[jax.Device, ...]
) -> jax.sharding.NamedSharding:
    """Build a sharding over the saved devices; once, since leaves that agree in it share it.

    Raises:
        ShardingError: as `to_jax_sharding` does.
    """
    return saved._over(saved._saved_mesh(available))  # noqa: SLF001 - of this module


def check_mesh(mesh: AnyMesh) -> None:
    """Check that jax can lay arrays over a mesh.

    Raises:
        ShardingError: it has too many axes or devices.
        TypeError: it is not a mesh.
    """
    need("jax", "a sharding of jax")
    import jax

    if not isinstance(mesh, jax.sharding.Mesh | jax.sharding.AbstractMesh):
        message = f"mesh is a jax.sharding.Mesh or AbstractMesh, not {type(mesh).__name__}"
        raise TypeError(message)
    _check_lengths(mesh.shape.values())


def _filled(shape: tuple[int, ...], devices: int) -> tuple[int, ...] | None:
    """Return the shape of a mesh over a number of devices; None if they do not fill it.

    One length may be negative: it is computed from the others, as in `numpy.reshape`, which Orbax
    calls.

    >>> _filled((-1, 2), 8), _filled((-1, -1), 8), _filled((4, 2), 4)
    ((4, 2), None, None)
    """
    known = prod(length for length in shape if length >= 0)
    unknown = sum(length < 0 for length in shape)
    left, rest = divmod(devices, known) if known else (0, devices)
    if unknown > 1 or rest or (left < 1 if unknown else left != 1):
        return None
    return tuple(left if length < 0 else length for length in shape)


def _axis_types(axes: int, saved: Sequence[str] | None = None) -> tuple[jax.sharding.AxisType, ...]:
    """Return the types of the axes of a mesh; `Auto` if none were saved, as in Orbax.

    jax's own default depends on its release.
    """
    import jax

    kinds = ("Auto",) * axes if saved is None else saved
    return tuple(jax.sharding.AxisType[kind] for kind in kinds)


def _check_lengths(lengths: Collection[int]) -> None:
    message = objection(lengths)
    if message is not None:
        raise ShardingError(message)


def check_shape(shape: Sequence[int], spec: Iterable[Any], sizes: Mapping[str, int]) -> None:
    """Check that an array with some shape can be split as a partition spec says.

    Args:
        shape: the shape of the array, in elements.
        spec: for each dimension None, the name of an axis, or a tuple of such names; anything else
            counts as None.
        sizes: the sizes of the axes of the mesh, in devices.

    Raises:
        ShardingError: the spec has more dimensions than the array, or does not divide one evenly.

    >>> check_shape((8, 6), (None, "x"), {"x": 4})
    Traceback (most recent call last):
    orbscan.model.sharding.ShardingError: dimension 1 has size 6, which 4 parts (x=4) do not divide
    """
    entries = tuple(spec)
    if len(entries) > len(shape):
        dimensions = counted(len(entries), "dimension")
        message = f"{entries} splits {dimensions}, and the shape is {tuple(shape)}"
        raise ShardingError(message)
    for position, entry in enumerate(entries):
        axes = _axes(entry)
        parts = prod(sizes[axis] for axis in axes)
        if parts == 0 or shape[position] % parts:
            along = ", ".join(f"{axis}={sizes[axis]}" for axis in axes)
            size = f"dimension {position} has size {shape[position]}"
            message = f"{size}, which {parts} parts ({along}) do not divide"
            raise ShardingError(message)


def _axes(entry: object) -> tuple[str, ...]:
    """The axes that one element of a partition spec names."""
    if isinstance(entry, str):
        return (entry,)
    return entry if isinstance(entry, tuple) else ()


def _check_axes(spec: Iterable[object], mesh: AnyMesh) -> None:
    wanted = dict.fromkeys(axis for entry in spec for axis in _axes(entry))
    lacking = [axis for axis in wanted if axis not in mesh.shape]
    if lacking:
        names = ", ".join(repr(axis) for axis in lacking)
        message = f"{_shown(mesh)} lacks the axes that the array was split over: {names}"
        raise ShardingError(message)


def _shown(mesh: AnyMesh) -> str:
    axes = ", ".join(f"{axis}={size}" for axis, size in mesh.shape.items())
    return f"the mesh ({axes})"
