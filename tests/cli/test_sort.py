"""`show` and `du` put the largest first, or sort by name, and else keep the order of the tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from pathlib import Path

TREE = {
    "b": {"layer_10": Array((4,)), "layer_9": Array((4,)), "layer_1": Array((9,))},
    "a": Array((20,)),
}


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    path = handmade.write(tmp_path / "flat", {None: TREE})
    for name, stored in (("b.layer_10", 7), ("b.layer_9", 30), ("b.layer_1", 8), ("a", 20)):
        (path / name / "0").write_bytes(b"\0" * stored)
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def names(text: str) -> list[str]:
    """The first column of the first table with leaves."""
    lines = text.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("LEAF "))
    return [line.split()[0] for line in lines[at + 1 : lines.index("", at)]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["a", "b/layer_1", "b/layer_10", "b/layer_9"]),
        (["--sort", "name"], ["a", "b/layer_1", "b/layer_9", "b/layer_10"]),
        (["--sort", "size"], ["a", "b/layer_1", "b/layer_10", "b/layer_9"]),
        (["--sort", "size", "--fold", "always"], ["a", "b/layer_1", "b/layer_{9,10}"]),
        (["--sort", "name", "--fold", "always"], ["a", "b/layer_1", "b/layer_{9,10}"]),
        (["--sort", "size", "--depth", "1"], ["a", "b/**"]),
        (["--sort", "name", "--depth", "1"], ["a", "b/**"]),
        (["--sort", "name", "--param", "b/**"], ["b/layer_1", "b/layer_9", "b/layer_10"]),
    ],
    ids=str,
)
def test_show_sorts_the_lines(
    options: list[str], expected: list[str], flat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(shown(capsys, "show", flat, *options)) == expected


def test_a_folded_line_counts_for_all_that_it_stands_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = {"one": Array((5,)), "many": [Array((4,)), Array((4,))]}
    path = handmade.write(tmp_path / "flat", {None: tree})
    assert names(shown(capsys, "show", path, "--sort", "size", "--fold", "always")) == [
        "many[0,1]",
        "one",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["a", "b/layer_1", "b/layer_10", "b/layer_9"]),
        (["--sort", "name"], ["a", "b/layer_1", "b/layer_9", "b/layer_10"]),
        (["--sort", "size"], ["b/layer_9", "a", "b/layer_1", "b/layer_10"]),
        (["--sort", "size", "--depth", "1"], ["b/**", "a"]),
        (["--sort", "name", "--depth", "1"], ["a", "b/**"]),
    ],
    ids=str,
)
def test_du_sorts_by_what_is_stored(
    options: list[str], expected: list[str], flat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(shown(capsys, "du", flat, *options)) == expected


def test_du_sorts_files_by_name_if_asked_to(flat: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def chunks(*options: str) -> list[str]:
        lines = shown(capsys, "du", flat, "--files", *options).splitlines()
        return [line.split("/")[0] for line in lines if "/0 " in line]

    assert chunks() == ["b.layer_9", "a", "b.layer_1", "b.layer_10"]
    assert chunks("--sort", "name") == ["a", "b.layer_1", "b.layer_9", "b.layer_10"]


@pytest.mark.parametrize("command", ["show", "du"])
@pytest.mark.parametrize("order", ["name", "size"])
def test_json_is_sorted_as_the_table_is(
    command: str, order: str, flat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document: Any = json.loads(shown(capsys, command, flat, "--sort", order, "-o", "json"))
    keypaths = ["/".join(leaf["keypath"]) for leaf in document["leaves"]]
    assert keypaths == names(shown(capsys, command, flat, "--sort", order))
