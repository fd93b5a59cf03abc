"""Shardings that were saved, on meshes that are there."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

import orbscan
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
    check_shape,
)
from tests.restoring.conftest import mesh_of

ABSENT = DeviceMesh((4, 2), tuple(range(100, 108)))
NAMED = NamedShardingMetadata((4, 2), ("x", "y"), ("y", None, ("x",)), None, ABSENT)


@pytest.mark.parametrize(
    "mesh", [mesh_of((2, 4), ("y", "x")), AbstractMesh((3, 5, 7), ("x", "z", "y"))]
)
def test_axes_are_found_by_name_on_any_mesh(mesh: Any) -> None:
    spec = PartitionSpec("y", None, ("x",))
    assert NAMED.to_jax_sharding(mesh) == NamedSharding(mesh, spec)


def test_only_axes_that_split_the_array_are_needed() -> None:
    mesh = mesh_of((8,), ("y",))
    metadata = NamedShardingMetadata((4, 2), ("x", "y"), ("y",), None, ABSENT)
    assert metadata.to_jax_sharding(mesh).spec == PartitionSpec("y")


def test_all_axes_that_the_mesh_lacks_are_named() -> None:
    text = r"the mesh \(a=8\) lacks the axes that the array was split over: 'y', 'x'$"
    with pytest.raises(orbscan.ShardingError, match=text):
        NAMED.to_jax_sharding(mesh_of((8,), ("a",)))


def test_the_mesh_of_the_caller_keeps_its_axis_types() -> None:
    mesh = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Explicit, AxisType.Auto))
    sharding = NAMED.to_jax_sharding(mesh)
    assert sharding.mesh.axis_types == (AxisType.Explicit, AxisType.Auto)


@pytest.mark.parametrize("types", [("Auto", "Explicit"), ("Manual", "Manual"), None])
def test_a_mesh_without_devices_keeps_the_saved_axis_types(types: Any) -> None:
    metadata = NamedShardingMetadata((4, 2), ("x", "y"), (), types, ABSENT)
    mesh = metadata.to_abstract_mesh()
    assert (mesh.axis_sizes, mesh.axis_names) == ((4, 2), ("x", "y"))
    assert [kind.name for kind in mesh.axis_types] == list(types or ("Auto", "Auto"))


@pytest.mark.parametrize(
    "metadata",
    [
        NamedShardingMetadata((4, 2), ("x", "y"), ()),
        SingleDeviceShardingMetadata("cpu:0"),
        PositionalShardingMetadata((4, 2)),
    ],
)
def test_axis_types_are_not_left_to_jax_which_changes_its_mind(
    metadata: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As jax has it from 0.12 on.
    def explicit(shape: Any, names: Any, kinds: Any = None) -> AbstractMesh:
        return AbstractMesh(shape, names, kinds or (AxisType.Explicit,) * len(names))

    monkeypatch.setattr(jax.sharding, "AbstractMesh", explicit)
    assert set(metadata.to_abstract_mesh().axis_types) == {AxisType.Auto}


TOO_LARGE = {
    "a mesh of 2147483648 devices": {"x": 2**31},
    "a mesh of 4294967296 devices": {"x": 2**16, "y": 2**16},
    "a mesh of 20000 axes": {"x": 1} | {f"a{number}": 1 for number in range(19_999)},
}


@pytest.mark.parametrize("message", TOO_LARGE)
def test_a_mesh_that_jax_cannot_have_is_refused(message: str) -> None:
    axes = TOO_LARGE[message]
    lengths, names = tuple(axes.values()), tuple(axes)
    mesh = AbstractMesh(lengths, names)
    small = NamedShardingMetadata((1,), ("x",), ("x",))
    saved: list[Any] = [
        NamedShardingMetadata(lengths, names, ("x",)),
        NamedShardingMetadata(lengths, names, ("x",), None, DeviceMesh(lengths, (0,))),
        PositionalShardingMetadata(lengths),
    ]

    def state(sharding: Any, **options: Any) -> Any:
        leaf = orbscan.ArrayMetadata((8,), np.dtype("float32"), sharding)
        return orbscan.abstract_state({"w": leaf}, **options)

    uses = [
        *(partial(state, sharding) for sharding in saved),
        *(sharding.to_abstract_mesh for sharding in saved),
        *(sharding.to_jax_sharding for sharding in saved[:2]),
        *(partial(sharding.to_jax_sharding, mesh) for sharding in (*saved, small)),
        partial(SingleDeviceShardingMetadata("cpu:0").to_jax_sharding, mesh),
        partial(state, small, mesh=mesh),
        partial(state, None, mesh=mesh),
    ]
    for use in uses:
        with pytest.raises(orbscan.ShardingError, match=message):
            use()


def test_the_leaf_is_named_whose_mesh_jax_cannot_have() -> None:
    sharding = NamedShardingMetadata((2**31,), ("x",), ("x",))
    leaf = orbscan.ArrayMetadata((8,), np.dtype("float32"), sharding)
    with pytest.raises(orbscan.ShardingError, match=r"the leaf \['w'\]: a mesh of"):
        orbscan.abstract_state({"w": leaf})


def test_a_mesh_with_a_name_too_few_is_refused() -> None:
    metadata = NamedShardingMetadata((1, 1), ("x",), ("x",))
    for use in (metadata.to_abstract_mesh, metadata.to_jax_sharding):
        with pytest.raises(orbscan.ShardingError, match="a mesh of 2 axes has 1 name"):
            use()


def test_a_shape_is_checked_against_the_mesh() -> None:
    mesh = mesh_of((4, 2), ("x", "y"))
    assert NAMED.to_jax_sharding(mesh, (2, 3, 4)).shard_shape((2, 3, 4)) == (1, 3, 1)
    with pytest.raises(orbscan.ShardingError, match=r"dimension 2 has size 6, which 4 parts"):
        NAMED.to_jax_sharding(mesh, (2, 3, 6))
    with pytest.raises(orbscan.ShardingError, match="splits 3 dimensions, and the shape is"):
        NAMED.to_jax_sharding(mesh, (2, 3))


def test_anything_but_names_counts_as_not_split() -> None:
    check_shape((3, 5), (PartitionSpec.UNCONSTRAINED, None), {"x": 4})
    with pytest.raises(orbscan.ShardingError, match="dimension 0"):
        check_shape((3, 5), (("x",), None), {"x": 4})


def test_an_array_of_one_device_is_whole_on_a_mesh() -> None:
    mesh = mesh_of((4, 2), ("x", "y"))
    sharding = SingleDeviceShardingMetadata("TPU_0").to_jax_sharding(mesh, (3,))
    assert sharding == NamedSharding(mesh, PartitionSpec())


@pytest.mark.parametrize(
    ("grid", "mesh", "spec"),
    [
        ((4, 2), ((4, 2), ("a", "b")), ("a", "b")),
        ((2, 4), ((4, 2), ("a", "b")), ("b", "a")),
        ((4, 1), ((4, 2), ("a", "b")), ("a", None)),
        ((1, 2, 2), ((2, 2), ("a", "b")), (None, "a", "b")),
    ],
)
def test_a_grid_without_names_finds_axes_by_size(grid: Any, mesh: Any, spec: Any) -> None:
    sharding = PositionalShardingMetadata(grid).to_jax_sharding(mesh_of(*mesh))
    assert sharding.spec == PartitionSpec(*spec)


def test_a_grid_without_names_needs_axes_of_its_sizes() -> None:
    grid = PositionalShardingMetadata((4, 4))
    with pytest.raises(orbscan.ShardingError, match="dimension 1 was split in 4 parts"):
        grid.to_jax_sharding(mesh_of((4, 2), ("a", "b")))
    with pytest.raises(orbscan.ShardingError, match="dimension 0 has size 6"):
        PositionalShardingMetadata((4, 2)).to_jax_sharding(mesh_of((4, 2), ("a", "b")), (6, 2))


def test_without_a_mesh_the_way_out_is_named() -> None:
    for metadata in (NAMED, PositionalShardingMetadata((4,)), SingleDeviceShardingMetadata("TPU")):
        with pytest.raises(orbscan.ShardingError, match=r"to_jax_sharding\(mesh\)"):
            metadata.to_jax_sharding()


def test_the_error_about_missing_devices_survives_pickling() -> None:
    with pytest.raises(orbscan.MissingDevicesError) as caught:
        NAMED.to_jax_sharding()
    twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(twin), twin.missing) == (str(caught.value), caught.value.missing)
    assert caught.value.missing == tuple(range(100, 108))


def test_a_leaf_offers_the_sharding_on_the_devices_of_this_process() -> None:
    import numpy as np

    here = DeviceMesh((2, 1), (7, 3))
    metadata = NamedShardingMetadata((2, 1), ("x", "y"), ("x",), ("Explicit", "Auto"), here)
    leaf = orbscan.ArrayMetadata((4,), np.dtype("int8"), metadata)
    devices = np.array(jax.devices())[[[7], [3]]]
    mesh = Mesh(devices, ("x", "y"), axis_types=(AxisType.Explicit, AxisType.Auto))
    assert leaf.sharding == NamedSharding(mesh, PartitionSpec("x"))
