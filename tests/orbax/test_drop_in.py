"""What `orbscan.orbax` returns and raises passes for Orbax's."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import shutil
import typing
import warnings
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as theirs
import pytest
from etils import epath
from orbax.checkpoint import metadata as v0
from orbax.checkpoint.experimental.v1._src.serialization import (
    array_leaf_handler,
    numpy_leaf_handler,
)

import orbscan
import orbscan.orbax as ocp
from tests.restoring.conftest import mesh_of, parameters
from tests.support.processes import apart, python, with_orbax

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with every kind of leaf that both read."""
    found = tmp_path_factory.mktemp("drop_in") / "c"
    mesh = mesh_of((4, 2), ("x", "y"))
    tree = {
        "params": parameters(mesh),
        "on_one": jax.device_put(jnp.arange(4.0), jax.devices()[3]),
        "key": jax.random.key(0),
        "numpy": np.arange(6, dtype=np.float64).reshape(2, 3),
        "step": 41,
        "rate": 0.5,
        "words": ["a", "b"],
        "nothing": None,
        "empty": {},
    }
    theirs.save(found, tree)
    return found


def test_the_whole_answer_is_equal_to_orbaxs(path: Path) -> None:
    wanted, got = theirs.metadata(path), ocp.metadata(path)
    assert got.metadata == wanted.metadata
    assert wanted.metadata == got.metadata
    for name in ("init_timestamp_nsecs", "commit_timestamp_nsecs", "custom_metadata", "path"):
        assert getattr(got, name) == getattr(wanted, name)
    for name in ("init_timestamp", "commit_timestamp"):
        assert getattr(got, name) == getattr(wanted, name)
    assert isinstance(got.path, epath.Path)
    every, all_theirs = ocp.checkpointables_metadata(path), theirs.checkpointables_metadata(path)
    assert every.metadata == all_theirs.metadata


def test_it_is_of_the_classes_of_orbax(path: Path) -> None:
    read = ocp.metadata(path)
    assert isinstance(read, theirs.CheckpointMetadata)
    assert isinstance(read, ocp.CheckpointMetadata)
    assert ocp.CheckpointMetadata is theirs.CheckpointMetadata
    leaf = read.metadata["params"]["embedding"]
    assert isinstance(leaf, array_leaf_handler.ArrayMetadata)
    assert not isinstance(leaf, numpy_leaf_handler.NumpyMetadata)
    assert isinstance(read.metadata["numpy"], numpy_leaf_handler.NumpyMetadata)
    assert isinstance(leaf.sharding_metadata, v0.NamedShardingMetadata)
    assert isinstance(leaf.storage_metadata, v0.StorageMetadata)
    assert leaf.sharding_metadata.axis_types == (jax.sharding.AxisType.Auto,) * 2
    assert leaf.sharding_metadata.to_serialized_string()
    assert leaf.sharding == leaf.sharding_metadata.to_jax_sharding()


def test_it_becomes_so_for_what_was_read_before_orbax_was_loaded(path: Path) -> None:
    program = f"""
        import sys
        import orbscan.orbax as ocp
        read = ocp.metadata({str(path)!r})
        leaf = read.metadata["params"]["bias"]
        print(leaf.shape, leaf.dtype, "orbax" in sys.modules)
        print(isinstance(read, ocp.CheckpointMetadata))
        import orbax.checkpoint.experimental.v1 as theirs
        print(read.metadata == theirs.metadata({str(path)!r}).metadata)
    """
    assert python(program).splitlines() == ["(8,) bfloat16 False", "True", "True"]


def test_its_fields_are_those_of_orbax(path: Path) -> None:
    wanted, got = theirs.metadata(path).metadata, ocp.metadata(path).metadata
    for name in ("numpy", "on_one"):
        left, right = dataclasses.asdict(wanted[name]), dataclasses.asdict(got[name])
        assert list(left) == list(right)
        assert str(left) == str(right)
    changed = dataclasses.replace(got["numpy"], shape=(3,))
    assert changed == dataclasses.replace(wanted["numpy"], shape=(3,))


def test_a_leaf_that_others_share_cannot_be_changed(path: Path) -> None:
    leaf = ocp.metadata(path).metadata["numpy"]
    with pytest.raises(AttributeError, match="equal leaves are one object"):
        leaf.shape = (1,)


def test_it_can_be_hashed_copied_and_pickled(path: Path) -> None:
    read, again = ocp.metadata(path), ocp.metadata(path)
    assert {read: 1}[read] == 1
    assert read != again
    for twin in (pickle.loads(pickle.dumps(read)), copy.deepcopy(read)):  # noqa: S301
        assert twin.metadata == read.metadata
        assert (twin.path, twin.issues) == (read.path, read.issues)
        assert isinstance(twin, theirs.CheckpointMetadata)
    assert len({again.metadata["numpy"], read.metadata["numpy"]}) == 1


def test_orbaxs_own_functions_take_it_whole(path: Path) -> None:
    read = ocp.metadata(path)
    loaded = theirs.load(path, read.metadata)
    assert loaded["numpy"].shape == (2, 3)
    assert theirs.load(path, read)["step"] == 41
    every = theirs.load_checkpointables(path, ocp.checkpointables_metadata(path))
    assert every["state"]["step"] == 41


