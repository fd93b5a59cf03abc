"""gemma: `save_params` writes the weights of its dummy model, and `load_params` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from gemma import gm
from kauldron import kd

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def _params() -> Any:
    tokens = jnp.zeros((1, 4), jnp.int32)
    return gm.testing.DummyGemma().init(jax.random.key(0), tokens)["params"]


def test_the_weights_of_a_model(tmp_path: Path) -> None:
    params = _params()
    path = tmp_path / "weights"
    gm.ckpts.save_params(params, path, wait_until_finished=True)
    assert agree(path) == len(jax.tree.leaves(params))

    def restored() -> Any:
        return gm.ckpts.load_params(path)

    found = same_with_and_without(restored)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), found, params))


def test_the_weights_over_devices(tmp_path: Path) -> None:
    params = _params()
    path = tmp_path / "weights"
    gm.ckpts.save_params(params, path, wait_until_finished=True)

    def restored() -> Any:
        return gm.ckpts.load_params(path, sharding=kd.sharding.FSDPSharding(min_size_to_shard_mb=0))

    found = same_with_and_without(restored)
    assert any(not leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(found))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), found, params))
