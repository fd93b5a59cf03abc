"""What the interface of `orbax.checkpoint.experimental.v1` writes (0.11.13 and later).

Each function is a kind. It writes one or more checkpoints into an empty folder, and raises if
the release it runs under cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from orbax.checkpoint._src.metadata import pytree_metadata_options as options_of_metadata
from orbax.checkpoint.experimental import v1 as orbax

from tests.golden import trees
from tests.golden.kinds import by_name

if TYPE_CHECKING:
    import contextlib
    from pathlib import Path

# Releases differ in what the package holds; what a release lacks raises AttributeError.
ocp: Any = orbax


def _save(path: Path, tree: trees.Tree, **arguments: Any) -> None:
    # `save_pytree` was renamed to `save` in 0.12, and its default name from `pytree` to `state`.
    save = getattr(ocp, "save", None) or ocp.save_pytree
    save(path, tree, **arguments)


def _saving(**options: Any) -> contextlib.AbstractContextManager[Any]:
    """A context with these options for saving arrays."""
    saving = ocp.options.ArrayOptions.Saving(**options)
    context: contextlib.AbstractContextManager[Any] = ocp.Context(
        array_options=ocp.options.ArrayOptions(saving=saving)
    )
    return context


def v1(into: Path) -> None:
    """`save` as it comes: a nested dict of jax and numpy arrays, an int, a float."""
    _save(into / "ckpt", trees.plain())


def v1_named(into: Path) -> None:
    """`save` under names of the user's choice."""
    for name in ("model", "pytree", "d", "params.ema"):
        _save(into / name.replace(".", "_"), trees.small(), checkpointable_name=name)


def v1_checkpointables(into: Path) -> None:
    """`save_checkpointables`: trees under several names beside JSON, and nothing but JSON."""
    tree = {"w": jnp.ones(2)}
    config = {"layers": 2, "name": "small"}
    saves = {
        "all": {"state": tree, "pytree": trees.small(), "alpha": tree, "config": config},
        "state": {"state": trees.small(), "alpha": tree},
        "pytree": {"pytree": trees.small(), "alpha": tree},
        "neither": {"zeta": tree, "Beta": trees.small(), "10": tree},
        "json": {"config": config},
    }
    for name, checkpointables in saves.items():
        ocp.save_checkpointables(into / name, checkpointables)


def v1_custom_metadata(into: Path) -> None:
    """The user's own metadata."""
    note = {"name": "run \N{GREEK SMALL LETTER ALPHA}", "list": [1, 2.5, None, {"deep": True}]}
    _save(into / "ckpt", trees.small(), custom_metadata=note)
    checkpointables = {"model": {"w": jnp.ones(2)}, "config": {"layers": 2}}
    ocp.save_checkpointables(into / "several", checkpointables, custom_metadata={"nan": 0.25})


def v1_containers(into: Path) -> None:
    """Lists, tuples and named tuples in one another."""
    _save(into / "ckpt", trees.containers())


def v1_roots(into: Path) -> None:
    """A list, a tuple, a named tuple, a bare array and a bare number at the root."""
    roots = {
        "list": [jnp.ones(2), {"a": jnp.zeros(1)}],
        "tuple": (jnp.ones(2), jnp.zeros(1)),
        "named": trees.Moments(mu=jnp.ones(2), nu=3),
        "array": jnp.ones((2, 3)),
        "number": 5,
    }
    for name, tree in trees.trees_that_save(roots, _save).items():
        _save(into / name, tree)


def v1_empties(into: Path) -> None:
    """None and every empty container that the release can save."""
    members = trees.members_that_save(trees.empties(), _save)
    _save(into / "ckpt", members | {"w": jnp.ones(2)})


def v1_scalars(into: Path) -> None:
    """Numbers and texts; apart from them a boolean and a complex number, which hide the tree."""
    members = trees.members_that_save(trees.scalars(), _save)
    _save(into / "ckpt", members | {"w": jnp.ones(2)})
    for name, scalar in trees.members_that_save(trees.odd_scalars(), _save).items():
        _save(into / name, {"odd": scalar, "w": jnp.ones(2)})


