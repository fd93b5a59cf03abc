"""What the original interface writes: `Checkpointer`, `CheckpointManager` and their handlers.

Each function is a kind. It writes one or more checkpoints into an empty folder, and raises if
the release it runs under cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as orbax

from tests.golden import trees
from tests.golden.kinds import by_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Releases differ in what the package holds; what a release lacks raises AttributeError.
ocp: Any = orbax


def _save(path: Path, tree: trees.Tree, handler: Any = None, **arguments: Any) -> None:
    checkpointer = ocp.Checkpointer(handler or ocp.PyTreeCheckpointHandler())
    checkpointer.save(path, tree, **arguments)


def _saver(**options: Any) -> Callable[[Path, trees.Tree], None]:
    return lambda path, tree: _save(path, tree, ocp.PyTreeCheckpointHandler(**options))


def _save_standard(path: Path, tree: trees.Tree) -> None:
    checkpointer = ocp.StandardCheckpointer()
    checkpointer.save(path, tree)
    if hasattr(checkpointer, "wait_until_finished"):
        checkpointer.wait_until_finished()


def flat(into: Path) -> None:
    """`PyTreeCheckpointer` as it comes: a nested dict of jax and numpy arrays, an int, a float."""
    ocp.PyTreeCheckpointer().save(into / "ckpt", trees.plain())


def standard(into: Path) -> None:
    """`StandardCheckpointer` as it comes; jax arrays and containers."""
    _save_standard(into / "ckpt", trees.plain())
    _save_standard(into / "containers", {"w": jnp.ones(2), "l": [jnp.ones(1), {"n": 3}]})


def containers(into: Path) -> None:
    """Lists, tuples and named tuples; a list, a tuple and a named tuple at the root."""
    _save(into / "nested", trees.containers())
    _save(into / "list", [jnp.ones(2), {"a": jnp.zeros(1)}])
    _save(into / "tuple", (jnp.ones(2), jnp.zeros(1)))
    _save(into / "named", trees.Moments(mu=jnp.ones(2), nu={"n": 1}))


def empties(into: Path) -> None:
    """None and every empty container that the release can save."""
    members = trees.members_that_save(trees.empties(), _save)
    _save(into / "ckpt", members | {"w": jnp.ones(2)})
    _save(into / "only", members)


def scalars(into: Path) -> None:
    """Numbers and texts; apart from them a boolean and a complex number, which hide the tree."""
    members = trees.members_that_save(trees.scalars(), _save)
    _save(into / "ckpt", members | {"w": jnp.ones(2)})
    for name, scalar in trees.members_that_save(trees.odd_scalars(), _save).items():
        _save(into / name, {"odd": scalar, "w": jnp.ones(2)})


def strings(into: Path) -> None:
    """Texts among arrays, below other containers, and alone."""
    texts = {"name": "base", "empty": "", "nest": {"list": ["a", "b"]}}
    _save(into / "ckpt", texts | {"w": jnp.ones(2)})
    _save(into / "only", texts)


def dtypes(into: Path) -> None:
    """Every element type that the release can save, and shapes from rank 0 to 6."""
    _save(into / "ckpt", trees.members_that_save(trees.dtypes(), _save))
    _save(into / "shapes", trees.members_that_save(trees.shapes(), _save))


def dtypes_zarr3(into: Path) -> None:
    """Every element type that the release can save with zarr3, with OCDBT and without."""
    for name, use_ocdbt in (("ocdbt", True), ("files", False)):
        save = _saver(use_ocdbt=use_ocdbt, use_zarr3=True)
        save(into / name, trees.members_that_save(trees.dtypes(), save))


def no_ocdbt(into: Path) -> None:
    """`use_ocdbt=False`: a folder per array; a flat tree and a sharded one."""
    _save(into / "ckpt", trees.plain(), ocp.PyTreeCheckpointHandler(use_ocdbt=False))
    _save(into / "sharded", trees.sharded(), ocp.PyTreeCheckpointHandler(use_ocdbt=False))


def zarr3(into: Path) -> None:
    """`use_zarr3=True`, with OCDBT."""
    _save(into / "ckpt", trees.plain(), ocp.PyTreeCheckpointHandler(use_zarr3=True))


def zarr3_no_ocdbt(into: Path) -> None:
    """`use_zarr3=True, use_ocdbt=False`."""
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_zarr3=True)
    _save(into / "ckpt", trees.plain(), handler)


def unmerged(into: Path) -> None:
    """`ocdbt_merge=False`: the data stay in the folder of the process that wrote them."""
    _save(into / "ckpt", trees.plain(), ocp.PyTreeCheckpointHandler(ocdbt_merge=False))


def aggregate(into: Path) -> None:
    """`SaveArgs(aggregate=True)` for some leaves, then for all: the old msgpack file."""
    some = jax.tree_util.tree_map(lambda _: ocp.SaveArgs(), trees.plain())
    some["params"]["dense"]["bias"] = ocp.SaveArgs(aggregate=True)
    _save(into / "some", trees.plain(), save_args=some)
    every = jax.tree_util.tree_map(lambda _: ocp.SaveArgs(aggregate=True), trees.plain())
    _save(into / "all", trees.plain(), save_args=every)


def chunked(into: Path) -> None:
    """`SaveArgs(chunk_byte_size=64)`: several chunks an array."""
    _save(into / "ckpt", trees.sharded(), save_args=_in_small_chunks())


def chunked_zarr3(into: Path) -> None:
    """`SaveArgs(chunk_byte_size=64)` and zarr3: chunks within shards."""
    handler = ocp.PyTreeCheckpointHandler(use_zarr3=True)
    _save(into / "ckpt", trees.sharded(), handler, save_args=_in_small_chunks())


def _in_small_chunks() -> trees.Tree:
    return jax.tree_util.tree_map(lambda _: ocp.SaveArgs(chunk_byte_size=64), trees.sharded())


def cast(into: Path) -> None:
    """`SaveArgs(dtype=...)`: stored in another type than it had."""
    tree = {"w": jnp.ones((2, 2)), "n": 3, "r": 0.5}
    types = {"w": jnp.bfloat16, "n": jnp.int16, "r": jnp.float16}
    arguments = {name: ocp.SaveArgs(dtype=np.dtype(kind)) for name, kind in types.items()}
    _save(into / "ckpt", tree, save_args=arguments)


def keys(into: Path) -> None:
    """Dict keys with dots, slashes, digits, quotes, blanks, other alphabets, nothing at all."""
    for name, tree in trees.with_awkward_keys(_save).items():
        _save(into / name, tree)
    _save(into / "same_name", trees.same_name_twice())
    _save(into / "absolute", {"/d": jnp.ones(2), "w": jnp.ones(1)})


def keys_no_ocdbt(into: Path) -> None:
    """The same keys as folders of a file system."""
    save = _saver(use_ocdbt=False)
    for name, tree in trees.with_awkward_keys(save).items():
        save(into / name, tree)


def sharded(into: Path) -> None:
    """Shardings over 4 x 2 devices: joint axes, replicated, part of the devices, one device."""
    _save(into / "ckpt", trees.sharded())


def typed_keys(into: Path) -> None:
    """Typed keys of random number generators."""
    _save(into / "ckpt", trees.typed_keys())


def rich_types(into: Path) -> None:
    """`support_rich_types=True`: tuples and named tuples are recorded as such."""
    from orbax.checkpoint._src.metadata import pytree_metadata_options as options_of_metadata

    options = options_of_metadata.PyTreeMetadataOptions(support_rich_types=True)
    rich = {
        "nested": trees.containers(),
        "empties": trees.empties() | {"w": jnp.ones(2)},
        "root": trees.Moments(mu=(jnp.ones(2), [1, 2.5, "text"]), nu=()),
    }
    for name, tree in rich.items():
        handler = ocp.PyTreeCheckpointHandler(pytree_metadata_options=options)
        _save(into / name, tree, handler)


def custom_metadata(into: Path) -> None:
    """The user's own metadata, beside a flat checkpoint."""
    note = {"name": "run \N{GREEK SMALL LETTER ALPHA}", "list": [1, 2.5, None, {"deep": True}]}
    ocp.PyTreeCheckpointer().save(into / "ckpt", trees.small(), custom_metadata=note)
    ocp.PyTreeCheckpointer().save(into / "empty", trees.small(), custom_metadata={})


