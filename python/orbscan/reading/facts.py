"""The leaves of a table in the order of the tree, as facts to show."""

from __future__ import annotations

from math import prod

from orbscan.reading import codes

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from orbscan import _core

    class Rows(Protocol):
        """The values that leaves refer to by numbers: a part of a `_core.LeafTable`."""

        @property
        def arrays(self) -> Sequence[_core.Array]:
            """The distinct arrays."""

        @property
        def shardings(self) -> Sequence[_core.Sharding]:
            """The distinct shardings."""


VALUE_TYPES = {
    codes.JAX_ARRAY: "jax.Array",
    codes.NUMPY_ARRAY: "np.ndarray",
    codes.SCALAR: "scalar",
    codes.STRING: "string",
    codes.NONE: "None",
    codes.EMPTY_DICT: "Dict",
    codes.EMPTY_LIST: "List",
    codes.EMPTY_TUPLE: "Tuple",
    codes.EMPTY_NAMEDTUPLE: "NamedTuple",
    codes.UNREADABLE: "unreadable",
    codes.SAFETENSORS_ARRAY: "safetensors",
    codes.CUSTOM: "custom",
}
"""The name of each kind of leaf: the writer's word, if there is one."""

STORES = {
    "database": "OCDBT",
    "process": "OCDBT",
    "one_of_processes": "OCDBT",
    "files": "files",
    "aggregate": "msgpack",
    "safetensors": "safetensors",
}
"""What arrays are stored in, for each kind of place."""

_ARRAYS = frozenset({codes.JAX_ARRAY, codes.NUMPY_ARRAY, codes.SAFETENSORS_ARRAY})


class Leaf:
    """What is known of one distinct leaf, which several nodes may share.

    Attributes:
        kind: one of `orbscan.reading.codes`.
        shape: in elements, () for a scalar; None for a leaf that is neither an array nor a scalar.
        dtype: the element type; None for a leaf that is neither an array nor a scalar.
        size: the number of elements; 0 for a leaf that is neither an array nor a scalar.
        itemsize: the bytes of one element in memory; 0 for a leaf without elements.
        nbytes: the bytes of the elements in memory.
        chunk_shape, write_shape: in elements; None if not known.
        sharding: its row in the table, or None.
        zarr: the array's stored document, or None.
        prng_impl: the implementation of a PRNG key, or None.
        error: why it cannot be read, or None.
        custom: what is known of the leaf of a custom handler, or None.
        place: where its value lies, a row of the table's `places`; None without a value, or one
            that was read.
    """

    __slots__ = (
        "chunk_shape",
        "custom",
        "dtype",
        "error",
        "itemsize",
        "kind",
        "nbytes",
        "place",
        "prng_impl",
        "shape",
        "sharding",
        "size",
        "write_shape",
        "zarr",
    )

    def __init__(
        self,
        table: Rows,
        described: _core.Leaf,
        place: tuple[_core.Place, str] | None,
    ) -> None:
        self.kind, array, sharding, self.write_shape, self.prng_impl = described[:5]
        self.error, self.custom = described[5:]
        self.place = place
        self.sharding = None if sharding < 0 else table.shardings[sharding]
        self.shape: tuple[int, ...] | None = None
        self.dtype: str | None = None
        self.chunk_shape: tuple[int, ...] | None = None
        self.zarr: _core.Zarr2 | _core.Zarr3 | None = None
        self.size = self.itemsize = self.nbytes = 0
        if array >= 0:
            self.shape, self.dtype, self.chunk_shape, self.zarr = table.arrays[array]
            self.size = prod(self.shape)
            self.itemsize = itemsize(self.dtype)
            self.nbytes = self.size * self.itemsize

    @property
    def value_type(self) -> str:
        """The writer's word for it, or that of its kind."""
        return VALUE_TYPES[self.kind] if self.custom is None else self.custom[0]

    @property
    def is_array(self) -> bool:
        """Whether it is an array, whatever it was saved from."""
        return self.kind in _ARRAYS

    @property
    def elements(self) -> int:
        """The elements of an array; 0 for a PRNG key and for leaves that are not arrays."""
        return self.size if self.is_array and self.prng_impl is None else 0


def distinct(table: _core.LeafTable) -> list[Leaf]:
    """Describe the distinct leaves of a table, in its order."""
    places = table.places
    return [
        Leaf(table, described, None if place < 0 else places[place])
        for described, place in zip(table.leaves, table.leaf_places, strict=True)
    ]


def leaves(table: _core.LeafTable) -> Iterator[tuple[tuple[str | int, ...], int, Leaf]]:
    """Walk a table in the order of the tree: yields keypath, node and leaf.

    An entry of a keypath is a key of a dict, a field of a namedtuple, or an index.
    """
    facts = distinct(table)
    children = {node: range(low, high) for node, _, low, high in table.containers}
    node_keys, node_leaves = table.node_keys, table.node_leaves
    if 0 not in children:
        yield (), 0, facts[node_leaves[0]]
        return
    # An explicit stack: a tree may be deeper than the stack of the interpreter. A million siblings
    # wait as one entry.
    waiting: list[tuple[tuple[str | int, ...], int, Iterator[int]]]
    waiting = [((), children[0].start, iter(children[0]))]
    while waiting:
        above, low, siblings = waiting[-1]
        for node in siblings:
            key = node_keys[node]
            keypath: tuple[str | int, ...] = (*above, node - low if key is None else key)
            if node in children:
                waiting.append((keypath, children[node].start, iter(children[node])))
                break
            yield keypath, node, facts[node_leaves[node]]
        else:
            waiting.pop()


def itemsize(dtype: str) -> int:
    """Return the bytes of one element in memory, where int4 takes a whole byte.

    >>> [itemsize(dtype) for dtype in ("bool", "bfloat16", "float8_e5m2", "int4", "complex64")]
    [1, 2, 1, 1, 8]
    """
    bits = dtype.partition("_")[0].lstrip("abcdefghijklmnopqrstuvwxyz")
    return max(int(bits or 8) // 8, 1)
