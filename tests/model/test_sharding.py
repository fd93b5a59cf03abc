"""Shardings as plain values, and how they become shardings of jax."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from orbax.checkpoint._src.metadata import sharding as orbax

from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    ShardingError,
    SingleDeviceShardingMetadata,
)
from tests.support.processes import with_orbax


def single(device_str: str) -> SingleDeviceShardingMetadata:
    return SingleDeviceShardingMetadata(device_str)


@pytest.mark.parametrize(
    ("shape", "ids", "mesh"),
    [
        ((4,), (3, 2, 1, 0), (3, 2, 1, 0)),
        ((2, 2), (0, 1, 2, 3), ((0, 1), (2, 3))),
        ((2, 1, 2), (0, 1, 2, 3), (((0, 1),), ((2, 3),))),
        ((1, 1), (7,), ((7,),)),
        ((), (7,), 7),
        ((0, 2), (), ()),
        ((2, 0), (), ()),
    ],
)
def test_a_mesh_nests_its_ids(shape: tuple[int, ...], ids: tuple[int, ...], mesh: Any) -> None:
    assert DeviceMesh(shape, ids).mesh == mesh


def test_both_names_of_a_cpu_device_are_equal() -> None:
    assert single("TFRT_CPU_3") == single("cpu:3")
    assert hash(single("TFRT_CPU_3")) == hash(single("cpu:3"))
    assert single("TFRT_CPU_3") != single("cpu:30")
    assert single("TFRT_CPU_3").device_str == "TFRT_CPU_3"


@pytest.mark.parametrize("device_str", ["cpu:0", "TFRT_CPU_0"])
def test_a_single_device_is_found_by_either_name(device_str: str) -> None:
    assert single(device_str).to_jax_sharding().device_set == {jax.devices()[0]}


def test_a_single_device_that_is_absent_is_named() -> None:
    with pytest.raises(ValueError, match=r"TPU_5\(process=0\)"):
        single("TPU_5(process=0)").to_jax_sharding()


def test_an_absent_device_of_a_mesh_is_named() -> None:
    mesh = DeviceMesh((2,), (0, 77))
    with pytest.raises(
        ValueError, match=r"has 8 devices and lacks those with the ids 77; lay .*mesh=\.\.\."
    ):
        NamedShardingMetadata((2,), ("x",), ("x",), None, mesh).to_jax_sharding()


def test_a_few_of_many_absent_devices_are_named() -> None:
    mesh = DeviceMesh((2000,), tuple(range(1000, 3000)))
    with pytest.raises(ValueError, match=r"ids 1000, .*, 1007 and 1992 more; lay"):
        NamedShardingMetadata((2000,), ("x",), ("x",), None, mesh).to_jax_sharding()


def test_a_mesh_that_does_not_fit_the_devices_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4, 3\) does not fit 8 devices"):
        NamedShardingMetadata((4, 3), ("x", "y"), ("x",)).to_jax_sharding()


def test_a_positional_sharding_is_refused() -> None:
    with pytest.raises(ValueError, match="PositionalSharding"):
        PositionalShardingMetadata((4, 2)).to_jax_sharding()


# In a process of its own: the number of devices is fixed when jax starts.
_ON_EIGHT_DEVICES = """
    import jax
    from orbax.checkpoint._src.metadata import sharding as orbax
    from orbscan.model.sharding import DeviceMesh, NamedShardingMetadata

    axes = jax.sharding.AxisType
    ids = (7, 6, 5, 4, 3, 2, 1, 0)
    nested = [[orbax.DeviceMetadata(id) for id in row] for row in DeviceMesh((4, 2), ids).mesh]
    spec = (("x", "y"), None)
    for types in (None, ("Auto", "Auto"), ("Explicit", "Auto")):
        for saved in (False, True):
            mesh = DeviceMesh((4, 2), ids) if saved else None
            ours = NamedShardingMetadata((4, 2), ("x", "y"), spec, types, mesh)
            theirs = orbax.NamedShardingMetadata(
                shape=(4, 2),
                axis_names=["x", "y"],
                partition_spec=spec,
                axis_types=types and tuple(axes[kind] for kind in types),
                device_mesh=orbax.DeviceMetadataMesh(nested) if saved else None,
            )
            assert ours.to_jax_sharding() == theirs.to_jax_sharding(), (types, saved)
            print("equal")
"""


def test_a_named_sharding_becomes_what_orbax_makes_of_it() -> None:
    flags = "--xla_force_host_platform_device_count=8"
    printed = with_orbax(_ON_EIGHT_DEVICES, JAX_PLATFORMS="cpu", XLA_FLAGS=flags)
    assert printed.split() == ["equal"] * 6


@pytest.mark.parametrize("ids", [None, tuple(range(8))])
@pytest.mark.parametrize(("shape", "filled"), [((-1, 2), (4, 2)), ((4, -7), (4, 2))])
def test_one_length_may_be_left_to_the_number_of_devices(
    shape: tuple[int, ...], filled: tuple[int, ...], ids: tuple[int, ...] | None
) -> None:
    devices = None if ids is None else DeviceMesh((4, 2), ids)
    saved = NamedShardingMetadata(shape, ("x", "y"), ("x", "y"), None, devices)
    theirs = orbax.NamedShardingMetadata(
        shape=np.array(shape), axis_names=["x", "y"], partition_spec=("x", "y")
    )
    sharding = saved.to_jax_sharding()
    assert sharding == theirs.to_jax_sharding()
    assert sharding.mesh.devices.shape == filled
    if ids is None:
        with pytest.raises(ShardingError, match="its devices were not saved"):
            saved.to_abstract_mesh()
    else:
        assert saved.to_abstract_mesh().axis_sizes == filled


@pytest.mark.parametrize("shape", [(-1, -1), (-4, -2), (-1, 3), (-1, 0), (0, 2)])
def test_a_mesh_that_no_number_of_devices_fills_is_refused(shape: tuple[int, ...]) -> None:
    saved = NamedShardingMetadata(shape, ("x", "y"), ("x",))
    with pytest.raises(ShardingError, match="does not fit 8 devices"):
        saved.to_jax_sharding()
