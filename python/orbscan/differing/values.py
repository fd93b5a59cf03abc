"""A tree in memory as a side: metadata, abstract arrays, or a state in training.

Plain containers are walked here; for containers that are registered with jax, jax is called, which
was imported long before. Nothing here imports it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orbscan.differing import leaf as kinds
from orbscan.differing.leaf import LeafSummary, key_dtype, scalar_dtype
from orbscan.differing.outline import DICT, LIST, NAMEDTUPLE, TUPLE, Outline
from orbscan.differing.shardings import row_of_jax, row_of_metadata
from orbscan.differing.side import Item, Side
from orbscan.model.leaves import (
    ArrayMetadata,
    NumpyMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    Zarr2Metadata,
    own,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from orbscan import _core
    from orbscan.differing.outline import Container
    from orbscan.errors import OrbscanError
    from orbscan.model.leaves import StorageMetadata, Zarr3Metadata
    from orbscan.model.result import Issue

    Members = tuple[str, list[str | None], list[Any]]

_EMPTY = {
    DICT: kinds.EMPTY_DICT,
    LIST: kinds.EMPTY_LIST,
    TUPLE: kinds.EMPTY_TUPLE,
    NAMEDTUPLE: kinds.EMPTY_NAMEDTUPLE,
}
_PLAIN_LEAVES = (bool, int, float, complex, str)
_LEAF_CLASSES: frozenset[type] = frozenset(
    {*_PLAIN_LEAVES, type(None), ArrayMetadata, NumpyMetadata, UnreadableLeaf, UnsupportedLeaf}
)

# The short names of the implementations of PRNG keys in jax's element types.
_PRNG_IMPLS = {"fry": "threefry2x32", "rbg": "rbg", "urbg": "unsafe_rbg"}


def side_of_tree(
    tree: object, shown: str, issues: Iterable[Issue] = (), *, has_values: bool = True
) -> Side:
    """Describe a tree as a side of a comparison.

    Args:
        tree: the tree.
        shown: its name.
        issues: the faults that were tolerated when it was read.
        has_values: whether numbers and strings in it are values, not placeholders for their types.

    Raises as `outline_of_tree` does.
    """
    rows = tuple((at.kind, at.file, at.offset, at.in_body, at.reason) for at in issues)
    outline, nodes = _outlined(tree)
    item = Item(None, outline, origin=nodes if has_values else None)
    return Side(shown, (item,), chosen=True, issues=rows)


def outline_of_tree(tree: object) -> Outline:
    """Describe a tree.

    Raises:
        ValueError: two keys of one dict are equal as text, which is how they would be saved.
    """
    outline, _ = _outlined(tree)
    return outline


def _outlined(tree: object) -> tuple[Outline, list[Any]]:
    """Describe a tree, and list its nodes."""
    node_keys: list[str | None] = [None]
    node_leaves: list[int] = []
    containers: list[Container] = []
    nodes: list[Any] = [tree]
    leaves = _Leaves()
    leaf_classes: set[type] = {*_LEAF_CLASSES}
    # The list grows during the loop, which makes the order breadth first.
    for at, node in enumerate(nodes):
        members = None if type(node) in leaf_classes else _members(node)
        if members is None:
            # Only the class determines what is a container.
            leaf_classes.add(type(node))
            node_leaves.append(leaves.index(node))
            continue
        kind, keys, children = members
        if not children:
            node_leaves.append(leaves.index_of_empty(_EMPTY[kind]))
            continue
        node_leaves.append(-1)
        containers.append((at, kind, len(nodes), len(nodes) + len(children)))
        nodes += children
        node_keys += keys
    containers.reverse()
    return Outline(node_keys, node_leaves, containers, leaves.found), nodes


def _members(node: Any) -> Members | None:
    """The kind of a container, the keys of its members and the members; None for a leaf."""
    cls = type(node)
    if cls is dict:
        return DICT, _texts(node), [*node.values()]
    if cls is list or cls is tuple:
        return (LIST if cls is list else TUPLE), [None] * len(node), [*node]
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return NAMEDTUPLE, [*node._fields], [*node]
    return _registered(node) if "jax" in sys.modules else _subclass(node)


def _registered(node: Any) -> Members | None:
    """The members of a node, according to jax."""
    import jax

    # This stops below the node itself.
    found, _ = jax.tree_util.tree_flatten_with_path(node, is_leaf=lambda child: child is not node)
    if len(found) == 1 and not found[0][0]:
        return None
    if not found:
        # An object without members is saved like an empty namedtuple.
        return _subclass(node) or (NAMEDTUPLE, [], [])
    entries = [path[0] for path, _ in found]
    children = [child for _, child in found]
    ordered = (jax.tree_util.SequenceKey, jax.tree_util.FlattenedIndexKey)
    if all(isinstance(entry, ordered) for entry in entries):
        return LIST, [None] * len(children), children
    return DICT, _texts([_name(entry) for entry in entries]), children


def _name(entry: Any) -> object:
    """The name under which Orbax saves a member of a registered node."""
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return entry


def _subclass(node: Any) -> Members | None:
    """The members of a container whose class is derived from a plain one."""
    if isinstance(node, Mapping):
        return DICT, _texts(node), [*node.values()]
    if isinstance(node, list | tuple):
        return (LIST if isinstance(node, list) else TUPLE), [None] * len(node), [*node]
    return None


def _texts(keys: Any) -> list[str | None]:
    """Keys as they are saved.

    Raises:
        ValueError: two of them are equal as text.
    """
    texts: list[str | None] = [key if isinstance(key, str) else str(key) for key in keys]
    if len(set(texts)) != len(texts):
        [(twice, _)] = Counter(texts).most_common(1)
        message = f"two keys of one dict would both be saved as the text {twice!r}"
        raise ValueError(message)
    return texts


class _Leaves:
    """The distinct leaves seen so far.

    Attributes:
        found: each of them once.
    """

    def __init__(self) -> None:
        self.found: list[LeafSummary] = []
        self._indices: dict[Hashable, int] = {}
        # Leaves of metadata are few objects in many places. The tree keeps them alive, and
        # therefore their ids.
        self._objects: dict[int, int] = {}
        self._rows: dict[Hashable, _core.Sharding | None] = {}
        # numpy composes the name of an element type anew each time.
        self._dtypes: dict[Hashable, str] = {}

    def index(self, leaf: Any) -> int:
        """The index of a leaf, which is added if it is new."""
        index = self._objects.get(id(leaf))
        if index is None:
            index = self._objects[id(leaf)] = self._add(self._summary(leaf))
        return index

    def index_of_empty(self, kind: str) -> int:
        """The index of an empty container."""
        return self._add(LeafSummary(kind))

    def _add(self, leaf: LeafSummary) -> int:
        # By the id of its sharding, because rows are shared and can have thousands of devices.
        key = (*leaf[:3], id(leaf.sharding), *leaf[4:])
        if key not in self._indices:
            self._indices[key] = len(self.found)
            self.found.append(leaf)
        return self._indices[key]

    def _summary(self, leaf: Any) -> LeafSummary:
        leaf = own(leaf)
        if isinstance(leaf, ArrayMetadata):
            return self._array(leaf)
        if isinstance(leaf, NumpyMetadata):
            storage = _storage(leaf.storage_metadata)
            dtype = self._dtype(leaf.dtype)
            return LeafSummary(kinds.NUMPY_ARRAY, leaf.shape, dtype, None, *storage)
        if isinstance(leaf, UnreadableLeaf):
            return LeafSummary(kinds.UNREADABLE, error=_error(leaf.error))
        if isinstance(leaf, UnsupportedLeaf):
            return LeafSummary(kinds.custom(leaf.typestr))
        return _plain(leaf) or self._any_array(leaf)

    def _array(self, leaf: ArrayMetadata) -> LeafSummary:
        saved = leaf.sharding_metadata
        row = None if saved is None else self._row(saved, row_of_metadata)
        shape, dtype = leaf.shape, self._dtype(leaf.dtype)
        if leaf.prng_impl is not None:
            # The last dimension is that of the data of one key.
            shape, dtype = shape[:-1], key_dtype(leaf.prng_impl)
        return LeafSummary(kinds.JAX_ARRAY, shape, dtype, row, *_storage(leaf.storage_metadata))

    def _any_array(self, leaf: Any) -> LeafSummary:
        """Describe an array of any library; its attributes identify it, as in Orbax."""
        cls = type(leaf)
        shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
        if shape is None or dtype is None:
            return LeafSummary(f"{cls.__module__}.{cls.__qualname__}")
        name = self._dtype(dtype)
        if _is_numpy_scalar(leaf):
            return LeafSummary(kinds.SCALAR, (), scalar_dtype(name))
        if not hasattr(cls, "sharding") and not hasattr(leaf, "sharding"):
            return LeafSummary(kinds.NUMPY_ARRAY, tuple(shape), name)
        sharding = leaf.sharding
        row = None if sharding is None else self._row(sharding, row_of_jax)
        return LeafSummary(kinds.JAX_ARRAY, tuple(shape), name, row)

    def _dtype(self, dtype: Any) -> str:
        if dtype not in self._dtypes:
            self._dtypes[dtype] = _dtype_name(dtype)
        return self._dtypes[dtype]

    def _row(self, sharding: Any, convert: Any) -> _core.Sharding | None:
        if sharding not in self._rows:
            self._rows[sharding] = convert(sharding)
        return self._rows[sharding]


def _error(error: OrbscanError) -> _core.Issue:
    return (error.kind, error.file, error.offset, error.in_body, error.reason)


def _plain(leaf: object) -> LeafSummary | None:
    """Describe None and Python's numbers and strings: their values are not part of metadata."""
    if leaf is None:
        return LeafSummary(kinds.NONE)
    # An abstract tree can have the type of a scalar in its place.
    cls = leaf if isinstance(leaf, type) else type(leaf)
    plain = next((known for known in _PLAIN_LEAVES if issubclass(cls, known)), None)
    if plain is str:
        return LeafSummary(kinds.STRING)
    return None if plain is None else LeafSummary(kinds.SCALAR, (), plain.__name__)


def _dtype_name(dtype: Any) -> str:
    """The name of an element type; for a PRNG key as orbscan shows it."""
    name = getattr(dtype, "name", None) or str(dtype)
    if name.startswith("key<"):
        short = name[4:-1]
        return key_dtype(_PRNG_IMPLS.get(short, short))
    return str(name)


def _is_numpy_scalar(leaf: object) -> bool:
    import numpy as np

    return isinstance(leaf, np.generic)


def _storage(
    storage: StorageMetadata | None,
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None, _core.Zarr2 | _core.Zarr3 | None]:
    if storage is None:
        return None, None, None
    zarr = storage.zarr_metadata
    return storage.chunk_shape, storage.write_shape, None if zarr is None else _zarr(zarr)


def _zarr(zarr: Zarr2Metadata | Zarr3Metadata) -> _core.Zarr2 | _core.Zarr3:
    packed = zarr.compression
    compression = None if packed is None else (packed.algorithm, packed.level)
    if isinstance(zarr, Zarr2Metadata):
        order, separator = zarr.order, zarr.dimension_separator
        return (2, zarr.dtype, zarr.chunk_shape, compression, order, separator)
    return (3, zarr.dtype, zarr.chunk_shape, compression, zarr.inner_chunk_shape)
