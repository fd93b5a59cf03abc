"""Handing over to Orbax."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import orbscan
from orbscan.model.sharding import DeviceMesh, NamedShardingMetadata
from tests.restoring.conftest import mesh_of
from tests.restoring.support import arrays, assert_same_values

if TYPE_CHECKING:
    from pathlib import Path


def items(*names: str) -> dict[str, Any]:
    """Pytrees that can be told apart by their values."""
    return {name: {"w": jnp.full((2,), float(at))} for at, name in enumerate(names)}


def test_metadata_itself_says_what_to_load(path: Path, saved: dict[str, Any]) -> None:
    read = orbscan.metadata(path)
    assert_same_values(orbscan.load(path, read), saved)
    assert_same_values(orbscan.load(path, read.metadata), saved)


def test_orbax_takes_the_tree_as_it_is(path: Path, saved: dict[str, Any]) -> None:
    assert_same_values(ocp.load(path, orbscan.metadata(path).metadata), saved)


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
def test_without_an_abstract_state_orbax_decides(path: Path, saved: dict[str, Any]) -> None:
    assert_same_values(orbscan.load(path), saved)


def test_metadata_and_abstract_arrays_can_be_mixed(path: Path, saved: dict[str, Any]) -> None:
    tree = orbscan.metadata(path).metadata
    tree["params"] = orbscan.abstract_state(tree["params"], mesh=mesh_of((2, 2), ("x", "y")))
    tree["step"] = 0.0
    loaded = orbscan.load(path, tree)
    assert loaded["params"]["embedding"].sharding.mesh.size == 4
    assert loaded["layers"][0]["kernel"].sharding.device_set == {jax.devices()[0]}
    assert_same_values(loaded["params"], saved["params"])
    assert (loaded["step"], type(loaded["step"])) == (41.0, float)


def test_a_mesh_that_is_set_gives_the_devices(path: Path, saved: dict[str, Any]) -> None:
    mesh = mesh_of((2, 4), ("x", "y"))
    state = orbscan.abstract_state(orbscan.metadata(path), mesh=mesh.abstract_mesh)
    with jax.set_mesh(mesh):
        loaded = orbscan.load(path, state)
    assert_same_values(loaded, saved)
    assert all(leaf.sharding.mesh == mesh for leaf in arrays(loaded))


def test_without_a_mesh_that_is_set_the_way_out_is_named(path: Path) -> None:
    mesh = jax.sharding.AbstractMesh((4, 2), ("x", "y"))
    state = orbscan.abstract_state(orbscan.metadata(path), mesh=mesh)
    with pytest.raises(
        orbscan.ShardingError, match=r"\['key'\] .* jax\.set_mesh\(mesh\)"
    ) as caught:
        orbscan.load(path, {"key": state["key"]})
    assert "abstract_state(metadata, mesh=mesh)" in str(caught.value)


def test_devices_that_are_missing_are_named(path: Path) -> None:
    absent = DeviceMesh((2,), (0, 512))
    sharding = NamedShardingMetadata((2,), ("x",), ("x",), None, absent)
    leaf = orbscan.ArrayMetadata((4,), np.dtype("float32"), sharding)
    with pytest.raises(orbscan.MissingDevicesError, match=r"has 8 devices .* ids 512;") as caught:
        orbscan.load(path, {"a": leaf})
    assert (caught.value.missing, caught.value.available) == ((512,), 8)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["alpha", "pytree", "state"], "pytree"),
        (["alpha", "state"], "state"),
        (["beta", "alpha"], "alpha"),
    ],
)
def test_auto_is_the_same_pytree_as_in_metadata(
    tmp_path: Path, names: list[str], chosen: str
) -> None:
    saved = items(*names)
    ocp.save_checkpointables(tmp_path / "c", saved)
    loaded = orbscan.load(tmp_path / "c", orbscan.metadata(tmp_path / "c"))
    assert_same_values(loaded, saved[chosen])
    named = orbscan.load(
        tmp_path / "c", orbscan.metadata(tmp_path / "c", names[0]), checkpointable_name=names[0]
    )
    assert_same_values(named, saved[names[0]])


def test_a_flat_checkpoint_is_loaded(tmp_path: Path) -> None:
    import orbax.checkpoint as v0

    tree = items("w")["w"]
    v0.Checkpointer(v0.PyTreeCheckpointHandler()).save(tmp_path / "flat", tree)
    for name in ("AUTO", None):
        read = orbscan.metadata(tmp_path / "flat", name)
        loaded = orbscan.load(tmp_path / "flat", read, checkpointable_name=name)
        assert_same_values(loaded, tree)


def test_checkpointables_are_loaded_by_name(tmp_path: Path) -> None:
    saved = items("params", "opt")
    ocp.save_checkpointables(tmp_path / "c", saved)
    read = orbscan.checkpointables_metadata(tmp_path / "c")
    assert_same_values(orbscan.load_checkpointables(tmp_path / "c", read), saved)
    part = {"opt": orbscan.abstract_state(read.metadata["opt"], dtype="float16")}
    loaded = orbscan.load_checkpointables(tmp_path / "c", part)
    assert list(loaded) == ["opt"]
    assert loaded["opt"]["w"].dtype == "float16"
    mesh = mesh_of((2,), ("x",))
    on_mesh = orbscan.abstract_state(read, mesh=mesh)
    everywhere = orbscan.load_checkpointables(tmp_path / "c", on_mesh)
    whole = NamedSharding(mesh, PartitionSpec())
    assert all(leaf.sharding == whole for leaf in arrays(everywhere))


def test_safetensors_need_no_context(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_file({"w": weight}, tmp_path / "model.safetensors")
    file = tmp_path / "model.safetensors"
    state = orbscan.abstract_state(orbscan.metadata(file), mesh=mesh_of((2,), ("x",)))
    assert np.array_equal(orbscan.load(file, state)["w"], weight)


def test_relative_paths_and_the_home_directory_are_taken(
    path: Path, saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("HOME", str(path.parent))
    for text in (path.name, os.path.join("~", path.name)):  # noqa: PTH118
        assert_same_values(orbscan.load(text, orbscan.metadata(text)), saved)


def test_the_active_context_is_used(tmp_path: Path) -> None:
    ocp.save(tmp_path / "c", {"a": jnp.arange(4.0)})
    read = orbscan.metadata(tmp_path / "c")
    longer = {"a": jax.ShapeDtypeStruct((6,), "float32", sharding=read.metadata["a"].sharding)}
    context = ocp.Context()
    context.array.loading.enable_padding_and_truncation = True
    with context:
        assert orbscan.load(tmp_path / "c", longer)["a"].tolist() == [0, 1, 2, 3, 0, 0]


def test_without_orbax_the_error_says_how_to_install_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "orbax.checkpoint.experimental.v1", None)
    for call in (orbscan.load, orbscan.load_checkpointables):
        with pytest.raises(ImportError, match=r"pip install 'orbscan\[orbax\]'"):
            call(path)


def test_what_is_not_there_is_refused_in_orbscans_words(tmp_path: Path) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError):
        orbscan.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="reserved"):
        orbscan.load(tmp_path, checkpointable_name="metrics")


def test_a_checkpoint_is_loaded_onto_a_mesh_in_one_call(
    path: Path, mesh: jax.sharding.Mesh
) -> None:
    loaded = orbscan.load(path, mesh=mesh)
    read = orbscan.metadata(path)
    wanted = orbscan.abstract_state(read, mesh=mesh)
    assert_same_values(loaded, orbscan.load(path, wanted))
    for of in (loaded, orbscan.load(path, read, mesh=mesh)):
        assert of["params"]["embedding"].sharding == wanted["params"]["embedding"].sharding


def test_a_checkpoint_is_loaded_onto_one_device_in_one_call(path: Path) -> None:
    one = jax.sharding.SingleDeviceSharding(jax.devices()[1])
    loaded = orbscan.load(path, sharding=one, dtype=jnp.float16)
    assert loaded["params"]["embedding"].sharding == one
    assert loaded["params"]["embedding"].dtype == jnp.float16
    assert loaded["params"]["joint"].dtype == jnp.int32
