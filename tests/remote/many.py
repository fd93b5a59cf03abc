"""Checkpoints of many writing processes, as they are before databases are merged, and after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

if TYPE_CHECKING:
    from pathlib import Path

_LEAF = {
    "key_metadata": [{"key": "a", "key_type": 2}],
    "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False},
}


def write(root: Path, processes: int, *, merged: bool, chunk: int = 1_024) -> None:
    """Write a checkpoint of one array, of which each process has written a chunk of elements."""
    item = root / "state"
    item.mkdir(parents=True)
    document = {
        "zarr_format": 2,
        "shape": [processes * chunk],
        "chunks": [chunk],
        "dtype": "<f4",
        "compressor": None,
        "fill_value": None,
        "filters": None,
        "order": "C",
    }
    # Databases of one context only are copied into one another.
    context = ts.Context()
    for process in range(processes):
        database = _opened(item / f"ocdbt.process_{process}", context)
        # Otherwise the two may be two commits, and a reader has a file more to read.
        with ts.Transaction(atomic=True) as changes:
            target = database.with_transaction(changes)
            target["a/.zarray"] = json.dumps(document).encode()
            target[f"a/{process}"] = np.full(chunk, process, "<f4").tobytes()
    if merged:
        whole = _opened(item, context)
        with ts.Transaction(atomic=True) as changes:
            target = whole.with_transaction(changes)
            for process in range(processes):
                one = _opened(item / f"ocdbt.process_{process}", context)
                one.experimental_copy_range_to(target).result()
    (item / "array_metadatas").mkdir()
    shapes = {"write_shape": [chunk], "chunk_shape": [chunk], "ext_metadata": None}
    said = {"array_metadatas": [{"array_metadata": {"param_name": "a", **shapes}}]}
    for process in range(processes):
        (item / "array_metadatas" / f"process_{process}").write_text(json.dumps(said))
    tree = {"tree_metadata": {"('a',)": _LEAF}, "use_ocdbt": True, "use_zarr3": False}
    (item / "_METADATA").write_text(json.dumps(tree))
    own = {"item_handlers": {"state": "PyTreeCheckpointHandler"}, "init_timestamp_nsecs": 1}
    (root / "_CHECKPOINT_METADATA").write_text(json.dumps(own))
    (root / "orbax.checkpoint").touch()
    (root / "commit_success.txt").write_text("done")


def _opened(directory: Path, context: Any) -> Any:
    place = {"driver": "ocdbt", "base": f"file://{directory}/"}
    config = {"max_inline_value_bytes": 0}
    return ts.KvStore.open({**place, "config": config}, context=context).result()
