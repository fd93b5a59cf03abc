"""A checkpoint as a JSON document whose members are stable. Pure: columns in, text out.

```
{"schema_version": 1, "path": "...", "layout": "v1",
 "storage": [{"place": "database", "zarr_format": 2, "paths": [], "arrays": 1}],
 "checkpointable": "state",
 "others": [{"name": "ema", "is_pytree": true}],
 "items": [{"name": "ema", "kind": "pytree", "handler": null, "file": null}],
 "init_timestamp_nsecs": 1, "commit_timestamp_nsecs": 2, "custom_metadata": {},
 "totals": {"leaves": 1, "parameters": 8, "elements": 8, "nbytes": 32,
            "types": {"float32": {"leaves": 1, "nbytes": 32}}},
 "device_meshes": [{"shape": [2], "ids": [0, 1]}],
 "leaves": [{"keypath": ["layers", 0, "bias"], "param_name": "layers.0.bias",
             "value_type": "jax.Array", "dtype": "float32", "shape": [8], "nbytes": 32,
             "prng_impl": null, "chunk_shape": [4], "write_shape": [4],
             "sharding": {"type": "NamedSharding", ..., "device_mesh": 0},
             "zarr": {"zarr_format": 2, ...}, "place": "database", "error": null,
             "custom": null}],
 "issues": [{"kind": "malformed", "file": "...", "offset": 4, "in_body": false, "reason": "..."}]}
```

A sharding names its device mesh by its index in `device_meshes`: a mesh of thousands of devices,
repeated for each leaf, would be most of the document. A place is `database` (OCDBT), `process` or
`one_of_processes` (databases never merged), `files`, `aggregate` (msgpack), `safetensors`, or
`strings` for the file of texts; `storage` has the places of arrays and scalars, and which files or
directories they are. In `others`, `is_pytree` is null of what the file system does not let us look
into. The `value_type` of a leaf of a custom handler is the handler's word, and its `custom` is
`{"files": ["c/value"], "stored_bytes": 9}`.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import compress

from orbscan.model.item import read_json
from orbscan.reading.facts import Leaf, distinct, leaves
from orbscan.reading.storage import storage
from orbscan.reading.totals import element_types, parameter_nodes
from orbscan.showing.documents import (
    ISSUE,
    Meshes,
    decoded,
    issue_documents,
    sharding_document,
    streamed,
    zarr_document,
)
from orbscan.showing.text import by_level

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orbscan import _core
    from orbscan.aliases import Keypath
    from orbscan.model.item import Item

SCHEMA_VERSION = 1
_OF_CUSTOM = ("files", "stored_bytes")


def render(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str,
    checkpoint: _core.Checkpoint,
    items: Sequence[Item],
    others: Sequence[tuple[str | None, bool | None]] = (),
    *,
    selected: set[int] | None = None,
    sort: str | None = None,
    which: int = 0,
    issues: Sequence[_core.Issue] | None = None,
) -> Iterator[str]:
    """Compose the document of one pytree, piece by piece: one line of ASCII text.

    Args:
        path: the path of the checkpoint.
        checkpoint: what was read.
        items: everything that the checkpoint holds.
        others: the names of the other checkpointables, and whether they are pytrees.
        selected: the nodes of the leaves to show and to count; None for all.
        sort: the order of the leaves, `size` or `name`; None for that of the tree.
        which: the number of the pytree among those that were read.
        issues: the faults that were tolerated; by default all of the read.
    """
    name, tree = checkpoint.items[which]
    meshes = Meshes()
    facts = [] if tree is None else distinct(tree)
    of_nodes = [] if tree is None else tree.node_leaves
    every = Counter(of_nodes)
    shown = every if selected is None else Counter(of_nodes[node] for node in selected)
    parameters = 0 if tree is None else _parameters(name, tree, facts, selected)
    document = {
        "schema_version": SCHEMA_VERSION,
        "path": str(path),
        "layout": checkpoint.layout,
        "storage": [way.to_dict() for way in storage(_counted(facts, every))],
        "checkpointable": name,
        "others": [{"name": other, "is_pytree": is_pytree} for other, is_pytree in others],
        "items": [
            {"name": item.name, "kind": item.kind, "handler": item.handler, "file": item.file}
            for item in items
        ],
        "init_timestamp_nsecs": checkpoint.init_timestamp_nsecs,
        "commit_timestamp_nsecs": checkpoint.commit_timestamp_nsecs,
        "custom_metadata": decoded(checkpoint.custom_metadata),
        "totals": _totals([*_counted(facts, shown)], parameters),
        "leaves": [],
        "device_meshes": meshes.found,
        "issues": issue_documents(checkpoint.issues if issues is None else issues),
    }
    rows = () if tree is None else _rows(tree, selected, sort, meshes)
    return streamed(document, "leaves", rows)


def _counted(facts: list[Leaf], times: Counter[int]) -> Iterator[tuple[Leaf, int]]:
    return ((leaf, times[number]) for number, leaf in enumerate(facts))


def _rows(
    tree: _core.LeafTable, selected: set[int] | None, sort: str | None, meshes: Meshes
) -> Iterator[str]:
    """Write the members of `leaves`; what neighbours have in common is composed once."""
    found: Iterable[tuple[Keypath, int, Leaf]] = leaves(tree)
    if selected is not None:
        found = (leaf for leaf in found if leaf[1] in selected)
    if sort == "size":
        found = sorted(found, key=lambda leaf: -leaf[2].nbytes)
    elif sort == "name":
        found = sorted(found, key=lambda leaf: by_level(leaf[0]))
    encode = json.JSONEncoder(allow_nan=False).encode
    before, rest = None, ""
    for keypath, node, leaf in found:
        if leaf is not before:
            before, rest = leaf, encode(_leaf(leaf, meshes))[1:]
        name = encode(tree.node_name(node))
        yield f'{{"keypath": {encode(keypath)}, "param_name": {name}, {rest}'


def render_item(path: str, checkpoint: _core.Checkpoint, item: Item) -> str:
    """Compose the document of a JSON item; numbers that JSON does not allow become strings.

    Raises:
        OrbscanError: it cannot be read.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "path": str(path),
        "layout": checkpoint.layout,
        "checkpointable": item.name,
        "kind": item.kind,
        "handler": item.handler,
        "file": item.file,
        "document": None if item.file is None else read_json(item.file, decoded),
    }
    return json.dumps(document, allow_nan=False) + "\n"


