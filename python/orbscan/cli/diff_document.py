"""A diff as a JSON document whose members are stable. Pure: a diff in, text out.

```
{"schema_version": 1, "a": "runs/1 (state)", "b": "runs/2 (state)", "same": false,
 "ignored": ["devices", "storage"],
 "totals": {"unchanged": 1, "changed": 1, "removed": 0, "added": 0, "containers": 0},
 "changed": [{"keypath": ["layers", 0, "bias"], "what": ["shape"],
              "before": {LEAF}, "after": {LEAF}}],
 "removed": [{"keypath": ["step"], "leaf": {LEAF}}], "added": [],
 "containers": [{"keypath": ["layers"], "before": "list", "after": "dict"}],
 "renamed": [{"before": ["params"], "after": ["model", "params"], "leaves": 12}],
 "ambiguous": [{"before": [["x"], ["y"]], "after": [["z"]], "leaves": 1}],
 "device_meshes": [{"shape": [2], "ids": [0, 1]}], "notes": ["..."]}
```

A LEAF is written as `orbscan show` writes it, without its place and sizes; `dtype` of a typed PRNG
key is `key<threefry2x32>`, that of a scalar a type of Python.
"""

from __future__ import annotations

import json

from orbscan.cli.document import ISSUE, Meshes, sharding_document, zarr_document

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.differing.diff import Diff, LeafAt
    from orbscan.differing.leaf import LeafSummary

SCHEMA_VERSION = 1


def render(diff: Diff) -> str:
    """Compose the document: one line of ASCII text."""
    meshes = Meshes()
    document = {
        "schema_version": SCHEMA_VERSION,
        "a": diff.a,
        "b": diff.b,
        "same": diff.same,
        "ignored": sorted(diff.ignored),
        "totals": {
            "unchanged": diff.unchanged,
            "changed": len(diff.changed),
            "removed": len(diff.removed),
            "added": len(diff.added),
            "containers": len(diff.containers),
        },
        "changed": [
            {
                "keypath": change.keypath,
                "what": change.what,
                "before": _leaf(change.before, meshes),
                "after": _leaf(change.after, meshes),
            }
            for change in diff.changed
        ],
        "removed": _leaves(diff.removed, meshes),
        "added": _leaves(diff.added, meshes),
        "containers": [change._asdict() for change in diff.containers],
        "renamed": [rename._asdict() for rename in diff.renamed],
        "ambiguous": [group._asdict() for group in diff.ambiguous],
        "device_meshes": meshes.found,
        "notes": diff.notes,
    }
    return json.dumps(document, allow_nan=False) + "\n"


def _leaves(found: Iterable[LeafAt], meshes: Meshes) -> list[dict[str, object]]:
    return [{"keypath": keypath, "leaf": _leaf(leaf, meshes)} for keypath, leaf in found]


def _leaf(leaf: LeafSummary, meshes: Meshes) -> dict[str, object]:
    return {
        "value_type": leaf.kind,
        "dtype": leaf.dtype,
        "shape": leaf.shape,
        "chunk_shape": leaf.chunk_shape,
        "write_shape": leaf.write_shape,
        "sharding": None if leaf.sharding is None else sharding_document(leaf.sharding, meshes),
        "zarr": None if leaf.zarr is None else zarr_document(leaf.zarr),
        "error": leaf.error and dict(zip(ISSUE, leaf.error, strict=True)),
    }
