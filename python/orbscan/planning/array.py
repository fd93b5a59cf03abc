"""The properties of a leaf that a plan needs: only those that determine where its bytes go."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from orbscan.aliases import Keypath
    from orbscan.planning.mesh import Axes

    Leaf = TypeVar("Leaf")

_SCALAR_NBYTES: dict[type, int] = {bool: 1, int: 8, float: 8, complex: 16}


class Array(NamedTuple):
    """One array, or a scalar. Equal ones cost the same.

    Attributes:
        shape: the shape of the whole array, in elements.
        itemsize: the bytes of an element in memory.
        chunk_shape: the shape of the smallest part that can be read alone, in elements; None if
            that is the whole array.
        origin: `named` if it was saved with a named sharding. Anything else is restored whole by
            each host: `single` (from one device), `positional`, `unknown` (an array of jax whose
            sharding is not known), `numpy`, `scalar`.
        spec: for each dimension the mesh axes that split it, outermost first.
        saved_axes: the axes of the mesh of the save; empty unless `named`.
    """

    shape: tuple[int, ...]
    itemsize: int
    chunk_shape: tuple[int, ...] | None
    origin: str
    spec: tuple[tuple[str, ...], ...] = ()
    saved_axes: Axes = ()

    @property
    def nbytes(self) -> int:
        """The bytes of the whole array in memory."""
        return prod(self.shape) * self.itemsize

    @property
    def chunk(self) -> tuple[int, ...]:
        """The chunk, with at least one element along each dimension."""
        given = self.shape if self.chunk_shape is None else self.chunk_shape
        # A structured type adds dimensions to an array that are missing from its document.
        given += self.shape[len(given) :]
        return tuple(max(length, 1) for length in given[: len(self.shape)])

    @property
    def chunk_nbytes(self) -> int:
        """The bytes of a whole chunk, uncompressed. Chunks at the edge are stored in full."""
        return prod(self.chunk) * self.itemsize


def scalar(kind: type) -> Array | None:
    """A scalar, which is restored as a Python number, whatever its saved type.

    None if the kind is not `bool`, `int`, `float` or `complex`.
    """
    nbytes = _SCALAR_NBYTES.get(kind)
    return None if nbytes is None else Array((), nbytes, (), "scalar")


def named(
    common: tuple[tuple[int, ...], int, tuple[int, ...] | None],
    spec: tuple[str | tuple[str, ...] | None, ...],
    axis_names: tuple[str, ...],
    mesh_shape: tuple[int, ...],
) -> Array:
    """An array with a named sharding.

    Args:
        common: its shape, the size of an element, and the shape of a chunk.
        spec: which mesh axes split which dimension.
        axis_names: the names of the axes of the mesh.
        mesh_shape: the shape of the mesh. A damaged document can have more of the one than of the
            other.
    """
    saved_axes = tuple(zip(axis_names, mesh_shape, strict=False))
    return Array(*common, "named", axes_of(spec), saved_axes)


def collected(
    leaves: Iterable[tuple[tuple[str | int, ...], Leaf]],
    array_of: Callable[[Leaf], Array | None],
    is_unreadable: Callable[[Leaf], bool],
) -> tuple[list[tuple[Keypath, Array]], int]:
    """Find the arrays of a tree.

    Args:
        leaves: with their keypaths. Equal ones are mostly one object, which is examined once: the
            objects, and therefore their ids, must stay alive until the last one is given.
        array_of: the properties of a leaf that a plan needs; None for a leaf without bytes.
        is_unreadable: whether the metadata of a leaf cannot be read.

    Returns:
        the keypath and the array of each leaf with bytes, and how many are unreadable.
    """
    known: dict[int, Array | None] = {}
    found: list[tuple[Keypath, Array]] = []
    unreadable = 0
    for entries, leaf in leaves:
        if id(leaf) not in known:
            known[id(leaf)] = array_of(leaf)
        array = known[id(leaf)]
        if array is not None:
            found.append((entries, array))
        unreadable += is_unreadable(leaf)
    return found, unreadable


def axes_of(spec: tuple[str | tuple[str, ...] | None, ...]) -> tuple[tuple[str, ...], ...]:
    """Write a partition spec with a tuple of axes for each dimension.

    >>> axes_of(("x", None, ("y", "z")))
    (('x',), (), ('y', 'z'))
    """
    return tuple(
        () if axes is None else (axes,) if isinstance(axes, str) else axes for axes in spec
    )
