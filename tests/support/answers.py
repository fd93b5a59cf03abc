"""A reader's answer as plain JSON.

Whatever library gave it, an answer is reduced by its attributes alone, so orbscan and Orbax
are held to one form without importing either. An answer is

    {"ok": true, "result": RESULT}    or    {"ok": false, "error": ERROR}

where RESULT is a boolean, or an object with `path` (`<PATH>` stands for the folder of the
case), `metadata` (a tree), both timestamps in nanoseconds, and `custom_metadata`; ERROR has
`cls`, `bases` (class names in method resolution order), `message` and perhaps `caused_by`.
A tree node says by `k` what it is; `describe_tree` shows every kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# What `json.loads` may return; the schema above says which shape to expect where.
Json = Any

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def answer(ask: Callable[[], object], root: str) -> Json:
    """Asks, and describes what came back or what was raised; `root` is the folder of the case."""
    try:
        found = ask()
    except Exception as error:  # noqa: BLE001  every failure is an answer
        return {"ok": False, "error": describe_error(error, root)}
    return {"ok": True, "result": found if isinstance(found, bool) else describe(found, root)}


def describe(found: Any, root: str) -> Json:
    """An object shaped like `CheckpointMetadata`."""
    return {
        "path": None if found.path is None else _portable(str(found.path), root),
        "metadata": describe_tree(found.metadata, root),
        "init_timestamp_nsecs": found.init_timestamp_nsecs,
        "commit_timestamp_nsecs": found.commit_timestamp_nsecs,
        "custom_metadata": _describe_json(found.custom_metadata),
    }


def describe_tree(node: Any, root: str) -> Json:
    """A pytree of metadata: containers, arrays, place-holders of plain values."""
    if node is None:
        return {"k": "none"}
    if isinstance(node, bool | int | float | complex | str | bytes):
        return {"k": "value", "type": type(node).__name__, "repr": repr(node)}
    if isinstance(node, Mapping | list | tuple):
        return _describe_container(node, root)
    if hasattr(node, "shape") and hasattr(node, "dtype"):
        return _describe_array(node)
    text = _ADDRESS.sub("", _portable(repr(node), root))
    return {"k": "object", "cls": type(node).__name__, "repr": text}


def _describe_container(node: Any, root: str) -> Json:
    if isinstance(node, Mapping):
        items = [[_describe_key(key), describe_tree(child, root)] for key, child in node.items()]
        return {"k": "dict", "items": sorted(items, key=lambda item: item[0])}
    children = [describe_tree(child, root) for child in node]
    if hasattr(node, "_fields"):
        return {"k": "namedtuple", "fields": list(node._fields), "items": children}
    return {"k": "list" if isinstance(node, list) else "tuple", "items": children}


def describe_error(error: BaseException, root: str) -> Json:
    """An exception, and the first cause behind it if there is one."""
    bases = [base.__name__ for base in type(error).__mro__ if issubclass(base, Exception)]
    described = {**_describe_one_error(error, root), "bases": bases}
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if cause is not error:
        described["caused_by"] = [_describe_one_error(cause, root)]
    return described


def _describe_one_error(error: BaseException, root: str) -> Json:
    return {"cls": type(error).__name__, "message": _portable(str(error), root)}


def _portable(text: str, root: str) -> str:
    return text.replace(root, "<PATH>")


def _describe_key(key: object) -> list[str]:
    return [type(key).__name__, key if isinstance(key, str) else repr(key)]


def _describe_array(array: Any) -> Json:
    storage = getattr(array, "storage_metadata", None)
    described = {
        "k": "array",
        "shape": _integers(array.shape),
        "dtype": str(array.dtype),
        "chunk_shape": _integers(getattr(storage, "chunk_shape", None)),
        "write_shape": _integers(getattr(storage, "write_shape", None)),
    }
    # A leaf without the notion of a sharding is something else than one whose sharding is unknown.
    for member in ("sharding_metadata", "sharding"):
        if hasattr(array, member):
            described["sharding"] = _describe_sharding(getattr(array, member))
            break
    if (zarr := getattr(storage, "zarr_metadata", None)) is not None:
        described["zarr"] = _describe_zarr(zarr)
    return described


def _describe_sharding(sharding: Any) -> Json:
    if sharding is None:
        return None
    if hasattr(sharding, "device_str"):
        return {"kind": "single", "device_str": sharding.device_str}
    if not hasattr(sharding, "partition_spec"):
        return {"kind": "other", "repr": repr(sharding)}
    axis_types = sharding.axis_types
    return {
        "kind": "named",
        "shape": _integers(sharding.shape),
        "axis_names": list(sharding.axis_names),
        "axis_types": None if axis_types is None else [_axis_type(kind) for kind in axis_types],
        "partition_spec": [
            list(axes) if isinstance(axes, list | tuple) else axes
            for axes in sharding.partition_spec
        ],
        "device_mesh": _device_ids(sharding.device_mesh),
    }


def _axis_type(kind: Any) -> str:
    return str(getattr(kind, "name", kind))


def _device_ids(mesh: Any) -> Json:
    """The device numbers of a mesh, nested like the mesh itself."""
    devices = getattr(mesh, "mesh", mesh)
    if hasattr(devices, "tolist"):
        devices = devices.tolist()
    if isinstance(devices, list | tuple):
        return [_device_ids(part) for part in devices]
    return getattr(devices, "id", devices)


def _describe_zarr(zarr: Any) -> Json:
    """What the array's own zarr document says beyond shape and chunks."""
    described = {
        "zarr_format": zarr.zarr_format,
        "shape": _integers(zarr.shape),
        "dtype": str(zarr.dtype),
        "chunk_shape": _integers(zarr.chunk_shape),
        "compression": None if zarr.compression is None else str(zarr.compression),
    }
    if hasattr(zarr, "inner_chunk_shape"):
        described["inner_chunk_shape"] = _integers(zarr.inner_chunk_shape)
    else:
        described["order"] = zarr.order
        described["dimension_separator"] = zarr.dimension_separator
    return described


def _integers(values: Sequence[Any] | None) -> list[int] | None:
    return None if values is None else [int(value) for value in values]


def _describe_json(value: Any) -> Json:
    """JSON as it is, save the three numbers that JSON itself cannot spell."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, Mapping):
        return {key: _describe_json(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_describe_json(child) for child in value]
    return value
