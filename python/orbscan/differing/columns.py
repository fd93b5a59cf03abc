"""A checkpoint as a side of a comparison, straight from its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.differing.leaf import LeafSummary, key_dtype, scalar_dtype
from orbscan.differing.outline import DICT, LIST, NAMEDTUPLE, TUPLE, Outline
from orbscan.differing.side import Item, Side
from orbscan.reading import codes
from orbscan.reading.facts import STORES
from orbscan.showing.text import natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan import _core

_KINDS = {
    codes.JAX_ARRAY: kinds.JAX_ARRAY,
    codes.NUMPY_ARRAY: kinds.NUMPY_ARRAY,
    # As it is restored; the file does not record what it was.
    codes.SAFETENSORS_ARRAY: kinds.JAX_ARRAY,
    codes.SCALAR: kinds.SCALAR,
    codes.STRING: kinds.STRING,
    codes.NONE: kinds.NONE,
    codes.EMPTY_DICT: kinds.EMPTY_DICT,
    codes.EMPTY_LIST: kinds.EMPTY_LIST,
    codes.EMPTY_TUPLE: kinds.EMPTY_TUPLE,
    codes.EMPTY_NAMEDTUPLE: kinds.EMPTY_NAMEDTUPLE,
    codes.UNREADABLE: kinds.UNREADABLE,
}
_CONTAINERS = {codes.DICT: DICT, codes.LIST: LIST, codes.TUPLE: TUPLE}


def side_of_checkpoint(
    path: str,
    checkpoint: _core.Checkpoint,
    others: Sequence[tuple[str | None, bool | None]] | None = None,
) -> Side:
    """Describe a checkpoint.

    Args:
        path: the path of the checkpoint.
        checkpoint: what `_core.read_everything` has read, or one pytree that was chosen.
        others: the checkpointables beside the chosen one, from `_core.others`; None if all were
            read.
    """
    faults = dict(checkpoint.unreadable)
    items = sorted(checkpoint.items, key=lambda item: natural(item[0] or ""))
    return Side(
        shown=path,
        items=tuple(
            Item(name, None if table is None else _outline(table), faults.get(name), table)
            for name, table in items
        ),
        chosen=others is not None,
        others=tuple(others or ()),
        issues=tuple(checkpoint.issues),
        path=path,
    )


def _outline(table: _core.LeafTable) -> Outline:
    return Outline(
        node_keys=table.node_keys,
        node_leaves=table.node_leaves,
        containers=[
            (node, _CONTAINERS.get(kind, NAMEDTUPLE), low, high)
            for node, kind, low, high in table.containers
        ],
        leaves=_leaves(table),
    )


def _leaves(table: _core.LeafTable) -> list[LeafSummary]:
    arrays, shardings = table.arrays, table.shardings
    # The place of a string has no name here: the tree itself also holds it.
    stores = [STORES.get(place) for place, _ in table.places]
    found = []
    for leaf, place in zip(table.leaves, table.leaf_places, strict=True):
        kind, array, sharding, write_shape, implementation, error, of_handler = leaf
        if of_handler is not None:
            found.append(LeafSummary(kinds.custom(of_handler[0])))
            continue
        if array < 0 or error is not None:
            found.append(LeafSummary(_KINDS[kind], error=error))
            continue
        shape, dtype, chunk_shape, zarr = arrays[array]
        store = None if place < 0 else stores[place]
        if kind == codes.SCALAR:
            found.append(LeafSummary(kinds.SCALAR, (), scalar_dtype(dtype), store=store))
            continue
        if implementation is not None:
            # The last dimension is that of the data of one key.
            shape, dtype = shape[:-1], key_dtype(implementation)
        row = None if sharding < 0 else shardings[sharding]
        of_storage = (chunk_shape, write_shape, zarr, store)
        found.append(LeafSummary(_KINDS[kind], shape, dtype, row, *of_storage))
    return found
