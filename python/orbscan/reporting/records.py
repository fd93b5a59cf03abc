"""Tables of a scan as the input of a page: entries with the columns that a read would give.

Only the tables are read. The leaves of a checkpoint become columns when they are requested.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

from orbscan.errors import CLASS_OF_KIND, OrbscanError, error
from orbscan.extras import need
from orbscan.reading import codes
from orbscan.reading.facts import VALUE_TYPES
from orbscan.showing.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import pyarrow as pa

    from orbscan import _core
    from orbscan.aliases import ErrorKind
    from orbscan.scanning.options import Previous

    Slices = list[tuple[int, int]]

_CODES = {name: code for code, name in VALUE_TYPES.items()}

_OF_LEAVES = (
    "path",
    "root",
    "step",
    "checkpointable",
    "keys",
    "keypath",
    "value_type",
    "dtype",
    "shape",
    "chunk_shape",
    "write_shape",
    "nbytes",
    "prng_impl",
    "sharding_type",
    "mesh_shape",
    "axis_names",
    "partition_spec",
    "device",
    "error_kind",
    "error",
    "complete",
)


class Columns(NamedTuple):
    """A tree, with those members of a `_core.LeafTable` that a page needs."""

    node_keys: list[str | None]
    node_leaves: list[int]
    containers: list[tuple[int, int, int, int]]
    leaves: list[_core.Leaf]
    arrays: list[_core.Array]
    shardings: list[_core.Sharding]
    places: list[tuple[_core.Place, str]]
    leaf_places: list[int]


class Recorded:
    """One checkpoint in tables: the members of a `_core.Checkpoint` that a page needs."""

    layout = "v1"
    handlers = None

    def __init__(self, leaves: Leaves | None, path: str, row: Mapping[str, Any]) -> None:
        self._leaves = leaves
        self._path = path
        self._items: list[tuple[str | None, _core.LeafTable | None]] | None = None
        self.init_timestamp_nsecs: int | None = row.get("init_timestamp_nsecs")
        self.commit_timestamp_nsecs: int | None = row.get("commit_timestamp_nsecs")
        self.custom_metadata: str | None = row.get("custom_metadata")
        self.issues: list[_core.Issue] = [
            ("malformed", None, None, False, text) for text in row.get("issues") or ()
        ]
        self.unreadable: list[tuple[str | None, _core.Issue]] = []
        self.unread: list[str | None] = []

    @property
    def items(self) -> list[tuple[str | None, _core.LeafTable | None]]:
        """Name and tree of each checkpointable."""
        if self._items is None:
            rows = [] if self._leaves is None else self._leaves.rows(self._path)
            self._items = [*_trees(rows)]
        return self._items


class Record:
    """One checkpoint in tables: the members of a `_core.Entry` that a page needs.

    Attributes:
        leaves, nbytes: of its trees; None if they are not known.
    """

    def __init__(self, path: str, row: Mapping[str, Any], leaves: Leaves | None) -> None:
        self.path = path
        self.root: str = row.get("root") or path
        self.step: int | None = row.get("step")
        self.state: str = row.get("state") or "read"
        self.complete: bool | None = row.get("complete")
        self.committed: bool = row.get("committed", True)
        self.commit_reason: str = row.get("commit_reason") or ""
        self.metrics: str | None = row.get("metrics")
        self.commit_timestamp_nsecs: int | None = row.get("commit_timestamp_nsecs")
        self.error = _error(row.get("error_kind"), row.get("error"))
        self.leaves: int | None = row.get("leaves")
        self.nbytes: int | None = row.get("nbytes")
        is_looked_at = self.state not in {"unread", "vanished"}
        self.checkpoint = Recorded(leaves, path, row) if is_looked_at else None
        is_known = self.leaves is not None or self.error is not None
        if leaves is not None and leaves.has(path) and not is_known:
            self.leaves, self.nbytes = leaves.amounts(path)


class Leaves:
    """A table of leaves, by checkpoint."""

    def __init__(self, table: pa.Table) -> None:
        from orbscan.scanning.columns import first_rows

        self._table = table
        self._slices: dict[str, Slices] = {}
        paths = table["path"].combine_chunks().dictionary_encode()
        heads = [*first_rows(paths).to_pylist(), len(paths)]
        for low, high in pairwise(heads):
            self._slices.setdefault(paths[low].as_py(), []).append((low, high))

    @property
    def paths(self) -> list[str]:
        """The paths of the checkpoints, in the order of the table."""
        return [*self._slices]

    def has(self, path: str) -> bool:
        """Whether it has rows for a checkpoint."""
        return path in self._slices

    def first(self, path: str) -> dict[str, Any]:
        """Return the first row of a checkpoint; it also has the error of the whole."""
        low, _ = self._slices[path][0]
        [row] = self._table.slice(low, 1).to_pylist()
        return cast("dict[str, Any]", row)

    def amounts(self, path: str) -> tuple[int, int]:
        """Count the leaves of a checkpoint, and their bytes."""
        leaves = nbytes = 0
        for low, high in self._slices[path]:
            part = self._table.slice(low, high - low)
            leaves += part.num_rows - part["keypath"].null_count
            nbytes += sum(part["nbytes"].drop_null().to_pylist())
        return leaves, nbytes

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a checkpoint."""
        found: list[dict[str, Any]] = []
        for low, high in self._slices.get(path, ()):
            found += self._table.slice(low, high - low).to_pylist()
        return found


