"""`show` says how arrays are stored, and `diff` compares it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.support import corpus
from tests.support.tables import array, checkpoint, numpy_array, safetensors_array, scalar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

ZARR2 = (2, "<f4", (2,), None, "C", ".")
ZARR3 = (3, "float32", (2,), None, None)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Checkpoints of the same tree, stored in several ways."""
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1-storage.tar.gz", tmp_path)
    return tmp_path / "o0.12.8-v1-storage"


def stored(out: str) -> list[str]:
    """The lines of the head about storage."""
    lines = out.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("stored "))
    end = next(end for end in range(at + 1, len(lines)) if not lines[end].startswith(" "))
    return [line[11:] for line in lines[at:end]]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("zarr2", ["OCDBT, Zarr v2"]),
        ("zarr2_files", ["files, Zarr v2"]),
        ("small_files", ["OCDBT, Zarr v3"]),
        ("files", ["files, Zarr v3"]),
    ],
)
def test_what_orbax_wrote_is_told(
    case: str, expected: list[str], written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(written / case)]) == 0
    assert stored(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("process", "ocdbt.process_0"), "OCDBT of one process (ocdbt.process_0)"),
        (
            ("one_of_processes", "ocdbt.process_0"),
            "OCDBT of single processes",
        ),
        (("aggregate", "checkpoint"), "msgpack (checkpoint)"),
        (("safetensors", "a\x1b.safetensors"), r"safetensors (a\x1b.safetensors)"),
    ],
)
def test_the_file_or_directory_is_told(
    place: tuple[str, str], expected: str, show: Command
) -> None:
    assert stored(show(checkpoint(array((2,), place=place)), "p").out) == [expected]


def test_several_ways_are_all_told_with_their_numbers(show: Command) -> None:
    tree = {
        "a": [array((2,), zarr=ZARR2), array((2,), zarr=ZARR2), scalar("int64")],
        "b": array((2,), zarr=ZARR3, place=("files", "")),
        "c": [safetensors_array((2,)) for _ in range(3)],
        "d": numpy_array((3,)),
    }
    answer = checkpoint(tree)
    assert stored(show(answer, "p").out) == [
        "safetensors (model.safetensors): 3 arrays",
        "OCDBT: 2 arrays",
        "OCDBT, Zarr v2: 2 arrays",
        "files, Zarr v3: 1 array",
    ]
    # What is shown of the leaves makes no other checkpoint.
    assert stored(show(answer, "p", "--param", "b").out) == stored(show(answer, "p").out)
    document = show.document(answer)
    assert document["storage"][0] == {
        "place": "safetensors",
        "zarr_format": None,
        "paths": ["model.safetensors"],
        "arrays": 3,
    }
    assert [way["arrays"] for way in document["storage"]] == [3, 2, 2, 1]
    assert [leaf["place"] for leaf in document["leaves"]][2:4] == ["database", "files"]


def test_the_databases_of_many_processes_come_in_their_order(show: Command) -> None:
    names = [f"ocdbt.process_{number}" for number in (10, 9, 1, 0)]
    answer = checkpoint([array((2,), place=("one_of_processes", name)) for name in names])
    (line,) = stored(show(answer, "p").out)
    shown = "ocdbt.process_0, ocdbt.process_1, ocdbt.process_9, 1 more"
    assert line == f"OCDBT of single processes ({shown})"


def test_a_tree_without_arrays_is_stored_in_no_way(show: Command) -> None:
    assert "stored" not in show(checkpoint({}), "p").out


def test_files_in_the_place_of_a_database_are_another_storage(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = written / "zarr2", written / "zarr2_files"
    assert orbscan.diff(*sides).same
    found = orbscan.diff(*sides, strict=True)
    assert {change.what for change in found.changed} == {("storage",)}
    assert {(c.before.store, c.after.store) for c in found.changed} == {("OCDBT", "files")}
    assert main(["diff", *map(str, sides), "--strict"]) == 1
    assert "stored in OCDBT -> files" in capsys.readouterr().out
    assert main(["diff", *map(str, sides), "--strict", "-o", "json"]) == 1
    (first, *_) = json.loads(capsys.readouterr().out)["changed"]
    assert (first["before"]["store"], first["after"]["store"]) == ("OCDBT", "files")


def test_databases_that_are_not_merged_are_no_other_storage(written: Path) -> None:
    merged = written / "zarr2"
    unmerged = shutil.copytree(merged, written / "unmerged")
    (unmerged / "state" / "manifest.ocdbt").unlink()
    read = orbscan.diff(merged, unmerged, strict=True)
    assert read.unchanged > 0
    assert read.same
