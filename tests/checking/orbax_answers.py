"""What Orbax does with checkpoints, in a process of its own: what it leaves undone ends with it.

    python orbax_answers.py make DIRECTORY      # writes the checkpoints that tests damage
    python orbax_answers.py ask < questions     # [[path, how], …] on stdin, answers on stdout

An answer is what became of each leaf, or the class of the exception.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import orbax.checkpoint as v0
from jax.sharding import NamedSharding, PartitionSpec
from orbax.checkpoint._src.path import atomicity
from orbax.checkpoint.experimental import v1

if TYPE_CHECKING:
    from collections.abc import Callable

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

MESH = jax.make_mesh((4,), ("x",), devices=jax.devices()[:4])
SHARDING = NamedSharding(MESH, PartitionSpec("x"))


def tree() -> dict[str, Any]:
    """An array in four chunks, each on a device of its own, and a leaf of every other kind."""
    values = np.arange(32, dtype=np.float32).reshape(8, 4) + 1
    return {"a": jax.device_put(values, SHARDING), "k": 3, "n": np.arange(6.0), "s": "text"}


def target() -> dict[str, Any]:
    """The tree with a sharding of the caller's."""
    array = jax.ShapeDtypeStruct((8, 4), np.float32, sharding=SHARDING)
    return {**tree(), "a": array}


def make(root: Path) -> None:
    """Write the checkpoints."""
    v1.save(root / "v1", tree())
    saved: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "flat": ({}, tree()),
        "files": ({"use_ocdbt": False}, tree()),
        "zarr3": ({"use_zarr3": True}, tree()),
        "shards": ({"use_zarr3": True, "use_ocdbt": False}, tree()),
        "keys": ({}, {"key": jax.random.key(0), "n": np.arange(3.0)}),
        "empty": ({}, {"e": {}, "n": np.arange(6.0)}),
        "scalars": ({}, {"b": True, "c": np.complex64(2j), "n": np.arange(3.0)}),
    }
    for name, (options, value) in saved.items():
        with v0.Checkpointer(v0.PyTreeCheckpointHandler(**options)) as checkpointer:
            checkpointer.save(root / name, args=v0.args.PyTreeSave(value))
    with v0.Checkpointer(v0.CompositeCheckpointHandler()) as checkpointer:
        items = v0.args.Composite(
            state=v0.args.PyTreeSave(tree()),
            other=v0.args.PyTreeSave({"w": np.arange(3)}),
            config=v0.args.JsonSave({"j": 1}),
        )
        checkpointer.save(root / "items", args=items)


def pytree(path: Path, **options: Any) -> Any:
    """Restore a flat checkpoint, or the item `state` of another."""
    args = v0.args.PyTreeRestore(**options)
    if not (path / "state").exists():
        return v0.Checkpointer(v0.PyTreeCheckpointHandler()).restore(path, args=args)
    return item(path, "state", args)


def item(path: Path, name: str, args: Any) -> Any:
    """Restore one item."""
    with v0.Checkpointer(v0.CompositeCheckpointHandler()) as checkpointer:
        return checkpointer.restore(path, args=v0.args.Composite(**{name: args}))[name]


def given(path: Path, *leaves: str) -> Any:
    """Restore some leaves with v0, with shardings of the caller's."""
    wanted = {name: leaf for name, leaf in target().items() if name in leaves}
    restore_args = v0.checkpoint_utils.construct_restore_args(wanted)
    return pytree(path, item=wanted, restore_args=restore_args, partial_restore=True)


def as_numpy(leaf: Any) -> Any:
    """What to ask for to get a leaf as numpy has it."""
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf


def loaded(path: Path, *leaves: str) -> Any:
    """Load some leaves with v1, with shardings of the caller's."""
    wanted = {name: leaf for name, leaf in target().items() if name in leaves}
    loading = v1.options.PyTreeOptions.Loading(partial_load=True)
    with v1.Context(pytree_options=v1.options.PyTreeOptions(loading=loading)):
        return v1.load(path, wanted)


def unfinished_in_a_bucket(path: Path) -> Any:
    """Refuse a checkpoint that is unfinished by the rules for stores that cannot rename."""
    asyncio.run(atomicity.CommitFileTemporaryPath.validate_final(path))
    return {}


HOW: dict[str, Callable[[Path], Any]] = {
    "v0 restore": pytree,
    "v0 restore without args": lambda path: dict(
        v0.Checkpointer(v0.CompositeCheckpointHandler()).restore(path).items()
    ),
    "v0 restore, sharding given": lambda path: given(path, "a", "k", "n", "s"),
    "v0 restore without a": lambda path: given(path, "k", "n", "s"),
    "v0 restore without s": lambda path: given(path, "a", "k", "n"),
    "v0 standard restore": lambda path: v0.StandardCheckpointer().restore(path),
    "v0 other": lambda path: item(path, "other", v0.args.PyTreeRestore()),
    "v0 config": lambda path: item(path, "config", v0.args.JsonRestore()),
    "v1 load": v1.load,
    "v1 load, sharding given": lambda path: loaded(path, "a", "k", "n", "s"),
    "v1 load as numpy": lambda path: v1.load(path, jax.tree.map(as_numpy, tree())),
    "v1 load of e": lambda path: v1.load(path, {"e": {}, "n": np.arange(6.0)}),
    "v1 load without a": lambda path: loaded(path, "k", "n", "s"),
    "v1 load without s": lambda path: loaded(path, "a", "k", "n"),
    "v1 other": lambda path: v1.load(path, checkpointable_name="other"),
    "v1 metadata": lambda path: v1.metadata(path).metadata,
    "bucket": unfinished_in_a_bucket,
}


def shown(name: str, leaf: Any) -> str:
    """What became of a leaf."""
    if name == "key":
        return "key" if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key) else "integers"
    expected: Any = tree().get(name)
    if name == "a" and not isinstance(leaf, str):
        if np.shape(leaf) != np.shape(expected):
            return f"of shape {np.shape(leaf)}"
        same = np.asarray(leaf) == np.asarray(expected)
        zero = np.asarray(leaf) == 0
        return "right" if same.all() else "filled" if (same | zero).all() else "wrong"
    if name in {"k", "n", "s"}:
        return "right" if np.array_equal(leaf, expected) else "wrong"
    return "there"


def answer(path: str, how: str) -> dict[str, str] | str | None:
    """The answer to one question."""
    try:
        found = HOW[how](Path(path))
    except Exception as error:  # noqa: BLE001 - whatever Orbax raises is the answer
        return type(error).__name__
    if found is None or how == "v1 metadata":
        return None if found is None else {str(name): "there" for name in found}
    return {str(name): shown(name, leaf) for name, leaf in found.items()}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        answers = [answer(path, how) for path, how in json.load(sys.stdin)]
        sys.stdout.write(json.dumps(answers))
        sys.stdout.flush()
        # Threads of Orbax may never end.
        os._exit(0)
