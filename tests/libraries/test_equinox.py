"""equinox has no Orbax checkpoints of its own: the arrays of a module are handed to Orbax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import optax
import orbax.checkpoint as ocp

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def test_a_module_and_its_optimizer(tmp_path: Path) -> None:
    model = eqx.nn.MLP(3, 2, 8, 2, key=jax.random.key(0))
    arrays, _ = eqx.partition(model, eqx.is_array)
    state = {"model": arrays, "optimizer": optax.adam(1e-3).init(arrays)}
    path = tmp_path / "1"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, state)
    assert agree(path) > 18

    def restored() -> Any:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.metadata(path)
            return checkpointer.restore(path, jax.eval_shape(lambda: state))

    found = same_with_and_without(restored)
    assert eqx.tree_equal(found["model"], arrays)
