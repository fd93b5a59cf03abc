"""Converts the result of a read to bytes, to pass it to other processes, and back.

The bytes are a magic number, a version, and a msgpack document. A tree is laid out breadth first,
as in the core: a number for each node, which identifies the leaf or says that it is a container,
and a row for each container. Repeated values occur once. No number in it makes the reader create
things that are not in the document, so a few bytes cannot ask for much memory.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import msgspec

from orbscan import errors
from orbscan.model.leaves import own
from orbscan.model.namedtuples import class_of, namedtuple_class
from orbscan.model.packed import Document, pack, unpacked
from orbscan.model.saved_tree import SavedTree
from orbscan.places import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orbscan.aliases import ErrorKind

    # The fields of an issue.
    Fault = tuple[ErrorKind, str | None, int | None, bool, str]

VERSION = 1
_MARK = b"orbscan metadata\0"

_MALFORMED: ErrorKind = "malformed"
_UNSUPPORTED: ErrorKind = "unsupported"

_DICT, _LIST, _TUPLE, _FIRST_CLASS = range(4)


def to_bytes(read: Any) -> bytes:
    """Convert a `CheckpointMetadata`; raises TypeError as its `to_bytes` does."""
    tree = _Layout(read.metadata)
    document = Document(
        path=os.fsencode(os.fspath(read.path)),
        init_timestamp_nsecs=_as_text(read.init_timestamp_nsecs),
        commit_timestamp_nsecs=_as_text(read.commit_timestamp_nsecs),
        # The dialect of Python's json: NaN, and no character that UTF-8 does not have.
        custom_metadata=json.dumps(read.custom_metadata),
        issues=[_issue_row(issue) for issue in read.issues],
        saved=[msgspec.structs.astuple(tree) for tree in read._saved_trees()],  # noqa: SLF001
        keys=[*tree.keys],
        classes=[*tree.classes],
        containers=tree.containers,
        nodes=tree.nodes,
        parts=pack(tree.leaves),
    )
    return _MARK + VERSION.to_bytes(2, "big") + msgspec.msgpack.encode(document)


def from_bytes(data: bytes) -> tuple[dict[str, Any], list[Fault]]:
    """Return the fields of the result, and those of its issues.

    Raises as `CheckpointMetadata.from_bytes` does.
    """
    body = memoryview(data)
    if bytes(body[: len(_MARK)]) != _MARK:
        reason = "these bytes are not what CheckpointMetadata.to_bytes gave"
        raise errors.error(_MALFORMED, reason)
    start = len(_MARK) + 2
    version = int.from_bytes(body[len(_MARK) : start], "big")
    if version != VERSION:
        reason = f"these bytes are of version {version}; this orbscan reads version {VERSION}"
        raise errors.error(_UNSUPPORTED, reason)
    try:
        document = msgspec.msgpack.decode(body[start:], type=Document)
        fields = {
            "path": path_of(os.fsdecode(document.path)),
            "metadata": _tree(document),
            "init_timestamp_nsecs": _as_number(document.init_timestamp_nsecs),
            "commit_timestamp_nsecs": _as_number(document.commit_timestamp_nsecs),
            "custom_metadata": json.loads(document.custom_metadata),
            "_trees": tuple([SavedTree(*row) for row in document.saved]),
        }
        return fields, [_fault(*row) for row in document.issues]
    except errors.OrbscanError:
        raise
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        reason = f"these bytes have changed since CheckpointMetadata.to_bytes gave them: {error}"
        raise errors.error(_MALFORMED, reason) from error


class _Layout:
    """A tree, breadth first."""

    def __init__(self, root: Any) -> None:
        self.keys: dict[tuple[str, ...], int] = {}
        self.classes: dict[tuple[str, str, tuple[str, ...]], int] = {}
        self.containers: list[tuple[int, int, int]] = []
        self.leaves: list[Any] = []
        self.nodes: list[int] = []
        self._known: dict[Any, int] = {}
        waiting = [root]
        # The list grows when containers are found.
        for node in waiting:
            self.nodes.append(self._node(node, waiting))

    def _node(self, node: Any, waiting: list[Any]) -> int:
        """The number of a leaf; -1 for a container, whose children then wait."""
        kind = type(node)
        if kind is dict:
            keys = tuple(node)
            number = self.keys.setdefault(keys, len(self.keys))
            self.containers.append((_DICT, len(keys), number))
            waiting += node.values()
            return -1
        if kind is list or kind is tuple:
            self.containers.append((_LIST if kind is list else _TUPLE, len(node), 0))
            waiting += node
            return -1
        described = class_of(node)
        if described is not None:
            number = self.classes.setdefault(described, len(self.classes))
            self.containers.append((_FIRST_CLASS + number, len(node), 0))
            waiting += node
            return -1
        leaf = own(node)
        # There are few leaves that are not orbscan's own; they are distinguished by their types.
        key = id(leaf) if isinstance(leaf, msgspec.Struct) else (type(leaf), repr(leaf))
        if key not in self._known:
            self._known[key] = len(self.leaves)
            self.leaves.append(leaf)
        return self._known[key]


def _tree(document: Document) -> Any:
    """Build a tree from below: the children of a container follow all nodes before it."""
    leaves = unpacked(document.parts)
    values = [leaves[leaf] if leaf >= 0 else None for leaf in document.nodes]
    places = [place for place, leaf in enumerate(document.nodes) if leaf < 0]
    counts = [count for _, count, _ in document.containers]
    if len(places) != len(counts) or sum(counts) + 1 != len(values) or min(counts, default=0) < 0:
        message = "the nodes of the tree do not fit its containers"
        raise ValueError(message)
    makers: list[Callable[[Sequence[Any]], Any]] = [
        namedtuple_class(module, name, tuple(fields))._make
        for module, name, fields in document.classes
    ]
    high = len(values)
    for place, (kind, count, number) in zip(
        reversed(places), reversed(document.containers), strict=True
    ):
        low = high - count
        if low <= place:
            message = "a container contains itself"
            raise ValueError(message)
        held = values[low:high]
        if kind == _DICT:
            values[place] = dict(zip(document.keys[number], held, strict=True))
        elif kind in {_LIST, _TUPLE}:
            values[place] = held if kind == _LIST else tuple(held)
        else:
            values[place] = makers[kind - _FIRST_CLASS](held)
        high = low
    return values[0]


def _as_text(number: int | None) -> str | None:
    # A file can have a time that does not fit into 64 bits.
    return None if number is None else str(number)


def _as_number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _issue_row(issue: Any) -> tuple[str, bytes | None, str | None, bool, bytes]:
    file = None if issue.file is None else os.fsencode(issue.file)
    return issue.kind, file, _as_text(issue.offset), issue.in_body, os.fsencode(issue.reason)


def _fault(kind: Any, file: bytes | None, offset: str | None, in_body: Any, reason: bytes) -> Fault:
    if kind not in errors.CLASS_OF_KIND:
        message = f"there is no kind of error {kind!r}"
        raise ValueError(message)
    name = None if file is None else os.fsdecode(file)
    return kind, name, _as_number(offset), in_body, os.fsdecode(reason)
