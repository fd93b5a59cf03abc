"""Damage to what stands above the trees of a checkpoint: its header, its markers, its deletions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from .conftest import Copy
from .damages import CM, LFS, TREE, Damage, as_directory, cut, write
from .layouts import LAYOUTS, refusal

# `_CHECKPOINT_METADATA` that is not JSON: the tree is read, the fault is said.
HEADER: dict[str, Damage] = {
    "empty": write(CM, ""),
    "cut": cut(CM),
    "garbage": write(CM, "garbage"),
    "not-utf8": write(CM, b"\xff"),
    "bom": write(CM, "\ufeff{}"),
    "directory": as_directory(CM),
    "lfs": write(CM, LFS),
}


@LAYOUTS
@pytest.mark.parametrize("row", HEADER)
def test_a_header_that_is_not_json_is_an_issue(copy: Copy, layout: str, row: str) -> None:
    root = copy(layout)
    whole = orbscan.metadata(root)
    HEADER[row](root)
    answer = orbscan.metadata(root)
    assert answer.metadata == whole.metadata
    assert answer.commit_timestamp_nsecs is None
    (issue,) = answer.issues
    assert issue.file == str(root / CM)
    assert whole.issues == ()


@LAYOUTS
@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        '"x"',
        "NaN",
        '{"item_handlers": 5}',
        '{"metrics": [1]}',
        '{"performance_metrics": []}',
        '{"init_timestamp_nsecs": "12"}',
        '{"commit_timestamp_nsecs": 1.5}',
        '{"custom_metadata": []}',
        '{"custom_metadata": {"a": 1}, "other": 2}',
    ],
)
def test_a_header_of_wrong_types_is_an_error(copy: Copy, layout: str, text: str) -> None:
    root = copy(layout)
    (root / CM).write_text(text)
    assert refusal(root).file == str(root / CM)


def test_a_missing_header_is_fatal_for_v1_alone(copy: Copy) -> None:
    for layout in ("v0", "flat"):
        root = copy(layout)
        (root / CM).unlink()
        assert orbscan.metadata(root).commit_timestamp_nsecs is None
    root = copy("v1")
    (root / CM).unlink()
    assert CM in refusal(root, orbscan.InvalidLayoutError).reason


def test_a_missing_marker_makes_a_v1_checkpoint_v0(copy: Copy) -> None:
    root = copy("v1")
    before = orbscan.metadata(root)
    (root / "orbax.checkpoint").unlink()
    assert orbscan.metadata(root) == before


def test_a_missing_commit_file_does_not_matter_on_a_local_disk(copy: Copy) -> None:
    root = copy("v1")
    before = orbscan.metadata(root)
    (root / "commit_success.txt").unlink()
    assert orbscan.metadata(root) == before


def test_a_missing_tree_names_what_is_there(copy: Copy) -> None:
    for layout in ("v1", "v0"):
        root = copy(layout)
        (root / "state" / TREE).unlink()
        error = refusal(root, orbscan.InvalidLayoutError)
        assert "state" in error.reason
        answer = orbscan.checkpointables_metadata(root)
        assert answer.metadata["state"] is None
        assert [i.file for i in answer.issues] == [str(root / "state")]
    root = copy("flat")
    (root / TREE).unlink()
    assert TREE in refusal(root, orbscan.InvalidLayoutError).reason


RECORD = {
    "operation_id": "0a" * 16,
    "checkpointable_name": "state",
    "destination": None,
}


def test_a_deletion_hides_its_item(copy: Copy) -> None:
    root = copy("v1")
    before = json.loads((root / CM).read_text())
    after = {**before, "item_handlers": {}}
    record = {**RECORD, "original_metadata": before, "updated_metadata": after}
    (root / "_CHECKPOINT_DELETION").write_text(json.dumps(record))
    assert orbscan.checkpointables_metadata(root).metadata == {}
    with pytest.raises(orbscan.DeletionInProgressError):
        orbscan.metadata(root, "state")


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps(RECORD), "garbage"])
def test_a_deletion_record_that_cannot_be_trusted_is_an_error(copy: Copy, content: str) -> None:
    root = copy("v1")
    (root / "_CHECKPOINT_DELETION").write_text(content)
    for read in (orbscan.metadata, orbscan.checkpointables_metadata):
        with pytest.raises(orbscan.DeletionRecoveryError) as caught:
            read(root)
        assert caught.value.file == str(root / "_CHECKPOINT_DELETION")


def test_an_unreadable_file_is_a_store_error(copy: Copy) -> None:
    root = copy("v1")
    # A link to itself cannot be opened by anyone, root included.
    (root / "state" / TREE).unlink()
    (root / "state" / TREE).symlink_to(TREE)
    with pytest.raises(OSError, match="symbolic links") as caught:
        orbscan.metadata(root)
    assert isinstance(caught.value, orbscan.StoreError)
    assert caught.value.errno is not None