def train_state(into: Path) -> None:
    """A flax `TrainState` and optax states, with both checkpointers."""
    _save(into / "pytree", trees.train_state())
    _save_standard(into / "standard", trees.train_state())
    _save(into / "optimizers", trees.optimizer_states())


def manager(into: Path) -> None:
    """`CheckpointManager` with named items, a JSON item, metrics and metadata of the root."""
    options = ocp.CheckpointManagerOptions(best_fn=lambda metrics: metrics["loss"], best_mode="min")
    with ocp.CheckpointManager(
        into / "run",
        options=options,
        item_names=("params", "state", "config"),
        metadata={"author": "x"},
    ) as steps:
        for step in (0, 10):
            items = ocp.args.Composite(
                params=ocp.args.StandardSave(trees.small()),
                state=ocp.args.PyTreeSave({"count": jnp.ones(1), "n": step}),
                config=ocp.args.JsonSave({"layers": 2}),
            )
            steps.save(step, args=items, metrics={"loss": 1.0 / (step + 1)})
            steps.wait_until_finished()


def manager_default(into: Path) -> None:
    """`CheckpointManager` with a single unnamed item, once plain and once with prefixed steps."""
    options = ocp.CheckpointManagerOptions(step_prefix="step", step_format_fixed_length=6)
    for name, chosen in (("run", None), ("prefixed", options)):
        with ocp.CheckpointManager(into / name, options=chosen) as steps:
            steps.save(3, args=ocp.args.StandardSave(trees.small()))
            steps.wait_until_finished()


