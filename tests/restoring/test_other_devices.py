"""A checkpoint of 512 devices, where there is one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import python, with_orbax

if TYPE_CHECKING:
    from pathlib import Path


def run_on(devices: int, program: str) -> list[str]:
    """The lines that a program prints in a process with some number of virtual devices."""
    return with_orbax(program, **_environment(devices)).splitlines()


def _environment(devices: int) -> dict[str, str]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("large") / "ckpt"
    run_on(
        512,
        f"""
        import jax, numpy as np
        import orbax.checkpoint.experimental.v1 as ocp
        from jax.sharding import AxisType, NamedSharding, PartitionSpec

        mesh = jax.make_mesh((64, 8), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
        lay = lambda value, *spec: jax.device_put(value, NamedSharding(mesh, PartitionSpec(*spec)))
        ocp.save({str(target)!r}, {{
            "w": lay(np.arange(64 * 8, dtype=np.float32).reshape(64, 8), "data", "model"),
            "b": lay(np.arange(8, dtype=np.int32), "model"),
            "key": lay(jax.random.key(3)),
        }})
        """,
    )
    return target


def test_it_is_described_and_abstracted_with_one_device_and_without_orbax(path: Path) -> None:
    lines = python(
        f"""
        import sys
        import orbscan

        m = orbscan.metadata({str(path)!r})
        sharding = m.metadata["w"].sharding_metadata
        print(sharding.shape, sharding.partition_spec, len(sharding.device_mesh.ids))
        print("jax" in sys.modules, "orbax" in sys.modules, "tensorstore" in sys.modules)
        state = orbscan.abstract_state(m)
        print(dict(state["w"].sharding.mesh.shape), tuple(state["w"].sharding.spec))
        print(type(state["w"].sharding.mesh).__name__, state["key"].dtype)
        print(state["w"].sharding.shard_shape(state["w"].shape))
        print("orbax" in sys.modules, "tensorstore" in sys.modules)
        try:
            m.metadata["w"].sharding
        except orbscan.MissingDevicesError as error:
            print(error)
        """,
        env=os.environ | _environment(1),
    ).splitlines()
    assert lines == [
        "(64, 8) ('data', 'model') 512",
        "False False False",
        "{'data': 64, 'model': 8} ('data', 'model')",
        "AbstractMesh key<fry>",
        "(1, 1)",
        "False False",
        (
            "this process has 1 device and lacks those with the ids 1, 2, 3, 4, 5, 6, 7, 8 "
            "and 503 more; lay the arrays over devices that are there, with "
            "orbscan.abstract_state(metadata, mesh=...), on one device with "
            "orbscan.abstract_state(metadata, sharding=...), or with to_jax_sharding(mesh)"
        ),
    ]


def test_it_is_loaded_onto_one_device(path: Path) -> None:
    lines = run_on(
        1,
        f"""
        import jax, orbscan
        from jax.sharding import AxisType

        m = orbscan.metadata({str(path)!r})
        mesh = jax.make_mesh((1, 1), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
        loaded = orbscan.load({str(path)!r}, orbscan.abstract_state(m, mesh=mesh))
        print(loaded["w"].ravel().tolist() == list(range(512)), loaded["b"].tolist())
        print(jax.random.key_data(loaded["key"]).tolist(), loaded["w"].sharding.mesh == mesh)
        """,
    )
    assert lines == ["True [0, 1, 2, 3, 4, 5, 6, 7]", "[0, 3] True"]


LOADS = {
    "load(path)": "orbscan.load(path)",
    "load(path, metadata)": "orbscan.load(path, m)",
    "load(path, shapes)": "orbscan.load(path, {**shapes, 'key': ...})",
    "load(path, types)": "orbscan.load(path, dict.fromkeys(shapes, jax.ShapeDtypeStruct))",
    "load_checkpointables(path)": "orbscan.load_checkpointables(path)",
    "load_checkpointables(path, None)": "orbscan.load_checkpointables(path, {'state': None})",
    "load_checkpointables(path, shapes)": "orbscan.load_checkpointables(path, {'state': shapes})",
    "orbscan.orbax": "ocp.load(path)",
}


@pytest.mark.parametrize("call", LOADS.values(), ids=LOADS)
def test_a_load_without_shardings_names_the_devices_before_orbax_is_asked(
    path: Path, call: str
) -> None:
    lines = run_on(
        1,
        f"""
        import logging, sys
        import jax, orbscan
        import orbscan.orbax as ocp

        logging.basicConfig(stream=sys.stdout, format="logged: %(message)s")
        path = {str(path)!r}
        m = orbscan.metadata(path)
        shapes = {{name: jax.ShapeDtypeStruct(m.metadata[name].shape, m.metadata[name].dtype)
                  for name in ("w", "b", "key")}}
        try:
            {call}
        except orbscan.MissingDevicesError as error:
            print(error)
        """,
    )
    (line,) = lines
    assert line.startswith("this process has 1 device and lacks those with the ids 1, 2, 3")
    assert "abstract_state(metadata, sharding=...)" in line


def test_what_needs_none_of_the_devices_is_loaded(path: Path) -> None:
    lines = run_on(
        1,
        f"""
        import jax, orbscan
        from jax.sharding import SingleDeviceSharding
        import orbax.checkpoint.experimental.v1 as ocp

        path = {str(path)!r}
        m = orbscan.metadata(path)
        one = orbscan.abstract_state(m, sharding=SingleDeviceSharding(jax.devices()[0]))
        print(orbscan.load(path, one)["b"].tolist())
        print(orbscan.load_checkpointables(path, {{"state": one}})["state"]["b"].tolist())
        context = ocp.Context()
        context.pytree.loading.partial_load = True
        with context:
            print(orbscan.load(path, {{"b": one["b"]}})["b"].tolist())

        class Elsewhere(ocp.handlers.CheckpointableHandler):
            def is_handleable(self, checkpointable): return True
            def is_abstract_handleable(self, abstract): return True
            async def save(self, directory, checkpointable): raise NotImplementedError
            async def metadata(self, directory): return None
            async def load(self, directory, abstract=None):
                async def loaded(): return "by a handler of its own"
                return loaded()

        registry = ocp.handlers.local_registry(include_global_registry=False)
        registry.add(Elsewhere, checkpointable_name="state")
        context = ocp.Context()
        context.checkpointables.registry = registry
        with context:
            print(orbscan.load(path))
            print(orbscan.load_checkpointables(path))
        """,
    )
    numbers = "[0, 1, 2, 3, 4, 5, 6, 7]"
    said = "by a handler of its own"
    assert lines == [numbers, numbers, numbers, said, f"{{'state': {said!r}}}"]
