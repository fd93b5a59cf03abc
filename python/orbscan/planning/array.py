"""What a plan must know of a leaf: no more than decides where its bytes go."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orbscan.planning.mesh import Axes


class Array(NamedTuple):
    """One array, or a scalar. Equal ones cost the same.

    Attributes:
        shape: of the whole array, in elements.
        itemsize: what an element takes in memory, in bytes.
        chunk_shape: of the smallest part that can be read alone, in elements; None if that is
            the whole array.
        origin: `named` if it was saved with a named sharding. Anything else is restored whole by
            each host: `single` (from one device), `positional`, `unknown` (an array of jax whose
            sharding is not known), `numpy`, `scalar`.
        spec: for each dimension the mesh axes that split it, outermost first.
        saved_axes: of the mesh that it was saved from; empty unless `named`.
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
        # A structured type adds dimensions to an array that its document does not count.
        given += self.shape[len(given) :]
        return tuple(max(length, 1) for length in given[: len(self.shape)])

    @property
    def chunk_nbytes(self) -> int:
        """The bytes of a whole chunk, uncompressed. Chunks at the edge are stored whole too."""
        return prod(self.chunk) * self.itemsize


def axes_of(spec: tuple[str | tuple[str, ...] | None, ...]) -> tuple[tuple[str, ...], ...]:
    """Write a partition spec with a tuple of axes for each dimension.

    >>> axes_of(("x", None, ("y", "z")))
    (('x',), (), ('y', 'z'))
    """
    return tuple(
        () if axes is None else (axes,) if isinstance(axes, str) else axes for axes in spec
    )
