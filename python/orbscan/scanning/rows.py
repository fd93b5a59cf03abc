"""What a scan found as rows of plain values: the columns are those of the Arrow tables.

Pure: entries in, dicts out, without any other library.
"""

from __future__ import annotations

from collections import Counter

from orbscan.errors import located
from orbscan.reading import codes
from orbscan.reading.facts import VALUE_TYPES, Leaf, distinct, leaves
from orbscan.reading.totals import commit_nsecs
from orbscan.showing.keypaths import keypath
from orbscan.showing.text import NSECS_PER_SEC

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from orbscan import _core
    from orbscan.errors import OrbscanError

    Row: TypeAlias = dict[str, object]

SCHEMA_VERSION = 1
"""The version of the columns; that of the Arrow tables."""

_MOST = (1 << 63) - 1
_SHARDING_TYPES = {
    "named": "NamedSharding",
    "single": "SingleDeviceSharding",
    "positional": "PositionalSharding",
}


class Totals:
    """How much the trees of a checkpoint hold.

    Attributes:
        leaves: their number.
        parameters: the elements of arrays, PRNG keys left out.
        nbytes: what all elements take in memory.
    """

    __slots__ = ("leaves", "nbytes", "parameters")

    def __init__(self, tables: list[_core.LeafTable]) -> None:
        self.leaves = self.parameters = self.nbytes = 0
        for table in tables:
            times = Counter(table.node_leaves)
            for number, leaf in enumerate(distinct(table)):
                self.leaves += times[number]
                self.parameters += times[number] * leaf.parameters
                self.nbytes += times[number] * leaf.nbytes


def totals(checkpoint: _core.Checkpoint) -> Totals | None:
    """Sum up what was read of a checkpoint; None if that is no pytree."""
    tables = [table for _, table in checkpoint.items if table is not None]
    return Totals(tables) if tables else None


def duration_nsecs(checkpoint: _core.Checkpoint) -> int | None:
    """How long it took to save a checkpoint; None if the writer did not say."""
    begun, ended = checkpoint.init_timestamp_nsecs, commit_nsecs(checkpoint)
    return None if begun is None or ended is None else ended - begun


def checkpoint_row(entry: _core.Entry) -> Row:
    """Describe a checkpoint in the columns of the table of checkpoints."""
    return {
        **_origin(entry),
        "kind": entry.kind,
        "committed": entry.committed,
        "temporary": entry.temporary,
        "commit_reason": entry.commit_reason,
        "state": entry.state,
        **_times(entry),
        **_read(entry.checkpoint, entry.metrics),
        **_error(entry.error),
        "issues": None if entry.checkpoint is None else _issues(entry.checkpoint),
        "complete": entry.complete,
    }


def leaf_rows(entry: _core.Entry) -> Iterator[Row]:
    """Describe the leaves of a checkpoint in the columns of the table of leaves.

    A checkpoint or a checkpointable that cannot be read has a row without a keypath.
    """
    origin = _origin(entry)
    complete = {"complete": entry.complete}
    nothing = dict.fromkeys(("checkpointable", "keypath", "keys", "value_type", *_FACTS))
    of_entry = _error(entry.error)
    if entry.error is not None:
        yield {**origin, **nothing, **of_entry, **complete}
    checkpoint = entry.checkpoint
    unreadable = {} if checkpoint is None else dict(checkpoint.unreadable)
    for name, table in () if checkpoint is None else checkpoint.items:
        if name in unreadable and (fault := _fault(unreadable[name])) != of_entry:
            yield {**origin, **nothing, "checkpointable": name, **fault, **complete}
        for entries, _, leaf in () if table is None else leaves(table):
            yield {
                **origin,
                "checkpointable": name,
                "keypath": keypath(entries),
                "keys": [_key(entry) for entry in entries],
                "value_type": VALUE_TYPES[leaf.kind],
                **_facts(leaf),
                **complete,
            }


