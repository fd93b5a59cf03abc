"""The devices of a restore: a grid with named axes, in row-major order, divided among hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from orbscan.model.mesh_limits import MANY, objection
from orbscan.showing.text import counted

Axes: TypeAlias = tuple[tuple[str, int], ...]
"""The axes of a mesh, outermost first: name and number of devices."""


MAX_DEVICES = 100_000
"""More than any machine has, and few enough for a plan that names each of them."""

_MOST_DIGITS = 1_000


@dataclass(frozen=True, slots=True)
class Mesh:
    """The devices of a restore.

    Attributes:
        axes: name and length of each axis, outermost first.
        hosts: the number of hosts; each has the same number of consecutive devices.
    """

    axes: Axes
    hosts: int = 1

    @property
    def devices(self) -> int:
        """The number of devices."""
        return prod(length for _, length in self.axes)

    @property
    def devices_per_host(self) -> int:
        """The number of devices of each host."""
        return self.devices // self.hosts

    def coordinates(self, device: int) -> tuple[int, ...]:
        """Return the position of a device on each axis.

        >>> Mesh((("data", 2), ("model", 4))).coordinates(6)
        (1, 2)
        """
        place = []
        for _, length in reversed(self.axes):
            device, along = divmod(device, length)
            place.append(along)
        return tuple(reversed(place))

    def __str__(self) -> str:
        return ",".join(f"{name}={length}" for name, length in self.axes) or "one device"


def make_mesh(described: object, devices_per_host: int | None, hosts: int | None) -> Mesh:
    """Read a mesh in any of the forms that `restore_plan` accepts.

    Raises:
        ValueError: an axis is named twice or has no device, or the devices cannot be divided;
            a ShardingError if there are too many axes or devices.
        TypeError: it has none of the forms.
    """
    axes = _axes(described)
    too_large = objection([length for _, length in axes], MAX_DEVICES)
    if too_large is not None:
        # It loads a library that a plan does not need.
        from orbscan.model.sharding import ShardingError

        raise ShardingError(too_large)
    names = [name for name, _ in axes]
    for name, length in axes:
        if length < 1 or names.count(name) > 1:
            problem = "is named twice" if length > 0 else f"has {length} devices"
            message = f"axis {name!r} of the mesh {problem}"
            raise ValueError(message)
    return Mesh(axes, _hosts(Mesh(axes).devices, devices_per_host, hosts))


def parsed_axes(text: str) -> Axes:
    """Read axes as they are written on the command line.

    Raises:
        ValueError: it is not written that way.

    >>> parsed_axes("data=4, model=8")
    (('data', 4), ('model', 8))
    """
    axes = []
    for part in text.split(","):
        name, separator, length = (piece.strip() for piece in part.partition("="))
        if not (separator and name and length.isascii() and length.isdecimal()):
            message = f"{text!r} is not a mesh such as 'data=4,model=8'"
            raise ValueError(message)
        # A number of any length is refused with a message.
        axes.append((name, int(length) if len(length) < _MOST_DIGITS else MANY))
    return tuple(axes)


def _axes(described: object) -> Axes:
    if isinstance(described, str):
        return parsed_axes(described)
    shape = described if isinstance(described, Mapping) else getattr(described, "shape", None)
    if isinstance(shape, Mapping):
        pairs: Iterable[tuple[object, object]] = shape.items()
    else:
        names = getattr(described, "axis_names", None)
        if not (isinstance(names, Iterable) and isinstance(shape, Iterable)):
            message = (
                "mesh must be a str such as 'data=4,model=8', a mapping of axis names to lengths, "
                f"or a jax mesh, not {type(described).__name__}"
            )
            raise TypeError(message)
        pairs = zip(names, shape, strict=True)
    return tuple((str(name), _whole(length)) for name, length in pairs)


def _whole(length: object) -> int:
    index = getattr(length, "__index__", None)
    if index is None:
        message = f"the length of an axis must be an int, not {type(length).__name__}"
        raise TypeError(message)
    return int(index())


def _hosts(devices: int, devices_per_host: int | None, hosts: int | None) -> int:
    """The number of hosts.

    Raises:
        ValueError: the devices cannot be divided evenly.
    """
    found = hosts
    if found is None:
        found = 1 if devices_per_host is None else devices // max(devices_per_host, 1)
    each = devices // max(found, 1) if devices_per_host is None else devices_per_host
    if found < 1 or found * each != devices:
        wanted = [] if hosts is None else [f"over {hosts} hosts"]
        wanted += [] if devices_per_host is None else [f"with {devices_per_host} on each host"]
        message = f"{counted(devices, 'device')} cannot be divided evenly {' '.join(wanted)}"
        raise ValueError(message)
    return found
