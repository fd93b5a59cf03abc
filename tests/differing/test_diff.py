"""`orbscan.diff` over small trees written out."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest

import orbscan
from orbscan import ArrayMetadata, NumpyMetadata, StorageMetadata, UnreadableLeaf, errors
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from tests.support import corpus
from tests.support.processes import python

if TYPE_CHECKING:
    from pathlib import Path

F32, BF16 = np.dtype("float32"), np.dtype(ml_dtypes.bfloat16)


class Pair(NamedTuple):
    mu: Any
    nu: Any


class Nothing(NamedTuple):
    pass


def array(*shape: int, dtype: Any = F32, **fields: Any) -> ArrayMetadata:
    return ArrayMetadata(shape, dtype, **fields)


def named(
    spec: tuple[Any, ...],
    axes: dict[str, int] | None = None,
    ids: tuple[int, ...] | None = None,
    types: tuple[str, ...] | None = None,
) -> NamedShardingMetadata:
    axes = axes or {"x": 2}
    shape = tuple(axes.values())
    mesh = None if ids is None else DeviceMesh(shape, ids)
    return NamedShardingMetadata(shape, tuple(axes), spec, types, mesh)


def stored(chunk: tuple[int, ...], write: tuple[int, ...] | None = None) -> ArrayMetadata:
    return array(4, 8, storage_metadata=StorageMetadata(chunk, write))


def unreadable(reason: str = "why") -> UnreadableLeaf:
    return UnreadableLeaf(errors.error("malformed", reason, "state/_METADATA", 4))


def what(before: Any, after: Any, **options: Any) -> tuple[str, ...]:
    """What differs between two leaves."""
    found = orbscan.diff({"w": before}, {"w": after}, **options)
    assert not [*found.added, *found.removed, *found.containers]
    return found.changed[0].what if found.changed else ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (array(4), array(4), ()),
        (array(4), array(5), ("shape",)),
        (array(4), array(4, 1), ("shape",)),
        (array(4), array(4, dtype=BF16), ("dtype",)),
        (array(4), array(5, dtype=BF16), ("shape", "dtype")),
        (array(4), NumpyMetadata((4,), F32), ("kind",)),
        (array(4), np.zeros(4, np.float32), ("kind",)),
        (NumpyMetadata((4,), F32), np.zeros(4, np.float32), ()),
        (NumpyMetadata((4,), F32), np.zeros(4, ">f4"), ()),
        (array(), 0.0, ("kind",)),
        (array(1), 0.0, ("kind", "shape")),
        (0, 7, ()),
        (0, np.int32(7), ()),
        (0, int, ()),
        (0, True, ("dtype",)),
        (0, 0.0, ("dtype",)),
        (0.0, np.float64(1), ()),
        (0j, complex, ()),
        ("string", "adamw", ()),
        ("string", str, ()),
        ("string", None, ("kind",)),
        (None, {}, ("kind",)),
        (None, [], ("kind",)),
        ([], {}, ("kind",)),
        ([], (), ("kind",)),
        (OrderedDict(), {}, ()),
        (Nothing(), None, ()),
        (object(), object(), ()),
        (object(), 0, ("kind",)),
        (array(2, dtype=np.dtype("uint32")), array(2, dtype=np.dtype("uint32"), prng_impl="rbg"),
         ("shape", "dtype")),
    ],
)  # fmt: skip
def test_leaves_differ_in(before: Any, after: Any, expected: tuple[str, ...]) -> None:
    assert what(before, after) == expected
    assert what(after, before) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (named(("x",)), named(("x",)), ()),
        (named(("x",)), named((("x",), None)), ()),
        (named(((),)), named(()), ()),
        (named(("x",)), named((None, "x")), ("sharding",)),
        (named(("x",)), named(("x",), {"x": 4}), ("sharding",)),
        (named(("x",)), named(("y",), {"y": 2}), ("sharding",)),
        (named(("x",)), named(("x",), types=("Auto",)), ()),
        (named(("x",), types=("Explicit",)), named(("x",), types=("Auto",)), ("sharding",)),
        (named(("x",)), named(("x",), ids=(0, 1)), ()),
        (named(("x",), ids=(1, 0)), named(("x",), ids=(0, 1)), ("devices",)),
        (named(("x",)), SingleDeviceShardingMetadata("cpu:0"), ("sharding",)),
        (SingleDeviceShardingMetadata("TFRT_CPU_0"), SingleDeviceShardingMetadata("cpu:0"), ()),
        (SingleDeviceShardingMetadata("cpu:1"), SingleDeviceShardingMetadata("cpu:0"),
         ("devices",)),
        (PositionalShardingMetadata((2,)), PositionalShardingMetadata((2,), "device"), ()),
        (PositionalShardingMetadata((2,)), PositionalShardingMetadata((1,)), ("sharding",)),
        (PositionalShardingMetadata((2,)), named(("x",)), ("sharding",)),
        (named(("x",)), None, ()),
    ],
)  # fmt: skip
def test_shardings_differ_in(before: Any, after: Any, expected: tuple[str, ...]) -> None:
    for this, that in ((before, after), (after, before)):
        leaves = array(4, 4, sharding_metadata=this), array(4, 4, sharding_metadata=that)
        assert what(*leaves, strict=True) == expected
        assert what(*leaves) == tuple(word for word in expected if word != "devices")
        assert what(*leaves, ignore={"sharding"}) == ()


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        (stored((4, 8)), stored((4, 8)), False),
        (stored((4, 8)), stored((4, 4)), True),
        (stored((4, 8)), stored((4, 8), (4, 8)), False),
        (stored((4, 8), (2, 8)), stored((4, 8), (4, 8)), True),
        (stored((4, 8)), array(4, 8), False),
    ],
)
def test_storage_differs_only_if_asked_for(before: Any, after: Any, *, differs: bool) -> None:
    assert what(before, after) == ()
    assert what(before, after, strict=True) == (("storage",) if differs else ())


def test_the_sharding_known_on_one_side_is_counted_in_a_note() -> None:
    split = array(4, sharding_metadata=named(("x",)))
    found = orbscan.diff({"a": split, "b": split, "c": array(4)}, dict.fromkeys("abc", array(4)))
    assert found.same
    assert found.notes == (
        "the sharding of 2 leaves is known on one side only, and was not compared",
    )
    assert not orbscan.diff({"a": split}, {"a": array(4)}, ignore={"sharding"}).notes


def test_what_cannot_be_read_is_equal_to_nothing() -> None:
    leaf = unreadable()
    assert what(leaf, leaf) == ("unreadable",)
    assert what(leaf, array(4), ignore=orbscan.differing.aspects.ASPECTS) == ("unreadable",)
    found = orbscan.diff({"a": leaf, "w": array(2)}, {"b": leaf, "w": array(2)})
    assert [at.path for at in (*found.removed, *found.added)] == ["a", "b"]
    assert not [*found.renamed, *found.ambiguous]


def test_a_tree_does_not_differ_from_itself() -> None:
    tree = {"a": [array(4), {"b": None}], "c": (), "d": Pair(1, 2.0)}
    found = orbscan.diff(tree, copy.deepcopy(tree), strict=True, rich_types=True)
    assert not found
    assert found.same
    assert found.unchanged == 5
    assert repr(found) == "<Diff of tree and tree: no difference>"


def test_added_and_removed_leaves_have_typed_keypaths() -> None:
    found = orbscan.diff({"a": [1, 2], "b": 1}, {"a": [1], "c": {"0": 1.5, "1": []}})
    assert [at.keypath for at in found.removed] == [("a", 1), ("b",)]
    assert [at.keypath for at in found.added] == [("c", "0"), ("c", "1")]
    assert [at.path for at in found.removed] == ["a[1]", "b"]
    assert found.unchanged == 1
    assert bool(found)


def test_a_leaf_in_the_place_of_a_subtree_is_removed_and_added() -> None:
    found = orbscan.diff({"a": {"b": 1}}, {"a": 1})
    assert [at.path for at in found.removed] == ["a/b"]
    assert [at.path for at in found.added] == ["a"]


@pytest.mark.parametrize(
    ("state", "saved"),
    [
        (Pair(array(2), [array(3)]), {"mu": array(2), "nu": [array(3)]}),
        ({0: array(2), 1: array(3)}, {"0": array(2), "1": array(3)}),
        ((array(2), array(3)), [array(2), array(3)]),
        (OrderedDict(b=array(2), a=array(3)), {"a": array(3), "b": array(2)}),
        (array(2), array(2)),
    ],
)
def test_what_a_checkpoint_cannot_tell_apart_is_the_same(state: Any, saved: Any) -> None:
    assert orbscan.diff(state, saved).same
    assert orbscan.diff(saved, state).same


def test_a_list_and_a_dict_differ_themselves_and_not_all_leaves_below() -> None:
    found = orbscan.diff({"l": [array(2), array(3)]}, {"l": {"1": array(4), "0": array(2)}})
    assert found.containers == ((None, ("l",), "list", "dict"),)
    assert found.containers[0].path == "l"
    assert [(change.path, change.what) for change in found.changed] == [("l[1]", ("shape",))]
    assert not [*found.added, *found.removed]
    ignored = orbscan.diff({"l": [array(2)]}, {"l": {"0": array(2)}}, ignore={"container"})
    assert ignored.same


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ((1,), [1], ("tuple", "list")),
        (Pair(1, 2), {"mu": 1, "nu": 2}, ("namedtuple", "dict")),
        (Pair(1, 2), (1, 2), None),
    ],
)
def test_rich_types_tell_containers_apart(before: Any, after: Any, kinds: Any) -> None:
    found = orbscan.diff(before, after, rich_types=True)
    assert [change[2:] for change in found.containers] == [kinds or ("namedtuple", "tuple")]


def test_rich_types_tell_empty_containers_apart() -> None:
    assert what(Nothing(), None, rich_types=True) == ("kind",)
    assert what((), (), rich_types=True) == ()


@pytest.mark.parametrize("word", ["kind", "shape", "dtype", "container"])
def test_what_is_ignored_makes_no_difference(word: str) -> None:
    before = {"a": array(2), "b": array(2), "c": array(2), "d": [1]}
    after = {"a": NumpyMetadata((2,), F32), "b": array(3), "c": array(2, dtype=BF16), "d": {"0": 1}}
    every = {"kind", "shape", "dtype", "container"}
    found = orbscan.diff(before, after, ignore=every - {word})
    seen = {found for change in found.changed for found in change.what}
    seen |= {"container"} if found.containers else set()
    assert seen == {word}
    assert orbscan.diff(before, after, ignore=every).same


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot ignore 'shard', only name, kind, shape"):
        orbscan.diff({}, {}, ignore={"shard"})
    with pytest.raises(TypeError, match="must be a collection of words"):
        orbscan.diff({}, {}, ignore="sharding")


def test_keys_that_are_the_same_as_text_are_refused() -> None:
    with pytest.raises(
        ValueError, match="two keys of one dict would both be saved as the text '0'"
    ):
        orbscan.diff({"a": {0: 1, "0": 2}}, {})


def test_a_diff_is_a_value() -> None:
    trees = {"a": array(4), "b": [1]}, {"a": array(5), "c": unreadable(), "b": {"0": 1}}
    found = orbscan.diff(*trees)
    assert found == orbscan.diff(*trees)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert hash(found) == hash(orbscan.diff(*trees))
    with pytest.raises(AttributeError):
        found.added = ()  # type: ignore[misc]
    assert repr(found) == (
        "<Diff of tree and tree: 1 changed leaf, 1 added leaf, 1 changed container>"
    )


def test_the_sharding_of_a_summary_is_that_of_the_leaf() -> None:
    shardings = [
        named(("x",), ids=(0, 1), types=("Auto",)),
        SingleDeviceShardingMetadata("cpu:0"),
        PositionalShardingMetadata((2,), "device"),
        None,
    ]
    tree = {str(at): array(4, sharding_metadata=given) for at, given in enumerate(shardings)}
    found = orbscan.diff({}, tree)
    assert [at.leaf.sharding_metadata for at in found.added] == shardings


def test_depth_is_no_limit() -> None:
    deep: Any = array(2)
    other: Any = array(3)
    for _ in range(5000):
        deep, other = {"d": deep}, {"d": other}
    found = orbscan.diff(deep, other)
    assert [len(change.keypath) for change in found.changed] == [5000]
    assert orbscan.diff({"a": deep}, {"b": deep}).renamed[0].leaves == 1


_PROGRAM = """
import sys
import numpy as np
import orbscan
assert not orbscan.diff({"a": [np.zeros(3), 1]}, {"a": (np.ones(3), 2)})
assert orbscan.diff({"a": np.zeros(3)}, {"b": np.zeros(3)}).renamed
print(*sorted(sys.modules))
"""


def test_plain_trees_need_no_jax() -> None:
    loaded = set(python(_PROGRAM).split())
    assert "orbscan.differing.values" in loaded
    assert not loaded & {"jax", "tensorstore", "flax", "orbax"}


def test_two_steps_of_one_root_are_compared(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-manager.tar.gz", tmp_path)
    root = tmp_path / "o0.12.8-manager" / "run"

    def sides(**steps: Any) -> tuple[str, str]:
        found = orbscan.diff(root, root, **steps)
        return found.a, found.b

    first, last = str(root / "0"), str(root / "10")
    assert sides(step=0, other_step="latest") == (first, last)
    assert sides(step="latest", other_step=0) == (last, first)
    assert sides(step=10) == (last, last)
    with pytest.raises(orbscan.CheckpointNotFoundError, match="has no step 7"):
        sides(step=0, other_step=7)