def records(tables: Iterable[Previous]) -> tuple[list[Record], list[str]]:
    """Return the data of each checkpoint in tables of a scan.

    Args:
        tables: of leaves, of checkpoints, or of both.

    Returns:
        the checkpoints in the order of their paths, and notes on what the tables do not contain.

    Raises:
        ValueError: one is not a table of a scan, or of another schema version.
        ImportError: pyarrow is not installed.
    """
    need("pyarrow", "a table")
    import pyarrow as pa

    from orbscan.scanning.earlier import opened

    of_leaves: list[pa.Table] = []
    rows: dict[str, dict[str, Any]] = {}
    has_checkpoints = False
    for table in tables:
        schema, batches = opened(table)
        if "state" in schema.names:
            has_checkpoints = True
            for batch in batches:
                rows |= {row["path"]: row for row in batch.to_pylist()}
        else:
            whole = pa.Table.from_batches([*batches], schema)
            of_leaves.append(_plain(whole))
    leaves = Leaves(pa.concat_tables(of_leaves)) if of_leaves else None
    notes = ["Made of tables: what is on disk was not measured, and nothing was checked."]
    if leaves is None:
        notes.append("A table of checkpoints has no leaves: no checkpoint has a page here.")
    elif not has_checkpoints:
        notes.append(
            "A table of leaves has no times, no metrics, and no checkpoints that are not committed:"
            " the table of checkpoints of the same scan has them."
        )
        rows = {path: _of_leaf(leaves.first(path)) for path in leaves.paths}
    found = [Record(path, rows[path], leaves) for path in sorted(rows)]
    lacking = sum(
        record.checkpoint is not None and leaves is not None and not leaves.has(record.path)
        for record in found
    )
    if lacking:
        notes.append(f"Of {counted(lacking, 'checkpoint')} the table of leaves has no rows.")
    return found, notes


def _plain(table: pa.Table) -> pa.Table:
    """A table of leaves as tables of several scans can be joined."""
    import pyarrow as pa

    from orbscan.scanning.columns import as_type

    columns = {}
    for name in _OF_LEAVES:
        column = table[name]
        kinds = (pa.types.is_dictionary, pa.types.is_large_string, pa.types.is_string_view)
        if any(is_kind(column.type) for is_kind in kinds):
            chunks = [as_type(chunk, pa.string()) for chunk in column.chunks]
            column = pa.chunked_array(chunks, pa.string())
        columns[name] = column
    return pa.table(columns)


