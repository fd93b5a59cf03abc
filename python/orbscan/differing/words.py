"""Single leaves and single differences as text. Pure: values in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import aspects
from orbscan.differing import leaf as kinds
from orbscan.errors import located
from orbscan.showing.text import brackets, grid, mesh, partition, printable, spec_on_mesh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.differing.changes import LeafChange
    from orbscan.differing.leaf import LeafSummary

_EMPTY = {
    kinds.EMPTY_DICT: "{}",
    kinds.EMPTY_LIST: "[]",
    kinds.EMPTY_TUPLE: "()",
    kinds.EMPTY_NAMEDTUPLE: "namedtuple()",
}
_SHOWN_IDS = 4


def leaf_text(leaf: LeafSummary) -> str:
    """What a leaf is: `float32[8,16]`, `np.ndarray int8[3]`, `scalar int`, `{}`."""
    if leaf.error is not None:
        _, file, offset, in_body, reason = leaf.error
        return printable(f"unreadable: {located(reason, file, offset, in_body=in_body)}")
    if not leaf.is_array or leaf.shape is None:
        kind = _EMPTY.get(leaf.kind, printable(leaf.kind))
        return kind if leaf.dtype is None else f"{kind} {leaf.dtype}"
    array = f"{printable(str(leaf.dtype))}{brackets(leaf.shape)}"
    return array if leaf.kind == kinds.JAX_ARRAY else f"{leaf.kind} {array}"


def change_text(change: LeafChange, *, meshes_told: bool = False) -> str:
    """Show how a leaf differs: `shape [4,8] -> [4,16], dtype float32 -> bfloat16`.

    Args:
        change: the change.
        meshes_told: whether the meshes of both sides are shown elsewhere.
    """
    return ", ".join(_changes(change, meshes_told=meshes_told))


def meshes(changes: Iterable[LeafChange]) -> str | None:
    """The mesh that all changed shardings share, or the two; None if they do not share one.

    Shardings without a mesh are not considered.
    """
    found = {
        tuple(
            mesh(row[1], row[2])
            for row in (change.before.sharding, change.after.sharding)
            if row is not None and row[0] == "named"
        )
        for change in changes
        if aspects.SHARDING in change.what and _on_meshes(change)
    }
    if len(found) != 1:
        return None
    [both] = found
    return " -> ".join(dict.fromkeys(both))


def _on_meshes(change: LeafChange) -> bool:
    rows = (change.before.sharding, change.after.sharding)
    return all(row is not None and row[0] == "named" for row in rows)


def _specs(before: _core.Sharding | None, after: _core.Sharding | None) -> str:
    """How two shardings over known meshes split an array."""
    shown = [partition(row[4]) for row in (before, after) if row and row[0] == "named"]
    if shown[0] != shown[-1]:
        return _arrow(*shown)
    if before is not None and after is not None and before[1:3] == after[1:3]:
        return _arrow(*_told_apart(before, after))
    return f"{shown[0]} on the other mesh"


def _changes(change: LeafChange, *, meshes_told: bool) -> Iterator[str]:
    before, after = change.before, change.after
    if aspects.KIND in change.what or kinds.UNREADABLE in {before.kind, after.kind}:
        # The whole sharding, including its shape and type.
        yield _arrow(leaf_text(before), leaf_text(after))
    else:
        if aspects.SHAPE in change.what:
            yield f"shape {_arrow(_shape(before.shape), _shape(after.shape))}"
        if aspects.DTYPE in change.what:
            yield f"dtype {_arrow(printable(str(before.dtype)), printable(str(after.dtype)))}"
    if aspects.SHARDING in change.what and meshes_told and _on_meshes(change):
        yield f"sharding {_specs(before.sharding, after.sharding)}"
    elif aspects.SHARDING in change.what:
        yield f"sharding {_arrow(*_told_apart(before.sharding, after.sharding))}"
    if aspects.DEVICES in change.what:
        yield f"devices {_arrow(_devices(before.sharding), _devices(after.sharding))}"
    if aspects.STORAGE in change.what:
        yield from _storage(before, after)
    if change.values is not None and (shown := str(change.values)):
        yield printable(shown)


def _arrow(before: str, after: str) -> str:
    return f"{before} -> {after}"


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else brackets(shape)


def _told_apart(before: _core.Sharding | None, after: _core.Sharding | None) -> tuple[str, str]:
    """Two shardings, with the types of their axes only if everything else is equal."""
    shown = sharding_text(before), sharding_text(after)
    if shown[0] != shown[1]:
        return shown
    return f"{shown[0]} {_rest(before)}", f"{shown[1]} {_rest(after)}"


def _rest(row: _core.Sharding | None) -> str:
    rest = () if row is None else row[3] if row[0] == "named" else row[-1:]
    return f"({', '.join(map(str, rest or ()))})"


def sharding_text(row: _core.Sharding | None) -> str:
    """How an array is laid over devices: `P('x', None) on 4x2 (x, y)`, `cpu:0`."""
    if row is None:
        return "unknown"
    if row[0] == "single":
        return printable(row[1])
    if row[0] == "positional":
        return f"positional {grid(row[1])}"
    return spec_on_mesh(row[4], row[1], row[2])


def _devices(row: _core.Sharding | None) -> str:
    if row is None or row[0] == "positional":
        return "unknown"
    if row[0] == "single":
        return printable(row[1])
    ids = () if row[5] is None else row[5][1]
    more = "" if len(ids) <= _SHOWN_IDS else f", and {len(ids) - _SHOWN_IDS:,} more"
    return f"[{', '.join(map(str, ids[:_SHOWN_IDS]))}{more}]"


def _storage(before: LeafSummary, after: LeafSummary) -> Iterator[str]:
    if before.store is not None and after.store is not None and before.store != after.store:
        yield f"stored in {_arrow(before.store, after.store)}"
    for word, shape, other in (
        ("chunk", before.chunk_shape, after.chunk_shape),
        ("write", before.write_shape, after.write_shape),
    ):
        if shape is not None and other is not None and shape != other:
            yield f"{word} {_arrow(brackets(shape), brackets(other))}"
    if before.zarr is not None and after.zarr is not None:
        # The chunk is shown above.
        rest, other_rest = ((*row[:2], *row[3:]) for row in (before.zarr, after.zarr))
        shown = _zarr(before.zarr), _zarr(after.zarr)
        if rest != other_rest:
            yield f"zarr {_arrow(*shown)}" if shown[0] != shown[1] else "other zarr document"


def _zarr(row: _core.Zarr2 | _core.Zarr3) -> str:
    packed = row[3]
    if packed is None:
        return f"{row[0]}"
    level = "" if packed[1] is None else f":{packed[1]}"
    return f"{row[0]} {printable(packed[0])}{level}"