def test_orbscans_own_functions_take_it_as_theirs(path: Path) -> None:
    read, own = ocp.metadata(path), orbscan.metadata(path)
    assert orbscan.diff(read, own).same
    assert orbscan.abstract_state(read) == orbscan.abstract_state(own)
    assert orbscan.restore_plan(read, "x=4,y=2") == orbscan.restore_plan(own, "x=4,y=2")
    assert orbscan.to_orbax(read).metadata == orbscan.to_orbax(own).metadata
    assert orbscan.load(path, read)["step"] == 41
    # Which key it is, Orbax does not say.
    assert orbscan.load(path, read)["key"].dtype == jax.random.key(0).dtype
    for shown in (repr(read), read._repr_html_()):
        assert "bfloat16" in shown


def test_a_star_gives_the_names_of_orbax_and_no_others() -> None:
    program = """
        import orbax.checkpoint.experimental.v1 as theirs
        from orbscan.orbax import *
        names = {name for name in globals() if not name.startswith("_")} - {"theirs"}
        print(names == {name for name in dir(theirs) if not name.startswith("_")})
        import orbscan.orbax as ocp
        print(dir(ocp) == sorted(names), ocp.save is theirs.save)
    """
    assert python(program).split() == ["True"] * 3


@pytest.mark.parametrize(
    "name",
    [
        *("arrays", "errors", "handlers", "multihost", "options"),
        *("partial", "path", "training", "tree"),
    ],
)
def test_its_modules_can_be_imported(name: str) -> None:
    program = f"""
        import orbscan.orbax.{name} as ours
        import orbax.checkpoint.experimental.v1.{name} as theirs
        import orbscan.orbax as ocp
        print(ours is theirs is ocp.{name})
    """
    assert with_orbax(program) == "True\n"


def test_a_name_can_be_imported_from_its_modules() -> None:
    assert python("from orbscan.orbax.errors import InvalidLayoutError; print(1)") == "1\n"


def test_a_signature_can_be_resolved() -> None:
    for name in ("metadata", "checkpointables_metadata", "is_orbax_checkpoint", "load"):
        hints = typing.get_type_hints(getattr(ocp, name))
        assert {"path", "return"} <= hints.keys()


def test_old_names_say_what_to_use(path: Path) -> None:
    for old, new in {"pytree_metadata": "metadata", "load_pytree": "load"}.items():
        read = ocp.metadata(path)
        with pytest.warns(DeprecationWarning, match=f"Use `{new}` instead.") as caught:
            getattr(ocp, old)(path, *([read] if new == "load" else []))
        assert caught[0].filename == __file__
        assert getattr(ocp, old).__deprecated__ == getattr(theirs, old).__deprecated__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ocp.metadata(path)


def test_without_orbax_it_answers_what_it_can(path: Path) -> None:
    program = f"""
        import sys
        sys.modules["orbax"] = None
        import inspect
        import orbscan.orbax as ocp
        print(hasattr(ocp, "anything"), hasattr(ocp, "save"), "metadata" in dir(ocp))
        print(len(inspect.getmembers(ocp)) > 5)
        print(isinstance(ocp.metadata({str(path)!r}), ocp.CheckpointMetadata))
        from orbscan.orbax import *
        print(metadata is ocp.metadata)
        try:
            import orbscan.orbax.training
        except ImportError as error:
            print("orbscan[orbax]" in str(error))
    """
    assert python(program).split() == ["False", "False", "True", "True", "True", "True", "True"]


def test_bytes_are_not_a_path(path: Path) -> None:
    for call in (ocp.metadata, ocp.checkpointables_metadata, ocp.is_orbax_checkpoint, ocp.load):
        with pytest.raises(TypeError, match="not bytes"):
            call(bytes(path))  # type: ignore[arg-type]


@apart
def test_messages_begin_with_the_sentence_that_programs_match(path: Path, tmp_path: Path) -> None:
    unmarked = tmp_path / "unmarked"
    shutil.copytree(path, unmarked)
    (unmarked / "_CHECKPOINT_METADATA").unlink()
    (tmp_path / "empty").mkdir()
    asked = [
        *((place, "AUTO") for place in (tmp_path / "nothing", unmarked, tmp_path / "empty")),
        *((path, name) for name in ("nonsense", None)),
        (tmp_path / "empty", "state"),
    ]
    for place, name in asked:
        for function in ("metadata", "load"):
            said = []
            for of in (theirs, ocp):
                with pytest.raises(ocp.errors.InvalidLayoutError) as caught:
                    getattr(of, function)(place, checkpointable_name=name)
                said.append(str(caught.value))
            sentence = said[0].partition(" If you are trying")[0]
            assert said[1].startswith(sentence)
            assert len(said[1]) > len(sentence)
            twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
            assert (type(twin), str(twin)) == (type(caught.value), str(caught.value))


@apart
def test_what_is_missing_of_the_data_orbax_says_itself(tmp_path: Path) -> None:
    context = theirs.Context()
    context.array.saving.use_ocdbt = False
    with context:
        theirs.save(tmp_path / "c", {"a": jnp.arange(3.0), "b": jnp.ones(2)})
    shutil.rmtree(tmp_path / "c/state/a")
    read = ocp.metadata(tmp_path / "c")
    assert isinstance(read.metadata["a"], orbscan.UnreadableLeaf)
    raised: list[type] = []
    for call in (lambda: theirs.load(tmp_path / "c"), lambda: ocp.load(tmp_path / "c", read)):
        with pytest.raises(OSError, match="a") as caught:
            call()
        raised.append(caught.type)
    assert raised[0] is raised[1] is FileNotFoundError


def test_defaults_are_those_of_orbax() -> None:
    import inspect

    for name in ("metadata", "load", "load_async", "load_checkpointables"):
        wanted, got = (inspect.signature(getattr(of, name)).parameters for of in (theirs, ocp))
        assert [each.default for each in wanted.values()] == [each.default for each in got.values()]
