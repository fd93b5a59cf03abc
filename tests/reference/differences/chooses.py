"""The table "It chooses otherwise"."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import warnings
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import orbscan
import orbscan.orbax
from orbscan.cli import main
from tests.damage.damages import CM, SHARDING, TREE, edit, value, write
from tests.reference.differences.situation import (
    Answer,
    Asking,
    Question,
    as_item,
    described,
    golden,
    row,
    tensors,
    tree,
)
from tests.support import handmade, processes

ARRAY = handmade.Array((2,))


@row(
    "`'AUTO'`",
    "`state` (before 0.12.2: `pytree`), then the other names in order",
    "`pytree`, then `state`, then the other names in order: the default names of all releases, so "
    "that a checkpoint is read the same way whichever is installed. `orbscan.load` and "
    "`open_array` choose as `orbscan.metadata` does; the functions of `orbscan.orbax` choose as "
    "the installed Orbax does",
)
def auto(folder: Path) -> Asking:
    chosen = {
        ("alpha", "pytree", "state"): ("state", "pytree"),
        ("alpha", "state"): ("state", "state"),
        ("alpha", "pytree"): ("alpha", "pytree"),
        ("beta", "alpha"): ("alpha", "alpha"),
    }
    paths = {
        names: handmade.write(folder / "-".join(names), {name: {name: ARRAY} for name in names})
        for names in chosen
    }
    loadable = golden("o0.12.8-v1-checkpointables/all", folder / "loadable")
    theirs = yield [
        *(Question("metadata", path) for path in paths.values()),
        Question("loaded", loadable),
    ]
    for (path, (first, ours)), answer in zip(
        zip(paths.values(), chosen.values(), strict=True), theirs[:4], strict=True
    ):
        assert answer.value == described({first: orbscan.metadata(path, first).metadata[first]})
        assert list(orbscan.metadata(path).metadata) == [ours]
        assert list(orbscan.orbax.metadata(path).metadata) == [first]
    with warnings.catch_warnings():
        # That shardings are those of the save.
        warnings.simplefilter("ignore", UserWarning)
        assert theirs[4].value == ["w"] == sorted(orbscan.orbax.load(loadable))
        assert sorted(orbscan.load(loadable)) == ["opt", "w"]
    assert orbscan.open_array(loadable, ["opt", "n"]).shape == (3,)


@row(
    "a checkpointable whose directory still has a temporary name, `params.orbax-checkpoint-tmp-1`, "
    "in a finished checkpoint",
    "chosen like any other, by its name",
    "chosen only if there is no other; `issues` says so",
)
def temporary_item(folder: Path) -> Asking:
    name = "params.orbax-checkpoint-tmp-1"
    items: dict[str | None, Any] = {name: {"a": ARRAY}, "zeta": {"z": ARRAY}}
    both = handmade.write(folder / "both", items)
    alone = handmade.write(folder / "alone", {name: {"a": ARRAY}})
    theirs = yield [Question("metadata", both), Question("metadata", alone)]
    a = described({"a": orbscan.metadata(alone).metadata["a"]})
    assert [answer.value for answer in theirs] == [a, a]
    assert list(orbscan.metadata(both).metadata) == ["z"]
    assert tree(alone) == a
    for path in (both, alone):
        assert name in str(orbscan.metadata(path).issues)


@row(
    "a step in the directory of a flat checkpoint (`CheckpointManager` lists and restores it)",
    "`metadata` refuses it as a part of that checkpoint, and `is_orbax_checkpoint` returns false",
    "a checkpoint of its own",
)
def step_in_a_flat_checkpoint(folder: Path) -> Asking:
    root = golden("o0.12.8-flat/ckpt", folder / "root")
    shutil.copytree(golden("o0.12.8-manager/run", folder / "steps") / "10", root / "10")
    theirs = yield [
        Question("steps", root),
        Question("restored_step", root, (10,)),
        Question("metadata", root / "10"),
        Question("is_checkpoint", root / "10"),
    ]
    assert theirs[0].value == ([10], 10)
    assert theirs[1].value
    assert theirs[2].error == "InvalidLayoutError"
    assert theirs[3].value is False
    assert orbscan.is_orbax_checkpoint(root / "10")
    assert orbscan.metadata(root / "10").metadata
    assert [str(entry.path) for entry in orbscan.scan(root, ordered=True)] == [
        str(root),
        str(root / "10"),
    ]


@row(
    "a `_CHECKPOINT_METADATA` that is not JSON",
    "silently treated as empty",
    "treated as empty; `issues` says so",
)
def checkpoint_metadata_that_is_no_json(folder: Path) -> Asking:
    whole = golden("o0.12.8-flat/ckpt", folder / "whole")
    path = golden("o0.12.8-flat/ckpt", folder / "damaged")
    write(CM, "garbage")(path)
    theirs = yield [Question("metadata", whole), Question("metadata", path)]
    assert theirs[0].value == theirs[1].value == tree(path)
    read = orbscan.metadata(path)
    assert (read.custom_metadata, read.commit_timestamp) == ({}, None)
    assert [issue.file for issue in read.issues] == [str(path / CM)]


@row("`~` at the start of a path", "taken literally", "the home directory")
def home(folder: Path) -> Asking:
    path = golden("o0.12.8-flat/ckpt", folder)
    theirs = yield [Question("from_directory", path.parent, ("~/ckpt",))]
    assert theirs[0].error == "InvalidLayoutError"
    assert "the checkpoint at ~/ckpt" in theirs[0].message
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(path.parent))
        patch.setenv("USERPROFILE", str(path.parent))
        assert orbscan.metadata("~/ckpt").path == path


@row(
    "a relative path",
    "`ValueError`",
    "a path below the current directory",
)
def relative_path(folder: Path) -> Asking:
    path = golden("o0.12.8-flat/ckpt", folder)
    theirs = yield [Question("from_directory", path.parent, ("ckpt",)), Question("metadata", path)]
    assert theirs[0].error == "ValueError"
    with contextlib.chdir(path.parent):
        assert tree(Path("ckpt")) == theirs[1].value


@row(
    "a member of `_sharding`, or a `write_shape`, of a wrong type, such as a string as a shape",
    "shown as it is; for a `write_shape` that is a number, an error or `None` for the whole tree",
    "`sharding_metadata` or `write_shape` is `None`; the fault is in `issues`",
)
def members_of_a_wrong_type(folder: Path) -> Asking:
    sharded = golden("o0.12.8-sharded/ckpt", folder / "shape")
    edit(SHARDING, partial(_change_shardings, shape="text"))(sharded)
    written = golden("o0.12.8-sharded/ckpt", folder / "written")
    value("('x_y',)", write_shape="text")(written)
    number = golden("o0.12.8-sharded/ckpt", folder / "number")
    value("('x_y',)", write_shape=5)(number)
    item = as_item(number)
    theirs = yield [
        Question("sharding_shape", sharded, ("x_y",)),
        Question("write_shape", written, ("x_y",)),
        Question("metadata", number),
        Question("metadata", item),
    ]
    assert theirs[0].value == "text"
    assert theirs[1].value == tuple("text")
    assert theirs[2].error is not None
    assert theirs[3] == Answer(None)
    for path in (sharded, written, number, item):
        leaf = orbscan.metadata(path).metadata["x_y"]
        assert (leaf.sharding_metadata is None) == (path == sharded)
        assert (leaf.storage_metadata.write_shape is None) == (path != sharded)
        assert "x_y" in str(orbscan.metadata(path).issues)


def _change_shardings(shardings: dict[str, str], **members: object) -> None:
    for name, entry in shardings.items():
        shardings[name] = json.dumps({**json.loads(entry), **members})


@row(
    "a key that is a lone surrogate",
    "accepted (but it cannot be saved)",
    "`FormatError`",
)
def lone_surrogate(folder: Path) -> Asking:
    key = "\ud800"
    path = handmade.write(folder / "c", {None: {key: None, "w": ARRAY}})
    theirs = yield [Question("metadata", path), Question("saved", folder / "new", ({key: 1},))]
    assert theirs[0].value is not None
    assert theirs[1].error is not None
    with pytest.raises(orbscan.FormatError):
        orbscan.metadata(path)


@row(
    "JSON nested more than 500 levels deep",
    "`RecursionError`, or a crash of the process in TensorStore",
    "`FormatError`",
)
def deep_json(folder: Path) -> Asking:
    places = {name: golden("o0.12.8-no-ocdbt/ckpt", folder / name) for name in ("tree", "array")}
    files = {"tree": TREE, "array": "rate/.zarray"}
    for name, path in places.items():
        _nest(path / files[name], 100_000)
    theirs = yield [Question("metadata", places["tree"])]
    assert theirs[0].error == "RecursionError"
    for name, levels in (("least", 500), ("most", 499)):
        places[name] = golden("o0.12.8-no-ocdbt/ckpt", folder / name)
        _nest(places[name] / TREE, levels)
    for name in ("tree", "least"):
        with pytest.raises(orbscan.FormatError, match="nested"):
            orbscan.metadata(places[name])
    assert orbscan.metadata(places["most"]).issues == ()
    program = "import sys; from orbax.checkpoint.experimental import v1; v1.metadata(sys.argv[1])"
    ended = processes.run([sys.executable, "-c", program, places["array"]])
    assert ended.returncode < 0, ended
    (issue,) = orbscan.metadata(places["array"]).issues
    assert issue.file == str(places["array"] / files["array"])


def _nest(file: Path, levels: int) -> None:
    """Adds a member of lists in lists to the object of a document."""
    member = f'{{"x": {"[" * levels}{"]" * levels}, '
    file.write_text(member + file.read_text(encoding="utf-8").removeprefix("{"), "utf-8")


@row(
    "leaves",
    "mutable, one object for each",
    "immutable; equal leaves may be the same object",
)
def leaf_objects(folder: Path) -> Asking:
    path = golden("o0.12.8-containers/nested", folder)
    theirs = yield [Question("leaf_objects", path)]
    found = orbscan.metadata(path).metadata["long"]
    assert theirs[0].value == {"changed": True, "objects": len(found), "leaves": len(found)}
    assert len({id(leaf) for leaf in found}) == 1
    with pytest.raises(AttributeError):
        found[0].shape = (1,)


@row(
    "`partition_spec`",
    "joint axes as lists",
    "joint axes as tuples, so that shardings can be hashed",
)
def partition_spec(folder: Path) -> Asking:
    path = golden("o0.12.8-sharded/ckpt", folder)
    theirs = yield [Question("joint_axes", path, ("joint",))]
    assert theirs[0].value == ["x", "y"]
    sharding = orbscan.metadata(path).metadata["joint"].sharding_metadata
    assert sharding.partition_spec[0] == ("x", "y")
    assert hash(sharding)


@row(
    "the order of checkpointables",
    "the order of the directory listing",
    "sorted by name",
)
def order_of_checkpointables(folder: Path) -> Asking:
    names = [f"item{number}" for number in range(12)]
    path = handmade.write(folder / "many", {name: {"w": ARRAY} for name in names})
    theirs = yield [Question("listed", path)]
    assert theirs[0].value == [entry.name for entry in os.scandir(path) if entry.is_dir()]
    assert list(orbscan.checkpointables_metadata(path).metadata) == sorted(names)


@row(
    "`commit_timestamp`",
    "converted to a float and rounded: up to 0.75 µs off, in either direction",
    "truncated to the microsecond; in results of `orbscan.orbax`, as in Orbax",
)
def commit_timestamp(folder: Path) -> Asking:
    epoch, second = datetime(1970, 1, 1, tzinfo=UTC), 1_795_476_158
    recorded = [second * 1_000_000_000 + nsecs for nsecs in range(300, 1_000, 40)]
    paths = [folder / str(nsecs) for nsecs in recorded]
    for path, nsecs in zip(paths, recorded, strict=True):
        handmade.write(path, {None: {"w": ARRAY}})
        write(CM, json.dumps({"commit_timestamp_nsecs": nsecs}))(path)
    both = yield [
        *(Question("commit_timestamp", path) for path in paths),
        *(Question("drop_in_commit_timestamp", path) for path in paths),
    ]
    theirs = both[: len(paths)]
    assert both[len(paths) :] == theirs
    off = [
        (answer.value - epoch) // timedelta(microseconds=1) * 1_000 - nsecs
        for answer, nsecs in zip(theirs, recorded, strict=True)
    ]
    assert all(abs(nsecs) <= 750 for nsecs in off)
    assert min(off) < -500
    assert max(off) > 0
    for path, nsecs in zip(paths, recorded, strict=True):
        read = orbscan.metadata(path)
        assert read.commit_timestamp_nsecs == nsecs
        assert read.commit_timestamp == epoch + timedelta(microseconds=nsecs // 1_000)


@row(
    "`commit_timestamp_nsecs` of safetensors",
    "in seconds",
    "in seconds, as in Orbax; `orbscan show`, `ls` and the tables show the actual time",
)
def time_of_safetensors(folder: Path) -> Asking:
    path = tensors(folder / "model.safetensors")
    seconds = 1_795_476_179
    os.utime(path, (seconds, seconds))
    theirs = yield [Question("commit_nsecs_of_safetensors", path)]
    assert theirs[0].value == orbscan.metadata(path).commit_timestamp_nsecs == seconds
    when = datetime.fromtimestamp(seconds, UTC)
    assert f"committed  {when:%Y-%m-%d %H:%M:%S}.000000 UTC" in _printed("show", str(path))
    (listed,) = json.loads(_printed("ls", str(folder), "-o", "json"))["checkpoints"]
    assert listed["commit_timestamp"] == f"{when:%Y-%m-%d %H:%M:%S}.000000Z"
    (entry,) = pa.table(orbscan.scan(path).checkpoints()).to_pylist()
    assert entry["commit_timestamp"] == when


def _printed(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(arguments)
    return out.getvalue()
