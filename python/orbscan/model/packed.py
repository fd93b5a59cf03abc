"""The document that `packing` writes: its parts, and how leaves are converted to rows and back."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import msgspec

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
from orbscan.model.namedtuples import OrbaxEmptyNamedTuple
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)

Shape: TypeAlias = tuple[int, ...]
Keypath: TypeAlias = tuple[str | int, ...]


class Array(msgspec.Struct, array_like=True, tag=0):
    """An `ArrayMetadata`: sharding and storage by their numbers, -1 for none."""

    shape: Shape
    dtype: str
    sharding: int
    storage: int
    prng_impl: str | None


class Numpy(msgspec.Struct, array_like=True, tag=1):
    """A `NumpyMetadata`, likewise."""

    shape: Shape
    dtype: str
    storage: int


class Unreadable(msgspec.Struct, array_like=True, tag=2):
    """An `UnreadableLeaf`, by the fields of its error; texts that hold paths are bytes."""

    kind: str
    reason: bytes
    file: bytes | None
    offset: int | None
    in_body: bool
    errno: int | None
    fault: str | None


class Plain(msgspec.Struct, array_like=True, tag=3):
    """A Python value, by its type and its text."""

    kind: str
    text: str


class Unsupported(msgspec.Struct, array_like=True, tag=4):
    """An `UnsupportedLeaf`."""

    typestr: str
    files: tuple[str, ...]
    stored_bytes: int


class Named(msgspec.Struct, array_like=True, tag=0):
    """A `NamedShardingMetadata`; the mesh as its shape and its ids."""

    shape: Shape
    axis_names: tuple[str, ...]
    partition_spec: tuple[str | tuple[str, ...] | None, ...]
    axis_types: tuple[str, ...] | None
    mesh: tuple[Shape, Shape] | None


class Single(msgspec.Struct, array_like=True, tag=1):
    """A `SingleDeviceShardingMetadata`."""

    device_str: str


class Positional(msgspec.Struct, array_like=True, tag=2):
    """A `PositionalShardingMetadata`."""

    shape: Shape
    memory_kind: str | None


class Zarr2(msgspec.Struct, array_like=True, tag=2):
    """A `Zarr2Metadata`."""

    shape: Shape
    dtype: str
    chunk_shape: Shape
    compression: tuple[str, int | None] | None
    order: str
    dimension_separator: str


class Zarr3(msgspec.Struct, array_like=True, tag=3):
    """A `Zarr3Metadata`."""

    shape: Shape
    dtype: str
    chunk_shape: Shape
    compression: tuple[str, int | None] | None
    inner_chunk_shape: Shape | None


class Parts(msgspec.Struct, array_like=True):
    """Distinct leaves, and the parts that they share."""

    leaves: list[Array | Numpy | Unreadable | Plain | Unsupported]
    shardings: list[Named | Single | Positional]
    storages: list[tuple[Shape | None, Shape | None, Zarr2 | Zarr3 | None]]


class Document(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The whole document; see `CheckpointMetadata` and `SavedTree` for fields with the same names.

    Attributes:
        keys: the distinct keys of mappings.
        classes: the classes of namedtuples: module, qualified name, fields.
        containers: for each container, breadth first, its kind, its length, and for a mapping the
            number of its keys.
        nodes: for each node, breadth first, the number of the leaf, or -1.
        parts: the leaves.
    """

    path: bytes
    init_timestamp_nsecs: str | None
    commit_timestamp_nsecs: str | None
    custom_metadata: str
    issues: list[tuple[str, bytes | None, str | None, bool, bytes]]
    saved: list[tuple[str | None, Keypath, tuple[tuple[Keypath, str], ...]]]
    keys: list[tuple[str, ...]]
    classes: list[tuple[str, str, tuple[str, ...]]]
    containers: list[tuple[int, int, int]]
    nodes: list[int]
    parts: Parts


def pack(leaves: list[Any]) -> Parts:
    """Convert distinct leaves to rows.

    Raises:
        TypeError: a leaf is of a kind that no read returns.
    """
    return _Packer().parts(leaves)


def unpacked(parts: Parts) -> list[Any]:
    """Convert rows back to leaves.

    Raises:
        Exception: a row is invalid.
    """
    shardings: list[Any] = [_sharding(row) for row in parts.shardings]
    storages: list[Any] = [_storage(*row) for row in parts.storages]
    # Found by the number -1.
    shardings.append(None)
    storages.append(None)
    return [_leaf(row, shardings, storages) for row in parts.leaves]


