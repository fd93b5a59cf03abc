"""Composite checkpoints written by hand, of trees as small as a test needs: no array has data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

JSON = object()
"""Stands for a checkpointable that is not a pytree."""

_EMPTY = {"NoneType": "None", "dict": "Dict", "list": "List"}
_DTYPES = {"float32": "<f4", "int8": "|i1"}


class Array(NamedTuple):
    """An array of numpy, stored in files as Zarr 2."""

    shape: tuple[int, ...]
    dtype: str = "float32"


def write(path: Path, items: Mapping[str | None, Any]) -> Path:
    """Write a checkpoint of format V0, and return its path.

    Args:
        path: where; it must not exist.
        items: dicts and lists of `Array`, `"string"`, None and empty containers, by the name of
            the checkpointable; None for the tree of the checkpoint itself; or `JSON`.
    """
    path.mkdir(parents=True)
    (path / "_CHECKPOINT_METADATA").write_text("{}", "utf-8")
    for name, tree in items.items():
        directory = path if name is None else path / name
        directory.mkdir(exist_ok=True)
        if tree is JSON:
            (directory / "metadata").write_text("{}", "utf-8")
        else:
            _write_tree(directory, tree)
    return path


def damage(path: Path, name: str) -> None:
    """Make the tree of a checkpointable unreadable."""
    (path / name / "_METADATA").write_text("{", "utf-8")


def _write_tree(directory: Path, tree: Any) -> None:
    entries = {}
    for keys, leaf in _leaves(tree, ()):
        words = tuple(key for key, _ in keys)
        if isinstance(leaf, Array):
            _write_array(directory / ".".join(words), leaf)
        stored = isinstance(leaf, Array | str)
        kind = "np.ndarray" if isinstance(leaf, Array) else "string"
        entries[str(words)] = {
            "key_metadata": [{"key": key, "key_type": kind} for key, kind in keys],
            "value_metadata": {
                "value_type": kind if stored else _EMPTY[type(leaf).__name__],
                "skip_deserialize": not stored,
            },
        }
    document = {"tree_metadata": entries, "use_zarr3": False, "use_ocdbt": False}
    (directory / "_METADATA").write_text(json.dumps(document), "utf-8")


def _write_array(directory: Path, array: Array) -> None:
    directory.mkdir()
    document = {
        "chunks": array.shape,
        "compressor": None,
        "dimension_separator": ".",
        "dtype": _DTYPES[array.dtype],
        "fill_value": None,
        "filters": None,
        "order": "C",
        "shape": array.shape,
        "zarr_format": 2,
    }
    (directory / ".zarray").write_text(json.dumps(document), "utf-8")


def _leaves(node: Any, keys: tuple[tuple[str, int], ...]) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict) and node:
        for key, child in node.items():
            yield from _leaves(child, (*keys, (key, 2)))
    elif isinstance(node, list) and node:
        for index, child in enumerate(node):
            yield from _leaves(child, (*keys, (str(index), 1)))
    else:
        yield keys, node
