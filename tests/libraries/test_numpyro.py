"""The state of a variational inference of numpyro, by Orbax's older checkpointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpyro
import orbax.checkpoint as ocp
from numpyro import distributions, infer

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def test_the_state_of_an_inference(tmp_path: Path) -> None:
    def model(data: jax.Array) -> None:
        mean = numpyro.sample("mean", distributions.Normal(0, 1))
        numpyro.sample("data", distributions.Normal(mean, 1), obs=data)

    guide = infer.autoguide.AutoNormal(model)
    svi = infer.SVI(model, guide, numpyro.optim.Adam(0.01), infer.Trace_ELBO())
    state = svi.init(jax.random.PRNGKey(0), jnp.ones(5))
    state, _ = svi.update(state, jnp.ones(5))
    path = tmp_path / "1"
    saved = {"params": svi.get_params(state), "optimizer": svi.optim.get_params(state.optim_state)}
    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, saved)
    assert agree(path) == 4

    def restored() -> Any:
        with ocp.PyTreeCheckpointer() as checkpointer:
            tree = checkpointer.metadata(path).item_metadata.tree
            arguments = ocp.checkpoint_utils.construct_restore_args(tree)
            return checkpointer.restore(path, restore_args=arguments)

    same_with_and_without(restored)