def _parameters(
    name: str | None, tree: _core.LeafTable, facts: list[Leaf], selected: set[int] | None
) -> int:
    (marks,) = parameter_nodes([(name, tree)])
    nodes = compress(range(len(marks)), marks)
    of_nodes = tree.node_leaves
    return sum(
        facts[of_nodes[node]].elements
        for node in nodes
        if of_nodes[node] >= 0 and (selected is None or node in selected)
    )


def _totals(found: list[tuple[Leaf, int]], parameters: int) -> dict[str, object]:
    return {
        "leaves": sum(times for _, times in found),
        "parameters": parameters,
        "elements": sum(leaf.elements * times for leaf, times in found),
        "nbytes": sum(leaf.nbytes * times for leaf, times in found),
        "types": {
            element_type: {"leaves": count, "nbytes": nbytes}
            for element_type, (count, nbytes) in element_types(found).items()
        },
    }


def _leaf(leaf: Leaf, meshes: Meshes) -> dict[str, object]:
    return {
        "value_type": leaf.value_type,
        "dtype": leaf.dtype,
        "shape": leaf.shape,
        "nbytes": leaf.nbytes,
        "prng_impl": leaf.prng_impl,
        "chunk_shape": leaf.chunk_shape,
        "write_shape": leaf.write_shape,
        "sharding": None if leaf.sharding is None else sharding_document(leaf.sharding, meshes),
        "zarr": None if leaf.zarr is None else zarr_document(leaf.zarr),
        "place": None if leaf.place is None else leaf.place[0],
        "error": leaf.error and dict(zip(ISSUE, leaf.error, strict=True)),
        "custom": leaf.custom and dict(zip(_OF_CUSTOM, leaf.custom[1:], strict=True)),
    }
