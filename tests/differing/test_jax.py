"""States of jax, flax and optax against the checkpoints that Orbax makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flax.linen
import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from flax.training.train_state import TrainState
from jax.sharding import NamedSharding, PartitionSpec

import orbscan
from tests.restoring.conftest import everything, mesh_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return everything()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, state: dict[str, Any]) -> Path:
    target = tmp_path_factory.mktemp("state") / "ckpt"
    ocp.save(target, state)
    return target


def abstract(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)


def saved(tmp_path: Path, state: Any) -> Path:
    ocp.save(tmp_path / "ckpt", state)
    return tmp_path / "ckpt"


def test_a_state_is_what_its_checkpoint_holds(state: dict[str, Any], path: Path) -> None:
    assert str(orbscan.diff(state, path, ignore={"storage"}, strict=True)).split("\n")[2:5] == [
        "compared   state",
        "found      no difference",
        "same       33 leaves",
    ]


def test_an_abstract_state_without_shardings_is_not_different(
    state: dict[str, Any], path: Path
) -> None:
    found = orbscan.diff(jax.tree.map(abstract, state), path, strict=True)
    assert found.same
    assert found.notes[-1].startswith("the sharding of 20 leaves is known on one side only")


def test_an_abstract_state_of_orbscan_is_what_it_was_made_of(path: Path) -> None:
    assert orbscan.diff(orbscan.abstract_state(orbscan.metadata(path)), path, strict=True).same


def test_another_mesh_is_a_sharding_of_another_kind(path: Path) -> None:
    mesh = mesh_of((2, 4), ("x", "y"))
    found = orbscan.diff(path, orbscan.abstract_state(orbscan.metadata(path), mesh=mesh))
    assert {change.what for change in found.changed} == {("sharding",)}
    by_path = {change.path: change for change in found.changed}
    embedding = by_path["params/embedding"]
    assert embedding.before.sharding_metadata != embedding.after.sharding_metadata
    assert "mesh       4x2 (x, y) -> 2x4 (x, y)" in str(found)
    assert "sharding P('x', 'y') on the other mesh" in str(found)


def test_a_mesh_without_devices_has_unknown_ones(state: dict[str, Any], path: Path) -> None:
    old = state["params"]["embedding"].sharding
    sharding = NamedSharding(old.mesh.abstract_mesh, old.spec)
    before = jax.ShapeDtypeStruct((16, 8), jnp.float32, sharding=sharding)
    found = orbscan.diff({"params": {"embedding": before}}, path, strict=True)
    assert not found.changed
    assert found.unchanged == 1


def test_keys_are_compared_by_what_they_are(path: Path) -> None:
    tree = {"key": jax.random.key(0, impl="rbg"), "keys": jax.random.split(jax.random.key(0), 4)}
    found = orbscan.diff(path, tree)
    assert [(change.path, change.what, change.before.dtype) for change in found.changed] == [
        ("key", ("dtype",), "key<threefry2x32>"),
        ("keys", ("shape", "sharding"), "key<threefry2x32>"),
    ]
    raw = orbscan.diff(path, {"key": jnp.zeros(2, jnp.uint32)})
    assert [change.what for change in raw.changed] == [("shape", "dtype")]


def test_a_train_state_is_what_its_checkpoint_holds(tmp_path: Path) -> None:
    params = {"w": jnp.ones((3, 4)), "b": np.ones(3)}
    state = TrainState.create(apply_fn=None, params=params, tx=optax.adamw(1e-3))
    path = saved(tmp_path, state)
    assert orbscan.diff(state, path, strict=True).same
    grown = state.replace(params={"w": jnp.ones((3, 5)), "b": np.ones(3)})
    assert [change.path for change in orbscan.diff(grown, path).changed] == ["params/w"]


def test_the_state_of_a_module_is_what_its_checkpoint_holds(tmp_path: Path) -> None:
    class Model(flax.nnx.Module):
        def __init__(self, width: int) -> None:
            rngs = flax.nnx.Rngs(0)
            self.linear = flax.nnx.Linear(4, width, rngs=rngs)
            self.dropout = flax.nnx.Dropout(0.5, rngs=rngs)
            self.layers = flax.nnx.List([flax.nnx.Linear(2, 2, rngs=rngs) for _ in range(2)])

    path = saved(tmp_path, flax.nnx.state(Model(8)))
    assert orbscan.diff(flax.nnx.state(Model(8)), path, strict=True).same
    assert orbscan.diff(jax.eval_shape(lambda: flax.nnx.state(Model(8))), path).same
    found = orbscan.diff(flax.nnx.state(Model(9)), path)
    assert [change.path for change in found.changed] == ["linear/bias/value", "linear/kernel/value"]


def test_parameters_of_linen_can_be_found_under_another_name(tmp_path: Path) -> None:
    params = flax.linen.Dense(8).init(jax.random.key(0), jnp.ones((1, 4)))["params"]
    path = saved(tmp_path, {"model": {"params": params}, "step": 1})
    found = orbscan.diff({"params": flax.core.freeze(params), "step": 1}, path)
    assert [str(rename) for rename in found.renamed] == ["params -> model/params"]


def test_registered_nodes_are_asked_for_their_members() -> None:
    class Box:
        def __init__(self, *items: Any) -> None:
            self.items = items

    jax.tree_util.register_pytree_node(
        Box, lambda box: (box.items, None), lambda _, items: Box(*items)
    )
    found = orbscan.diff({"a": Box(jnp.ones(2), {"b": 1}), "n": Box()}, {"a": [], "n": None})
    assert [at.keypath for at in found.removed] == [("a", 0), ("a", 1, "b")]
    assert found.unchanged == 1


@pytest.mark.parametrize("spec", [PartitionSpec(("x", "y")), PartitionSpec(None, "x")])
def test_shardings_of_jax_and_of_metadata_are_the_same(spec: PartitionSpec) -> None:
    mesh = mesh_of((4, 2), ("x", "y"))
    sharding = NamedSharding(mesh, spec)
    live = {"w": jax.device_put(jnp.ones((8, 8)), sharding)}
    [change] = orbscan.diff({"w": jnp.ones(1)}, live, strict=True).changed
    assert change.after.sharding_metadata is not None
    assert change.after.sharding_metadata.to_jax_sharding() == sharding
