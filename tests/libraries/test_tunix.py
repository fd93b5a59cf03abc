"""tunix: its checkpoint manager writes a model, and restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
from flax import nnx
from tunix.sft import checkpoint_manager

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


class _Model(nnx.Module):
    def __init__(self, seed: int) -> None:
        rngs = nnx.Rngs(seed)
        self.one = nnx.Linear(3, 8, rngs=rngs)
        self.two = nnx.Linear(8, 2, rngs=rngs)


def test_a_model(tmp_path: Path) -> None:
    model = _Model(0)
    manager = checkpoint_manager.CheckpointManager(str(tmp_path))
    assert manager.save(1, model, force=True)
    manager.close()
    assert agree(tmp_path) == 4

    def restored() -> Any:
        other = _Model(1)
        saved = checkpoint_manager.CheckpointManager(str(tmp_path))
        step = saved.maybe_restore(other)
        saved.close()
        assert (step[0] if isinstance(step, tuple) else step) == 1
        return nnx.to_pure_dict(nnx.state(other))

    found = same_with_and_without(restored)
    wanted = nnx.to_pure_dict(nnx.state(model))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), found, wanted))
