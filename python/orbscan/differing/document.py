"""A diff as a JSON document whose members are stable. Pure: a diff in, plain values out.

```
{"schema_version": 1, "a": "runs/1", "b": "runs/2", "same": false, "undecided": false,
 "ignored": ["devices", "storage"], "param": null,
 "totals": {"unchanged": 1, "changed": 1, "removed": 0, "added": 0, "containers": 0},
 "checkpointables": [{"before": {"name": "state", "is_pytree": true, "leaves": 2, "error": null},
                      "after": null, "what": ["removed"]}],
 "changed": [{"checkpointable": "state", "keypath": ["layers", 0, "bias"], "what": ["shape"],
              "before": {LEAF}, "after": {LEAF}}],
 "removed": [{"checkpointable": "state", "keypath": ["step"], "leaf": {LEAF}}], "added": [],
 "containers": [{"checkpointable": "state", "keypath": ["layers"],
                 "before": "list", "after": "dict"}],
 "renamed": [{"before": {"checkpointable": "state", "keypath": ["params"]},
              "after": {"checkpointable": "state", "keypath": ["model", "params"]}, "leaves": 12,
              "rule": "X -> model/X"}],
 "rules": [{"checkpointable": "state", "before": "X", "after": "model/X", "explains": 2, "of": 3}],
 "ambiguous": [{"before": [{PLACE}, {PLACE}], "after": [{PLACE}], "leaves": 1}],
 "others": [{"side": "a", "name": "ema", "is_pytree": true}],
 "device_meshes": [{"shape": [2], "ids": [0, 1]}], "notes": ["..."],
 "values": {"same": 3, "as_stored": 2, "differing": 1, "not_compared": 0, "other_shape": 0}}
```

`param` is the pattern of the compared leaves; null if all were compared. `values` is null if values
were not compared. A member of `changed` also has `values`; null if its values were not to be
compared, else {"differing": 3, "elements": 8, "max_abs": 0.25, "max_rel": 0.5, "only_nan": [0, 1],
"before": null, "after": null, "decoded": true, "not_compared": null}.

A LEAF is written as by `orbscan show`, without its place and sizes; the `dtype` of a typed PRNG key
is `key<threefry2x32>`, that of a scalar a Python type; `store` is `OCDBT`, `files`, `msgpack` or
`safetensors`. A PLACE is a checkpointable and a keypath; with an empty keypath it is the whole
checkpointable.
"""

from __future__ import annotations

from math import isfinite

from orbscan.showing.documents import ISSUE, Meshes, sharding_document, zarr_document

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.differing.amount import Amount
    from orbscan.differing.changes import Checkpointable, Differences, LeafAt
    from orbscan.differing.leaf import LeafSummary

SCHEMA_VERSION = 1


def document(diff: Differences) -> dict[str, object]:
    """Compose the document from plain values."""
    meshes = Meshes()
    return {
        "schema_version": SCHEMA_VERSION,
        "a": diff.a,
        "b": diff.b,
        "same": diff.same,
        "undecided": diff.undecided,
        "ignored": sorted(diff.ignored),
        "param": diff.param,
        "totals": {
            "unchanged": diff.unchanged,
            "changed": len(diff.changed),
            "removed": len(diff.removed),
            "added": len(diff.added),
            "containers": len(diff.containers),
        },
        "checkpointables": [
            {
                "before": _checkpointable(pair.before),
                "after": _checkpointable(pair.after),
                "what": pair.what,
            }
            for pair in diff.checkpointables
        ],
        "changed": [
            {
                **change._asdict(),
                "before": _leaf(change.before, meshes),
                "after": _leaf(change.after, meshes),
                "values": _amount(change.values),
            }
            for change in diff.changed
        ],
        "removed": _leaves(diff.removed, meshes),
        "added": _leaves(diff.added, meshes),
        "containers": [change._asdict() for change in diff.containers],
        "renamed": [
            {
                "before": rename.before._asdict(),
                "after": rename.after._asdict(),
                "leaves": rename.leaves,
                "rule": rename.rule,
            }
            for rename in diff.renamed
        ],
        "rules": [rule._asdict() for rule in diff.rules],
        "ambiguous": [
            {
                "before": [place._asdict() for place in group.before],
                "after": [place._asdict() for place in group.after],
                "leaves": group.leaves,
            }
            for group in diff.ambiguous
        ],
        "others": [other._asdict() for other in diff.others],
        "device_meshes": meshes.found,
        "notes": diff.notes,
        "values": None if diff.values is None else diff.values._asdict(),
    }


def _amount(amount: Amount | None) -> dict[str, object] | None:
    if amount is None:
        return None
    return {name: _plain(value) for name, value in amount._asdict().items()}


def _plain(value: object) -> object:
    """A number that JSON allows; others as text."""
    if isinstance(value, complex) or (isinstance(value, float) and not isfinite(value)):
        return str(value)
    return value


def _checkpointable(found: Checkpointable | None) -> dict[str, object] | None:
    if found is None:
        return None
    error = found.error and dict(zip(ISSUE, found.error, strict=True))
    return {**found._asdict(), "error": error}


def _leaves(found: Iterable[LeafAt], meshes: Meshes) -> list[dict[str, object]]:
    return [{**at._asdict(), "leaf": _leaf(at.leaf, meshes)} for at in found]


def _leaf(leaf: LeafSummary, meshes: Meshes) -> dict[str, object]:
    return {
        "value_type": leaf.kind,
        "dtype": leaf.dtype,
        "shape": leaf.shape,
        "chunk_shape": leaf.chunk_shape,
        "write_shape": leaf.write_shape,
        "sharding": None if leaf.sharding is None else sharding_document(leaf.sharding, meshes),
        "zarr": None if leaf.zarr is None else zarr_document(leaf.zarr),
        "store": leaf.store,
        "error": leaf.error and dict(zip(ISSUE, leaf.error, strict=True)),
    }
