"""Pages of two checkpoints: what has changed on either side, and what belongs together."""

from __future__ import annotations

import json
import pickle
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import orbscan
from orbscan.drawing.palette import PAINTS
from orbscan.showing.text import size
from tests.reporting.conftest import at, data_of, rows_of
from tests.support import handmade

if TYPE_CHECKING:
    from pathlib import Path


def marks_of(data: Any) -> dict[str, str]:
    """What the page says of each leaf, by its keypath."""
    [way] = [each for each in data["colourings"] if each["name"] == "change"]
    rows = rows_of(data)
    legend = way["legend"]
    return {
        row["path"]: legend[at(way["of"], number)][0]
        for number, row in enumerate(rows)
        if row["kind"] is not None
    }


def ties_of(html: str) -> list[tuple[str, str]]:
    """The keypaths of nodes that belong together."""
    found = re.search(r'id="ties">(.*?)</script>', html)
    assert found is not None
    sides = [[row["path"] for row in rows_of(data_of(html, number))] for number in (0, 1)]
    return [(sides[0][this], sides[1][that]) for this, that in json.loads(found[1])]


def test_leaves_of_both_sides_are_told_by_what_happened_to_them(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    page = orbscan.report(found)
    assert page.title == "before and after"
    before, after = (marks_of(data_of(page.html, number)) for number in (0, 1))
    assert before["params/embedding"] == after["params/embedding"] == "changed"
    assert before["params/layers_3/kernel"] == "perhaps renamed"
    assert after["params/blocks_3/kernel"] == "perhaps renamed"
    assert after["params/head"] == "added"
    assert "same" in {word.removeprefix("the ") for word in before.values()}


def test_numbers_are_those_of_the_diff(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    page = orbscan.report(found).html
    for number, words in ((0, {"removed", "perhaps renamed"}), (1, {"added", "perhaps renamed"})):
        data = data_of(page, number)
        [way] = [each for each in data["colourings"] if each["name"] == "change"]
        counts = {label: int(leaves.split()[0]) for label, _, _, leaves in way["legend"]}
        assert sum(counts.get(word, 0) for word in words) == len(
            found.removed if number == 0 else found.added
        )
        assert counts["changed"] == len(found.changed)
        assert counts["the same"] == found.unchanged
        assert {paint for _, paint, _, _ in way["legend"]} <= {*PAINTS}
        assert data["first"] == "change"


def test_renames_are_tied(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    ties = ties_of(orbscan.report(found).html)
    assert ("params/layers_3", "params/blocks_3") in ties
    assert ("params", "params") in ties


def test_how_a_leaf_has_changed_is_told_with_it(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    data = data_of(orbscan.report(found).html)
    [row] = [row for row in rows_of(data) if row["path"] == "params/embedding"]
    told = data["texts"][row["note"]]
    assert told == "shape [512,64] -> [640,64], dtype float32 -> bfloat16"


def test_the_table_has_the_lines_of_the_report(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    page = orbscan.report(found).html
    for line in ("layers_{0..11} -&gt; blocks_{0..11}", "list -&gt; dict", "not a pytree"):
        assert line in page


def test_siblings_that_changed_differently_are_not_folded(tmp_path: Path) -> None:
    layers = {f"layer_{n}": {"w": handmade.Array((4,))} for n in range(200)}
    changed = {**layers, "layer_7": {"w": handmade.Array((5,))}}
    a = handmade.write(tmp_path / "a", {"state": layers})
    b = handmade.write(tmp_path / "b", {"state": changed})
    page = orbscan.report(orbscan.diff(a, b)).html
    assert marks_of(data_of(page))["state/layer_7/w"] == "changed"
    assert marks_of(data_of(page))["state/layer_{0..6,8..199}/w"] == "the same"


def test_a_type_has_one_colour_on_both_sides(tmp_path: Path) -> None:
    few, many = handmade.Array((2,), "float32"), handmade.Array((20_000,), "int8")
    a = handmade.write(tmp_path / "a", {"state": {"x": few}})
    b = handmade.write(tmp_path / "b", {"state": {"x": few, "y": many}})
    page = orbscan.report(orbscan.diff(a, b)).html
    paints = []
    for number in (0, 1):
        data = data_of(page, number)
        [way] = [each for each in data["colourings"] if each["name"] == "type"]
        paints.append({label: paint for label, paint, _, _ in way["legend"]})
    assert paints[0]["float32"] == paints[1]["float32"] != paints[1]["int8"]


def test_trees_in_memory_are_sides_like_any_other(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "a", {"state": {"w": handmade.Array((4, 8))}})
    tree = {"w": np.zeros((4, 9), "float32"), "step": 3, "own": object()}
    page = orbscan.report(orbscan.diff(path, tree)).html
    data = data_of(page, 1)
    assert marks_of(data)["w"] == "changed"
    assert size(4 * 9 * 4) in page


def test_equal_checkpoints_are_a_page_that_says_so(demo: Path) -> None:
    path = demo / "composite"
    page = orbscan.report(orbscan.diff(path, path))
    assert "Nothing differs." in page.html
    assert "no difference" in page.html
    assert (page.checkpoints, page.incomplete) == (2, 0)


def test_unreadable_trees_are_not_called_the_same(tmp_path: Path) -> None:
    both: dict[str | None, Any] = {
        "good": {"w": handmade.Array((2,))},
        "state": {"a": handmade.Array((2,))},
    }
    a = handmade.write(tmp_path / "a", both)
    b = handmade.write(tmp_path / "b", both)
    handmade.damage(b, "state")
    page = orbscan.report(orbscan.diff(a, b))
    assert page.incomplete == 1
    assert marks_of(data_of(page.html))["state/a"] == "not compared"
    assert marks_of(data_of(page.html))["good/w"] == "the same"


def test_a_diff_that_was_pickled_has_no_page(demo: Path) -> None:
    found = orbscan.diff(demo / "composite", demo / "composite")
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert again == found
    with pytest.raises(ValueError, match="compare both sides again"):
        orbscan.report(again)


def test_a_diff_keeps_no_values_alive() -> None:
    found = orbscan.diff({"w": np.zeros(3)}, {"w": np.zeros(3)})
    assert [item.origin for side in found.sides() for item in side.items] == [None, None]


def test_what_is_for_one_checkpoint_is_refused_for_a_diff(demo: Path) -> None:
    found = orbscan.diff(demo / "composite", demo / "composite")
    for options in ({"step": 3}, {"allow_uncommitted": True}, {"name": "params"}):
        with pytest.raises(TypeError, match="are for one checkpoint"):
            orbscan.report(found, **options)


def test_a_page_of_two_keeps_to_its_budget(tmp_path: Path) -> None:
    names = ["".join(chr(97 + int(digit)) for digit in f"{n:05}") for n in range(4_000)]
    a = handmade.write(tmp_path / "a", {"state": {n: handmade.Array((2,)) for n in names}})
    b = handmade.write(tmp_path / "b", {"state": {n: handmade.Array((3,)) for n in names}})
    page = orbscan.report(orbscan.diff(a, b), budget=120_000)
    assert all(len(json.dumps(data_of(page.html, number))) < 80_000 for number in (0, 1))
    assert "leaves" in data_of(page.html, 1)["leftOut"]
