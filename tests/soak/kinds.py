"""Checkpoints of several kinds, each leaf of which tells the kind in several ways.

The shape, the chunks and the sharding of an array all tell the kind, so that an answer which has
the shape of one checkpoint and the sharding of another is seen.
`python -m tests.soak.kinds FOLDER` writes one of each kind, with Orbax.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

KINDS = 4
"""How many there are, written by v1, by v1 into files, by v0 into a database and into files."""

Leaves = frozenset[tuple[str, int, int, int]]
"""Name, bytes in memory, chunks and bytes stored of each leaf, as `du` tells them."""


def make(folder: Path) -> None:
    """Writes one checkpoint of each kind, called by its number."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    import jax
    import numpy as np
    import orbax.checkpoint as v0
    from jax.sharding import NamedSharding, PartitionSpec
    from orbax.checkpoint.experimental import v1

    folder.mkdir()
    for kind in range(KINDS):
        mesh = jax.make_mesh((2**kind,), (f"k{kind}",), devices=jax.devices()[: 2**kind])
        split = NamedSharding(mesh, PartitionSpec(f"k{kind}"))
        whole = NamedSharding(mesh, PartitionSpec())
        tree = {
            "w": jax.device_put(np.ones((8, kind + 2), np.float32), split),
            "deep": {"v": jax.device_put(np.ones((3, kind + 2), np.int16), whole)},
            "n": np.ones(kind + 2),
        }
        path = folder / str(kind)
        if kind < 2:
            saving = v1.options.ArrayOptions.Saving(use_ocdbt=kind == 0)
            with v1.Context(array_options=v1.options.ArrayOptions(saving=saving)):
                v1.save(path, tree)
        else:
            handler = v0.PyTreeCheckpointHandler(use_ocdbt=kind == 2)
            with v0.Checkpointer(handler) as checkpointer:
                checkpointer.save(path, args=v0.args.PyTreeSave(tree))


def kinds_of(tree: Any) -> set[int]:
    """The kinds that the leaves of a tree tell; what could not be read tells none.

    >>> from types import SimpleNamespace as Leaf
    >>> kinds_of({"w": Leaf(shape=(8, 3), sharding_metadata="axis_names=['k1']")})
    {1}
    >>> sorted(kinds_of({"w": Leaf(shape=(8, 3), storage=Leaf(chunk_shape=(4, 5)))}))
    [1, 3]
    """
    if isinstance(tree, dict):
        return set().union(*map(kinds_of, tree.values()))
    shape = getattr(tree, "shape", None)
    if not shape:
        return set()
    chunks = getattr(getattr(tree, "storage", None), "chunk_shape", None)
    axes = re.findall(r"\bk(\d)\b", str(getattr(tree, "sharding_metadata", None)))
    return {shape[-1] - 2, *({chunks[-1] - 2} if chunks else ()), *map(int, axes)}


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    sys.stdout.flush()
    # Threads of Orbax may never end.
    os._exit(0)
