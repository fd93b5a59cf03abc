"""The compared properties of a leaf: plain values, wherever the leaf comes from."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.model.sharding import ShardingMetadata

JAX_ARRAY = "jax.Array"
NUMPY_ARRAY = "np.ndarray"
SCALAR = "scalar"
STRING = "string"
NONE = "None"
EMPTY_DICT = "Dict"
EMPTY_LIST = "List"
EMPTY_TUPLE = "Tuple"
EMPTY_NAMEDTUPLE = "NamedTuple"
UNREADABLE = "unreadable"

ARRAYS = frozenset({JAX_ARRAY, NUMPY_ARRAY})


class LeafSummary(NamedTuple):
    """What is known of a leaf; None if it is not known, or the leaf has no such thing.

    Attributes:
        kind: `jax.Array`, `np.ndarray`, `scalar`, `string`, `None`, `unreadable`; `Dict`, `List`,
            `Tuple`, `NamedTuple` for an empty container; `custom Config` for a leaf of a custom
            handler, whose word is `Config`; for anything else in a tree, the name of its class.
        shape: in elements, () for a scalar.
        dtype: the element type: `float32`; `key<threefry2x32>` for a typed PRNG key; for a scalar
            `bool`, `int`, `float` or `complex`, as it is restored.
        sharding: how an array of jax is laid over devices: a row as in `_core.Sharding`.
        chunk_shape: the shape of one stored chunk, in elements.
        write_shape: the shape of what one device wrote, in elements.
        zarr: more from the stored document: a row as in `_core.Zarr2` or `_core.Zarr3`.
        store: what it is stored in, a value of `leaves.STORES`. Whether processes have merged their
            databases does not matter.
        error: why the leaf cannot be read: (kind, file, offset, in_body, reason).
    """

    kind: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    sharding: _core.Sharding | None = None
    chunk_shape: tuple[int, ...] | None = None
    write_shape: tuple[int, ...] | None = None
    zarr: _core.Zarr2 | _core.Zarr3 | None = None
    store: str | None = None
    error: _core.Issue | None = None

    @property
    def is_array(self) -> bool:
        """Whether it is an array, of jax or of numpy."""
        return self.kind in ARRAYS

    @property
    def elements(self) -> int:
        """The elements of an array; 0 for a PRNG key and for leaves that are not arrays."""
        is_key = self.dtype is not None and self.dtype.startswith("key<")
        return 0 if self.shape is None or is_key or not self.is_array else prod(self.shape)

    @property
    def sharding_metadata(self) -> ShardingMetadata | None:
        """The sharding as `ArrayMetadata.sharding_metadata` has it."""
        from orbscan.reading.tree import sharding_of

        return None if self.sharding is None else sharding_of(self.sharding)


def custom(word: str) -> str:
    """The kind of leaves of a custom handler, by the handler's word for them."""
    return f"custom {word}"


def scalar_dtype(name: str) -> str:
    """Return the Python type as which a scalar is restored, whatever it was saved as.

    >>> [scalar_dtype(name) for name in ("bool", "uint8", "bfloat16", "complex64")]
    ['bool', 'int', 'float', 'complex']
    """
    if name == "bool":
        return name
    if name.startswith(("int", "uint")):
        return "int"
    return "complex" if name.startswith("complex") else "float"


def key_dtype(implementation: str) -> str:
    """Return the element type of typed PRNG keys of an implementation."""
    return f"key<{implementation}>"