def _origin(entry: _core.Entry) -> Row:
    fingerprint = entry.fingerprint
    return {
        "path": entry.path,
        "root": entry.root,
        "step": None if entry.step is None else _fitting(entry.step),
        # As a number of 64 bits it would not survive the tools that have only floats.
        "fingerprint": None if fingerprint is None else f"{fingerprint:016x}",
    }


def _times(entry: _core.Entry) -> Row:
    begun, ended = entry.init_timestamp_nsecs, entry.commit_timestamp_nsecs
    return {
        "init_timestamp": _moment(begun),
        "commit_timestamp": _moment(ended),
        "save_duration_nsecs": (
            None if begun is None or ended is None else _fitting(ended - begun)
        ),
    }


def _read(checkpoint: _core.Checkpoint | None, metrics: str | None) -> Row:
    if checkpoint is None:
        return {**dict.fromkeys(_READ), "metrics": metrics, "custom_metadata": None}
    held = totals(checkpoint)
    return {
        "checkpointables": [name for name, _ in checkpoint.items if name is not None],
        "leaves": held and held.leaves,
        "parameters": held and _fitting(held.parameters),
        "nbytes": held and _fitting(held.nbytes),
        "metrics": metrics,
        "custom_metadata": checkpoint.custom_metadata,
    }


_READ = (
    "checkpointables",
    "leaves",
    "parameters",
    "nbytes",
)

_FACTS = (
    "dtype",
    "shape",
    "chunk_shape",
    "write_shape",
    "size",
    "nbytes",
    "prng_impl",
    "sharding_type",
    "mesh_shape",
    "axis_names",
    "partition_spec",
    "device",
)


def _facts(leaf: Leaf) -> Row:
    known = leaf.kind != codes.UNREADABLE or leaf.dtype is not None
    row: Row = dict.fromkeys(_FACTS)
    row |= {
        "dtype": leaf.dtype,
        "shape": leaf.shape,
        "chunk_shape": leaf.chunk_shape,
        "write_shape": leaf.write_shape,
        "size": _fitting(leaf.size) if known else None,
        "nbytes": _fitting(leaf.nbytes) if known else None,
        "prng_impl": leaf.prng_impl,
        **_sharding(leaf.sharding),
        "error_kind": None,
        "error": None,
    }
    if leaf.error is not None:
        kind, file, offset, in_body, reason = leaf.error
        row |= {"error_kind": kind, "error": located(reason, file, offset, in_body=in_body)}
    return row


def _sharding(row: _core.Sharding | None) -> Row:
    if row is None:
        return {}
    kind = {"sharding_type": _SHARDING_TYPES[row[0]]}
    if row[0] == "named":
        spec = ", ".join(map(repr, row[4]))
        named = {"mesh_shape": row[1], "axis_names": row[2], "partition_spec": f"P({spec})"}
        return {**kind, **named}
    return {**kind, ("device" if row[0] == "single" else "mesh_shape"): row[1]}


def _error(error: OrbscanError | None) -> Row:
    if error is None:
        return {"error_kind": None, "error": None}
    return {"error_kind": error.kind, "error": str(error)}


def _fault(issue: _core.Issue) -> Row:
    kind, file, offset, in_body, reason = issue
    return {"error_kind": kind, "error": located(reason, file, offset, in_body=in_body)}


def _issues(checkpoint: _core.Checkpoint) -> list[object]:
    return [_fault(issue)["error"] for issue in checkpoint.issues]


def _key(entry: str | int) -> Row:
    if isinstance(entry, str):
        return {"key": entry, "index": None}
    return {"key": None, "index": entry}


def _fitting(number: int) -> int | None:
    """The number, unless the tables have no room for it."""
    return number if -_MOST <= number <= _MOST else None


def _moment(nsecs: int | None) -> str | None:
    """A time as Arrow prints it; None outside of the years 1677 to 2262, which it cannot hold."""
    if nsecs is None or _fitting(nsecs) is None:
        return None
    import time

    seconds, rest = divmod(nsecs, NSECS_PER_SEC)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{rest:09}Z"
