"""The arrays of a checkpoint that was read as columns, for a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.planning.array import Array, collected, named, scalar
from orbscan.reading import codes
from orbscan.reading.facts import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orbscan import _core
    from orbscan.aliases import Keypath
    from orbscan.reading.facts import Leaf


def arrays(
    items: Iterable[tuple[str | None, _core.LeafTable | None]],
    wanted: Callable[[str | None, Keypath], bool] | None = None,
) -> tuple[list[tuple[Keypath, Array]], int]:
    """Find the arrays of some checkpointables.

    Args:
        items: their names and tables, as those of a `_core.Checkpoint`. Keypaths begin with the
            name if there are several.
        wanted: whether to include a leaf, by the name of its checkpointable and its keypath; None
            for all.

    Returns:
        the keypath and the array of each leaf with bytes, and how many leaves are unreadable.
    """
    tables = [(name, table) for name, table in items if table is not None]
    # Leaves are distinguished by identity: those of all tables live until the last is counted.
    every = [leaf for name, table in tables for leaf in _leaves(name, table, len(tables), wanted)]
    return collected(every, _array, lambda leaf: leaf.kind in _UNKNOWN)


def _leaves(
    name: str | None,
    table: _core.LeafTable,
    tables: int,
    wanted: Callable[[str | None, Keypath], bool] | None,
) -> Iterator[tuple[Keypath, Leaf]]:
    above = () if name is None or tables == 1 else (name,)
    return (
        ((*above, *entries), leaf)
        for entries, _, leaf in leaves(table)
        if wanted is None or wanted(name, entries)
    )


_UNKNOWN = frozenset({codes.UNREADABLE, codes.CUSTOM})
"""The kinds of leaves whose number of bytes is not known."""


def _array(leaf: Leaf) -> Array | None:
    """The properties of a leaf that a plan needs; None for a leaf without bytes."""
    if leaf.shape is None or leaf.dtype is None:
        return None
    if leaf.kind == codes.SCALAR:
        is_complex = leaf.dtype.startswith("complex")
        return scalar(bool if leaf.dtype == "bool" else complex if is_complex else float)
    common = (leaf.shape, leaf.itemsize, leaf.chunk_shape)
    if leaf.kind == codes.NUMPY_ARRAY:
        return Array(*common, "numpy")
    row = leaf.sharding
    if row is None:
        return Array(*common, "unknown")
    if row[0] == "named":
        _, shape, axis_names, _, spec, _ = row
        return named(common, spec, axis_names, shape)
    return Array(*common, row[0])
