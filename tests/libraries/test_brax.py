"""brax: its PPO checkpoint, written and loaded by `brax.training.agents.ppo.checkpoint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import checkpoint, networks

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def test_a_policy(tmp_path: Path) -> None:
    made = networks.make_ppo_networks(4, 2)
    keys = jax.random.split(jax.random.key(0))
    normalizer = running_statistics.init_state(specs.Array((4,), jnp.dtype("float32")))
    policy, value = made.policy_network.init(keys[0]), made.value_network.init(keys[1])
    config = checkpoint.network_config(
        observation_size=specs.Array((4,), jnp.dtype("float32")),
        action_size=2,
        normalize_observations=True,
        network_factory=networks.make_ppo_networks,
    )
    checkpoint.save(tmp_path, 64, (normalizer, policy, value), config)
    (step,) = tmp_path.iterdir()
    assert agree(step) > 20

    def restored() -> Any:
        return checkpoint.load(step)

    found = same_with_and_without(restored)
    kept = jax.tree.leaves(policy)
    assert any(
        (leaf == kept[0]).all() for leaf in jax.tree.leaves(found) if leaf.shape == kept[0].shape
    )
