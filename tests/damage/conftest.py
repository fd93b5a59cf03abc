"""Whole checkpoints to damage: one written by Orbax for each layout, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp_v0
import orbax.checkpoint.experimental.v1 as ocp
import pytest

Copy = Callable[[str], Path]
"""Gives a fresh copy of the checkpoint of one layout: `v1`, `v0`, `flat`, `files`, `other-...`."""


def _tree(length: int = 8) -> dict[str, Any]:
    return {
        "a": {"b": jnp.arange(length, dtype=jnp.float32), "c": np.ones((2, 3), np.int16)},
        "n": 7,
        "s": [jnp.zeros((4, 4), jnp.bfloat16), None, {}],
    }


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One undamaged checkpoint of each layout."""
    root = tmp_path_factory.mktemp("whole")
    assert jax.devices()
    ocp.save(root / "v1", _tree(), custom_metadata={"note": 1})
    with ocp_v0.Checkpointer(ocp_v0.CompositeCheckpointHandler()) as checkpointer:
        args = ocp_v0.args
        checkpointer.save(
            root / "v0",
            args.Composite(state=args.PyTreeSave(_tree()), conf=args.JsonSave({"x": 1})),
        )
    ocp_v0.PyTreeCheckpointer().save(root / "flat", _tree())
    ocp.save(root / "other-v1", _tree(9))
    ocp_v0.PyTreeCheckpointer().save(root / "other-flat", _tree(9))
    handler = ocp_v0.PyTreeCheckpointHandler(use_ocdbt=False)
    ocp_v0.Checkpointer(handler).save(root / "files", _tree())
    return root


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Copy:
    """Copies the checkpoint of a layout to a place of its own."""

    def make(layout: str) -> Path:
        return Path(shutil.copytree(whole / layout, tmp_path / layout))

    return make
