"""An array of a checkpoint as it is stored: its bytes, and its elements part by part."""

from __future__ import annotations

import json
from itertools import product
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from orbscan.restoring.arrays import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orbscan.restoring.arrays import StoredArray

    Box = tuple[slice, ...]

_CACHE = 1 << 26
"""Bytes of decoded chunks that are kept, for parts that share a chunk."""

_AT_A_TIME = 8
"""Chunks of each side whose bytes are in memory at a time."""

_PART = 1 << 20
"""Elements that are decoded at a time, unless a single chunk has more."""

_DOCUMENTS = {"zarr": b".zarray", "zarr3": b"zarr.json"}


def context() -> Any:
    """Make the cache of chunks and nodes that the arrays of one comparison share."""
    import tensorstore

    return tensorstore.Context({"cache_pool": {"total_bytes_limit": _CACHE}})


class Stored:
    """One array, which is opened when it is first used.

    Args:
        array: its place.
        shared: the result of `context`.
    """

    def __init__(self, array: StoredArray, shared: Any) -> None:
        self._array = array
        self._shared = shared
        self._store: Any = None
        self._opened: Any = None

    @property
    def values(self) -> Any:
        """The array of TensorStore.

        Raises:
            FormatError: TensorStore cannot open it.
        """
        if self._opened is None:
            self._opened = opened(self._array, self._shared)
        return self._opened

    @property
    def chunk(self) -> tuple[int, ...]:
        """The shape of the smallest part that is decoded alone."""
        # An array without dimensions has none.
        shape: tuple[int, ...] | None = self.values.chunk_layout.read_chunk.shape
        return shape or ()

    @property
    def is_whole(self) -> bool:
        """Whether the number of stored chunks is that of the array."""
        grid = self.values.chunk_layout.write_chunk.shape
        if grid is None:
            return bool(self.keys())
        chunks: list[int] = [
            ceil(size / of) for size, of in zip(self.values.shape, grid, strict=True)
        ]
        return len(self.keys()) >= prod(chunks)

    def keys(self) -> list[bytes]:
        """The keys of its chunks, in order."""
        document = _DOCUMENTS[self._array.spec["driver"]]
        return sorted(key for key in self._kvstore().list().result() if key != document)

    def document(self) -> object:
        """The Zarr document, decoded."""
        key = _DOCUMENTS[self._array.spec["driver"]]
        return json.loads(self._kvstore().read(key).result().value)

    def start(self, key: bytes) -> Any:
        """Begin to read the bytes of a chunk."""
        return self._kvstore().read(key)

    def read(self, box: Box) -> Any:
        """Begin to decode a part."""
        return self.values[box].read()

    def _kvstore(self) -> Any:
        import tensorstore

        if self._store is None:
            spec = self._array.spec["kvstore"]
            self._store = tensorstore.KvStore.open(spec, context=self._shared).result()
        return self._store


def same_bytes(before: Stored, after: Stored, told: Callable[[], object]) -> bool:
    """Whether two arrays are stored in the same bytes, chunk by chunk; False if a chunk is empty.

    TensorStore treats a missing data file as an empty one.

    Args:
        before: the first.
        after: the second.
        told: called now and then.

    Raises:
        ValueError: bytes cannot be read.
    """
    if before.document() != after.document():
        return False
    keys = before.keys()
    if keys != after.keys():
        return False
    for first in range(0, len(keys), _AT_A_TIME):
        told()
        some = keys[first : first + _AT_A_TIME]
        begun = [(before.start(key), after.start(key)) for key in some]
        for pair in begun:
            one, other = (future.result() for future in pair)
            if one.state != "value" or not one.value or one.value != other.value:
                return False
    return True


def parts(shape: Sequence[int], chunk: Sequence[int]) -> Iterator[Box]:
    """Cut an array into parts of whole chunks.

    >>> [*parts((4,), (3,))], [*parts((), ())]
    ([(slice(0, 4, None),)], [()])
    """
    size = [min(of, whole) for of, whole in zip(chunk, shape, strict=True)]
    for at in reversed(range(len(size))):
        if not all(size):
            break
        most = max(_PART // prod(size), 1)
        size[at] = min(shape[at], size[at] * most)
        if size[at] < shape[at]:
            break
    steps = [range(0, whole, max(of, 1)) for whole, of in zip(shape, size, strict=True)]
    for corner in product(*steps):
        ends = zip(corner, size, shape, strict=True)
        yield tuple(slice(first, min(first + of, whole)) for first, of, whole in ends)
