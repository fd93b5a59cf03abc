"""The leaves of a metadata tree.

Orbax recognises a leaf by the attributes of its class: `shape` and `dtype` make an array of numpy,
with `sharding` an array of jax. `orbax.checkpoint.load` therefore accepts these leaves as they are,
and a tree read by orbscan serves as the abstract tree of a restore.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan.model.value import Value, as_dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    import jax
    import numpy as np

    from orbscan.aliases import Keypath
    from orbscan.errors import OrbscanError
    from orbscan.model.sharding import ShardingMetadata


def own(leaf: object) -> Any:
    """Return the leaf of orbscan behind one of `orbscan.orbax`; any other as it is."""
    return getattr(leaf, "__orbscan__", leaf)


@as_dataclass
class Compression(Value, frozen=True, gc=False):
    """A compression codec and its level, shown as `zstd:3`.

    The level is None if the stored document has no member with that name.
    """

    algorithm: str
    level: int | None = None

    def __repr__(self) -> str:
        return self.algorithm if self.level is None else f"{self.algorithm}:{self.level}"


@as_dataclass
class Zarr2Metadata(Value, frozen=True, gc=False, kw_only=True):
    """The description of an array in a `.zarray` document.

    Attributes:
        shape: of the whole array, in elements.
        dtype: the element type as stored: `<f4`.
        chunk_shape: of one stored chunk, in elements.
        compression: None if chunks are stored as they are.
        order: of the elements within a chunk, `C` or `F`.
        dimension_separator: between the numbers in the name of a chunk, `.` or `/`.
    """

    zarr_format: int = 2
    shape: tuple[int, ...]
    dtype: str
    chunk_shape: tuple[int, ...]
    compression: Compression | None
    order: str
    dimension_separator: str


@as_dataclass
class Zarr3Metadata(Value, frozen=True, gc=False, kw_only=True):
    """The description of an array in a `zarr.json` document.

    Attributes:
        shape: of the whole array, in elements.
        dtype: the element type as stored: `float32`.
        chunk_shape: of one cell of the chunk grid, in elements.
        compression: None if chunks are stored as they are.
        inner_chunk_shape: of the chunks that a cell is divided into, in elements; None if it is
            not divided.
    """

    zarr_format: int = 3
    shape: tuple[int, ...]
    dtype: str
    chunk_shape: tuple[int, ...]
    compression: Compression | None
    inner_chunk_shape: tuple[int, ...] | None


@as_dataclass
class StorageMetadata(Value, frozen=True, gc=False):
    """How an array is stored.

    Attributes:
        chunk_shape: the shape of the smallest part that can be read alone, in elements.
        write_shape: the shape of the part that one device wrote, in elements: a shard, not the
            array. None if the writer did not record it.
        zarr_metadata: more from the stored document. As in Orbax, it takes no part in comparisons
            or in the representation.
    """

    chunk_shape: tuple[int, ...] | None
    write_shape: tuple[int, ...] | None = None
    zarr_metadata: Zarr2Metadata | Zarr3Metadata | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StorageMetadata):
            return NotImplemented
        return (self.chunk_shape, self.write_shape) == (other.chunk_shape, other.write_shape)

    def __hash__(self) -> int:
        return hash((self.chunk_shape, self.write_shape))

    def __repr__(self) -> str:
        return f"StorageMetadata(chunk_shape={self.chunk_shape}, write_shape={self.write_shape})"


@as_dataclass
class ArrayMetadata(Value, frozen=True, gc=False):
    """An array saved from jax.

    Attributes:
        shape: the shape of the whole array, in elements.
        dtype: the element type.
        sharding_metadata: how the array was laid over devices; None if that is not known.
        storage_metadata: how it is stored; None for a safetensors file.
        prng_impl: the implementation of a typed PRNG key (`threefry2x32`), None for any other
            array. For a key, `shape` and `dtype` are those of its data: uint32, and one dimension
            more than the key has.

    >>> import numpy as np
    >>> ArrayMetadata((8, 16), np.dtype("float32")).nbytes
    512
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    sharding_metadata: ShardingMetadata | None = None
    storage_metadata: StorageMetadata | None = None
    prng_impl: str | None = None

    @property
    def sharding(self) -> jax.sharding.Sharding | None:
        """The sharding over the devices it was saved on, or None if none is known.

        Imports jax. Leaves with equal shardings share one object. For other devices there are
        `orbscan.abstract_state` and `sharding_metadata.to_jax_sharding(mesh)`.

        Raises:
            MissingDevicesError: this process does not have the devices.
        """
        metadata = self.sharding_metadata
        return None if metadata is None else metadata.to_jax_sharding()

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements in memory, counted once, not for each copy on devices."""
        return self.size * self.dtype.itemsize


@as_dataclass
class NumpyMetadata(Value, frozen=True, gc=False):
    """An array saved from numpy.

    It has no attribute `sharding`, so Orbax restores it as an array of numpy.

    Attributes:
        shape: of the whole array, in elements.
        dtype: the element type.
        storage_metadata: how it is stored.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    storage_metadata: StorageMetadata | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements in memory."""
        return self.size * self.dtype.itemsize


# Tracked by the garbage collector, unlike the others: once the error is raised, its
# traceback can lead back to the tree that holds this leaf.
@as_dataclass
class UnreadableLeaf(Value, frozen=True):
    """A leaf whose metadata cannot be read; the other leaves of the tree are not affected.

    Attributes:
        error: why, ready to be raised.
    """

    error: OrbscanError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnreadableLeaf):
            return NotImplemented
        return self._finding() == other._finding()

    def __hash__(self) -> int:
        return hash(self._finding())

    def _finding(self) -> tuple[object, ...]:
        """Everything except the identity and the traceback: errors that agree in it are equal."""
        error = self.error
        return (error.kind, error.file, error.offset, error.in_body, error.reason)


@as_dataclass
class UnsupportedLeaf(Value, frozen=True, gc=False):
    """A leaf that a custom handler of the writer saved, which only that handler can read.

    Nothing is wrong with it: a program that registers the handler with Orbax restores it.

    Attributes:
        typestr: the handler's word for its leaves.
        files: the files in the place where Orbax lets the handler write, in the directory of the
            checkpointable: the file, or all files of the directory, with the name of the leaf.
            Empty for a handler that stores values in the database, and if nothing can be listed.
        stored_bytes: of those files.
    """

    typestr: str
    files: tuple[str, ...] = ()
    stored_bytes: int = 0


def raise_unreadable(leaf: UnreadableLeaf, name: str) -> NoReturn:
    """Raise the error of a leaf, with the keypath of the leaf.

    Raises:
        OrbscanError: always.
    """
    found = leaf.error
    reason = f"{found.reason} (for the leaf {name})"
    raise errors.error(found.kind, reason, found.file, found.offset, found.in_body)


def leaves(tree: object) -> Iterator[tuple[Keypath, Any]]:
    """Walk a tree of plain containers, without recursion: it may be deeper than the stack.

    Yields:
        the keypath of each leaf and the leaf, in the order of the tree. An entry of a keypath is a
        key of a dict, an index of a list or tuple, or a field of a namedtuple.
    """
    waiting: list[tuple[Keypath, object]] = [((), tree)]
    while waiting:
        entries, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += [((*entries, str(key)), node[key]) for key in reversed(node)]
        elif isinstance(node, list | tuple) and node:
            names = getattr(node, "_fields", range(len(node)))
            members = [*zip(names, node, strict=True)]
            waiting += [((*entries, name), child) for name, child in reversed(members)]
        else:
            yield entries, node
