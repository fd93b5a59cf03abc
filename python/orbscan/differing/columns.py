"""The outline of a checkpoint, straight from its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan import codes
from orbscan.differing import leaf as kinds
from orbscan.differing.leaf import LeafSummary, key_dtype, scalar_dtype
from orbscan.differing.outline import DICT, LIST, NAMEDTUPLE, TUPLE, Outline
from orbscan.errors import located

if TYPE_CHECKING:
    from orbscan import _core

_KINDS = {
    codes.JAX_ARRAY: kinds.JAX_ARRAY,
    codes.NUMPY_ARRAY: kinds.NUMPY_ARRAY,
    # As which it is restored; the file does not say what it was.
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


def outline_of_checkpoint(path: str, checkpoint: _core.Checkpoint) -> Outline:
    """Describe the pytree of a checkpoint that `_core.read_pytree` has read."""
    (name, table), *_ = checkpoint.items
    shown = path if name is None else f"{path} ({name})"
    notes = tuple(
        located(reason, file, offset, in_body=in_body)
        for _, file, offset, in_body, reason in checkpoint.issues
    )
    if table is None:
        return Outline([None], [0], [], [LeafSummary(kinds.NONE)], shown, notes)
    return Outline(
        node_keys=table.node_keys,
        node_leaves=table.node_leaves,
        containers=[
            (node, _CONTAINERS.get(kind, NAMEDTUPLE), low, high)
            for node, kind, low, high in table.containers
        ],
        leaves=_leaves(table),
        shown=shown,
        notes=notes,
    )


def _leaves(table: _core.LeafTable) -> list[LeafSummary]:
    arrays, shardings = table.arrays, table.shardings
    found = []
    for kind, array, sharding, write_shape, implementation, error in table.leaves:
        if array < 0 or error is not None:
            found.append(LeafSummary(_KINDS[kind], error=error))
            continue
        shape, dtype, chunk_shape, zarr = arrays[array]
        if kind == codes.SCALAR:
            found.append(LeafSummary(kinds.SCALAR, (), scalar_dtype(dtype)))
            continue
        if implementation is not None:
            # The last dimension is that of the data of one key.
            shape, dtype = shape[:-1], key_dtype(implementation)
        row = None if sharding < 0 else shardings[sharding]
        leaf = LeafSummary(_KINDS[kind], shape, dtype, row, chunk_shape, write_shape, zarr)
        found.append(leaf)
    return found
