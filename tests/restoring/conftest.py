"""Checkpoints that Orbax writes, once for each run of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flax.nnx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

if TYPE_CHECKING:
    from pathlib import Path


def mesh_of(shape: tuple[int, ...], names: tuple[str, ...]) -> Mesh:
    """A mesh over the first devices."""
    return jax.make_mesh(shape, names, axis_types=(AxisType.Auto,) * len(shape))


def laid(value: Any, mesh: Mesh, *spec: Any) -> jax.Array:
    """A value laid over a mesh."""
    array: jax.Array = jax.device_put(value, NamedSharding(mesh, PartitionSpec(*spec)))
    return array


def parameters(mesh: Mesh) -> dict[str, Any]:
    """Arrays that are split in different ways."""
    return {
        "embedding": laid(np.arange(16 * 8, dtype=np.float32).reshape(16, 8), mesh, "x", "y"),
        "joint": laid(np.arange(16, dtype=np.int32), mesh, ("x", "y")),
        "bias": laid(np.linspace(0, 1, 8, dtype=ml_dtypes.bfloat16), mesh, "y"),
        "scale": laid(np.float32(2.5), mesh),
    }


def everything() -> dict[str, Any]:
    """A tree with every kind of leaf that can be loaded."""
    mesh = mesh_of((4, 2), ("x", "y"))
    params = parameters(mesh)
    keys = jax.random.split(jax.random.key(7), 8)
    return {
        "params": params,
        "optimizer": optax.adamw(1e-3).init(params),
        "layers": [{"kernel": jnp.ones((4, 4))}, {"kernel": jnp.zeros((4, 4))}],
        "on_one": jax.device_put(jnp.arange(4.0), SingleDeviceSharding(jax.devices()[3])),
        "key": jax.random.key(0),
        "keys": jax.device_put(keys, NamedSharding(mesh, PartitionSpec("x"))),
        "rbg": jax.random.key(1, impl="rbg"),
        "numpy": np.arange(6, dtype=np.float64).reshape(2, 3),
        "numpy_int": np.arange(3, dtype=np.int16),
        "step": 41,
        "rate": 0.125,
        "warm": True,
        "cold": False,
        "note": "adamw",
        "nothing": None,
        "empty": {},
        "no_items": [],
        "no_entries": (),
        "a b/é'\"": jnp.full((2,), 3.0),
    }


@pytest.fixture(scope="session")
def saved() -> dict[str, Any]:
    return everything()


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory, saved: dict[str, Any]) -> Path:
    target = tmp_path_factory.mktemp("everything") / "ckpt"
    ocp.save(target, saved)
    return target


@pytest.fixture(scope="session")
def mesh() -> Mesh:
    return mesh_of((4, 2), ("x", "y"))


@pytest.fixture(scope="session")
def nnx_path(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    class Model(flax.nnx.Module):
        def __init__(self, rngs: flax.nnx.Rngs) -> None:
            self.linear = flax.nnx.Linear(4, 8, rngs=rngs)
            self.dropout = flax.nnx.Dropout(0.5, rngs=rngs)

    state = flax.nnx.state(Model(flax.nnx.Rngs(0)))
    target = tmp_path_factory.mktemp("nnx") / "ckpt"
    ocp.save(target, state)
    return target, state
