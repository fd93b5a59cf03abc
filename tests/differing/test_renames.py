"""Which removed subtrees are suggested to have become which added ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import orbscan
from orbscan import ArrayMetadata

F32 = np.dtype("float32")


def array(*shape: int) -> ArrayMetadata:
    return ArrayMetadata(shape, F32)


def dense(rows: int, width: int = 8) -> dict[str, Any]:
    return {"kernel": array(rows, width), "bias": array(width)}


def suggested(before: Any, after: Any, **options: Any) -> list[str]:
    return [str(rename) for rename in orbscan.diff(before, after, **options).renamed]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"params": dense(4)}, {"model": {"params": dense(4)}}, ["params -> model/params"]),
        ({"model": {"params": dense(4)}}, {"params": dense(4)}, ["model/params -> params"]),
        (dense(4), {"params": dense(4)}, [". -> params"]),
        ({"params": dense(4)}, dense(4), ["params -> ."]),
        ({"s": dense(4), "t": 1}, {"s": {"p": dense(4)}, "t": 1}, ["s -> s/p"]),
        ({"enc": dense(4), "dec": dense(5)}, {"a": dense(5), "b": dense(4)},
         ["enc -> b", "dec -> a"]),
        ({"a": [dense(4), dense(4)]}, {"b": (dense(4), dense(4))}, ["a -> b"]),
        ({"a": {"x": array(2), "y": array(3)}}, {"b": {"y": array(3), "x": array(2)}}, ["a -> b"]),
        ({"w": array(4, 5)}, {"v": array(4, 5)}, ["w -> v"]),
        ({"w": array(4, 5)}, {"v": array(5, 4)}, []),
        ({"w": array(4, 5)}, {"v": np.zeros((4, 5), F32)}, []),
        ({"a": 1, "b": None, "c": {}}, {"x": 1, "y": None, "z": {}}, []),
        ({"a": dense(4)}, {"b": {**dense(4), "scale": array(3)}}, ["a/kernel -> b/kernel",
                                                                   "a/bias -> b/bias"]),
    ],
)  # fmt: skip
def test_subtrees_of_one_structure_are_paired(before: Any, after: Any, expected: list[str]) -> None:
    assert suggested(before, after) == expected


def test_numbers_pair_layers_that_are_all_the_same() -> None:
    before = {f"layers_{number}": dense(4) for number in range(12)}
    after = {f"blocks_{number}": dense(4) for number in reversed(range(12))}
    expected = [f"layers_{number} -> blocks_{number}" for number in range(12)]
    assert suggested(before, after) == expected
    filled = {f"block_{number:02}": dense(4) for number in range(12)}
    assert len(suggested(before, filled)) == 12
    inside = {"old": {**before, "x": array(3)}}, {"new": {**after, "y": array(9)}}
    assert len(suggested(*inside)) == 12


def test_names_pair_subtrees_that_are_all_the_same() -> None:
    before = {"params": {"query": dense(4), "key": dense(4)}, "step": 1}
    after = {"model": {"q": {"key": dense(4)}, "r": {"query": dense(4), "x": array(2)}}, "step": 1}
    assert suggested(before, after) == [
        "params/query -> model/r/query",
        "params/key -> model/q/key",
    ]


def test_a_place_in_the_same_container_is_taken_first() -> None:
    moments = {"mu": dense(4), "nu": dense(4)}
    after = {"params": dense(4), "opt_state": [moments, {}]}
    assert suggested({"weights": dense(4)}, after) == ["weights -> params"]


def test_what_keypaths_do_not_decide_is_not_guessed() -> None:
    found = orbscan.diff({"x": dense(4), "y": dense(4)}, {"p": dense(4), "q": dense(4)})
    # The whole is paired if nothing else of it is left; here the names inside differ.
    assert not found.renamed
    [group] = found.ambiguous
    assert [place.path for place in (*group.before, *group.after)] == ["x", "y", "p", "q"]
    assert group.leaves == 2


def test_what_is_inside_a_pair_is_not_paired_again() -> None:
    before = {"a": {"l1": dense(4), "l2": dense(4)}, "k": array(4, 8)}
    after = {"b": {"l1": dense(4), "l2": dense(4)}, "z": array(4, 8)}
    assert suggested(before, after) == ["a -> b", "k -> z"]


def test_a_suggestion_changes_nothing_else() -> None:
    found = orbscan.diff({"params": dense(4)}, {"model": {"params": dense(4)}})
    assert [at.path for at in found.removed] == ["params/kernel", "params/bias"]
    assert [at.path for at in found.added] == ["model/params/kernel", "model/params/bias"]
    assert found.renamed[0].leaves == 2


def test_rich_types_decide_whether_a_tuple_can_become_a_list() -> None:
    trees = {"a": (array(2), array(3))}, {"b": [array(2), array(3)]}
    assert suggested(*trees) == ["a -> b"]
    assert suggested(*trees, rich_types=True) == ["a[0] -> b[0]", "a[1] -> b[1]"]


def test_numbers_of_thousands_of_digits_are_words() -> None:
    digits = "1" * 5_000
    before = {f"layers_{digits}{number}": dense(4) for number in range(3)}
    after = {f"blocks_{digits}{number}": dense(4) for number in range(3)}
    assert len(suggested(before, after)) == 3
