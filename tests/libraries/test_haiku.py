"""haiku has no checkpoints of its own: its parameters are a tree that is handed to Orbax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import haiku as hk
import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def test_parameters_and_state(tmp_path: Path) -> None:
    def network(inputs: jax.Array) -> Any:
        return hk.BatchNorm(True, True, 0.9)(hk.nets.MLP([8, 4])(inputs), True)  # noqa: FBT003

    params, state = hk.transform_with_state(network).init(jax.random.key(0), jnp.ones((2, 3)))
    with ocp.CheckpointManager(tmp_path) as manager:
        manager.save(1, args=ocp.args.StandardSave({"params": params, "state": state}))
    assert agree(tmp_path) == 12

    def restored() -> Any:
        with ocp.CheckpointManager(
            tmp_path, item_handlers=ocp.StandardCheckpointHandler()
        ) as saved:
            shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, saved.item_metadata(1).tree)
            return saved.restore(1, args=ocp.args.StandardRestore(shapes))

    found = same_with_and_without(restored)
    assert (found["params"]["mlp/~/linear_0"]["w"] == params["mlp/~/linear_0"]["w"]).all()