def manager_json(into: Path) -> None:
    """A step without any tree: JSON items only, one of them called `state`."""
    items = {"config": {"layers": 2}, "state": {"seen": 100}}
    with ocp.CheckpointManager(into / "run", item_names=tuple(items)) as steps:
        saves = {name: ocp.args.JsonSave(item) for name, item in items.items()}
        steps.save(0, args=ocp.args.Composite(**saves))
        steps.wait_until_finished()


def manager_arrays(into: Path) -> None:
    """Items of other handlers: an array, a jax and a numpy generator; odd names of items."""
    items = {
        "array": ocp.args.ArraySave(jnp.ones((2, 2))),
        "jax_key": ocp.args.JaxRandomKeySave(jax.random.key(0)),
        "np_key": ocp.args.NumpyRandomKeySave(np.random.get_state()),  # noqa: NPY002  what it takes
        "10": ocp.args.PyTreeSave({"w": jnp.ones(1)}),
        "9 odd.name": ocp.args.PyTreeSave({"w": jnp.ones(2)}),
    }
    with ocp.CheckpointManager(into / "run", item_names=tuple(items)) as steps:
        steps.save(0, args=ocp.args.Composite(**items))
        steps.wait_until_finished()


def manager_legacy(into: Path) -> None:
    """`CheckpointManager` given checkpointers: a dict of them with metrics, and a single one."""
    checkpointers = {
        "params": ocp.PyTreeCheckpointer(),
        "config": ocp.Checkpointer(ocp.JsonCheckpointHandler()),
    }
    options = ocp.CheckpointManagerOptions(best_fn=lambda metrics: metrics["loss"])
    named = ocp.CheckpointManager(into / "named", checkpointers, options, metadata={"author": "x"})
    named.save(0, {"params": trees.small(), "config": {"layers": 2}}, metrics={"loss": 1.0})
    single = ocp.CheckpointManager(into / "single", ocp.PyTreeCheckpointer())
    single.save(0, trees.small())


def composite(into: Path) -> None:
    """`CompositeCheckpointHandler` by itself, with trees called `metrics`, `state` and `pytree`."""
    names = ("metrics", "state", "pytree")
    handler = ocp.CompositeCheckpointHandler(*names)
    saves = {name: ocp.args.PyTreeSave({name: jnp.ones(2)}) for name in names}
    ocp.Checkpointer(handler).save(into / "ckpt", ocp.args.Composite(**saves))


KINDS = by_name(
    *(
        flat,
        standard,
        containers,
        empties,
        scalars,
        strings,
        dtypes,
        dtypes_zarr3,
        no_ocdbt,
        zarr3,
        zarr3_no_ocdbt,
    ),
    *(
        unmerged,
        aggregate,
        chunked,
        chunked_zarr3,
        cast,
        keys,
        keys_no_ocdbt,
        sharded,
        typed_keys,
        rich_types,
    ),
    *(custom_metadata, train_state, manager, manager_default, manager_json, manager_arrays),
    *(manager_legacy, composite),
)
