"""Metadata in the classes of Orbax's older interface, held against what that gives."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from etils import epath

import orbscan
from tests.restoring.conftest import mesh_of, parameters
from tests.restoring.v0 import facts, leaves

if TYPE_CHECKING:
    from pathlib import Path


def tree() -> dict[str, Any]:
    mesh = mesh_of((4, 2), ("x", "y"))
    return {
        "params": parameters(mesh),
        "on_one": jax.device_put(jnp.arange(4.0), jax.devices()[3]),
        "layers": [{"kernel": jnp.ones((4, 4))}, {"kernel": jnp.zeros((4, 4))}],
        "pair": (np.zeros(2), np.zeros((2, 2), np.int8)),
        "key": jax.random.key(0),
        "step": 41,
        "count": np.int32(3),
        "rate": np.float32(0.5),
        "rates": [0.5, np.float16(0.5)],
        "warm": True,
        "note": "adamw",
        "nothing": None,
        "empty": {},
        "no_items": [],
        "no_entries": (),
    }


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with every kind of leaf, as V0 saves one."""
    path = tmp_path_factory.mktemp("flat") / "c"
    args = ocp.args.PyTreeSave(tree(), custom_metadata={"owner": ["vision", 1]})
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(path, args)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a step of two items, and one of another kind."""
    root = tmp_path_factory.mktemp("run")
    with ocp.CheckpointManager(root) as manager:
        args = ocp.args.Composite(
            params=ocp.args.StandardSave({"w": jnp.ones(3)}),
            opt=ocp.args.StandardSave({"mu": jnp.ones(3), "count": np.int32(1)}),
            config=ocp.args.JsonSave({"lr": 1}),
        )
        manager.save(7, args=args, custom_metadata={"a": 1})
    return root


def theirs(path: Path) -> Any:
    with ocp.PyTreeCheckpointer() as checkpointer:
        return checkpointer.metadata(path)


def ours(path: Path) -> Any:
    return orbscan.to_orbax(orbscan.metadata(path), api="v0")


def test_the_answer_is_that_of_v0(flat: Path) -> None:
    wanted, got = theirs(flat), ours(flat)
    assert facts(got.item_metadata) == facts(wanted.item_metadata)
    for name in ("item_handlers", "init_timestamp_nsecs", "commit_timestamp_nsecs"):
        assert getattr(got, name) == getattr(wanted, name)
    assert got.custom_metadata == wanted.custom_metadata
    assert got.item_metadata.custom_metadata == {"owner": ["vision", 1]}
    assert type(got) is type(wanted)


def test_a_checkpoint_of_v1_is_as_v0_reads_its_item(path: Path) -> None:
    wanted = ocp.PyTreeCheckpointHandler().metadata(epath.Path(path) / "state")
    assert facts(ours(path).item_metadata) == facts(wanted)


def test_items_are_a_composite(run: Path) -> None:
    registry = ocp.handlers.DefaultCheckpointHandlerRegistry()
    for name in ("params", "opt"):
        registry.add(name, ocp.args.StandardRestore)
    registry.add("config", ocp.args.JsonRestore)
    with ocp.CheckpointManager(run, handler_registry=registry) as manager:
        wanted = manager.metadata(7)
    got = orbscan.to_orbax(orbscan.checkpointables_metadata(run, step=7), api="v0")
    assert type(got.item_metadata) is type(wanted.item_metadata)
    for name in ("params", "opt"):
        assert facts(got.item_metadata[name]) == facts(wanted.item_metadata[name])
    assert got.item_metadata["config"] is None
    assert got.custom_metadata == wanted.custom_metadata == {"a": 1}


def test_a_plain_tree_is_a_tree_of_v0(flat: Path) -> None:
    plain = orbscan.metadata(flat).metadata
    got = orbscan.to_orbax(plain, api="v0")
    wanted = theirs(flat).item_metadata
    assert str(jax.tree.structure(got.tree)) == str(jax.tree.structure(wanted.tree))
    # Nobody has said where the tree lies.
    assert {leaf.directory for leaf in leaves(got)} == {None}
    assert got["params"]["embedding"] == wanted["params"]["embedding"]


def test_what_is_equal_is_one_object(flat: Path) -> None:
    found = leaves(ours(flat).item_metadata)
    shardings = [leaf.sharding for leaf in found if getattr(leaf, "sharding", None) is not None]
    assert len({id(each) for each in shardings}) == len({repr(each) for each in shardings})
    meshes = {id(each.device_mesh) for each in shardings if hasattr(each, "device_mesh")}
    assert len(meshes) == 1
    # Leaves may be changed, one by one, as Orbax's may.
    assert len({id(leaf) for leaf in found}) == len(found)


def test_what_people_do_with_it(flat: Path) -> None:
    """The idioms that public code has for metadata of V0."""
    step = ours(flat)
    metadata = step.item_metadata
    # It is a tree by itself, a mapping, and has the plain tree.
    assert set(metadata) == set(metadata.keys()) == set(metadata.tree)
    assert metadata["step"] is metadata.tree["step"]
    assert "params" in metadata
    assert [leaf.shape for leaf in leaves(metadata) if hasattr(leaf, "shape")]
    assert metadata["step"].shape == ()
    assert metadata["step"].dtype == np.dtype("int64")
    assert metadata["count"].dtype == np.dtype("int32")
    kernel = metadata["params"]["embedding"]
    assert isinstance(kernel, ocp.metadata.ArrayMetadata)
    assert isinstance(metadata["step"], ocp.metadata.ScalarMetadata)
    assert isinstance(metadata["note"], ocp.metadata.StringMetadata)
    assert (kernel.name, kernel.directory) == ("params.embedding", flat)
    assert (
        kernel.sharding.to_jax_sharding()
        == parameters(mesh_of((4, 2), ("x", "y")))["embedding"].sharding
    )
    assert {*ocp.tree.to_flat_dict(metadata.tree)} == {
        *ocp.tree.to_flat_dict(theirs(flat).item_metadata.tree)
    }
    assert pickle.loads(pickle.dumps(kernel)) == kernel  # noqa: S301


def test_it_says_how_to_restore(flat: Path) -> None:
    wanted, got = theirs(flat).item_metadata, ours(flat).item_metadata
    args = ocp.checkpoint_utils.construct_restore_args(got.tree)
    assert args == ocp.checkpoint_utils.construct_restore_args(wanted.tree)
    with ocp.PyTreeCheckpointer() as checkpointer:
        restored = checkpointer.restore(
            flat, args=ocp.args.PyTreeRestore(item=got.tree, restore_args=args)
        )
        again = checkpointer.restore(
            flat, args=ocp.args.PyTreeRestore(item=wanted.tree, restore_args=args)
        )
    same = jax.tree.map(lambda a, b: bool(np.all(np.asarray(a == b))), restored, again)
    assert all(jax.tree.leaves(same))
    assert (
        restored["params"]["embedding"].sharding
        == got["params"]["embedding"].sharding.to_jax_sharding()
    )


def test_leaves_of_one_sharding_build_it_once(flat: Path) -> None:
    read = orbscan.metadata(flat)
    parameters_of = read.metadata["params"]
    got = orbscan.to_orbax(read, api="v0").item_metadata.tree["params"]
    wanted = ocp.PyTreeCheckpointer().metadata(flat).item_metadata.tree["params"]
    for name, leaf in got.items():
        assert leaf.sharding == wanted[name].sharding
        built = leaf.sharding.to_jax_sharding()
        assert built == wanted[name].sharding.to_jax_sharding()
        assert built is leaf.sharding.to_jax_sharding()
        assert parameters_of[name].sharding is parameters_of[name].sharding == built
    one, two = orbscan.to_orbax(read, api="v0").item_metadata.tree["layers"]
    assert one["kernel"].sharding.to_jax_sharding() is two["kernel"].sharding.to_jax_sharding()
    again = pickle.loads(pickle.dumps(got["embedding"].sharding))  # noqa: S301 - our own
    assert again == got["embedding"].sharding
    assert again.to_jax_sharding() == got["embedding"].sharding.to_jax_sharding()


def test_what_jax_builds_follows_its_devices(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = orbscan.metadata(flat)
    sharding = orbscan.to_orbax(read, api="v0").item_metadata.tree["params"]["embedding"].sharding
    own = read.metadata["params"]["embedding"].sharding_metadata
    assert sharding.to_jax_sharding() == own.to_jax_sharding()
    few = jax.devices()[:2]
    monkeypatch.setattr(jax, "devices", lambda *_: few)
    with pytest.raises(ValueError, match="available devices are different"):
        sharding.to_jax_sharding()
    with pytest.raises(orbscan.MissingDevicesError):
        own.to_jax_sharding()


def test_another_interface_than_these_two_is_refused() -> None:
    with pytest.raises(ValueError, match="'v1' or 'v0', not 'v2'"):
        orbscan.to_orbax({}, api="v2")  # type: ignore[call-overload]


def test_what_v0_has_no_class_for_is_refused() -> None:
    positional = orbscan.PositionalShardingMetadata((2,))
    leaf = orbscan.ArrayMetadata((2,), np.dtype("int8"), positional)
    with pytest.raises(ValueError, match="PositionalSharding"):
        orbscan.to_orbax({"a": leaf}, api="v0")
    unreadable = orbscan.UnreadableLeaf(orbscan.errors.error("malformed", "why", "f"))
    with pytest.raises(orbscan.FormatError, match=r"why .*\['a'\]"):
        orbscan.to_orbax({"a": unreadable}, api="v0")
