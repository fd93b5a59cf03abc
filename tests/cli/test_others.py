"""A command that looks at one of several checkpointables says which others there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import JSON, Array
from tests.support.tables import array, checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

TREE = {"w": Array((3, 4))}
COMMANDS = [["show"], ["plan", "--mesh", "d=1"], ["plan", "--mesh", "d=1", "--memory", "1GiB"]]


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    return handmade.write(
        tmp_path / "composite", {"params": TREE, "train_state": TREE, "dataset": JSON}
    )


def shown(capsys: pytest.CaptureFixture[str], command: list[str], *arguments: object) -> str:
    name, *options = command
    assert main([name, *map(str, arguments), *options]) == 0
    return capsys.readouterr().out


def others(capsys: pytest.CaptureFixture[str], command: list[str], *arguments: object) -> object:
    return json.loads(shown(capsys, command, *arguments, "-o", "json"))["others"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_others_are_told(
    composite: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    lines = shown(capsys, command, composite).split("\n")
    at = lines.index("name       params")
    if command == ["show"]:
        items = "dataset (json), params (pytree, 1 leaf), train_state (pytree)"
        assert lines[at + 1] == f"items      {items}"
    else:
        assert lines[at + 1].startswith("others     ")
        assert lines[at + 1].endswith("dataset (not a pytree), train_state")
    assert others(capsys, command, composite) == [
        {"name": "dataset", "is_pytree": False},
        {"name": "train_state", "is_pytree": True},
    ]
    named = others(capsys, command, composite, "--name", "train_state")
    assert named == [
        {"name": "dataset", "is_pytree": False},
        {"name": "params", "is_pytree": True},
    ]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("options", [[], ["--flat"]])
def test_directories_of_a_flat_checkpoint_are_not_told_as_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], options: list[str]
) -> None:
    flat = handmade.write(tmp_path / "flat", {None: TREE})
    assert "others" not in shown(capsys, command, flat, *options)
    assert others(capsys, command, flat, *options) == []


def test_a_tree_beside_that_of_the_checkpoint_itself_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = handmade.write(tmp_path / "both", {None: TREE, "x": TREE})
    assert others(capsys, ["show"], both, "--flat") == [{"name": "x", "is_pytree": True}]
    assert others(capsys, ["show"], both, "--name", "x") == [{"name": None, "is_pytree": True}]


def test_one_that_cannot_be_looked_into_is_told_as_such(show: Command) -> None:
    answer = checkpoint(array((2,)), unread=["secret"])
    shown = show(answer, "p", beside=[("secret", None)])
    assert "items      secret (cannot be read), state (pytree, 1 leaf)\n" in shown.out


def test_nothing_more_is_asked_of_a_checkpoint_with_one_checkpointable(show: Command) -> None:
    show(checkpoint(array((2,))), "p")
    assert [call[0] for call in show.calls] == ["read_pytree"]


def test_a_pytree_that_has_lost_its_tree_is_still_told_as_one(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (composite / "train_state" / "_METADATA").unlink()
    told = [
        {"name": "dataset", "is_pytree": False},
        {"name": "train_state", "is_pytree": True},
    ]
    assert others(capsys, ["show"], composite) == told
    recovered = others(capsys, ["show", "--recover"], composite, "--name", "train_state")
    assert recovered == [told[0], {"name": "params", "is_pytree": True}]
