"""The table "It reads more"."""

from __future__ import annotations

import base64
import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
import orbscan.orbax
from tests.damage.damages import (
    SHARDING,
    TREE,
    cut,
    edit,
    every_sharding,
    remove,
    value,
    write,
)
from tests.reference.differences.situation import (
    Answer,
    Asking,
    Question,
    as_item,
    described,
    golden,
    leaves,
    lost,
    row,
    same_but,
    tensors,
    tree,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.damage.damages import Damage

POSITIONAL = json.dumps({"sharding_type": "PositionalSharding", "shape": [1]})

UNREADABLE: dict[str, tuple[str, Damage]] = {
    "damaged document": ("o0.12.8-no-ocdbt/ckpt", cut("rate/.zarray")),
    "missing array": ("o0.12.8-no-ocdbt/ckpt", remove("rate")),
}
"""Damages of one leaf of a flat checkpoint."""


@row(
    "one unreadable leaf among good ones (damaged document, missing array)",
    "the whole tree is an error, or `None` in a composite checkpoint",
    "the tree, with an `UnreadableLeaf` in its place and the error in `issues`",
)
def one_unreadable_leaf(folder: Path) -> Asking:
    flat = [_damaged(folder / name, *UNREADABLE[name]) for name in UNREADABLE]
    items = [as_item(path) for path in flat]
    theirs = yield [Question("metadata", path) for path in (*flat, *items)]
    for answer in theirs[: len(flat)]:
        assert answer.error is not None
    assert theirs[len(flat) :] == [Answer(None)] * len(items)
    for path in (*flat, *items):
        read = orbscan.metadata(path)
        (leaf,) = lost(path)
        assert leaf.error.reason in [issue.reason for issue in read.issues]


def _damaged(folder: Path, place: str, damage: Damage) -> Path:
    path = golden(place, folder)
    damage(path)
    return path


@row(
    "a leaf of a custom type handler",
    "`ValueError`, or `None` in a composite checkpoint; the older interface, V0, gives what the "
    "handler says, if the program has registered it",
    "the tree, with an `UnsupportedLeaf` in its place, which has the handler's word and the files; "
    "said in `issues`",
)
def custom_handler(folder: Path) -> Asking:
    change = value("('rate',)", value_type="my.Type")
    flat = _damaged(folder / "flat", "o0.12.8-flat/ckpt", change)
    (flat / "rate").write_text("4", encoding="utf-8")
    item = as_item(flat)
    theirs = yield [
        Question("metadata", flat),
        Question("metadata", item),
        Question("v0_custom", item / "state", ("my.Type", "rate")),
    ]
    assert theirs[0].error == "ValueError"
    assert theirs[1] == Answer(None)
    assert theirs[2] == Answer("Metadata")
    for path in (flat, item):
        read = orbscan.metadata(path)
        assert read.metadata["rate"] == orbscan.UnsupportedLeaf("my.Type", ("rate",), 1)
        assert "my.Type" in " ".join(issue.reason for issue in read.issues)


@row(
    "`bool` and complex scalars",
    "`TypeError`, or `None` for the whole tree",
    "`False`, `0j`",
)
def odd_scalars(folder: Path) -> Asking:
    values: dict[str, Any] = {"|b1": False, "<c8": 0j}
    flat = [
        _damaged(
            folder / str(number),
            "o0.12.8-no-ocdbt/ckpt",
            edit("rate/.zarray", partial(_dtype, dtype)),
        )
        for number, dtype in enumerate(values)
    ]
    items = [as_item(path) for path in flat]
    written = golden("o0.12.8-scalars/bool", folder / "flat")
    named = golden("o0.12.8-v1-scalars/bool", folder / "named")
    theirs = yield [Question("metadata", path) for path in (*flat, written, *items, named)]
    assert [answer.error for answer in theirs[:3]] == ["TypeError"] * 3
    assert theirs[3:] == [Answer(None)] * 3
    for path, expected in zip((*flat, *items), 2 * [*values.values()], strict=True):
        assert repr(orbscan.metadata(path).metadata["rate"]) == repr(expected)
    for path in (written, named):
        assert orbscan.metadata(path).metadata["odd"] is False


def _dtype(dtype: str, document: dict[str, Any]) -> None:
    document.update(dtype=dtype, fill_value=None)


SHARDINGS: dict[str, Damage] = {
    "cut": cut(SHARDING),
    "empty": write(SHARDING, "{}"),
    "without an entry": edit(SHARDING, dict.popitem),
    "of positions": every_sharding(POSITIONAL),
}


@row(
    "a `_sharding` that is broken or lacks an entry, or a sharding of a kind that JAX has dropped",
    "an error or `None` for the whole tree",
    "the tree; `sharding_metadata` is `None`, or a `PositionalShardingMetadata` for the dropped "
    "kind; the fault is in `issues`",
)
def doubtful_shardings(folder: Path) -> Asking:
    whole = golden("o0.12.8-flat/ckpt", folder / "whole")
    flat = {
        name: _damaged(folder / name, "o0.12.8-flat/ckpt", damage)
        for name, damage in SHARDINGS.items()
    }
    items = [as_item(path) for path in flat.values()]
    theirs = yield [Question("metadata", path) for path in (whole, *flat.values(), *items)]
    assert theirs[0].value is not None
    for name, answer in zip(2 * [*flat], theirs[1:], strict=True):
        assert answer.value is None, name
    assert all(answer.error is not None for answer in theirs[1 : len(flat) + 1])
    for path in (*flat.values(), *items):
        read = orbscan.metadata(path)
        assert same_but(theirs[0].value, described(read.metadata), "sharding")
        kinds = {
            type(leaf.sharding_metadata).__name__
            for leaf in leaves(read.metadata)
            if isinstance(leaf, orbscan.ArrayMetadata)
        }
        if path in {flat["of positions"], items[-1]}:
            assert (kinds, read.issues) == ({"PositionalShardingMetadata"}, ())
        else:
            assert "NoneType" in kinds
            assert any((issue.file or "").endswith("/_sharding") for issue in read.issues)


@row(
    "an item that was never merged (`ocdbt.process_*` without `manifest.ocdbt`)",
    "an error or `None`",
    "the tree, from the databases of the single processes; `issues` says so",
)
def never_merged(folder: Path) -> Asking:
    whole = golden("o0.12.8-flat/ckpt", folder / "whole")
    flat = _damaged(folder / "flat", "o0.12.8-flat/ckpt", _unmerge)
    items = as_item(flat)
    theirs = yield [Question("metadata", path) for path in (whole, flat, items)]
    assert theirs[1].error is not None
    assert theirs[2] == Answer(None)
    for path in (flat, items):
        assert tree(path) == theirs[0].value
        assert any("is not merged" in issue.reason for issue in orbscan.metadata(path).issues)


def _unmerge(path: Path) -> None:
    (path / "manifest.ocdbt").unlink()
    shutil.rmtree(path / "d")


def _says(**members: bool) -> Damage:
    return edit(TREE, lambda document: document.update(members))


ELSEWHERE: dict[str, tuple[str, Damage]] = {
    "another version of Zarr": ("o0.12.8-flat/ckpt", _says(use_zarr3=True)),
    "files": ("o0.12.8-no-ocdbt/ckpt", _says(use_ocdbt=True)),
    "a database": ("o0.12.8-flat/ckpt", _says(use_ocdbt=False)),
}


@row(
    "arrays that lie elsewhere than `_METADATA` says (another Zarr version, files instead of a "
    "database)",
    "an error or `None`",
    "the tree; `issues` says so",
)
def arrays_elsewhere(folder: Path) -> Asking:
    whole = [golden(ELSEWHERE[name][0], folder / f"{name}, whole") for name in ELSEWHERE]
    flat = [_damaged(folder / name, *ELSEWHERE[name]) for name in ELSEWHERE]
    items = [as_item(path) for path in flat]
    theirs = yield [Question("metadata", path) for path in (*whole, *flat, *items)]
    right, of_flat, of_items = theirs[:3], theirs[3:6], theirs[6:]
    assert all(answer.error is not None for answer in of_flat), of_flat
    assert of_items == [Answer(None)] * 3
    for path, answer in zip((*flat, *items), 2 * right, strict=True):
        assert tree(path) == answer.value
        assert any("were found" in issue.reason for issue in orbscan.metadata(path).issues)


@row(
    "a checkpoint from a release before 0.4.3, which has a msgpack file and no `_METADATA`",
    "`InvalidLayoutError`",
    "the tree, including string leaves; arrays without an entry in `_sharding` are "
    "`NumpyMetadata`, because the file does not distinguish them",
)
def before_0_4_3(folder: Path) -> Asking:
    strings = golden("o0.3.5-strings/ckpt", folder / "strings")
    sharded = golden("o0.3.5-sharded/ckpt", folder / "sharded")
    entry = json.dumps({"sharding_type": "SingleDeviceSharding", "device_str": "cpu:3"})
    write(SHARDING, json.dumps({base64.b64encode(b"single").decode(): entry}))(sharded)
    theirs = yield [Question("metadata", path) for path in (strings, sharded)]
    assert [answer.error for answer in theirs] == ["InvalidLayoutError"] * 2
    assert orbscan.metadata(strings).metadata["name"] == "string"
    found = orbscan.metadata(sharded).metadata
    arrays = [name for name, leaf in found.items() if isinstance(leaf, orbscan.ArrayMetadata)]
    assert arrays == ["single"]
    others = [leaf for name, leaf in found.items() if name not in arrays]
    assert {type(leaf) for leaf in others} == {orbscan.NumpyMetadata}


@row(
    "values that only the msgpack file contains (`SaveArgs(aggregate=True)`)",
    "`AssertionError`",
    "shape and dtype from the msgpack file",
)
def aggregated(folder: Path) -> Asking:
    path = golden("o0.4.8-aggregate/all", folder)
    theirs = yield [Question("metadata", path)]
    assert theirs[0].error == "AssertionError"
    params = orbscan.metadata(path).metadata["params"]
    bias, kernel, scale = params["dense"]["bias"], params["dense"]["kernel"], params["scale"]
    assert [leaf.shape for leaf in (bias, kernel, scale)] == [(4,), (3, 4), (2, 3)]
    assert [str(leaf.dtype) for leaf in (bias, kernel, scale)] == ["float32", "float32", "int32"]


@row(
    "typed PRNG keys",
    "plain `uint32` arrays",
    "the same array, with `prng_impl='threefry2x32'`",
)
def typed_keys(folder: Path) -> Asking:
    path = golden("o0.12.8-v1-typed-keys/ckpt", folder)
    theirs = yield [Question("metadata", path)]
    assert tree(path) == theirs[0].value
    found = orbscan.metadata(path).metadata
    assert str(found["one"].dtype) == "uint32"
    assert found["one"].prng_impl == "threefry2x32"
    assert found["rbg"].prng_impl == "rbg"
    assert found["raw"].prng_impl is None


@row(
    "safetensors",
    "only inside a context that names the layout",
    "recognised without a context; in `orbscan.orbax`, not inside a context that names another "
    "layout",
)
def safetensors(folder: Path) -> Asking:
    path = tensors(folder / "model.safetensors")
    theirs = yield [
        *(Question(way, path) for way in ("metadata", "as_safetensors", "drop_in_as_orbax"))
    ]
    assert theirs[0].error == "InvalidLayoutError"
    assert tree(path) == theirs[1].value
    assert theirs[2].error == "InvalidLayoutError"
    assert list(orbscan.orbax.metadata(path).metadata) == list(orbscan.metadata(path).metadata)


@row(
    "a checkpointable named `metrics` that is a pytree",
    "the name is refused, and is not listed",
    "the same in scans and in the functions that Orbax has too; `diff`, `du`, `verify` and `--name "
    "metrics` read it, and `show` lists it among the others",
)
def metrics_that_are_a_pytree(folder: Path) -> Asking:
    path = golden("o0.12.8-composite/ckpt", folder)
    shutil.rmtree(path / "metrics")
    shutil.copytree(path / "state", path / "metrics")
    theirs = yield [Question("metadata", path, ("metrics",)), Question("checkpointables", path)]
    assert theirs[0].error == "ValueError"
    assert "metrics" not in theirs[1].value
    with pytest.raises(ValueError, match="metrics"):
        orbscan.metadata(path, "metrics")
    assert "metrics" not in orbscan.checkpointables_metadata(path).metadata
    assert orbscan.diff(path, path, name="metrics").same
    assert orbscan.du(path, "metrics").leaves
    assert orbscan.verify(path, "metrics").extent.leaves > 0


@row(
    "a flat checkpoint in a directory named `metrics`",
    "`None`",
    "the tree",
)
def called_metrics(folder: Path) -> Asking:
    whole = golden("o0.12.8-flat/ckpt", folder / "whole")
    path = folder / "metrics"
    shutil.copytree(whole, path)
    theirs = yield [Question("metadata", whole), Question("metadata", path)]
    assert theirs[1] == Answer(None)
    assert tree(path) == theirs[0].value


@row(
    "the directory of a checkpointable as the path, and `None` as the name",
    "refused as a part of the checkpoint; the older interface, V0, reads it",
    "the tree; with `'AUTO'` as the name, and in `orbscan.orbax`, it is refused",
)
def item_by_itself(folder: Path) -> Asking:
    outer = golden("o0.12.8-v1-checkpointables/all", folder)
    item = outer / "state"
    theirs = yield [Question("metadata", item, (None,)), Question("names_of_v0", item)]
    assert theirs[0].error == "InvalidLayoutError"
    read = orbscan.metadata(item, None)
    assert read.metadata == orbscan.metadata(outer, "state").metadata
    assert (read.path, read.issues) == (outer, ())
    assert theirs[1].value == sorted(".".join(map(str, keys)) for keys, _ in read.leaves())
    for refused in (
        partial(orbscan.metadata, item),
        partial(orbscan.orbax.metadata, item, None),
    ):
        with pytest.raises(orbscan.InvalidLayoutError, match="is a part of the checkpoint"):
            refused()
