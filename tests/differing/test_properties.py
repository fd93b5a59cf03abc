"""What holds of the diff of any two trees."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import orbscan
from orbscan import ArrayMetadata, UnreadableLeaf, errors
from orbscan.differing.aspects import Judge
from orbscan.differing.values import outline_of_tree
from orbscan.differing.walk import leaves_below

if TYPE_CHECKING:
    from orbscan.aliases import Keypath
    from orbscan.differing.diff import Diff
    from orbscan.differing.leaf import LeafSummary

    Places = tuple[str, ...]

_SHAPES = [(), (2,), (3,), (2, 3)]
_DTYPES: list[np.dtype[Any]] = [np.dtype("float32"), np.dtype("int8")]
_ARRAYS = [ArrayMetadata(shape, dtype) for shape in _SHAPES for dtype in _DTYPES]
_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [*_ARRAYS, np.zeros(2, np.float32), 0, 0.5, "text", None, {}, [], ()]
)
_KEYS = st.sampled_from(["a", "b", "0", "1", "l_0", "l_1", "l_2", "", "a/b"])
_BROKEN = UnreadableLeaf(errors.error("malformed", "why"))


def trees(leaves: st.SearchStrategy[Any] = _LEAVES) -> st.SearchStrategy[Any]:
    """Draw small trees with few names, so that two of them have much in common."""
    # A string alone would be a path.
    drawn = st.recursive(
        leaves,
        lambda below: (
            st.dictionaries(_KEYS, below, max_size=4)
            | st.lists(below, max_size=3)
            | st.lists(below, max_size=3).map(tuple)
        ),
        max_leaves=12,
    )
    return drawn.map(lambda tree: [tree] if isinstance(tree, str) else tree)


def places(keypath: Keypath) -> Places:
    """A keypath as its entries are matched."""
    return tuple(map(str, keypath))


def leaf_map(tree: Any) -> dict[Places, LeafSummary]:
    """The leaves of a tree by their places."""
    outline = outline_of_tree(tree)
    return {places(at.keypath): at.leaf for at in leaves_below(outline, [((), 0)])}


def applied(found: Diff, leaves: dict[Places, LeafSummary]) -> dict[Places, LeafSummary]:
    """The leaves after all differences were carried out; each must apply."""
    leaves = dict(leaves)
    for at in found.removed:
        assert leaves.pop(places(at.keypath)) == at.leaf
    for change in found.changed:
        assert leaves[places(change.keypath)] == change.before
        leaves[places(change.keypath)] = change.after
    for at in found.added:
        assert places(at.keypath) not in leaves
        leaves[places(at.keypath)] = at.leaf
    return leaves


def same_leaf(before: LeafSummary, after: LeafSummary) -> bool:
    return not Judge((), rich_types=False).differences(before, after)


@given(trees())
def test_a_tree_does_not_differ_from_itself(tree: Any) -> None:
    found = orbscan.diff(tree, tree, strict=True, rich_types=True)
    assert found.same
    assert found.unchanged == len(leaf_map(tree))


@given(trees(), trees())
def test_differences_lead_from_one_tree_to_the_other(a: Any, b: Any) -> None:
    found = orbscan.diff(a, b, strict=True)
    reached, wanted = applied(found, leaf_map(a)), leaf_map(b)
    assert reached.keys() == wanted.keys()
    assert all(same_leaf(reached[at], wanted[at]) for at in wanted)
    assert found.unchanged + len(found.changed) + len(found.removed) == len(leaf_map(a))
    assert found.unchanged + len(found.changed) + len(found.added) == len(wanted)
    assert all(change.before != change.after for change in found.changed)


@given(trees(), trees())
def test_the_other_way_round_differences_are_mirrored(a: Any, b: Any) -> None:
    there, back = orbscan.diff(a, b), orbscan.diff(b, a)
    assert sorted(map(repr, there.added)) == sorted(map(repr, back.removed))
    assert sorted(map(repr, there.removed)) == sorted(map(repr, back.added))
    assert sorted(
        (places(c.keypath), c.what, repr((c.before, c.after))) for c in there.changed
    ) == (sorted((places(c.keypath), c.what, repr((c.after, c.before))) for c in back.changed))
    assert sorted((places(c.keypath), c.before, c.after) for c in there.containers) == (
        sorted((places(c.keypath), c.after, c.before) for c in back.containers)
    )
    assert {(r.before, r.after, r.leaves) for r in there.renamed} == (
        {(r.after, r.before, r.leaves) for r in back.renamed}
    )


def shapes_below(tree: Any, keypath: Keypath) -> dict[Places, Any]:
    at = places(keypath)
    return {
        path[len(at) :]: (leaf.kind, leaf.shape, leaf.dtype)
        for path, leaf in leaf_map(tree).items()
        if path[: len(at)] == at
    }


@given(trees(), trees())
def test_a_suggested_rename_has_the_same_leaves_all_of_them_removed_and_added(
    a: Any, b: Any
) -> None:
    found = orbscan.diff(a, b)
    removed = {places(at.keypath) for at in found.removed}
    added = {places(at.keypath) for at in found.added}
    moved: list[Places] = []
    arrived: list[Places] = []
    for rename in found.renamed:
        old, new = shapes_below(a, rename.before.keypath), shapes_below(b, rename.after.keypath)
        assert old == new
        assert len(old) == rename.leaves
        moved += [(*places(rename.before.keypath), *below) for below in old]
        arrived += [(*places(rename.after.keypath), *below) for below in new]
    assert removed >= set(moved)
    assert added >= set(arrived)
    # Nothing has become two things.
    assert len(set(moved)) == len(moved)
    assert len(set(arrived)) == len(arrived)


@given(trees(_LEAVES | st.just(_BROKEN)))
def test_exactly_what_cannot_be_read_differs_from_itself(tree: Any) -> None:
    found = orbscan.diff(tree, tree, strict=True)
    broken = [at for at, leaf in leaf_map(tree).items() if leaf.kind == "unreadable"]
    assert sorted(places(change.keypath) for change in found.changed) == sorted(broken)
    assert not [*found.added, *found.removed, *found.containers]


@given(trees(_LEAVES | st.just(_BROKEN)), trees())
def test_a_diff_is_a_value_that_can_be_shown(a: Any, b: Any) -> None:
    found = orbscan.diff(a, b)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert str(found).startswith("a          tree\nb          tree\n")
    assert bool(found) is not found.same