def v1_dtypes(into: Path) -> None:
    """Every element type that the release can save, and shapes from rank 0 to 6."""
    _save(into / "ckpt", trees.members_that_save(trees.dtypes(), _save))
    _save(into / "shapes", trees.members_that_save(trees.shapes(), _save))


def v1_keys(into: Path) -> None:
    """Dict keys with dots, slashes, digits, quotes, blanks, other alphabets, nothing at all."""
    for name, tree in trees.with_awkward_keys(_save).items():
        _save(into / name, tree)


def v1_typed_keys(into: Path) -> None:
    """Typed keys of random number generators."""
    _save(into / "ckpt", trees.typed_keys())


def v1_sharded(into: Path) -> None:
    """Shardings over 4 x 2 devices, also in chunks of 64 bytes and without `_sharding`."""
    _save(into / "ckpt", trees.sharded())
    chunks = ocp.options.ArrayOptions.Saving.StorageOptions(chunk_byte_size=64)
    with _saving(storage_options=chunks):
        _save(into / "chunked", trees.sharded())
    with _saving(enable_write_sharding_file=False):
        _save(into / "unrecorded", trees.sharded())


def v1_storage(into: Path) -> None:
    """Without OCDBT, with zarr2, with both, and in many small data files."""
    storages: dict[str, dict[str, Any]] = {
        "files": {"use_ocdbt": False},
        "zarr2": {"use_zarr3": False},
        "zarr2_files": {"use_ocdbt": False, "use_zarr3": False},
        "small_files": {"ocdbt_target_data_file_size": 100},
    }
    for name, options in storages.items():
        with _saving(**options):
            _save(into / name, trees.plain())


def v1_cast(into: Path) -> None:
    """Stored as bfloat16, and without recording what the arrays were like in memory."""
    types = ocp.options.ArrayOptions.Saving.StorageOptions(dtype=np.dtype(jnp.bfloat16))
    with _saving(storage_options=types, array_metadata_store=None):
        _save(into / "ckpt", {"w": jnp.ones((2, 2)), "v": jnp.ones(3)})


def v1_rich_types(into: Path) -> None:
    """`support_rich_types=True`: tuples and named tuples are recorded as such."""
    options = options_of_metadata.PyTreeMetadataOptions(support_rich_types=True)
    saving = ocp.options.PyTreeOptions.Saving(pytree_metadata_options=options)
    with ocp.Context(pytree_options=ocp.options.PyTreeOptions(saving=saving)):
        _save(into / "nested", trees.containers())
        _save(into / "empties", trees.empties() | {"w": jnp.ones(2)})
        _save(into / "root", (jnp.ones(2), [1, 2.5, "text"]))


def v1_train_state(into: Path) -> None:
    """A flax `TrainState` and optax states."""
    _save(into / "ckpt", trees.train_state())
    _save(into / "optimizers", trees.optimizer_states())


def v1_training(into: Path) -> None:
    """The training `Checkpointer`: steps with metrics, a JSON item and custom metadata."""
    with ocp.training.Checkpointer(into / "run", custom_metadata={"author": "x"}) as steps:
        save = getattr(steps, "save", None) or steps.save_pytree
        save(0, trees.small(), metrics={"loss": 1.0})
        several = {"model": {"w": jnp.ones(2)}, "config": {"layers": 2}}
        steps.save_checkpointables(1, several, custom_metadata={"seen": 100})


def v1_partial(into: Path) -> None:
    """A save in two parts: finished, and not finished."""
    save = getattr(ocp.partial, "save", None) or ocp.partial.save_pytree
    for name in ("finished", "open"):
        save(into / name, {"a": jnp.ones(2)})
        save(into / name, {"b": {"c": jnp.zeros((2, 2))}})
    ocp.partial.finalize(into / "finished")


KINDS = by_name(
    *(v1, v1_named, v1_checkpointables, v1_custom_metadata, v1_containers, v1_roots, v1_empties),
    *(v1_scalars, v1_dtypes, v1_keys, v1_typed_keys, v1_sharded, v1_storage, v1_cast),
    *(v1_rich_types, v1_train_state, v1_training, v1_partial),
)
