"""Makes from columns what only Orbax's older interface says about a pytree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.model.saved_tree import SavedTree
from orbscan.reading import codes

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import Keypath

_USUAL = frozenset({"bool", "int64", "float64", "complex128"})
"""The types as which Python's own scalars are saved."""


def saved_tree(name: str | None, table: _core.LeafTable, keypath: Keypath) -> SavedTree:
    """Describe a pytree; the arguments are its fields and its columns."""
    return SavedTree(name, keypath, tuple(unusual_scalars(table).items()))


def unusual_scalars(table: _core.LeafTable) -> dict[Keypath, str]:
    """Find the scalars that were not Python's own: for each keypath the name of the dtype."""
    dtypes = {
        number: dtype
        for number, (shape, dtype, *_) in enumerate(table.arrays)
        if not shape and dtype not in _USUAL
    }
    # Most trees have no such array, and then the leaves are not examined.
    found = {
        number: dtypes[leaf[1]]
        for number, leaf in enumerate(table.leaves if dtypes else ())
        if leaf[0] == codes.SCALAR and leaf[1] in dtypes
    }
    if not found:
        return {}
    nodes = [(node, leaf) for node, leaf in enumerate(table.node_leaves) if leaf in found]
    entries = _Entries(table)
    return {entries.keypath(node): found[leaf] for node, leaf in nodes}


class _Entries:
    """The entries of keypaths, by their nodes."""

    def __init__(self, table: _core.LeafTable) -> None:
        self._keys = table.node_keys
        self._parents: dict[int, tuple[int, int]] = {}
        for parent, _, low, high in table.containers:
            self._parents.update((node, (parent, node - low)) for node in range(low, high))

    def keypath(self, node: int) -> Keypath:
        entries: list[str | int] = []
        while node in self._parents:
            parent, place = self._parents[node]
            key = self._keys[node]
            entries.append(place if key is None else key)
            node = parent
        return tuple(reversed(entries))
