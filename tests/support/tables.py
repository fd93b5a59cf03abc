"""Columns as the extension module would hand them over, made from small trees written in tests.

>>> table({"a": array((2,)), "b": [scalar("int64")]}).node_keys
[None, 'a', 'b', None]
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from orbscan.reading import codes

if TYPE_CHECKING:
    from orbscan import _core


class Spec(NamedTuple):
    """One leaf, written out: no indices, and what does not matter left at its default."""

    kind: int
    array: Any = None
    sharding: Any = None
    write_shape: tuple[int, ...] | None = None
    prng_impl: str | None = None
    error: tuple[str, str | None, int | None, bool, str] | None = None
    place: tuple[str, str] | None = None
    custom: tuple[str, tuple[str, ...], int] | None = None


DATABASE = ("database", "")

STRING = Spec(codes.STRING)
NONE = Spec(codes.NONE)
EMPTY_DICT = Spec(codes.EMPTY_DICT)
EMPTY_LIST = Spec(codes.EMPTY_LIST)
EMPTY_TUPLE = Spec(codes.EMPTY_TUPLE)
EMPTY_NAMEDTUPLE = Spec(codes.EMPTY_NAMEDTUPLE)


def array(  # noqa: PLR0913 - each has a default
    shape: tuple[int, ...],
    dtype: str = "float32",
    *,
    chunk_shape: tuple[int, ...] | None = None,
    write_shape: tuple[int, ...] | None = None,
    sharding: Any = None,
    zarr: Any = None,
    prng_impl: str | None = None,
    place: tuple[str, str] | None = DATABASE,
) -> Spec:
    """Describe an array of jax; its chunk is the whole array unless said otherwise."""
    chunk_shape = shape if chunk_shape is None else chunk_shape
    row = (shape, dtype, chunk_shape, zarr)
    return Spec(codes.JAX_ARRAY, row, sharding, write_shape, prng_impl, place=place)


def numpy_array(shape: tuple[int, ...], dtype: str = "float32") -> Spec:
    """Describe an array of numpy in one chunk."""
    return Spec(codes.NUMPY_ARRAY, (shape, dtype, shape, None), place=DATABASE)


def safetensors_array(shape: tuple[int, ...], dtype: str = "float32") -> Spec:
    """Describe an array of a safetensors file."""
    place = ("safetensors", "model.safetensors")
    return Spec(codes.SAFETENSORS_ARRAY, (shape, dtype, None, None), place=place)


def scalar(dtype: str) -> Spec:
    """Describe a scalar."""
    return Spec(codes.SCALAR, ((), dtype, (), None), place=DATABASE)


def unreadable(reason: str, file: str | None = None, offset: int | None = None) -> Spec:
    """Describe a leaf whose metadata is damaged."""
    return Spec(codes.UNREADABLE, error=("malformed", file, offset, False, reason))


def custom(word: str, files: tuple[str, ...] = (), stored: int = 0) -> Spec:
    """Describe a leaf of a custom handler."""
    return Spec(codes.CUSTOM, custom=(word, files, stored))


def named(
    shape: tuple[int, ...],
    axis_names: tuple[str, ...],
    partition_spec: tuple[Any, ...],
    *,
    axis_types: tuple[str, ...] | None = None,
    ids: tuple[int, ...] | None = None,
) -> Any:
    """Describe a named sharding, over the devices `ids` if they are given."""
    mesh = None if ids is None else (shape, ids)
    return ("named", shape, axis_names, axis_types, partition_spec, mesh)


def table(tree: Any) -> _core.LeafTable:
    """Lay a tree of dicts, lists, tuples, namedtuples and `Spec` out in columns."""
    nodes: list[tuple[str | None, Any, str]] = [(None, tree, "")]
    columns = SimpleNamespace(
        node_keys=[], node_leaves=[], containers=[], runs=[], namedtuples=[], leaves=[],
        arrays=[], shardings=[], places=[], leaf_places=[],
    )  # fmt: skip
    names: list[str | None] = []
    # The list grows while it is walked, which makes the order breadth first.
    for at, (key, node, name) in enumerate(nodes):
        columns.node_keys.append(key)
        if isinstance(node, Spec):
            columns.node_leaves.append(_leaf(columns, node))
            names.append(name)
            continue
        columns.node_leaves.append(-1)
        names.append(None)
        kind, children = _children(columns, node)
        low, high = len(nodes), len(nodes) + len(children)
        columns.containers.append((at, kind, low, high))
        # Each alone, as the extension module has those that are unlike their neighbours.
        columns.runs.append((at, 1, kind, low, high, tuple(key for key, _ in children)))
        nodes += [
            (child_key, child, f"{name}.{child_key or index}".lstrip("."))
            for index, (child_key, child) in enumerate(children)
        ]
    columns.containers.reverse()
    columns.runs.reverse()
    columns.node_name = names.__getitem__
    columns.leaf_objects = lambda make: make(columns)
    columns.values = lambda made: [None if leaf < 0 else made[leaf] for leaf in columns.node_leaves]
    columns.empties = [
        (node, columns.leaves[leaf][0])
        for node, leaf in enumerate(columns.node_leaves)
        if leaf >= 0 and columns.leaves[leaf][0] in {codes.EMPTY_DICT, codes.EMPTY_LIST}
    ]
    return cast("_core.LeafTable", columns)


def checkpoint(tree: Any, *, name: str | None = "state", **fields: Any) -> _core.Checkpoint:
    """Wrap a tree as what `_core.read_pytree` returns."""
    return checkpoint_of({name: tree}, **fields)


def checkpoint_of(trees: dict[Any, Any], **fields: Any) -> _core.Checkpoint:
    """Wrap trees as what `_core.read_checkpointables` returns; a tree can be None."""
    items = [(name, None if tree is None else table(tree)) for name, tree in trees.items()]
    defaults: dict[str, Any] = {
        "layout": "v1",
        "init_timestamp_nsecs": None,
        "commit_timestamp_nsecs": None,
        "custom_metadata": None,
        "issues": [],
        "items": items,
        "unread": [],
        "unreadable": [],
        "handlers": None,
    }
    return cast("_core.Checkpoint", SimpleNamespace(**(defaults | fields)))


def _children(columns: Any, node: Any) -> tuple[int, list[tuple[str | None, Any]]]:
    if isinstance(node, dict):
        return codes.DICT, list(node.items())
    if isinstance(node, list):
        return codes.LIST, [(None, child) for child in node]
    if not hasattr(node, "_fields"):
        return codes.TUPLE, [(None, child) for child in node]
    described = (type(node).__module__, type(node).__qualname__, node._fields)
    kind = codes.FIRST_NAMEDTUPLE + _index(columns.namedtuples, described)
    return kind, list(zip(node._fields, node, strict=True))


def _leaf(columns: Any, leaf: Spec) -> int:
    array_index = -1 if leaf.array is None else _index(columns.arrays, leaf.array)
    sharding = -1 if leaf.sharding is None else _index(columns.shardings, leaf.sharding)
    known = (leaf.write_shape, leaf.prng_impl, leaf.error, leaf.custom)
    row = (leaf.kind, array_index, sharding, *known)
    place = -1 if leaf.place is None else _index(columns.places, leaf.place)
    rows = [*zip(columns.leaves, columns.leaf_places, strict=True)]
    if (row, place) not in rows:
        columns.leaves.append(row)
        columns.leaf_places.append(place)
        return len(rows)
    return rows.index((row, place))


def _index(rows: list[Any], row: Any) -> int:
    """Find a row, which is added if it is new."""
    if row not in rows:
        rows.append(row)
    return rows.index(row)
