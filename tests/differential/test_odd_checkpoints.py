"""What few people save, beside what Orbax says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp_v0
import orbax.checkpoint.experimental.v1 as ocp

import orbscan
from tests.support.answers import answer
from tests.support.verdicts import judge

if TYPE_CHECKING:
    from pathlib import Path


def word(path: Path) -> str:
    """How the answer to `metadata(path)` stands beside that of Orbax."""
    theirs = answer(lambda: ocp.metadata(path), str(path.parent))
    ours = answer(lambda: orbscan.metadata(path), str(path.parent))
    return str(judge(theirs, ours).word)


def test_a_mesh_without_axes_has_one_device_and_no_list_of_them(tmp_path: Path) -> None:
    mesh = jax.sharding.Mesh(np.array(jax.devices()[3]), ())
    sharding = jax.sharding.NamedSharding(mesh, jax.P())
    ocp_v0.PyTreeCheckpointer().save(
        tmp_path / "ckpt", {"x": jax.device_put(jnp.ones(4), sharding)}
    )
    assert word(tmp_path / "ckpt") == "equal"
    found = orbscan.metadata(tmp_path / "ckpt").metadata["x"].sharding_metadata
    assert found.device_mesh.mesh == 3
    assert found.to_jax_sharding() == sharding


def test_a_checkpointable_called_auto_is_never_chosen_before_another(tmp_path: Path) -> None:
    names = {"AUTO": 1, "z": 2}
    handler = ocp_v0.CompositeCheckpointHandler(*names)
    saves = {name: ocp_v0.args.PyTreeSave({name: jnp.ones(2)}) for name in names}
    ocp_v0.Checkpointer(handler).save(tmp_path / "ckpt", ocp_v0.args.Composite(**saves))
    assert word(tmp_path / "ckpt") == "equal"
    assert list(orbscan.metadata(tmp_path / "ckpt").metadata) == ["z"]
