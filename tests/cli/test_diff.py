"""`orbscan diff`, over checkpoints that Orbax wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Shown


def unpacked(case: str, target: str, tmp: Path) -> Path:
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", tmp)
    return tmp / case / target


@pytest.fixture
def zarr2(tmp_path: Path) -> Path:
    return unpacked("o0.12.8-flat", "ckpt", tmp_path)


@pytest.fixture
def zarr3(tmp_path: Path) -> Path:
    return unpacked("o0.12.8-zarr3", "ckpt", tmp_path)


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    return unpacked("o0.12.8-v1-sharded", "chunked", tmp_path)


def test_the_other_step_is_that_of_the_other_side(
    command: Callable[..., Shown], tmp_path: Path
) -> None:
    root = unpacked("o0.12.8-manager", "run", tmp_path)
    for options, steps in (
        (["--step", "0", "--other-step", "10"], ("0", "10")),
        (["--step", "latest", "--other-step", "0"], ("10", "0")),
        (["--step", "10"], ("10", "10")),
    ):
        shown = command(root, root, *options, "-o", "json")
        assert shown.status == 0
        found = json.loads(shown.out)
        assert tuple(found[side] for side in "ab") == tuple(str(root / step) for step in steps)
    shown = command(root / "0", root, "--other-step", "10")
    assert (shown.status, shown.err) == (0, "")


def test_two_checkpoints_of_one_tree_do_not_differ(
    command: Callable[..., Shown], zarr2: Path, zarr3: Path
) -> None:
    shown = command(zarr2, zarr3)
    assert (shown.status, shown.err) == (0, "")
    assert shown.out == f"{orbscan.diff(zarr2, zarr3)}\n"
    assert "no difference" in shown.out


def test_strict_compares_everything_but_what_is_ignored(
    command: Callable[..., Shown], zarr2: Path, zarr3: Path
) -> None:
    shown = command(zarr2, zarr3, "--strict")
    assert shown.status == 1
    assert shown.out == f"{orbscan.diff(zarr2, zarr3, strict=True)}\n"
    assert command(zarr2, zarr3, "--strict", "--ignore", "storage").status == 0


def test_differences_are_findings(
    command: Callable[..., Shown], zarr2: Path, sharded: Path
) -> None:
    shown = command(zarr2, sharded)
    assert shown.status == 1
    assert shown.out == f"{orbscan.diff(zarr2, sharded)}\n"
    every = command(zarr2, sharded, "--all").out.split("\n")
    found = orbscan.diff(zarr2, sharded)
    for at in (*found.removed, *found.added):
        assert any(line.startswith(f"  {at.path} ") for line in every)


def test_rich_types_are_read_and_compared(command: Callable[..., Shown], tmp_path: Path) -> None:
    rich = unpacked("o0.12.8-v1-rich-types", "", tmp_path)
    plain = unpacked("o0.12.8-v1-containers", "", tmp_path)
    a, b = (next(path for path in root.iterdir() if path.is_dir()) for root in (rich, plain))
    for options, rich_types in (([], False), (["--rich-types"], True)):
        shown = command(a, b, *options)
        assert shown.out == f"{orbscan.diff(a, b, rich_types=rich_types)}\n"


def test_the_document_says_what_the_value_says(
    command: Callable[..., Shown], zarr2: Path, sharded: Path
) -> None:
    shown = command(zarr2, sharded, "-o", "json", "--ignore", "dtype")
    found = orbscan.diff(zarr2, sharded, ignore={"dtype"})
    document = json.loads(shown.out)
    assert shown.status == 1
    assert document["schema_version"] == 1
    assert (document["a"], document["b"]) == (found.a, found.b)
    assert document["same"] is False
    assert document["ignored"] == ["devices", "dtype", "storage"]
    assert document["totals"] == {
        "unchanged": found.unchanged,
        "changed": len(found.changed),
        "removed": len(found.removed),
        "added": len(found.added),
        "containers": len(found.containers),
    }
    for word in ("removed", "added"):
        leaves = [(tuple(row["keypath"]), row["leaf"]["value_type"]) for row in document[word]]
        assert leaves == [(at.keypath, at.leaf.kind) for at in getattr(found, word)]
    shardings = [row["leaf"]["sharding"] or {} for row in document["added"]]
    meshes = {sharding["device_mesh"] for sharding in shardings if "device_mesh" in sharding}
    assert meshes == {*range(len(document["device_meshes"]))} != set()


def test_changes_and_renames_are_in_the_document(
    command: Callable[..., Shown], zarr2: Path, zarr3: Path
) -> None:
    document = json.loads(command(zarr2, zarr3, "--strict", "-o", "json").out)
    change = document["changed"][0]
    assert change["what"] == ["storage"]
    assert change["before"]["zarr"]["zarr_format"] == 2
    assert change["after"]["zarr"]["zarr_format"] == 3
    assert (document["renamed"], document["ambiguous"], document["notes"]) == ([], [], [])


def test_a_tolerated_fault_is_told_once(
    command: Callable[..., Shown], zarr2: Path, tmp_path: Path
) -> None:
    broken = unpacked("o0.12.8-damaged-flat-sharding", "missing", tmp_path)
    shown = command(zarr2, broken)
    [note] = (line for line in shown.out.split("\n") if line.startswith("  b: "))
    assert shown.err == ""
    # A program reads the document, people what stands beside it.
    shown = command(zarr2, broken, "-o", "json")
    assert shown.err == f"orbscan: warning: {note.removeprefix('  b: ')}\n"


def test_the_other_checkpoint_is_looked_for_too(
    command: Callable[..., Shown], zarr2: Path, tmp_path: Path
) -> None:
    shown = command(zarr2, tmp_path / "nowhere")
    assert (shown.status, shown.out) == (3, "")
    assert "nowhere: does not exist" in shown.err
    assert command(zarr2, zarr2, "--name", "nothing").status == 3


@pytest.mark.parametrize(
    "options", [["--ignore", "shard"], ["-o", "json", "--all"], ["--name", ""], ["-o", "xml"]]
)
def test_wrong_use_is_told_apart(
    command: Callable[..., Shown], zarr2: Path, options: list[str]
) -> None:
    shown = command(zarr2, zarr2, *options)
    assert (shown.status, shown.out) == (2, "")
    assert "error: " in shown.err
