"""What the rows of the tables must be, from what `orbscan.metadata` says of the same paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orbscan
from orbscan.showing import keypaths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.scanning.entry import CheckpointEntry

Row = dict[str, Any]
Keypath = tuple[str | int, ...]

# The columns that differ between leaves of one checkpoint.
LEAF_COLUMNS = (
    *("checkpointable", "keypath", "keys", "value_type", "shape", "chunk_shape", "write_shape"),
    *("dtype", "size", "nbytes", "prng_impl"),
    *("sharding_type", "mesh_shape", "axis_names", "partition_spec", "device", "error_kind"),
)


def trees(entry: CheckpointEntry) -> dict[str | None, Any]:
    """The trees of a checkpoint by name; None for what is not a pytree, or cannot be read."""
    return {name: _tree(entry, name) for name in entry.names}


def _tree(entry: CheckpointEntry, name: str | None) -> Any:
    try:
        return orbscan.metadata(entry, "AUTO" if entry.kind == "safetensors" else name).metadata
    except (orbscan.OrbscanError, ValueError):
        return None


def leaf_rows(entry: CheckpointEntry) -> list[Row]:
    """One row for each leaf of a checkpoint, in the order of the trees."""
    return [
        {**_leaf_row(keypath, leaf), "checkpointable": name}
        for name, tree in trees(entry).items()
        # A leaf may be None too, but no tree of the corpus is a single such leaf.
        if tree is not None
        for keypath, leaf in _leaves(tree)
    ]


def _leaves(tree: Any, keypath: Keypath = ()) -> Iterator[tuple[Keypath, Any]]:
    if isinstance(tree, dict) and tree:
        for key, child in tree.items():
            yield from _leaves(child, (*keypath, key))
    elif isinstance(tree, list) and tree:
        for index, child in enumerate(tree):
            yield from _leaves(child, (*keypath, index))
    else:
        yield keypath, tree


def _leaf_row(keypath: Keypath, leaf: Any) -> Row:
    row: Row = dict.fromkeys(LEAF_COLUMNS)
    row |= {
        "keypath": keypaths.keypath(keypath),
        "keys": [
            {"key": None, "index": key} if isinstance(key, int) else {"key": key, "index": None}
            for key in keypath
        ],
        "value_type": _value_type(leaf),
        "size": 0,
        "nbytes": 0,
    }
    if isinstance(leaf, orbscan.UnreadableLeaf):
        row |= {"size": None, "nbytes": None, "error_kind": leaf.error.kind}
    elif isinstance(leaf, orbscan.UnsupportedLeaf):
        row |= {"size": None, "nbytes": None}
    elif row["value_type"] == "scalar":
        # The tree holds a zero in its place: of its type only Python's kind is left.
        row |= {"shape": [], "size": 1, "dtype": ..., "nbytes": ..., "chunk_shape": ...}
    elif isinstance(leaf, (orbscan.ArrayMetadata, orbscan.NumpyMetadata)):
        storage = leaf.storage_metadata
        row |= {
            "shape": [*leaf.shape],
            "dtype": str(leaf.dtype),
            "size": leaf.size,
            "nbytes": leaf.nbytes,
            "chunk_shape": _list(None if storage is None else storage.chunk_shape),
            "write_shape": _list(None if storage is None else storage.write_shape),
        }
    if isinstance(leaf, orbscan.ArrayMetadata):
        row |= {"prng_impl": leaf.prng_impl, **_sharding(leaf.sharding_metadata)}
    return row


def _value_type(leaf: Any) -> str:
    if isinstance(leaf, orbscan.ArrayMetadata):
        return "jax.Array" if leaf.storage_metadata is not None else "safetensors"
    if isinstance(leaf, orbscan.UnsupportedLeaf):
        return leaf.typestr
    for kind, name in (
        (orbscan.NumpyMetadata, "np.ndarray"),
        (orbscan.UnreadableLeaf, "unreadable"),
        (str, "string"),
        (type(None), "None"),
        (dict, "Dict"),
        (list, "List"),
    ):
        if isinstance(leaf, kind):
            return name
    if isinstance(leaf, tuple):
        return "Tuple" if type(leaf) is tuple else "NamedTuple"
    return "scalar"


def _sharding(sharding: Any) -> Row:
    if isinstance(sharding, orbscan.NamedShardingMetadata):
        spec = ", ".join(map(repr, sharding.partition_spec))
        return {
            "sharding_type": "NamedSharding",
            "mesh_shape": [*sharding.shape],
            "axis_names": [*sharding.axis_names],
            "partition_spec": f"P({spec})",
        }
    if isinstance(sharding, orbscan.SingleDeviceShardingMetadata):
        return {"sharding_type": "SingleDeviceSharding", "device": sharding.device_str}
    if isinstance(sharding, orbscan.PositionalShardingMetadata):
        return {"sharding_type": "PositionalSharding", "mesh_shape": [*sharding.shape]}
    return {}


def _list(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else [*shape]


def totals(entry: CheckpointEntry) -> Row:
    """The sums of the table of checkpoints; None where no pytree was read."""
    if all(tree is None for tree in trees(entry).values()):
        return {"leaves": None, "parameters": None, "elements": None}
    rows = leaf_rows(entry)
    counted = {"jax.Array", "np.ndarray", "safetensors"}
    arrays = [row for row in rows if row["value_type"] in counted and row["prng_impl"] is None]
    return {
        "leaves": len(rows),
        "parameters": sum(row["size"] for row in parameters(rows) if row in arrays),
        "elements": sum(row["size"] for row in arrays),
    }


def parameters(rows: list[Row]) -> list[Row]:
    """The rows of the leaves that are parameters."""
    keypaths = [
        [*([] if row["checkpointable"] is None else [row["checkpointable"]])]
        + [key["key"] for key in row["keys"]]
        for row in rows
    ]
    levels = [_level(keypath) for keypath in keypaths]
    nearest = min((level for level in levels if level is not None), default=None)
    if nearest is None:
        return [
            row for row, keys in zip(rows, keypaths, strict=True) if _OPTIMIZER.isdisjoint(keys)
        ]
    found = zip(rows, keypaths, levels, strict=True)
    parts = [
        (row, keys[: nearest + 1], keys[nearest + 1 :])
        for row, keys, level in found
        if level == nearest
    ]
    inner = [part for _, part, rest in parts if rest and rest[0] in _PARAMETERS]
    return [
        row for row, part, rest in parts if part not in inner or (rest and rest[0] in _PARAMETERS)
    ]


def _level(keypath: list[str | None]) -> int | None:
    """How many keys stand above the one that says that parameters follow."""
    for level, key in enumerate(keypath):
        if key in _OPTIMIZER:
            return None
        if key in _PARAMETERS:
            return level
    return None


_PARAMETERS = {"params", "parameters", "model_params"}
_OPTIMIZER = {
    *("opt_state", "opt_states", "optimizer", "optimizer_state", "optimizer_states"),
    "optimizer_variables",
}
