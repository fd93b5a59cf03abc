"""kauldron: its checkpointer writes a state of training, and restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import optax
from kauldron import kd

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def _state(seed: int) -> Any:
    """A state whose parameters are over eight devices."""
    kernel = np.random.default_rng(seed).normal(size=(8, 4))
    params = {"dense": {"kernel": kernel, "bias": np.full(8, float(seed))}}
    params = kd.sharding.device_put(params, kd.sharding.FIRST_DIM)
    return kd.train.TrainState(
        step=kd.sharding.device_put(7 * seed, kd.sharding.REPLICATED),
        params=params,
        collections={},
        opt_state=optax.adam(1e-3).init(params),
    )


def test_a_state_of_training(tmp_path: Path) -> None:
    state = _state(1)
    writer = kd.ckpts.Checkpointer(workdir=tmp_path, save_interval_steps=1)
    writer.save(state, step=7)
    writer.close()
    assert agree(tmp_path) > 7

    def restored() -> Any:
        reader = kd.ckpts.Checkpointer(workdir=tmp_path, save_interval_steps=1)
        shapes = jax.tree.map(lambda leaf: leaf.shape, reader.item_metadata().tree)
        with kd.ckpts.Checkpointer(workdir=tmp_path, save_interval_steps=1) as other:
            return {"shapes": shapes, "state": other.restore(_state(2))}

    found = same_with_and_without(restored)
    assert found["shapes"]["params"]["dense"]["kernel"] == (8, 4)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), found["state"], state))
