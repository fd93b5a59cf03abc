"""What a restore shall give, and that Orbax gives it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from jax.sharding import (
    AbstractMesh,
    AxisType,
    Mesh,
    NamedSharding,
    PartitionSpec,
    SingleDeviceSharding,
)
from orbax.checkpoint._src.metadata.pytree_metadata_options import PyTreeMetadataOptions

import orbscan
from orbscan import errors
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from tests.restoring.conftest import laid, mesh_of
from tests.restoring.support import arrays, assert_same_values

if TYPE_CHECKING:
    from pathlib import Path

FLOAT32 = np.dtype("float32")


def array(shape: tuple[int, ...], sharding: Any = None) -> orbscan.ArrayMetadata:
    return orbscan.ArrayMetadata(shape, FLOAT32, sharding)


def named(spec: Any, shape: tuple[int, ...] = (4, 2), **fields: Any) -> NamedShardingMetadata:
    return NamedShardingMetadata(shape, ("x", "y"), spec, **fields)


ABSENT = DeviceMesh((4, 2), tuple(range(100, 108)))


def test_on_the_saved_devices_everything_loads_as_it_was(path: Path, saved: dict[str, Any]) -> None:
    state = orbscan.abstract_state(orbscan.metadata(path))
    loaded = orbscan.load(path, state)
    assert_same_values(loaded, saved)
    for got, expected in zip(arrays(loaded), arrays(saved), strict=True):
        assert got.sharding.is_equivalent_to(expected.sharding, got.ndim)


MESHES = {
    "8x1": ((8, 1), ("x", "y")),
    "2x2": ((2, 2), ("x", "y")),
    "another order": ((2, 4), ("y", "x")),
    "1x1": ((1, 1), ("x", "y")),
    "one more axis": ((2, 2, 2), ("x", "y", "z")),
}


@pytest.mark.parametrize("name", MESHES)
def test_on_another_mesh_values_are_the_same(name: str, path: Path, saved: dict[str, Any]) -> None:
    mesh = mesh_of(*MESHES[name])
    state = orbscan.abstract_state(orbscan.metadata(path), mesh=mesh)
    loaded = orbscan.load(path, state)
    assert_same_values(loaded, saved)
    assert all(leaf.sharding.mesh == mesh for leaf in arrays(loaded))
    params = loaded["params"]
    assert params["embedding"].sharding.spec == PartitionSpec("x", "y")
    assert params["joint"].sharding.spec == PartitionSpec(("x", "y"))
    assert loaded["keys"].sharding.is_equivalent_to(NamedSharding(mesh, PartitionSpec("x")), 1)
    assert loaded["on_one"].sharding.is_fully_replicated


def test_one_sharding_serves_for_all(path: Path, saved: dict[str, Any]) -> None:
    sharding = SingleDeviceSharding(jax.devices()[5])
    loaded = orbscan.load(path, orbscan.abstract_state(orbscan.metadata(path), sharding=sharding))
    assert_same_values(loaded, saved)
    assert all(leaf.devices() == {jax.devices()[5]} for leaf in arrays(loaded))


def test_another_dtype_is_for_floating_point_arrays(path: Path, saved: dict[str, Any]) -> None:
    state = orbscan.abstract_state(orbscan.metadata(path), dtype=jnp.bfloat16)
    loaded = orbscan.load(path, state)
    for got, expected in zip(jax.tree.leaves(loaded), jax.tree.leaves(saved), strict=True):
        if isinstance(expected, jax.Array | np.ndarray):
            is_floating = jnp.issubdtype(expected.dtype, jnp.floating)
            wanted = expected.astype(jnp.bfloat16) if is_floating else expected
            assert_same_values(got, wanted)
        else:
            assert_same_values(got, expected)


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_a_dtype_without_floating_point_is_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match=dtype):
        orbscan.abstract_state({"a": array((2,))}, dtype=dtype)


def test_a_state_of_flax_nnx_loads_into_itself(nnx_path: tuple[Path, Any]) -> None:
    path, state = nnx_path
    loaded = orbscan.load(path, orbscan.abstract_state(orbscan.metadata(path)))
    assert_same_values(loaded, state)


def test_an_optimizer_state_loads_into_the_containers_of_rich_types(
    tmp_path: Path, saved: dict[str, Any]
) -> None:
    context = ocp.Context()
    context.pytree.saving.pytree_metadata_options = PyTreeMetadataOptions(support_rich_types=True)
    with context:
        ocp.save(tmp_path / "ckpt", {"optimizer": saved["optimizer"]})
        read = orbscan.metadata(tmp_path / "ckpt", rich_types=True)
        loaded = orbscan.load(tmp_path / "ckpt", orbscan.abstract_state(read))
    assert_same_values(loaded["optimizer"], saved["optimizer"])
    assert loaded["optimizer"][0].count == 0


def test_a_typed_key_becomes_an_abstract_key(path: Path) -> None:
    state = orbscan.abstract_state(orbscan.metadata(path))
    assert state["key"].dtype == jax.random.key(0).dtype
    assert (state["key"].shape, state["keys"].shape, state["rbg"].shape) == ((), (8,), ())
    assert state["rbg"].dtype == jax.random.key(0, impl="rbg").dtype


def test_what_is_no_array_of_jax_stays_what_it_is(path: Path) -> None:
    state = orbscan.abstract_state(orbscan.metadata(path))
    read = orbscan.metadata(path).metadata
    names = ("numpy", "numpy_int", "step", "rate", "warm", "note", "nothing", "empty", "no_items")
    assert {name: state[name] for name in names} == {name: read[name] for name in names}
    assert state["no_entries"] == ()


def test_leaves_of_the_caller_are_left_alone() -> None:
    own = jax.ShapeDtypeStruct((3,), "int8")
    assert orbscan.abstract_state({"a": own, "b": array((2,))}, dtype="float16")["a"] is own


def test_complex_scalars_load_as_numpys(tmp_path: Path) -> None:
    import orbax.checkpoint as v0

    tree = {"c": np.complex128(1 + 2j), "d": np.arange(2.0)}
    v0.Checkpointer(v0.PyTreeCheckpointHandler()).save(tmp_path / "c", tree)
    loaded = orbscan.load(tmp_path / "c", orbscan.metadata(tmp_path / "c"))
    assert loaded["c"] == 1 + 2j


def test_without_the_devices_there_is_a_mesh_without_devices() -> None:
    types = ("Explicit", "Manual")
    tree = {
        "a": array((8, 2), named(("x", None), device_mesh=ABSENT, axis_types=types)),
        # Here, but useless without the others.
        "count": array((), SingleDeviceShardingMetadata("cpu:0")),
        "grid": array((4, 2), PositionalShardingMetadata((4, 1))),
        "unknown": array((3,)),
    }
    state = orbscan.abstract_state(tree)
    mesh = state["a"].sharding.mesh
    assert isinstance(mesh, AbstractMesh)
    assert dict(mesh.shape) == {"x": 4, "y": 2}
    assert mesh.axis_types == (AxisType.Explicit, AxisType.Manual)
    assert state["a"].sharding.spec == PartitionSpec("x", None)
    # What a mesh is that says nothing of its axes differs between releases of JAX.
    one = AbstractMesh((1,), ("device",), axis_types=(AxisType.Auto,))
    assert state["count"].sharding.mesh == one
    assert state["grid"].sharding.spec == PartitionSpec("dim_0", None)
    assert state["unknown"].sharding is None


def test_a_mesh_without_devices_can_be_given() -> None:
    mesh = AbstractMesh((64, 8), ("x", "y"))
    state = orbscan.abstract_state({"a": array((64, 8), named(("x", "y")))}, mesh=mesh)
    assert state["a"].sharding == NamedSharding(mesh, PartitionSpec("x", "y"))


def test_an_abstract_state_compiles_without_the_devices() -> None:
    mesh = AbstractMesh((4, 2), ("x", "y"))
    state = orbscan.abstract_state(
        {"w": array((8, 4), named(("x", "y"), device_mesh=ABSENT))}, mesh=mesh
    )
    assert jax.eval_shape(lambda tree: tree["w"].sum(0), state).shape == (4,)


def test_an_axis_that_the_mesh_lacks_is_named() -> None:
    mesh = mesh_of((4, 2), ("x", "model"))
    tree = {"params": [array((8, 2), named(("x", "y")))]}
    with pytest.raises(
        orbscan.ShardingError, match=r"\['params'\]\[0\]: the mesh \(x=4, model=2\) lacks .*: 'y'"
    ):
        orbscan.abstract_state(tree, mesh=mesh)


def test_a_dimension_that_does_not_divide_is_named() -> None:
    tree = {"w": array((6, 2), named((("x", "y"),)))}
    text = r"leaf \['w'\]: dimension 0 has size 6, which 4 parts \(x=2, y=2\) do not divide"
    with pytest.raises(orbscan.ShardingError, match=text):
        orbscan.abstract_state(tree, mesh=mesh_of((2, 2), ("x", "y")))


def test_a_sharding_that_does_not_fit_an_array_is_refused(mesh: Mesh) -> None:
    sharding = NamedSharding(mesh, PartitionSpec("x"))
    for shape, text in (((6,), "6, which 4 parts"), ((), "splits 1 dimension,")):
        with pytest.raises(orbscan.ShardingError, match=text):
            orbscan.abstract_state({"w": array(shape)}, sharding=sharding)


def test_a_mesh_and_a_sharding_exclude_each_other(mesh: Mesh) -> None:
    sharding = NamedSharding(mesh, PartitionSpec())
    with pytest.raises(TypeError, match="exclude"):
        orbscan.abstract_state({}, mesh=mesh, sharding=sharding)


def test_an_unreadable_leaf_is_named() -> None:
    leaf = orbscan.UnreadableLeaf(errors.error("malformed", "no object", "s/_METADATA", 4))
    with pytest.raises(orbscan.FormatError, match=r"byte 4: no object .*\['a'\]\[1\]") as caught:
        orbscan.abstract_state({"a": [1, leaf]})
    assert caught.value is not leaf.error


def test_the_metadata_of_a_checkpoint_or_its_tree_are_the_same(path: Path) -> None:
    read = orbscan.metadata(path)
    of_tree = orbscan.abstract_state(read.metadata)
    assert jax.tree.leaves(orbscan.abstract_state(read)) == jax.tree.leaves(of_tree)


def test_a_replaced_tree_is_loaded(path: Path, mesh: Mesh, saved: dict[str, Any]) -> None:
    read = orbscan.metadata(path)
    sharding = NamedSharding(mesh, PartitionSpec())
    params = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.float32, sharding=sharding),
        read.metadata["params"],
    )
    read = dataclasses.replace(read, metadata={**read.metadata, "params": params})
    loaded = orbscan.load(path, read)
    assert_same_values(
        loaded["params"], jax.tree.map(lambda leaf: leaf.astype(jnp.float32), saved["params"])
    )
    assert loaded["params"]["embedding"].sharding == sharding
    assert_same_values(loaded["optimizer"], saved["optimizer"])


def test_metadata_of_orbaxs_own_is_taken_as_orbscans(tmp_path: Path) -> None:
    import orbax.checkpoint.experimental.v1 as theirs

    mesh = mesh_of((4, 2), ("x", "y"))
    tree = {"w": laid(jnp.zeros((8, 4)), mesh, "x", "y"), "n": np.zeros(3), "step": 1}
    theirs.save(tmp_path / "c", tree)
    other = mesh_of((2, 4), ("x", "y"))
    wanted = orbscan.abstract_state(orbscan.metadata(tmp_path / "c"), mesh=other)
    found = theirs.metadata(tmp_path / "c")
    for given in (found, found.metadata):
        made = orbscan.abstract_state(given, mesh=other)
        assert made["w"] == wanted["w"]
        assert made["n"].shape == (3,)
    loaded = orbscan.load(tmp_path / "c", found, mesh=other, dtype=jnp.bfloat16)
    assert (loaded["w"].sharding.mesh.shape["y"], loaded["w"].dtype) == (4, jnp.bfloat16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mesh": 5}, "mesh is a jax.sharding.Mesh or AbstractMesh, not int"),
        ({"mesh": "data=4"}, "mesh is a jax.sharding.Mesh or AbstractMesh, not str"),
        ({"sharding": 5}, "sharding is a jax.sharding.Sharding, not int"),
        ({"dtype": "none"}, "dtype is a floating-point type such as 'bfloat16', not 'none'"),
    ],
)
def test_what_is_none_of_it_is_named(path: Path, arguments: Any, message: str) -> None:
    for ask in (
        lambda: orbscan.abstract_state(orbscan.metadata(path), **arguments),
        lambda: orbscan.load(path, **arguments),
    ):
        with pytest.raises(TypeError) as raised:
            ask()
        assert str(raised.value) == message
