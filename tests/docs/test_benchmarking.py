"""What docs/benchmarking.md makes of metadata, held against what it is made for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from etils import epath
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import orbscan
from tools import examples

if TYPE_CHECKING:
    from pathlib import Path

PAGE = examples.ROOT / "docs" / "benchmarking.md"


def mesh_of(*shape: int) -> jax.sharding.Mesh:
    return jax.make_mesh(shape, ("data", "model"), axis_types=(AxisType.Auto,) * len(shape))


@pytest.fixture(name="names", scope="module")
def fixture_names() -> dict[str, Any]:
    """The functions of the page."""
    found: dict[str, Any] = {}
    for code, _ in examples.PYTHON.findall(PAGE.read_text("utf-8"))[:2]:
        # What follows is about the checkpoint of the page.
        defined, _, _ = code.partition("\n\nm = ")
        exec(compile(defined, PAGE, "exec"), found)  # noqa: S102
    return found


@pytest.fixture(name="path", scope="module")
def fixture_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of arrays, one of zeros, one of chance, one half of each."""
    path = tmp_path_factory.mktemp("benchmarking") / "1"
    split = NamedSharding(mesh_of(4, 2), PartitionSpec("data", "model"))
    joint = NamedSharding(mesh_of(4, 2), PartitionSpec(("data", "model")))
    chance = np.random.default_rng(0).integers(0, 2**32, (256, 256), np.uint32)
    tree = {
        "layers": [{"w": jax.device_put(jnp.zeros((256, 256)), split)}],
        "chance": jax.device_put(chance, joint),
        "half": jax.device_put(chance * (np.arange(256) % 2).astype(np.uint32), split),
    }
    ocp.save(path, tree)
    return path


def test_orbaxs_benchmarks_take_the_configuration(
    names: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    from orbax.checkpoint._src.testing.benchmarks.core import checkpoint_generation

    m, mesh = orbscan.metadata(path), mesh_of(2, 4)
    file = tmp_path / "sharding.json"
    file.write_text(json.dumps(names["sharding_config"](m, mesh.abstract_mesh)))
    state = checkpoint_generation.get_abstract_state_from_sharding_config(
        epath.Path(file), ocp.metadata(path).metadata, devices=jax.devices()
    )
    wanted = orbscan.abstract_state(m, mesh=mesh)
    for got, expected in zip(*map(jax.tree.leaves, (state, wanted)), strict=True):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        assert got.sharding.spec == expected.sharding.spec
        assert got.sharding.mesh.shape == expected.sharding.mesh.shape
    loaded = ocp.load(path, state)
    assert loaded["chance"].sharding.shard_shape((256, 256)) == (32, 256)


def test_a_synthetic_state_takes_as_much_space(
    names: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    m, usage = orbscan.metadata(path), orbscan.du(path)
    ocp.save(tmp_path / "like", names["synthetic_state"](m, usage, mesh_of(4, 2)))
    assert orbscan.diff(path, tmp_path / "like", strict=True, ignore={"devices"}).same
    like = {leaf.keypath: leaf.stored for leaf in orbscan.du(tmp_path / "like").leaves}
    for leaf in usage.leaves:
        assert like[leaf.keypath] == pytest.approx(leaf.stored, rel=0.1, abs=5000), leaf
