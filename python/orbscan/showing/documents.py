"""Members that the JSON documents of several commands and reports share.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import json
from math import isfinite

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan import _core

ISSUE = ("kind", "file", "offset", "in_body", "reason")
"""What is shown of an issue or an error."""


def fault_document(fault: object) -> dict[str, object]:
    """Compose the member `error`, or one of `issues`, of an exception or an issue."""
    return {fact: getattr(fault, fact) for fact in ISSUE}


def issue_documents(issues: Iterable[_core.Issue]) -> list[dict[str, object]]:
    """Compose the member `issues` of columns."""
    return [dict(zip(ISSUE, issue, strict=True)) for issue in issues]


def streamed(document: dict[str, object], member: str, rows: Iterable[object]) -> Iterator[str]:
    """Write a document with a list as a member, row by row: a million rows are not one text.

    An error after the first row ends the document, with a member `error` that says why.

    Args:
        document: the document with an empty list as the member, in its place. What follows it may
            still change while rows are made.
        member: the name of the member.
        rows: the items of the list; if an item is a text already, it is written as it is.
    """
    encode = json.JSONEncoder(allow_nan=False).encode
    names = [*document]
    at = names.index(member)
    head = ", ".join(f"{encode(name)}: {encode(document[name])}" for name in names[:at])
    separator = f"{{{head}, {encode(member)}: [" if head else f"{{{encode(member)}: ["
    begun = False
    try:
        for row in rows:
            yield separator + (row if isinstance(row, str) else encode(row))
            separator, begun = ", ", True
        tail = [f"{encode(name)}: {encode(document[name])}" for name in names[at + 1 :]]
    except (Exception, KeyboardInterrupt) as error:
        if begun:
            yield broken_off(error)
        raise
    yield ("]" if begun else f"{separator}]") + "".join(f", {text}" for text in tail) + "}\n"


def broken_off(error: BaseException) -> str:
    """Return the end of a document that an error cuts short, inside a list of it."""
    return f'], "error": {json.dumps(str(error) or type(error).__name__)}}}\n'


class Meshes:
    """The distinct device meshes seen so far."""

    def __init__(self) -> None:
        self.found: list[dict[str, object]] = []
        self._index: dict[object, int] = {}

    def index(self, mesh: tuple[tuple[int, ...], tuple[int, ...]]) -> int:
        """The index of a mesh, which is added if it is new."""
        if mesh not in self._index:
            self._index[mesh] = len(self.found)
            self.found.append({"shape": mesh[0], "ids": mesh[1]})
        return self._index[mesh]


def sharding_document(row: _core.Sharding, meshes: Meshes) -> dict[str, object]:
    """Compose the member `sharding` of a leaf."""
    if row[0] == "single":
        return {"type": "SingleDeviceSharding", "device_str": row[1]}
    if row[0] == "positional":
        return {"type": "PositionalSharding", "shape": row[1], "memory_kind": row[2]}
    _, shape, axis_names, axis_types, partition_spec, mesh = row
    return {
        "type": "NamedSharding",
        "shape": shape,
        "axis_names": axis_names,
        "axis_types": axis_types,
        "partition_spec": partition_spec,
        "device_mesh": None if mesh is None else meshes.index(mesh),
    }


def zarr_document(zarr: _core.Zarr2 | _core.Zarr3) -> dict[str, object]:
    """Compose the member `zarr` of a leaf."""
    described = zarr[3]
    document: dict[str, object] = {
        "zarr_format": zarr[0],
        "dtype": zarr[1],
        "chunk_shape": zarr[2],
        "compression": described and {"algorithm": described[0], "level": described[1]},
    }
    if zarr[0] == 2:  # noqa: PLR2004 - the number of the format
        return {**document, "order": zarr[4], "dimension_separator": zarr[5]}
    return {**document, "inner_chunk_shape": zarr[4]}


def decoded(text: str | None) -> object:
    """Decode an object that may be in Python's dialect, so that it can be encoded as JSON.

    Numbers that JSON does not allow, such as NaN, become strings.
    """
    if text is None:
        return {}
    return json.loads(text, parse_constant=str, parse_float=_finite)


def plain(value: object) -> object:
    """Do the same as `decoded` for an object that is already decoded.

    >>> plain({"loss": [float("nan"), 0.5]})
    {'loss': ['NaN', 0.5]}
    """
    # As in the core, which does not accept deep documents.
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, float) and not isfinite(value):
        return json.dumps(value)
    return value


def _finite(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text
