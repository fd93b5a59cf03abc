"""`orbscan show` with --param, --depth and --fold: which lines there are, and for what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from orbscan import _core
from orbscan.showing.folding import FOLDED_BEYOND
from tests.support import tables
from tests.support.tables import array, checkpoint, scalar

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Shown


def block(width: int = 4) -> dict[str, Any]:
    return {
        "attn": {"q": array((width, width)), "k": array((width, width))},
        "norm": array((width,)),
    }


TREE = {
    "layers": [block(), block(), block(8), block()],
    "blocks": {f"block_{number}": block() for number in (0, 1, 10, 11, 2)},
    "step": scalar("int64"),
}


def lines(shown: Shown) -> list[str]:
    """The table of leaves without its heading, runs of blanks as one."""
    assert (shown.status, shown.err) == (0, "")
    table = shown.out.split("\n\n")[1]
    return [" ".join(line.split()) for line in table.splitlines()[1:]]


def totals(shown: Shown) -> str:
    return next(line for line in shown.out.splitlines() if line.startswith("total"))


def test_the_name_of_the_checkpointable_may_stand_before_a_pattern(show: Command) -> None:
    shown = lines(show(checkpoint(TREE), "p", "--param", "state/layers[0]/norm"))
    assert shown == ["layers[0]/norm float32[4] [4] 16 B"]
    assert lines(show(checkpoint({"state": TREE}), "p", "--param", "state/step")) == [
        "state/step scalar int64 8 B"
    ]


# --- patterns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "keypath", "matches"),
    [
        ("a", "a", True),
        ("a", "a/b", False),
        ("a[0..31]/b", "a[31]/b", True),
        ("a[0..31]/b", "a[32]/b", False),
        ("a[0..30:2,33]", "a[33]", True),
        ("a[0..30:2]", "a[3]", False),
        ("a_{00..02}b", "a_01b", True),
        ("a_{00..02}b", "a_1b", False),
        ("'a[0..3]'", "'a[0..3]'", True),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/*/c", "a/b/c", True),
        ("*", "a[0]", True),
        ("a/?", "a/b", True),
        ("a/?", "a/bc", False),
        ("a?b", "a/b", False),
        ("**", "a/b[0]/c", True),
        ("**/c", "c", True),
        ("**/c", "a/b/c", True),
        ("**/c", "a[0]/c", True),
        ("**/c", "a/bc", False),
        ("a/**", "a/b", True),
        ("a/**", "a[0]", True),
        ("a/**", "a", True),
        ("a/**", "ab/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a[0]/c", True),
        ("a/**/c", "a/b[0]/x/c", True),
        ("a/**/c", "ab/c", False),
        ("a/**/c", "a/bc", False),
        ("a/**/b/**/c", "a[1]/b/x/c", True),
        ("a[0]/b", "a[0]/b", True),
        ("a[0]/b", "a0/b", False),
        ("a[*]/b", "a[12]/b", True),
        ("a.b", "axb", False),
        ("'a/b'", "'a/b'", True),
        ("(a|b)+", "a", False),
        ("A", "a", False),
        ("a*", "a\nb", True),
    ],
)
def test_patterns_match_whole_keypaths(pattern: str, keypath: str, *, matches: bool) -> None:
    assert _core.KeypathPattern(pattern).matches(keypath) is matches


def test_only_leaves_that_match_are_shown_and_counted(show: Command) -> None:
    shown = show(checkpoint(TREE), "p", "--param", "layers/**/k")
    assert [line.split()[0] for line in lines(shown)] == [f"layers[{n}]/attn/k" for n in range(4)]
    assert totals(shown) == "total      4 leaves, 112 parameters, 448 B"


def test_the_document_follows_the_pattern(show: Command) -> None:
    document = show.document(checkpoint(TREE), "--param", "**/norm")
    assert [leaf["keypath"][-1] for leaf in document["leaves"]] == ["norm"] * 9
    assert document["totals"]["leaves"] == 9


def test_a_pattern_that_matches_nothing_is_not_found(show: Command) -> None:
    shown = show(checkpoint(TREE), "p", "--param", "\x1b/*")
    assert shown == (3, "", "orbscan: error: no leaf matches '\\x1b/*'\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("layers", 12),
        ("layers/", 12),
        ("layers[2]", 3),
        ("layers[2]/attn", 2),
        ("step", 1),
        ("norm", 9),
        ("attn/q", 9),
        ("block_1", 9),
    ],
)
def test_plain_text_is_a_leaf_a_subtree_or_a_part(show: Command, text: str, found: int) -> None:
    document = show.document(checkpoint(TREE), "--param", text)
    assert document["totals"]["leaves"] == found


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("*norm*", "; '**norm**' matches 9 leaves"),
        ("layers/*/q", "; '**layers/**/q**' matches 4 leaves"),
        ("layres", "; the nearest are **layers**"),
        ("laiers[2]/norm", "; the nearest are layers[2]/norm"),
        ("zzz", ""),
    ],
)
def test_what_matches_nothing_is_told_with_what_would(
    show: Command, pattern: str, hint: str
) -> None:
    shown = show(checkpoint(TREE), "p", "--param", pattern)
    said = f"orbscan: error: no leaf matches '{pattern}'{hint}"
    assert (shown.status, shown.err[: len(said)]) == (3, said)


# --- depth -------------------------------------------------------------------------------------


def test_deep_subtrees_become_one_line_each(show: Command) -> None:
    shown = show(checkpoint(TREE), "p", "--depth", "1")
    assert lines(shown) == [
        "layers/** 12 leaves, 244 elements 976 B",
        "blocks/** 15 leaves, 180 elements 720 B",
        "step scalar int64 8 B",
    ]
    assert totals(shown) == "total      28 leaves, 424 parameters, 1.7 KiB"


def test_at_depth_0_the_tree_is_one_line(show: Command) -> None:
    assert lines(show(checkpoint(TREE), "p", "--depth", "0")) == [
        "** 28 leaves, 424 elements 1.7 KiB"
    ]


def test_a_summed_line_is_a_pattern_for_its_leaves(show: Command) -> None:
    (line, *_) = lines(show(checkpoint(TREE), "p", "--depth", "2", "--param", "layers[3]/**"))
    pattern = line.split()[0]
    assert pattern == "layers[3]/**"
    assert len(lines(show(checkpoint(TREE), "p", "--param", pattern))) == 3


# --- folding -----------------------------------------------------------------------------------


def test_siblings_that_differ_in_a_number_fold(show: Command) -> None:
    assert lines(show(checkpoint(TREE), "p", "--fold", "always")) == [
        "layers[0,1,3]/attn/q float32[4,4] [4,4] 64 B x3",
        "layers[0,1,3]/attn/k float32[4,4] [4,4] 64 B x3",
        "layers[0,1,3]/norm float32[4] [4] 16 B x3",
        "layers[2]/attn/q float32[8,8] [8,8] 256 B",
        "layers[2]/attn/k float32[8,8] [8,8] 256 B",
        "layers[2]/norm float32[8] [8] 32 B",
        "blocks/block_{0..2,10,11}/attn/q float32[4,4] [4,4] 64 B x5",
        "blocks/block_{0..2,10,11}/attn/k float32[4,4] [4,4] 64 B x5",
        "blocks/block_{0..2,10,11}/norm float32[4] [4] 16 B x5",
        "step scalar int64 8 B",
    ]


def test_folds_multiply(show: Command) -> None:
    tree = [[array((2,))] * 3 for _ in range(4)]
    assert lines(show(checkpoint(tree), "p", "--fold", "always")) == [
        "[0..3][0..2] float32[2] [2] 8 B x12"
    ]


def test_folds_and_depth_go_together(show: Command) -> None:
    shown = show(checkpoint(TREE), "p", "--fold", "always", "--depth", "2")
    assert lines(shown) == [
        "layers[0,1,3]/** 3 leaves, 36 elements 144 B x3",
        "layers[2]/** 3 leaves, 136 elements 544 B",
        "blocks/block_{0..2,10,11}/** 3 leaves, 36 elements 144 B x5",
        "step scalar int64 8 B",
    ]


def test_what_a_pattern_leaves_out_does_not_keep_siblings_apart(show: Command) -> None:
    tree = [{"a": array((2,)), "b": array((number + 1,))} for number in range(3)]
    shown = show(checkpoint(tree), "p", "--fold", "always", "--param", "**/a")
    assert lines(shown) == ["[0..2]/a float32[2] [2] 8 B x3"]


@pytest.mark.parametrize(
    "other",
    [
        array((4,), "int32"),
        array((4,), chunk_shape=(2,)),
        array((4,), sharding=("single", "TPU_0")),
        scalar("float32"),
        tables.NONE,
        [array((4,))],
        {"0": array((4,))},
    ],
)
def test_siblings_that_differ_in_anything_stay_apart(show: Command, other: Any) -> None:
    shown = show(checkpoint({"a0": array((4,)), "a1": other}), "p", "--fold", "always")
    assert len(lines(shown)) == 2


def test_a_list_and_a_dict_of_the_same_leaves_stay_apart(show: Command) -> None:
    tree = {"a0": [array((2,))], "a1": (array((2,)),)}
    assert len(lines(show(checkpoint(tree), "p", "--fold", "always"))) == 2


@pytest.mark.parametrize(("leaves", "folded"), [(100, False), (101, True)])
def test_large_trees_fold_by_themselves(show: Command, leaves: int, *, folded: bool) -> None:
    assert FOLDED_BEYOND == 100
    answer = checkpoint([array((2,))] * leaves)
    assert (len(lines(show(answer, "p"))) == 1) is folded
    assert len(lines(show(answer, "p", "--fold", "never"))) == leaves


def test_folded_totals_are_those_of_all_leaves(show: Command) -> None:
    folded = show(checkpoint(TREE), "p", "--fold", "always").out.split("\n\n")
    whole = show(checkpoint(TREE), "p", "--fold", "never").out.split("\n\n")
    assert folded[2:] == whole[2:]


def test_the_document_is_never_folded(show: Command) -> None:
    assert len(show.document(checkpoint([array((2,))] * 200))["leaves"]) == 200


def test_a_deep_tree_folds(show: Command) -> None:
    tree: Any = array((2,))
    for _ in range(2 * sys.getrecursionlimit()):
        tree = [tree, tree] if tree.__class__ is not list else [tree]
    assert len(lines(show(checkpoint(tree), "p", "--fold", "always"))) == 1


def test_folded_keys_are_fit_for_a_terminal(show: Command) -> None:
    tree = {f"\x1b[2J{number}": array((2,)) for number in range(3)}
    (line,) = lines(show(checkpoint(tree), "p", "--fold", "always"))
    assert line.startswith("'\\x1b[2J'{0..2} ")
