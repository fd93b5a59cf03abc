"""`orbscan diff` of checkpoints with several checkpointables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Shown

    Diff = Callable[..., Shown]

PARAMS = {"w": Array((3, 4)), "b": Array((4,))}
WIDE = {"w": Array((3, 8)), "b": Array((8,))}
MOMENTS = {"mu": Array((3, 4)), "count": Array(())}
WRITTEN: dict[str, dict[str | None, Any]] = {
    "x": {"params": PARAMS, "train_state": MOMENTS},
    "y": {"ema_params": PARAMS, "params": WIDE, "train_state": MOMENTS},
    "z": {"params": PARAMS},
    "w": {"params": PARAMS, "train_state": {"mu": Array((7,), "int8")}},
    "v": {"params": PARAMS, "train_state": MOMENTS, "dataset": JSON},
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, items in WRITTEN.items():
        handmade.write(tmp_path / name, items)
    return tmp_path


@pytest.mark.parametrize("other", ["y", "z", "w", "v"])
def test_every_checkpointable_of_either_side_counts(command: Diff, runs: Path, other: str) -> None:
    for pair in (("x", other), (other, "x")):
        a, b = (runs / name for name in pair)
        shown = command(a, b)
        assert (shown.status, shown.err) == (1, "")
        assert shown.out == f"{orbscan.diff(a, b)}\n"
    assert command(runs / "x", runs / "x").status == 0


def test_two_names_restrict_it_to_one_on_each_side(command: Diff, runs: Path) -> None:
    a, b = runs / "x", runs / "y"
    shown = command(a, b, "--name", "params", "--other-name", "ema_params")
    assert shown.status == 0
    assert shown.out == f"{orbscan.diff(a, b, 'params', other_name='ema_params')}\n"
    assert command(a, b, "--name", "params").status == 1
    assert command(a, b, "--name", "train_state").status == 0
    assert command(a, runs / "z", "--name", "train_state").status == 3


def test_a_pytree_without_a_name_is_chosen_on_either_side(command: Diff, tmp_path: Path) -> None:
    flat = handmade.write(tmp_path / "flat", {None: PARAMS})
    named = handmade.write(tmp_path / "named", {"params": PARAMS, "state": MOMENTS})
    assert command(flat, named, "--flat", "--other-name", "params").status == 0
    assert command(named, flat, "--name", "params", "--other-flat").status == 0
    assert command(named, flat).status == 1
    assert command(flat, flat, "--flat").status == 0


def test_the_name_of_the_only_pytree_can_be_ignored(command: Diff, tmp_path: Path) -> None:
    old = handmade.write(tmp_path / "old", {"default": PARAMS})
    new = handmade.write(tmp_path / "new", {"state": PARAMS})
    assert command(old, new).status == 1
    assert command(old, new, "--ignore", "name").status == 0


def test_what_cannot_be_read_is_no_difference_and_not_the_same(command: Diff, runs: Path) -> None:
    handmade.damage(runs / "x", "train_state")
    shown = command(runs / "x", runs / "z", "--name", "params")
    assert shown.status == 0
    shown = command(runs / "x", runs / "v", "-o", "json")
    document = json.loads(shown.out)
    assert shown.status == 1
    assert (document["same"], document["undecided"]) == (False, False)
    shown = command(runs / "x", runs / "x")
    assert shown.status == 5
    assert "train_state/_METADATA" in shown.out
    assert "found      1 unreadable checkpointable" in shown.out


def test_leaves_that_cannot_be_read_alone_are_a_part_that_could_not_be_read(
    command: Diff, runs: Path
) -> None:
    (runs / "x" / "params" / "w" / ".zarray").write_text("{", "utf-8")
    shown = command(runs / "x", runs / "x")
    assert shown.status == 5
    assert "params: unreadable\n  w  unreadable: " in shown.out
    assert command(runs / "x", runs / "y").status == 1


def test_the_document_tells_checkpointables_and_others(command: Diff, runs: Path) -> None:
    shown = command(runs / "v", runs / "y", "-o", "json")
    document = json.loads(shown.out)
    leaf = {"is_pytree": True, "leaves": 2, "error": None}
    assert document["checkpointables"][0] == {
        "before": {"name": "dataset", "is_pytree": False, "leaves": None, "error": None},
        "after": None,
        "what": ["removed"],
    }
    assert document["checkpointables"][3] == {
        "before": None,
        "after": {"name": "ema_params", **leaf},
        "what": ["added"],
    }
    assert {row["checkpointable"] for row in document["changed"]} == {"params"}
    assert {row["checkpointable"] for row in document["added"]} == {"ema_params"}
    assert document["others"] == []
    shown = command(runs / "v", runs / "y", "--name", "params", "-o", "json")
    assert json.loads(shown.out)["others"] == [
        {"side": "a", "name": "dataset", "is_pytree": False},
        {"side": "a", "name": "train_state", "is_pytree": True},
        {"side": "b", "name": "ema_params", "is_pytree": True},
        {"side": "b", "name": "train_state", "is_pytree": True},
    ]


def test_a_moved_checkpointable_is_a_place_without_a_keypath(
    command: Diff, runs: Path, tmp_path: Path
) -> None:
    moved = handmade.write(tmp_path / "moved", {"weights": PARAMS, "train_state": MOMENTS})
    document = json.loads(command(runs / "x", moved, "-o", "json").out)
    assert document["renamed"] == [
        {
            "before": {"checkpointable": "params", "keypath": []},
            "after": {"checkpointable": "weights", "keypath": []},
            "leaves": 2,
            "rule": None,
        }
    ]


@pytest.mark.parametrize(
    "options",
    [["--name", "a", "--flat"], ["--other-name", "a", "--other-flat"], ["--other-name", ""]],
)
def test_names_that_cannot_be_are_wrong_use(command: Diff, runs: Path, options: list[str]) -> None:
    shown = command(runs / "x", runs / "x", *options)
    assert (shown.status, shown.out) == (2, "")