class _Packer:
    def __init__(self) -> None:
        self._shardings: dict[int, int] = {}
        self._storages: dict[int, int] = {}
        self._sharding_rows: list[Any] = []
        self._storage_rows: list[Any] = []

    def parts(self, leaves: list[Any]) -> Parts:
        rows = [self._row(leaf) for leaf in leaves]
        return Parts(rows, self._sharding_rows, self._storage_rows)

    def _row(self, leaf: Any) -> Any:
        if isinstance(leaf, ArrayMetadata):
            saved = leaf.sharding_metadata
            number = _number(saved, self._shardings, self._sharding_rows, _sharding_row)
            storage = self._storage(leaf.storage_metadata)
            return Array(leaf.shape, leaf.dtype.name, number, storage, leaf.prng_impl)
        if isinstance(leaf, NumpyMetadata):
            return Numpy(leaf.shape, leaf.dtype.name, self._storage(leaf.storage_metadata))
        if isinstance(leaf, UnreadableLeaf):
            return _unreadable_row(leaf.error)
        if isinstance(leaf, UnsupportedLeaf):
            return Unsupported(leaf.typestr, leaf.files, leaf.stored_bytes)
        return _plain_row(leaf)

    def _storage(self, storage: StorageMetadata | None) -> int:
        return _number(storage, self._storages, self._storage_rows, _storage_row)


def _number(value: Any, known: dict[int, int], rows: list[Any], row: Any) -> int:
    """The number of a part that leaves share; a new row if it is the first."""
    if value is None:
        return -1
    if id(value) not in known:
        known[id(value)] = len(rows)
        rows.append(row(value))
    return known[id(value)]


def _sharding_row(value: Any) -> Named | Single | Positional:
    match value:
        case NamedShardingMetadata():
            mesh = value.device_mesh
            return Named(
                value.shape,
                value.axis_names,
                value.partition_spec,
                value.axis_types,
                None if mesh is None else (mesh.shape, mesh.ids),
            )
        case SingleDeviceShardingMetadata():
            return Single(value.device_str)
        case PositionalShardingMetadata():
            return Positional(value.shape, value.memory_kind)
        case _:
            message = f"a {type(value).__name__} is not a sharding of orbscan"
            raise TypeError(message)


def _sharding(row: Named | Single | Positional) -> Any:
    match row:
        case Named():
            mesh = None if row.mesh is None else DeviceMesh(*row.mesh)
            return NamedShardingMetadata(
                row.shape, row.axis_names, row.partition_spec, row.axis_types, mesh
            )
        case Single():
            return SingleDeviceShardingMetadata(row.device_str)
        case Positional():
            return PositionalShardingMetadata(row.shape, row.memory_kind)


def _storage_row(value: StorageMetadata) -> Any:
    zarr = value.zarr_metadata
    if zarr is None:
        return value.chunk_shape, value.write_shape, None
    fields = msgspec.structs.asdict(zarr)
    del fields["zarr_format"]
    if zarr.compression is not None:
        fields["compression"] = (zarr.compression.algorithm, zarr.compression.level)
    made = Zarr2 if isinstance(zarr, Zarr2Metadata) else Zarr3
    return value.chunk_shape, value.write_shape, made(**fields)


def _storage(
    chunk_shape: Shape | None, write_shape: Shape | None, zarr: Zarr2 | Zarr3 | None
) -> StorageMetadata:
    if zarr is None:
        return StorageMetadata(chunk_shape, write_shape)
    fields = msgspec.structs.asdict(zarr)
    if zarr.compression is not None:
        fields["compression"] = Compression(*zarr.compression)
    made = Zarr2Metadata if isinstance(zarr, Zarr2) else Zarr3Metadata
    return StorageMetadata(chunk_shape, write_shape, made(**fields))


def _leaf(row: Any, shardings: list[Any], storages: list[Any]) -> Any:
    match row:
        case Array():
            return ArrayMetadata(
                row.shape,
                dtype_named(row.dtype),
                shardings[row.sharding],
                storages[row.storage],
                row.prng_impl,
            )
        case Numpy():
            return NumpyMetadata(row.shape, dtype_named(row.dtype), storages[row.storage])
        case Unreadable():
            return UnreadableLeaf(_error(row))
        case Unsupported():
            return UnsupportedLeaf(row.typestr, row.files, row.stored_bytes)
        case _:
            return _PLAIN[row.kind](row.text)


def _unreadable_row(error: errors.OrbscanError) -> Unreadable:
    errno = error.errno if isinstance(error, OSError) else None
    file = None if error.file is None else os.fsencode(error.file)
    reason = os.fsencode(error.reason)
    return Unreadable(error.kind, reason, file, error.offset, error.in_body, errno, error.fault)


def _error(row: Unreadable) -> errors.OrbscanError:
    kind: Any = row.kind
    fault: Any = row.fault
    return errors.error(
        kind,
        os.fsdecode(row.reason),
        None if row.file is None else os.fsdecode(row.file),
        row.offset,
        row.in_body,
        row.errno,
        fault=fault,
    )


_PLAIN: dict[str, Any] = {
    "NoneType": lambda _: None,
    "bool": lambda text: text == "True",
    "int": int,
    "float": float,
    "complex": complex,
    "str": str,
    "OrbaxEmptyNamedTuple": lambda _: OrbaxEmptyNamedTuple(),
}
"""For each name of a type, how its values are made from text."""


def _plain_row(leaf: object) -> Plain:
    name = type(leaf).__name__
    if type(leaf) not in {type(None), bool, int, float, complex, str, OrbaxEmptyNamedTuple}:
        message = f"a leaf of type {type(leaf).__qualname__} cannot be converted to bytes"
        raise TypeError(message)
    return Plain(name, leaf if isinstance(leaf, str) else repr(leaf))
