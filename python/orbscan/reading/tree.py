"""From columns to a pytree.

The extension module returns whole columns (see `_core.LeafTable`). Equal leaves were found in Rust:
each distinct one becomes one object here, which all its nodes share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan.model.dtypes import dtype_named
from orbscan.model.leaves import (
    ArrayMetadata,
    Compression,
    NumpyMetadata,
    StorageMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    Zarr2Metadata,
    Zarr3Metadata,
)
from orbscan.model.namedtuples import OrbaxEmptyNamedTuple, namedtuple_class
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.reading import codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    import numpy as np

    from orbscan import _core
    from orbscan.model.result import PyTreeMetadata
    from orbscan.model.sharding import ShardingMetadata

    Dresser: TypeAlias = Callable[[list[Any]], list[Any]]
    ZarrMetadata: TypeAlias = Zarr2Metadata | Zarr3Metadata


def assemble(table: _core.LeafTable, dressed: Dresser | None = None) -> PyTreeMetadata:
    """Build the tree that a table describes.

    Args:
        table: the columns.
        dressed: converts the object of each distinct leaf.

    Raises:
        FormatError: the installed ml_dtypes lacks an element type of the checkpoint.
    """
    objects = table.leaf_objects(_leaf_objects)
    if dressed is not None:
        objects = dressed(objects)
    values = table.values(objects)
    # Each is an object of its own, because a caller may fill it.
    for node, kind in table.empties:
        values[node] = {} if kind == codes.EMPTY_DICT else []
    makers = _MAKERS
    if table.namedtuples:
        makers = (*makers, *[namedtuple_class(*of)._make for of in table.namedtuples])
    for first, count, kind, low, high, keys in table.runs:
        held = values[low:high]
        if kind != codes.DICT:
            make = makers[kind - codes.LIST]
            values[first : first + count] = [make(row) for row in _rows(held, count)]
        elif count == 1:
            values[first] = dict(zip(keys, held))  # noqa: B905 - as below
        elif len(keys) == 1:
            (key,) = keys
            values[first : first + count] = [{key: value} for value in held]
        else:
            rows = _rows(held, count)
            # `strict` would cost a tenth of the whole loop, and a row has one value for each key.
            values[first : first + count] = [dict(zip(keys, row)) for row in rows]  # noqa: B905
    return values[0]


_MAKERS: tuple[Callable[[Sequence[Any]], object], ...] = (list, tuple)
"""What makes a container of its children, by its code, from that of lists on."""


def _rows(held: list[Any], count: int) -> Iterable[Sequence[Any]]:
    """Divide values into `count` rows of equal length."""
    if count == 1:
        return (held,)
    # The same iterator many times: each row takes its values from it one by one.
    return zip(*[iter(held)] * (len(held) // count), strict=True)


def _leaf_objects(table: _core.LeafTable) -> list[Any]:
    """Make each distinct leaf once, and each array and sharding that they share."""
    arrays = [_array(*described) for described in table.arrays]
    shardings: list[ShardingMetadata | None] = [sharding_of(row) for row in table.shardings]
    # Found by the index -1 of a leaf without a sharding.
    shardings.append(None)
    objects: list[Any] = []
    for kind, array, sharding, write_shape, prng_impl, error, custom in table.leaves:
        if kind == codes.JAX_ARRAY:
            shape, dtype, chunk_shape, zarr = arrays[array]
            storage = StorageMetadata(chunk_shape, write_shape, zarr)
            objects.append(ArrayMetadata(shape, dtype, shardings[sharding], storage, prng_impl))
        elif kind == codes.NUMPY_ARRAY:
            shape, dtype, chunk_shape, zarr = arrays[array]
            storage = StorageMetadata(chunk_shape, write_shape, zarr)
            objects.append(NumpyMetadata(shape, dtype, storage))
        elif kind == codes.SAFETENSORS_ARRAY:
            shape, dtype, *_ = arrays[array]
            objects.append(ArrayMetadata(shape, dtype))
        elif kind == codes.SCALAR:
            objects.append(_zero(table.arrays[array][1]))
        elif error is not None:
            objects.append(_unreadable(error))
        elif custom is not None:
            objects.append(UnsupportedLeaf(*custom))
        else:
            objects.append(_CONSTANTS[kind])
    return objects


_CONSTANTS: dict[int, object] = {
    codes.STRING: "string",
    codes.NONE: None,
    # Only until each is replaced by an object of its own.
    codes.EMPTY_DICT: None,
    codes.EMPTY_LIST: None,
    codes.EMPTY_TUPLE: (),
    codes.EMPTY_NAMEDTUPLE: OrbaxEmptyNamedTuple(),
}


def _array(
    shape: tuple[int, ...],
    dtype: str,
    chunk_shape: tuple[int, ...] | None,
    zarr: _core.Zarr2 | _core.Zarr3 | None,
) -> tuple[tuple[int, ...], np.dtype[Any], tuple[int, ...] | None, ZarrMetadata | None]:
    """Make what all leaves of one array share."""
    made = None if zarr is None else _zarr(shape, zarr)
    return shape, dtype_named(dtype), chunk_shape, made


def _zarr(shape: tuple[int, ...], zarr: _core.Zarr2 | _core.Zarr3) -> ZarrMetadata:
    stored_dtype, chunk_shape, described = zarr[1:4]
    compression = None if described is None else Compression(*described)
    # A structured type adds dimensions to an array that are missing from its document.
    shape = shape[: len(chunk_shape)]
    if zarr[0] == 2:  # noqa: PLR2004 - the number of the format
        return Zarr2Metadata(
            shape=shape,
            dtype=stored_dtype,
            chunk_shape=chunk_shape,
            compression=compression,
            order=zarr[4],
            dimension_separator=zarr[5],
        )
    return Zarr3Metadata(
        shape=shape,
        dtype=stored_dtype,
        chunk_shape=chunk_shape,
        compression=compression,
        inner_chunk_shape=zarr[4],
    )


def sharding_of(row: _core.Sharding) -> ShardingMetadata:
    """Make the value that a row describes."""
    fields: list[Any] = [*row[1:]]
    if row[0] == "single":
        return SingleDeviceShardingMetadata(*fields)
    if row[0] == "positional":
        return PositionalShardingMetadata(*fields)
    shape, axis_names, axis_types, partition_spec, mesh = fields
    device_mesh = None if mesh is None else DeviceMesh(*mesh)
    return NamedShardingMetadata(shape, axis_names, partition_spec, axis_types, device_mesh)


def _zero(dtype: str) -> complex:
    """Return the placeholder of a saved scalar: metadata has its type, but not its value."""
    if dtype == "bool":
        return False
    if dtype.startswith(("int", "uint")):
        return 0
    return 0j if dtype.startswith("complex") else 0.0


def _unreadable(described: _core.Issue) -> UnreadableLeaf:
    kind, file, offset, in_body, reason = described
    return UnreadableLeaf(errors.error(kind, reason, file, offset, in_body))
