"""One changed line: `import orbscan.orbax as ocp`."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as theirs
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import orbscan
import orbscan.orbax as ocp
from tests.restoring.support import assert_same_values
from tests.support.processes import python

if TYPE_CHECKING:
    from pathlib import Path

OWN = {
    *("metadata", "checkpointables_metadata", "pytree_metadata", "is_orbax_checkpoint"),
    *("load", "load_async", "load_checkpointables", "load_checkpointables_async"),
    *("load_pytree", "load_pytree_async"),
}
PUBLIC = {name for name in dir(theirs) if not name.startswith("_")}


def test_every_public_name_of_orbax_is_there() -> None:
    assert set(dir(ocp)) >= PUBLIC
    assert all(getattr(ocp, name) is getattr(theirs, name) for name in PUBLIC - OWN)
    assert all(getattr(ocp, name) is not getattr(theirs, name) for name in PUBLIC & OWN)


@pytest.mark.parametrize("name", sorted(OWN))
def test_arguments_have_the_names_that_orbax_gave_them(name: str) -> None:
    parameters = inspect.signature(getattr(theirs, name)).parameters
    if "kwargs" in parameters:  # of the old names, which pass on whatever they get
        parameters = inspect.signature(
            getattr(theirs, name.replace("_pytree", "").replace("pytree_", ""))
        ).parameters
    own = inspect.signature(getattr(ocp, name)).parameters
    assert [(p.name, p.kind) for p in own.values()] == [
        (p.name, p.kind) for p in parameters.values()
    ]


def test_names_can_be_imported_from_it() -> None:
    assert python("from orbscan.orbax import save, load, Context; print(save.__name__)") == "save\n"


def test_a_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ocp.nonsense


def test_orbax_is_loaded_when_a_name_of_its_own_is_used(path: Path) -> None:
    program = f"""
        import sys
        import orbscan.orbax as ocp
        ocp.metadata({str(path)!r})
        print("orbax" in sys.modules, "jax" in sys.modules)
        ocp.Context
        print("orbax" in sys.modules)
    """
    assert python(program).split() == ["False", "False", "True"]


def test_the_words_of_orbaxs_documentation_work(path: Path, saved: dict[str, Any]) -> None:
    read = ocp.metadata(path)
    assert isinstance(read, ocp.CheckpointMetadata)
    assert read.init_timestamp_nsecs
    assert read.commit_timestamp_nsecs
    assert read.init_timestamp_nsecs < read.commit_timestamp_nsecs
    assert read.metadata["layers"][0]["kernel"].shape == (4, 4)
    assert read.metadata["layers"][0]["kernel"].dtype == np.dtype("float32")
    assert_same_values(ocp.load(path, read), saved)


def test_a_tree_that_was_mapped_is_loaded(tmp_path: Path, mesh: jax.sharding.Mesh) -> None:
    ocp.save(tmp_path / "c", {"layer0": {"bias": jnp.arange(8.0), "kernel": jnp.ones((8, 8))}})
    read = ocp.metadata(tmp_path / "c")
    assert read.metadata["layer0"]["bias"].shape == (8,)
    new_dtype, new_sharding = jnp.bfloat16, NamedSharding(mesh, PartitionSpec("x"))
    read = dataclasses.replace(
        read,
        metadata=jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, new_dtype, sharding=new_sharding),
            read.metadata,
        ),
    )
    loaded = ocp.load(tmp_path / "c", read)
    assert loaded["layer0"]["bias"].tolist() == list(range(8))
    assert loaded["layer0"]["kernel"].dtype == new_dtype
    assert loaded["layer0"]["kernel"].sharding == new_sharding


def test_checkpointables_are_read_and_loaded(tmp_path: Path) -> None:
    tree = {"w": jnp.arange(3.0)}
    ocp.save_checkpointables(tmp_path / "c", {"pytree": tree, "other": {"n": 5}})
    read = ocp.checkpointables_metadata(tmp_path / "c")
    assert read.metadata.keys() == {"pytree", "other"}
    assert read.metadata["pytree"]["w"].shape == (3,)
    loaded = ocp.load_checkpointables(tmp_path / "c", read)
    assert_same_values(loaded, {"pytree": tree, "other": {"n": 5}})
    assert_same_values(
        ocp.load_checkpointables(tmp_path / "c", abstract_checkpointables={"other": None}),
        {"other": {"n": 5}},
    )


def test_the_old_names_still_work(path: Path, saved: dict[str, Any]) -> None:
    with pytest.warns(DeprecationWarning, match="`metadata`"):
        read = ocp.pytree_metadata(path)
    with pytest.warns(DeprecationWarning, match="`load`"):
        assert_same_values(ocp.load_pytree(path, abstract_state=read), saved)


def test_it_works_inside_a_context(tmp_path: Path) -> None:
    context = ocp.Context()
    context.array.saving.use_ocdbt = False
    context.array.saving.use_zarr3 = False
    with context:
        ocp.save(tmp_path / "c", {"a": jnp.arange(3.0)})
        read = ocp.metadata(tmp_path / "c")
        assert ocp.load(tmp_path / "c", read)["a"].tolist() == [0, 1, 2]
    assert not (tmp_path / "c" / "state" / "manifest.ocdbt").exists()
    assert read.metadata["a"].storage_metadata.zarr_metadata.zarr_format == 2


def test_safetensors_are_loaded_in_the_background(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    file = tmp_path / "model.safetensors"
    save_file({"w": np.arange(4, dtype=np.float32)}, file)
    context = ocp.Context()
    context.checkpoint_layout = ocp.options.CheckpointLayout.SAFETENSORS
    with context:
        state = orbscan.abstract_state(
            ocp.metadata(file), sharding=jax.sharding.SingleDeviceSharding(jax.devices()[0])
        )
        for begin in (ocp.load_async, ocp.load_pytree_async):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                assert begin(file, state).result()["w"].tolist() == [0, 1, 2, 3]


def test_what_orbax_cannot_do_it_says_itself(path: Path) -> None:
    with pytest.raises(NotImplementedError):
        ocp.load_async(path, ocp.metadata(path))
    with pytest.raises(NotImplementedError):
        ocp.load_checkpointables_async(path)


def test_errors_are_caught_by_the_handlers_of_either_library(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    for call in (ocp.metadata, ocp.checkpointables_metadata, ocp.load):
        for wanted in (ocp.errors.InvalidLayoutError, orbscan.CheckpointNotFoundError):
            with pytest.raises(wanted, match="nothing"):
                call(missing)
    with pytest.raises(ocp.errors.InvalidLayoutError) as caught:
        ocp.metadata(tmp_path)
    twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert isinstance(twin, orbscan.InvalidLayoutError)
    assert (type(twin), str(twin)) == (type(caught.value), str(caught.value))


def test_an_error_that_orbax_does_not_know_is_orbscans(tmp_path: Path) -> None:
    ocp.save(tmp_path / "c", {"a": jnp.arange(3.0)})
    (tmp_path / "c" / "state" / "_METADATA").write_text("{")
    with pytest.raises(orbscan.FormatError) as caught:
        ocp.metadata(tmp_path / "c")
    assert type(caught.value) is orbscan.FormatError


def test_without_orbax_metadata_is_read_and_other_names_say_what_to_install(path: Path) -> None:
    program = f"""
        import sys
        sys.modules["orbax"] = None
        import orbscan.orbax as ocp
        print(ocp.metadata({str(path)!r}).metadata["numpy"].shape)
        try:
            ocp.metadata("/nothing/there")
        except FileNotFoundError as error:
            print(type(error).__module__)
        try:
            ocp.save
        except AttributeError as error:
            print("orbscan[orbax]" in str(error))
    """
    assert python(program).splitlines() == ["(2, 3)", "orbscan.errors", "True"]
