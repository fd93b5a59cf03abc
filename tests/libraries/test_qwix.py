"""qwix: the quantized weights of a flax model, handed to Orbax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
import qwix

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


class _Model(nn.Module):
    @nn.compact
    def __call__(self, inputs: Any) -> Any:
        return nn.Dense(4)(nn.relu(nn.Dense(16)(inputs)))


def test_quantized_weights(tmp_path: Path) -> None:
    model, inputs = _Model(), jnp.ones((2, 8))
    params = model.init(jax.random.key(0), inputs)["params"]
    rules = [qwix.QuantizationRule(weight_qtype=jnp.int8)]
    quantized = qwix.quantize_model(model, qwix.PtqProvider(rules))
    abstract = jax.eval_shape(quantized.init, jax.random.key(0), inputs)["params"]
    state = qwix.quantize_params(params, abstract)
    path = tmp_path / "1"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, state)
    assert agree(path) > 4

    def restored() -> Any:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.metadata(path)
            return checkpointer.restore(path, jax.eval_shape(lambda: state))

    found = same_with_and_without(restored)
    before = quantized.apply({"params": state}, inputs)
    assert (quantized.apply({"params": found}, inputs) == before).all()
