"""MaxText: its checkpoint manager writes a state of training, and its own functions load it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from maxtext.common import checkpointing
from maxtext.common.train_state_nnx import TrainStateNNX

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = SimpleNamespace(scan_layers=True)
"""Of the settings of a run only what is saved beside the state."""


class _Model(nnx.Module):
    def __init__(self, seed: int) -> None:
        rngs = nnx.Rngs(seed)
        self.one = nnx.Linear(8, 16, rngs=rngs)
        self.two = nnx.Linear(16, 8, rngs=rngs)


def _state(seed: int) -> Any:
    """A state of training, over eight devices."""
    model = _Model(seed)
    made = nnx.state(TrainStateNNX(model, nnx.Optimizer(model, optax.adamw(1e-3), wrt=nnx.Param)))
    mesh = jax.make_mesh((4, 2), ("fsdp", "tensor"))

    def laid(leaf: Any) -> Any:
        axes = ("fsdp", "tensor") if leaf.ndim > 1 else ()
        return jax.device_put(leaf, jax.NamedSharding(mesh, jax.P(*axes)))

    return jax.tree.map(laid, made)


def _abstract(state: Any) -> Any:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), state
    )


def _saved(path: Path, state: Any) -> None:
    manager = checkpointing.create_orbax_checkpoint_manager(
        str(path), enable_checkpointing=True, use_async=False, save_interval_steps=1
    )
    assert checkpointing.save_checkpoint(manager, 3, state, CONFIG, force=True)
    manager.close()


def test_a_state_of_training(tmp_path: Path) -> None:
    state = _state(0)
    _saved(tmp_path, state)
    assert agree(tmp_path) > 12

    def restored() -> Any:
        found, _ = checkpointing.load_state_if_possible(
            None, None, "", str(tmp_path / "3"), 8, _abstract(state), maxtext_config=CONFIG
        )
        said = checkpointing.load_checkpoint_metadata(str(tmp_path / "3"))
        return {"state": nnx.to_pure_dict(found["items"]), "scan_layers": said["scan_layers"]}

    found = same_with_and_without(restored)
    assert found["scan_layers"] is True
    _equal(found["state"], nnx.to_pure_dict(state))


def test_its_weights_alone(tmp_path: Path) -> None:
    state = _state(0)
    _saved(tmp_path, state)

    def restored() -> Any:
        weights = _abstract(state.model)
        return nnx.to_pure_dict(
            checkpointing.load_params_from_path(str(tmp_path / "3"), weights, 8)
        )

    _equal(same_with_and_without(restored), nnx.to_pure_dict(state.model))


def _equal(found: Any, wanted: Any) -> None:
    assert str(jax.tree.structure(found)) == str(jax.tree.structure(wanted))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.array_equal(a, b)), found, wanted))
