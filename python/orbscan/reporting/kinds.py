"""The description of each distinct leaf, and of the meshes of leaves.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from math import prod
from string import ascii_uppercase

from orbscan.errors import located
from orbscan.planning.array import axes_of
from orbscan.reading import codes
from orbscan.reading.leaf_text import leaf_sharding, leaf_type
from orbscan.reading.totals import element_type
from orbscan.showing.text import partition, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import TypeAlias

    from orbscan.reading.facts import Leaf

    Ids: TypeAlias = tuple[int, ...] | None

SHOWN_DEVICES = 4_096
"""The largest mesh for which a page has the numbers of all devices."""


class Mesh:
    """A mesh over which leaves are laid.

    Attributes:
        name: a letter; empty if there is only one.
        axes: name and length of each, outermost first.
        ids: of the devices, in row-major order; None if they are not recorded.
    """

    __slots__ = ("axes", "ids", "name")

    def __init__(self, axes: tuple[tuple[str, int], ...], ids: Ids) -> None:
        self.name = ""
        self.axes = axes
        self.ids = ids

    @property
    def devices(self) -> int:
        """Their number."""
        return prod(length for _, length in self.axes)

    def __str__(self) -> str:
        """Show it without the axes of one device.

        >>> str(Mesh((("data", 1), ("fsdp", 4), ("tensor", 2)), None))
        'fsdp=4, tensor=2'
        """
        shown = [f"{printable(name)}={length}" for name, length in self.axes if length != 1]
        return ", ".join(shown) or "one device"

    def of_one(self) -> list[str]:
        """Name the axes of one device."""
        return [printable(name) for name, length in self.axes if length == 1]

    def to_dict(self) -> dict[str, object]:
        """Convert it to values for `json.dumps`."""
        ids = self.ids
        if ids is not None and (len(ids) > SHOWN_DEVICES or ids == tuple(range(len(ids)))):
            ids = None
        return {"name": self.name, "axes": self.axes, "devices": self.devices, "ids": ids}


class Kind:
    """A leaf as a page shows it.

    Attributes:
        leaf: as it was read.
        mesh: its mesh; None if it has none, or it is not known.
        parts: into how many parts the mesh splits each dimension; None without a mesh, and if it
            does not divide the shape.
        copies: how many times the devices of the mesh hold the whole leaf; None without a mesh.
    """

    __slots__ = ("copies", "leaf", "mesh", "parts")

    def __init__(self, leaf: Leaf, meshes: Meshes) -> None:
        self.leaf = leaf
        self.mesh = meshes.of(leaf)
        self.parts: tuple[int, ...] | None = None
        self.copies: int | None = None
        row = leaf.sharding
        if self.mesh is None or row is None or row[0] != "named" or leaf.shape is None:
            return
        lengths = dict(self.mesh.axes)
        spec = axes_of(row[4])
        if any(axis not in lengths for axes in spec for axis in axes):
            return
        parts = [prod(lengths[axis] for axis in axes) for axes in spec]
        parts += [1] * (len(leaf.shape) - len(parts))
        if len(parts) == len(leaf.shape) and not any(
            length % part for length, part in zip(leaf.shape, parts, strict=True)
        ):
            self.parts = tuple(parts)
            self.copies = self.mesh.devices // prod(parts)

    @property
    def type(self) -> str:
        """The type of its elements, or its kind if it has none."""
        is_array = self.leaf.shape is not None and self.leaf.kind != codes.SCALAR
        return element_type(self.leaf) if is_array else leaf_type(self.leaf)

    @property
    def sharding(self) -> str:
        """How it is laid out over devices, with the letter of the mesh."""
        row = self.leaf.sharding
        if self.mesh is not None and row is not None and row[0] == "named":
            on = f" on {self.mesh.name}" if self.mesh.name else ""
            return f"{partition(row[4])}{on}"
        return leaf_sharding(self.leaf)

    @property
    def spec(self) -> list[list[int]] | None:
        """For each dimension, the indices of the mesh axes that split it; None without a mesh."""
        row = self.leaf.sharding
        if self.parts is None or self.mesh is None or row is None or row[0] != "named":
            return None
        places = {name: place for place, (name, _) in enumerate(self.mesh.axes)}
        spec = [[places[axis] for axis in axes] for axes in axes_of(row[4])]
        return spec + [[]] * (len(self.parts) - len(spec))

    @property
    def shard(self) -> tuple[int, ...] | None:
        """The shape of the part of one device; None if that is not known."""
        if self.parts is None or self.leaf.shape is None:
            return None
        return tuple(a // b for a, b in zip(self.leaf.shape, self.parts, strict=True))

    @property
    def codec(self) -> str:
        """How its chunks are compressed; empty if that is not known."""
        if self.leaf.zarr is None or (codec := self.leaf.zarr[3]) is None:
            return ""
        name, level = codec
        return printable(name if level is None else f"{name}:{level}")

    @property
    def chunk(self) -> tuple[int, ...] | None:
        """The shape of the smallest part that can be read alone; None if that is not known."""
        return self.leaf.chunk_shape if self.leaf.is_array else None

    def nbytes_of(self, shape: tuple[int, ...] | None) -> str:
        """Show the bytes of a part with this shape in memory; empty without a shape."""
        return "" if shape is None else size(prod(shape) * self.leaf.itemsize)

    @property
    def error(self) -> str:
        """Why it cannot be read; empty if it can."""
        if self.leaf.error is None:
            return ""
        _, file, offset, in_body, reason = self.leaf.error
        return printable(located(reason, file, offset, in_body=in_body))


class Meshes:
    """The meshes of a checkpoint, each once, in the order in which leaves name them."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Mesh] = {}

    def of(self, leaf: Leaf) -> Mesh | None:
        """Return the mesh of a leaf; None if it has none, or a damaged one."""
        row = leaf.sharding
        if row is None or row[0] != "named":
            return None
        _, shape, names, _, _, held = row
        if len(shape) != len(names) or len({*names}) != len(names) or min(shape, default=1) < 1:
            return None
        ids = None if held is None or len(held[1]) != prod(shape) else held[1]
        return self._known.setdefault((shape, names, ids), Mesh(_axes(names, shape), ids))

    def named(self) -> list[Mesh]:
        """Give each a letter, if there are several."""
        every = [*self._known.values()]
        if len(every) > 1:
            for number, mesh in enumerate(every):
                letter = ascii_uppercase[number % len(ascii_uppercase)]
                mesh.name = letter + str(number // len(ascii_uppercase) or "")
        return every


def _axes(names: tuple[str, ...], shape: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    return tuple(zip(names, shape, strict=True))