def _of_leaf(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are the same for all leaves of a checkpoint, from its first leaf."""
    is_whole = row["keypath"] is None
    return {
        "root": row["root"],
        "step": row["step"],
        "complete": row["complete"],
        "error_kind": row["error_kind"] if is_whole else None,
        "error": row["error"] if is_whole else None,
    }


def _error(kind: str | None, text: str | None) -> OrbscanError | None:
    if text is None:
        return None
    known: ErrorKind = next((each for each in CLASS_OF_KIND if each == kind), "malformed")
    return error(known, text)


def _trees(
    rows: Sequence[Mapping[str, Any]],
) -> Iterable[tuple[str | None, _core.LeafTable | None]]:
    by_name: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["keypath"] is not None:
            by_name.setdefault(row["checkpointable"], []).append(row)
    for name, of_name in by_name.items():
        # It has everything that is needed of a table here.
        yield name, cast("_core.LeafTable", _columns(of_name))


def _columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Arrange leaves as their tree."""
    leaves: dict[_core.Leaf, int] = {}
    arrays: dict[_core.Array, int] = {}
    shardings: dict[_core.Sharding, int] = {}
    root: dict[str | int, Any] | int = {}
    for row in rows:
        number = leaves.setdefault(_leaf(row, arrays, shardings), len(leaves))
        entries = [
            each["index"] if each["key"] is None else each["key"] for each in row["keys"] or ()
        ]
        if not entries:
            root = number
            break
        level: Any = root
        for entry in entries[:-1]:
            level = level.setdefault(entry, {})
        level[entries[-1]] = number
    keys: list[str | None] = [None]
    node_leaves: list[int] = []
    containers: list[tuple[int, int, int, int]] = []
    nodes: list[Any] = [root]
    # The list grows while it is walked, which makes the order breadth first.
    for at, node in enumerate(nodes):
        if isinstance(node, int):
            node_leaves.append(node)
            continue
        node_leaves.append(-1)
        is_list = all(isinstance(entry, int) for entry in node)
        kind = codes.LIST if is_list else codes.DICT
        containers.append((at, kind, len(nodes), len(nodes) + len(node)))
        nodes += node.values()
        keys += [None if is_list else str(entry) for entry in node]
    containers.reverse()
    of_leaves = ([*leaves], [*arrays], [*shardings])
    return Columns(keys, node_leaves, containers, *of_leaves, [], [-1] * len(leaves))


def _leaf(
    row: Mapping[str, Any], arrays: dict[_core.Array, int], shardings: dict[_core.Sharding, int]
) -> _core.Leaf:
    fault: _core.Issue | None = None
    if row["error"] is not None:
        fault = ("malformed", None, None, False, row["error"])
    kind = codes.UNREADABLE if fault else _CODES.get(row["value_type"], codes.CUSTOM)
    # No column has its files.
    custom = (row["value_type"], (), 0) if kind == codes.CUSTOM else None
    array = sharding = -1
    shape = _tuple(row["shape"])
    if shape is not None and row["dtype"] is not None:
        described = (shape, row["dtype"], _tuple(row["chunk_shape"]), None)
        array = arrays.setdefault(described, len(arrays))
    laid = _sharding(row)
    if laid is not None:
        sharding = shardings.setdefault(laid, len(shardings))
    return kind, array, sharding, _tuple(row["write_shape"]), row["prng_impl"], fault, custom


def _sharding(row: Mapping[str, Any]) -> _core.Sharding | None:
    kind, shape = row["sharding_type"], _tuple(row["mesh_shape"])
    if kind == "SingleDeviceSharding":
        return "single", row["device"] or ""
    if kind == "PositionalSharding" and shape is not None:
        return "positional", shape, None
    spec = _spec(row["partition_spec"] or "")
    if kind != "NamedSharding" or shape is None or spec is None:
        return None
    return "named", shape, tuple(row["axis_names"] or ()), None, spec, None


def _spec(text: str) -> tuple[str | tuple[str, ...] | None, ...] | None:
    """Read a partition spec as JAX prints it; None if it is not one.

    >>> _spec("P('x', None, ('y', 'z'))"), _spec("P(")
    (('x', None, ('y', 'z')), None)
    """
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or call.keywords:
            return None
        spec = tuple(ast.literal_eval(each) for each in call.args)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    names = [name for part in spec for name in (part if isinstance(part, tuple) else (part,))]
    return spec if all(name is None or isinstance(name, str) for name in names) else None


def _tuple(numbers: list[Any] | None) -> tuple[Any, ...] | None:
    return None if numbers is None else tuple(numbers)
