"""`orbscan.diff` of checkpoints with several checkpointables."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orbscan
from orbscan.differing.text import report
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from collections.abc import Callable

    from orbscan.differing.diff import Diff

    Compared = Callable[..., Diff]

PARAMS = {"w": Array((3, 4)), "b": Array((4,))}
WIDE = {"w": Array((3, 8)), "b": Array((8,))}
MOMENTS = {"mu": Array((3, 4)), "count": Array(())}


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """Write two checkpoints and compare them."""

    def run(a: dict[Any, Any], b: dict[Any, Any], *names: Any, **options: Any) -> Diff:
        sides = tmp_path / "a", tmp_path / "b"
        for side, items in zip(sides, (a, b), strict=True):
            handmade.write(side, items)
        return orbscan.diff(*sides, *names, **options)

    return run


def rows(found: Diff) -> list[tuple[str | None, str | None, tuple[str, ...]]]:
    """Name the checkpointables of both sides, and how they differ; `-` where one is missing."""
    return [
        (
            pair.before.name if pair.before else "-",
            pair.after.name if pair.after else "-",
            pair.what,
        )
        for pair in found.checkpointables
    ]


def test_what_lies_under_one_name_is_compared(compared: Compared) -> None:
    found = compared(
        {"params": PARAMS, "train_state": MOMENTS},
        {"ema_params": PARAMS, "params": WIDE, "train_state": MOMENTS},
    )
    assert rows(found) == [
        ("params", "params", ()),
        ("train_state", "train_state", ()),
        ("-", "ema_params", ("added",)),
    ]
    assert [(change.checkpointable, change.path) for change in found.changed] == [
        ("params", "b"),
        ("params", "w"),
    ]
    assert {at.checkpointable for at in found.added} == {"ema_params"}
    assert (len(found.added), found.unchanged, found.same) == (2, 2, False)


@pytest.mark.parametrize("names", [(), ("AUTO",), ("params",)])
def test_every_checkpointable_counts_unless_one_is_chosen(
    compared: Compared, names: tuple[str, ...]
) -> None:
    found = compared({"params": PARAMS, "train_state": MOMENTS}, {"params": PARAMS}, *names)
    assert found.same is bool(names)
    if names:
        assert found.others == (("a", "train_state", True),)
        assert rows(found) == [("params", "params", ())]
    else:
        assert not found.others
        assert [at.path for at in found.removed] == ["count", "mu"]
        assert rows(found)[1] == ("train_state", "-", ("removed",))


def test_two_names_are_compared_and_the_others_are_told(compared: Compared) -> None:
    found = compared(
        {"params": PARAMS, "dataset": JSON},
        {"ema_params": PARAMS, "params": WIDE},
        "params",
        other_name="ema_params",
    )
    assert found.same
    assert rows(found) == [("params", "ema_params", ())]
    assert found.others == (("a", "dataset", False), ("b", "params", True))
    assert "compared   params -> ema_params" in str(found)
    assert "others     a: dataset (not a pytree)\n           b: params" in str(found)


def test_the_other_name_alone_is_compared_with_what_a_read_chooses(tmp_path: Path) -> None:
    a = handmade.write(tmp_path / "a", {"params": PARAMS, "state": MOMENTS})
    b = handmade.write(tmp_path / "b", {"params": PARAMS, "saved": MOMENTS})
    found = orbscan.diff(a, b, other_name="saved")
    assert (rows(found), found.same) == ([("state", "saved", ())], True)


@pytest.mark.parametrize(
    ("a", "b"),
    [("default", "state"), (None, "default"), ("default", None)],
)
def test_single_pytrees_are_compared_and_their_names_are_a_difference(
    compared: Compared, a: str | None, b: str | None
) -> None:
    found = compared({a: PARAMS}, {b: {**PARAMS, "w": Array((3, 5))}})
    assert rows(found) == [(a, b, ("name",))]
    assert [change.path for change in found.changed] == ["w"]
    assert found.unchanged == 1
    names = [name or "(unnamed)" for name in (a, b)]
    assert f"  {names[0]} -> {names[1]}  another name\n" in str(found)


@pytest.mark.parametrize("ignore", [(), {"name"}, {"storage", "devices", "name"}])
def test_the_name_of_single_pytrees_can_be_ignored(compared: Compared, ignore: Any) -> None:
    found = compared({"default": PARAMS}, {"state": PARAMS}, ignore=ignore)
    assert found.same is ("name" in ignore)
    assert found.unchanged == 2


def test_a_chosen_pytree_has_the_name_it_was_asked_for_by(compared: Compared) -> None:
    found = compared({"default": PARAMS}, {None: PARAMS}, "default", other_name=None)
    assert found.same
    assert "compared   default\n" in str(found)


def test_what_is_not_a_pytree_is_told_where_one_side_lacks_it(compared: Compared) -> None:
    found = compared({"params": PARAMS, "dataset": JSON}, {"params": PARAMS, "logs": JSON})
    assert rows(found)[0] == ("dataset", "-", ("removed",))
    assert rows(found)[2] == ("-", "logs", ("added",))
    assert not [*found.removed, *found.added, *found.renamed]
    assert not found.same
    assert "  dataset  removed  not a pytree\n" in str(found)


def test_what_is_not_a_pytree_is_not_compared_and_that_is_noted(compared: Compared) -> None:
    found = compared({"params": PARAMS, "dataset": JSON}, {"params": PARAMS, "dataset": JSON})
    assert found.same
    assert found.notes == ("not compared: dataset, which is not a pytree",)


def test_a_pytree_on_one_side_and_something_else_on_the_other_differ_as_a_whole(
    compared: Compared,
) -> None:
    found = compared({"x": PARAMS, "y": PARAMS}, {"x": PARAMS, "y": JSON})
    assert rows(found)[1] == ("y", "y", ("kind",))
    assert [(at.checkpointable, at.path) for at in found.removed] == [("y", "b"), ("y", "w")]
    assert "1 checkpointable of another kind\n" in str(found)
    assert str(found).endswith("  y  another kind  2 leaves -> not a pytree")


def test_a_checkpointable_that_cannot_be_read_is_not_the_same_as_any(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "a", {"params": PARAMS, "train_state": MOMENTS})
    sound = handmade.write(tmp_path / "b", {"params": PARAMS, "train_state": MOMENTS})
    handmade.damage(path, "train_state")
    for a, b, side in ((path, sound, "a"), (sound, path, "b"), (path, path, "a")):
        found = orbscan.diff(a, b)
        assert rows(found)[1] == ("train_state", "train_state", ("unreadable",))
        assert (found.same, found.unreadable, found.undecided) == (False, True, True)
        assert bool(found)
        assert not [*found.removed, *found.added, *found.changed]
        assert f"  train_state  unreadable in {side}  " in str(found)
        assert "1 unreadable checkpointable" in str(found)
    pair = orbscan.diff(path, sound).checkpointables[1]
    assert pair.before is not None
    assert pair.before.error is not None
    assert pair.before.error[0] == "malformed"
    differing = handmade.write(tmp_path / "c", {"params": WIDE, "train_state": MOMENTS})
    found = orbscan.diff(path, differing)
    assert (found.unreadable, found.undecided) == (True, False)


def test_a_checkpoint_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "a", {"params": PARAMS, "dataset": JSON})
    handmade.damage(path, "params")
    with pytest.raises(orbscan.FormatError) as refused:
        orbscan.diff(path, path)
    with pytest.raises(orbscan.FormatError) as of_metadata:
        orbscan.metadata(path)
    assert str(refused.value) == str(of_metadata.value)


def test_checkpoints_without_any_pytree_can_be_compared(compared: Compared) -> None:
    found = compared({"dataset": JSON}, {"dataset": JSON, "params": PARAMS})
    assert rows(found) == [("dataset", "dataset", ()), ("-", "params", ("added",))]


def test_a_moved_checkpointable_is_suggested_as_a_rename(compared: Compared) -> None:
    found = compared({"params": PARAMS, "state": MOMENTS}, {"ema_params": PARAMS, "state": MOMENTS})
    assert [str(rename) for rename in found.renamed] == ["params -> ema_params"]
    assert found.renamed[0].is_whole
    assert found.renamed[0].leaves == len(found.removed) == len(found.added) == 2
    assert str(found).endswith("checkpointables\n  params -> ema_params  perhaps renamed  2 leaves")


def test_several_equal_checkpointables_are_not_paired_by_guessing(compared: Compared) -> None:
    found = compared({"x": PARAMS, "s": MOMENTS}, {"p": PARAMS, "q": PARAMS, "s": MOMENTS})
    assert not found.renamed
    [group] = found.ambiguous
    assert [place.checkpointable for place in (*group.before, *group.after)] == ["x", "p", "q"]
    assert "  x -> p | q  perhaps renamed, but to which?  each 2 leaves" in str(found)


def test_renames_stay_within_a_checkpointable(compared: Compared) -> None:
    a = {"x": {"l": PARAMS, "k": Array((7,))}, "y": {"k": Array((7,))}}
    b = {"x": {"m": PARAMS, "k": Array((7,))}, "y": {"l": PARAMS, "k": Array((7,))}}
    found = compared(a, b)
    [rename] = found.renamed
    assert (rename.before, rename.after) == (("x", ("l",)), ("x", ("m",)))
    assert "x: perhaps renamed\n  l -> m  2 leaves\n" in str(found)


def test_a_tree_in_memory_is_compared_with_the_chosen_pytree(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "a", {"params": PARAMS, "state": MOMENTS, "dataset": JSON})
    chosen = orbscan.metadata(path)
    for sides in ((chosen, path), (path, chosen.metadata)):
        found = orbscan.diff(*sides)
        assert found.same
        assert [other.name for other in found.others] == ["dataset", "params"]
        assert "compared   state\n" in str(found)
    assert orbscan.diff(orbscan.metadata(path, "params"), path, "params").same
    assert not orbscan.diff(chosen, path, other_name="params").same


def test_a_large_diff_of_many_checkpointables_is_bounded(compared: Compared) -> None:
    a = {f"i{at:03}": PARAMS for at in range(120)}
    found = compared(a, dict.fromkeys(a, WIDE) | {f"j{at:03}": WIDE for at in range(120)})
    text = str(found)
    assert len(text.split("\n")) < 120
    assert "... and differences in 110 more checkpointables" in text
    assert "... and 80 more" in text
    every = "\n".join(report(found, None))
    assert all(f"{name}: changed" in every for name in a)
    assert "j119: added\n  b  np.ndarray float32[8]" in every


def test_a_diff_of_checkpoints_is_a_value(compared: Compared) -> None:
    found = compared({"x": PARAMS, "y": JSON}, {"x": WIDE, "z": PARAMS})
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert len({found, pickle.loads(pickle.dumps(found))}) == 1  # noqa: S301


_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [Array((2,)), Array((3,)), Array((2,), "int8"), "string", None, {}, []]
)
_KEYS = st.sampled_from(["a", "b", "c"])
_TREES = st.dictionaries(
    _KEYS,
    st.recursive(
        _LEAVES,
        lambda below: st.dictionaries(_KEYS, below, max_size=2) | st.lists(below, max_size=2),
        max_leaves=4,
    ),
    min_size=1,
    max_size=3,
)
# Few names and trees, so that two checkpoints are often the same.
_NAMES = st.sampled_from(["ema", "params", "state"])
_ITEMS = st.dictionaries(
    _NAMES, st.sampled_from([PARAMS, WIDE, JSON]) | _TREES, min_size=1, max_size=3
)
_PAIRS = st.tuples(_ITEMS, _ITEMS) | _ITEMS.map(lambda items: (items, items))


@settings(max_examples=40, deadline=None)
@given(_PAIRS)
def test_a_diff_is_empty_exactly_if_both_have_the_same_items_with_the_same_trees(
    pair: tuple[dict[Any, Any], dict[Any, Any]],
) -> None:
    a, b = pair
    with tempfile.TemporaryDirectory() as directory:
        one = handmade.write(Path(directory) / "a", a)
        other = handmade.write(Path(directory) / "b", b)
        found = orbscan.diff(one, other)
        assert found.same is (a == b)
        assert not found.unreadable
        back = orbscan.diff(other, one)
        assert (len(found.removed), len(found.added)) == (len(back.added), len(back.removed))
        assert [pair.what for pair in found.checkpointables].count(("removed",)) == (
            [pair.what for pair in back.checkpointables].count(("added",))
        )
        for side in (one, other):
            assert orbscan.diff(side, side, strict=True).same
