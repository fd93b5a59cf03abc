"""Damage to the stores of arrays: manifests, databases of single processes, plain files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Copy
from .damages import LFS, MANIFEST, TREE, Damage, as_directory, edit, remove, write
from .layouts import ITEM, LAYOUTS, refusal


@LAYOUTS
def test_without_a_manifest_the_process_databases_are_read(copy: Copy, layout: str) -> None:
    root = copy(layout)
    before = orbscan.metadata(root)
    (root / ITEM[layout] / MANIFEST).unlink()
    answer = orbscan.metadata(root)
    assert answer.metadata == before.metadata
    assert ["not merged" in i.reason for i in answer.issues] == [True]


def process_databases(item: Path, change: Damage) -> None:
    """Takes the merged database away and adds that of a second process, changed."""
    (item / MANIFEST).unlink()
    shutil.copytree(item / "ocdbt.process_0", item / "ocdbt.process_1")
    change(item / "ocdbt.process_1")


@LAYOUTS
def test_process_databases_that_disagree_are_said(copy: Copy, layout: str) -> None:
    root = copy(layout)
    before = orbscan.metadata(root)
    other = copy("other-v1") / "state" if layout == "v1" else copy("other-flat")

    def from_another_run(database: Path) -> None:
        shutil.rmtree(database)
        shutil.copytree(other / "ocdbt.process_0", database)

    process_databases(root / ITEM[layout], from_another_run)
    answer = orbscan.metadata(root)
    assert answer.metadata == before.metadata
    assert any('disagree about "a.b"' in issue.reason for issue in answer.issues)


@LAYOUTS
def test_a_damaged_process_database_leaves_the_others(copy: Copy, layout: str) -> None:
    root = copy(layout)
    before = orbscan.metadata(root)
    process_databases(root / ITEM[layout], write(MANIFEST, b"garbage"))
    answer = orbscan.metadata(root)
    assert answer.metadata == before.metadata
    files = [issue.file or "" for issue in answer.issues]
    assert any(file.endswith("ocdbt.process_1/manifest.ocdbt") for file in files)


@LAYOUTS
def test_an_only_process_database_that_is_damaged_is_the_error(copy: Copy, layout: str) -> None:
    root = copy(layout)
    (root / ITEM[layout] / MANIFEST).unlink()
    (root / ITEM[layout] / "ocdbt.process_0" / MANIFEST).write_bytes(b"garbage")
    assert (refusal(root).file or "").endswith("ocdbt.process_0/manifest.ocdbt")


@LAYOUTS
def test_without_any_manifest_the_arrays_are_lost(copy: Copy, layout: str) -> None:
    root = copy(layout)
    (root / ITEM[layout] / MANIFEST).unlink()
    shutil.rmtree(root / ITEM[layout] / "ocdbt.process_0")
    error = refusal(root)
    assert (error.file or "").endswith(MANIFEST)
    assert "no such file" in error.reason or "does not exist" in error.reason


def test_a_manifest_of_another_checkpoint_names_the_missing_node(copy: Copy) -> None:
    root, other = copy("v1"), copy("flat")
    shutil.copy(other / MANIFEST, root / "state" / MANIFEST)
    assert "/state/d/" in (refusal(root).file or "")


@LAYOUTS
@pytest.mark.parametrize("switch", ["use_zarr3", "use_ocdbt"])
def test_a_switch_that_contradicts_the_store_is_an_issue(
    copy: Copy, layout: str, switch: str
) -> None:
    root = copy(layout)
    before = orbscan.metadata(root)
    edit(TREE, lambda d: d.update({switch: not d[switch]}))(root / ITEM[layout])
    answer = orbscan.metadata(root)
    assert answer.metadata == before.metadata
    assert len(answer.issues) == 1


def test_plain_files_lose_only_the_damaged_array(copy: Copy) -> None:
    for damage, reason in [
        (write(".zarray", ""), "empty"),
        (write(".zarray", '{"zarr_format": 2}'), '"shape" is missing'),
        (write(".zarray", LFS), "git-lfs pointer"),
        (remove(".zarray"), "does not exist"),
        (as_directory(".zarray"), "is a directory"),
        (write(".zarray", '{"x": ' + "[" * 100_000), "nested"),
    ]:
        root = copy("files")
        damage(root / "a.b")
        answer = orbscan.metadata(root)
        leaf = answer.metadata["a"]["b"]
        assert isinstance(leaf, orbscan.UnreadableLeaf)
        assert reason in leaf.error.reason
        assert (leaf.error.file or "").endswith("a.b/.zarray")
        assert answer.metadata["a"]["c"].shape == (2, 3)
        shutil.rmtree(root)
