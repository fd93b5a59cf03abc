"""What the checkpoints hold: small trees, each with one thing to show.

Runs under every release in INDEX.toml, the oldest with the jax of 2023.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Tree = Any


class Moments(NamedTuple):
    """Like the state of an optimiser."""

    mu: Any
    nu: Any


class Nothing(NamedTuple):
    """Like the state of an optimiser that keeps none."""


def plain() -> Tree:
    """A model in little: nested dicts, two kinds of arrays, two scalars."""
    return {
        "params": {
            "dense": {"kernel": jnp.arange(12.0).reshape(3, 4), "bias": jnp.ones(4)},
            "scale": np.arange(6, dtype=np.int32).reshape(2, 3),
        },
        "step": 7,
        "rate": 0.5,
    }


def small() -> Tree:
    """The least that has a jax array, a numpy array and a nested dict."""
    return {"w": jnp.arange(8.0).reshape(2, 4), "opt": {"n": np.arange(3)}}


def containers() -> Tree:
    """Lists, tuples and named tuples in one another; more than ten places, to catch text order."""
    return {
        "list": [jnp.ones(2), [np.zeros(1), {"deep": jnp.zeros((2, 1))}]],
        "tuple": (jnp.ones(3), (np.ones(4),)),
        "named": Moments(mu={"k": jnp.ones((2, 2))}, nu=(np.zeros(2), [jnp.ones(1)])),
        "long": [np.full(1, place) for place in range(12)],
    }


def empties() -> dict[str, Tree]:
    """Every empty container, each to be tried beside an array."""
    return {
        "none": None,
        "dict": {},
        "list": [],
        "tuple": (),
        "named": Nothing(),
        "nested": {"a": {"b": {}}, "c": [None, []]},
        "within": Moments(mu=None, nu={}),
    }


def scalars() -> dict[str, Tree]:
    """Plain numbers and texts. Booleans and complex numbers: see `odd_scalars`."""
    return {
        "int": -3,
        "big": 2**40,
        "float": 2.5,
        "np_float32": np.float32(1.5),
        "np_int8": np.int8(-1),
        "zero_dim": np.array(4.0),
        "text": "orbit \N{GREEK SMALL LETTER LAMDA}",
        "no_text": "",
    }


def odd_scalars() -> dict[str, Tree]:
    """Scalars that Orbax saves but cannot describe: each hides the tree that holds it."""
    return {"bool": True, "complex": 1 + 2j}


def dtypes() -> dict[str, Tree]:
    """One array of every element type that jax or numpy may hold."""
    names = (
        *("float32", "float16", "bfloat16", "bool", "complex64", "uint32"),
        *("int4", "uint4", "int2", "uint2", "int8", "uint8", "int16", "uint16", "int32"),
        *("float8_e4m3fn", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2"),
        *("float8_e5m2fnuz", "float8_e4m3", "float8_e3m4", "float8_e8m0fnu", "float4_e2m1fn"),
    )
    known = {name: np.dtype(getattr(jnp, name)) for name in names if hasattr(jnp, name)}
    # Not `jnp.zeros`, which compiles: the older compilers know fewer types than jax does.
    arrays = {name: jax.device_put(np.zeros(4, dtype)) for name, dtype in known.items()}
    wide = ("float64", "int64", "uint64", "complex128", ">f4", ">i2")
    return arrays | {f"np {name}": np.zeros((2, 2), name) for name in wide}


def shapes() -> dict[str, Tree]:
    """No dimension, many, and none to speak of."""
    return {
        "rank0": jnp.float32(3.0),
        "rank6": jnp.zeros((1, 2, 1, 2, 1, 2)),
        "one": jnp.ones((1,)),
        "fill": jnp.zeros((300, 2)),
        "empty": jnp.zeros((0, 3)),
    }


def awkward_keys() -> dict[str, list[Any]]:
    """Dict keys that a format made of paths and dotted names may trip over, in groups.

    None starts with a slash: without OCDBT, Orbax would write to that place in the file system.
    """
    return {
        "dots": ["a.b", ".", "...", "a.", ".c"],
        "slashes": ["layer/~/w", "a/b/c"],
        "digits": ["0", "1", "10", "2", "007"],
        "unicode": ["\u00e9", "e\u0301", "\u6a21\u578b", "\U0001f6f0"],
        "empty": [""],
        "quotes": ["it's", 'a "b"', "back\\slash", "['x']"],
        "spaces": [" ", "a b", "tab\t", "line\n"],
        "path_like": ["%20", "*", "c:", "~"],
        "words": ["category", "key_metadata", "value_type", "tree_metadata", "d", "zarr.json"],
        "ints": [0, 1, -1, 10],
    }


def with_awkward_keys(save: Callable[[Path, Tree], None]) -> dict[str, Tree]:
    """A tree for each group of keys, of those keys that this release can save."""
    trees = {}
    for name, keys in awkward_keys().items():
        alone = {key: {key: jnp.arange(2.0), "w": jnp.ones(1)} for key in keys}
        kept = trees_that_save(alone, save)
        if kept:
            trees[name] = {key: jnp.arange(2.0) for key in kept} | {"w": jnp.ones(1)}
    return trees


def same_name_twice() -> Tree:
    """Two leaves with one param name, `a.b`."""
    return {"a.b": jnp.ones(2), "a": {"b": jnp.zeros(2)}}


def sharded() -> Tree:
    """Arrays over a mesh of four by two devices, over parts of it, and over one."""
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    row = Mesh(np.array(jax.devices()[:4][::-1]), ("r",))
    specs: dict[str, tuple[Any, ...]] = {
        "x_y": ("x", "y"),
        "joint": (("x", "y"), None),
        "second": (None, "y"),
        "short": ("x",),
        "replicated": (),
    }
    tree = {name: _put(NamedSharding(mesh, _spec(*axes))) for name, axes in specs.items()}
    tree["submesh"] = _put(NamedSharding(row, _spec("r", None)))
    tree["single"] = _put(SingleDeviceSharding(jax.devices()[3]))
    return tree


# jax does not say what it takes.
_spec: Any = PartitionSpec


def _put(sharding: Any) -> Any:
    return jax.device_put(np.zeros((8, 4), np.float32), sharding)


def typed_keys() -> Tree:
    """Keys of jax's random number generators, which carry the generator's name."""
    return {
        "one": jax.random.key(0),
        "batch": jax.random.split(jax.random.key(1), 3),
        "rbg": jax.random.key(2, impl="rbg"),
        "raw": jax.random.PRNGKey(3),
        "w": jnp.ones(2),
    }


def train_state() -> Tree:
    """A flax `TrainState` with a chain of optax transformations."""
    optax: Any = importlib.import_module("optax")
    train_state: Any = importlib.import_module("flax.training.train_state")
    params = {"dense": {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}}
    chain = optax.chain(optax.clip(1.0), optax.adamw(1e-3), optax.ema(0.9))
    return train_state.TrainState.create(apply_fn=lambda: None, params=params, tx=chain)


def optimizer_states() -> Tree:
    """Optax states with masks, labels, schedules and steps to accumulate."""
    optax: Any = importlib.import_module("optax")
    params = {"a": jnp.ones(2), "b": jnp.ones((2, 2))}
    kinds = {
        "masked": optax.masked(optax.sgd(0.1, momentum=0.9), {"a": True, "b": False}),
        "multi": optax.multi_transform(
            {"x": optax.adam(0.1), "y": optax.set_to_zero()}, {"a": "x", "b": "y"}
        ),
        "steps": optax.MultiSteps(optax.sgd(0.1), every_k_schedule=2),
        "inject": optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    }
    return {name: kind.init(params) for name, kind in kinds.items()}


def members_that_save(
    members: Mapping[Any, Tree], save: Callable[[Path, Tree], None]
) -> dict[Any, Tree]:
    """The members that this release can save, each tried alone beside an array."""
    beside = {key: {"member": member, "w": jnp.ones(2)} for key, member in members.items()}
    return {key: members[key] for key in trees_that_save(beside, save)}


def trees_that_save(
    trees: Mapping[Any, Tree], save: Callable[[Path, Tree], None]
) -> dict[Any, Tree]:
    """The trees that this release can save, each tried alone."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        return {
            key: tree
            for place, (key, tree) in enumerate(trees.items())
            if _saves(save, Path(scratch, str(place)), tree)
        }


def _saves(save: Callable[[Path, Tree], None], path: Path, tree: Tree) -> bool:
    try:
        save(path, tree)
    except Exception:  # noqa: BLE001  whatever it is, the release cannot save it
        return False
    return True
