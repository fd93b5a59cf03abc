"""A leaf of a table in words. Pure: a leaf in, a text out.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.reading import codes
from orbscan.reading.facts import VALUE_TYPES
from orbscan.reading.totals import element_type
from orbscan.showing.text import brackets, grid, partition, printable, spec_on_mesh

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from orbscan.reading.facts import Leaf

    MeshShape: TypeAlias = tuple[tuple[int, ...], tuple[str, ...]]

_EMPTY_TYPES = {
    codes.EMPTY_DICT: "{}",
    codes.EMPTY_LIST: "[]",
    codes.EMPTY_TUPLE: "()",
    codes.EMPTY_NAMEDTUPLE: "namedtuple()",
}


def leaf_type(leaf: Leaf) -> str:
    """What a leaf is: `float32[8,16]`, `key<threefry2x32>[]`, `scalar int64`, `custom Config`."""
    if leaf.kind == codes.SCALAR:
        return f"scalar {leaf.dtype}"
    if leaf.custom is not None:
        return printable(f"custom {leaf.value_type}")
    if leaf.shape is None:
        return _EMPTY_TYPES.get(leaf.kind, VALUE_TYPES[leaf.kind])
    # The last dimension of a key's data is not one of the key.
    shape = leaf.shape if leaf.prng_impl is None else leaf.shape[:-1]
    return f"{element_type(leaf)}{brackets(shape)}"


def leaf_sharding(leaf: Leaf, common: MeshShape | None = None) -> str:
    """How a leaf was laid over devices: `P('x', None) on 4x2 (x, y)`, `cpu:0`, `numpy`.

    A mesh that is `common` to all leaves is left out.
    """
    if leaf.kind == codes.NUMPY_ARRAY:
        return "numpy"
    row = leaf.sharding
    if row is None:
        return ""
    if row[0] == "single":
        return printable(row[1])
    if row[0] == "positional":
        return f"positional {grid(row[1])}"
    if row[1:3] == common:
        return partition(row[4])
    return spec_on_mesh(row[4], row[1], row[2])


def common_mesh(facts: Iterable[Leaf]) -> MeshShape | None:
    """Return the shape and axes of the mesh that all leaves with a named sharding share."""
    rows = (leaf.sharding for leaf in facts)
    meshes = {row[1:3] for row in rows if row is not None and row[0] == "named"}
    return meshes.pop() if len(meshes) == 1 else None
