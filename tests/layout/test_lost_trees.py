"""Whatever has a store had a tree: every command says that it is lost."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[str, str], Path]


def handlers(checkpoint: Path, value: object) -> None:
    """Replaces the handlers that are recorded."""
    file = checkpoint / "_CHECKPOINT_METADATA"
    document = json.loads(file.read_text())
    document["item_handlers"] = value
    file.write_text(json.dumps(document))


def check_lost(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All commands agree that the tree of a checkpoint without any other is lost."""
    with pytest.raises(orbscan.InvalidLayoutError) as refused:
        orbscan.metadata(checkpoint)
    report = orbscan.verify(checkpoint, level="data")
    assert not report.ok, report
    (entry,) = orbscan.scan(checkpoint)
    assert entry.error is not None
    assert str(entry.error) == str(refused.value)
    assert main(["ls", str(checkpoint)]) == 5
    assert "broken" in capsys.readouterr().out


@pytest.mark.parametrize("recorded", [None, {}, "some.Unknown", "orbax.StandardCheckpointHandler"])
@pytest.mark.parametrize("release", ["o0.6.4", "o0.10.3", "o0.12.8"])
def test_a_flat_checkpoint_without_its_tree(
    copy: Copy, release: str, recorded: object, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = copy(f"{release}-flat/ckpt", "ckpt")
    handlers(checkpoint, recorded)
    (checkpoint / "_METADATA").unlink()
    check_lost(checkpoint, capsys)


@pytest.mark.parametrize("keeps", ["manifest.ocdbt", "d", "ocdbt.process_0", "array_metadatas"])
def test_any_part_of_a_store_is_enough(
    copy: Copy, keeps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = copy("o0.12.8-flat/ckpt", "ckpt")
    handlers(checkpoint, None)
    for path in checkpoint.iterdir():
        if path.name not in {keeps, "_CHECKPOINT_METADATA", "commit_success.txt"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    check_lost(checkpoint, capsys)


def test_arrays_in_files_are_a_store(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = copy("o0.12.8-no-ocdbt/ckpt", "ckpt")
    handlers(checkpoint, None)
    shutil.rmtree(checkpoint / "array_metadatas")
    for name in ("_METADATA", "_sharding"):
        (checkpoint / name).unlink()
    check_lost(checkpoint, capsys)


def test_a_store_without_any_header_is_found(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = copy("o0.12.8-flat/ckpt", "some-name")
    for name in ("_METADATA", "_CHECKPOINT_METADATA", "commit_success.txt"):
        (checkpoint / name).unlink()
    check_lost(checkpoint, capsys)


@pytest.mark.parametrize("recorded", [None, {"state": "some.Unknown", "params": None}])
def test_an_item_without_its_tree_is_said_beside_those_that_have_theirs(
    copy: Copy, recorded: object
) -> None:
    step = copy("o0.10.3-manager/run/0", "0")
    handlers(step, recorded)
    (step / "state" / "_METADATA").unlink()
    report = orbscan.verify(step)
    lost = [f for f in report.findings if f.code == "tree-unreadable"]
    assert [f.checkpointable for f in lost] == ["state"]
    assert report.extent.leaves > 0
    # `state` would have been chosen.
    read = orbscan.metadata(step)
    assert any('"state" has lost its _METADATA' in issue.reason for issue in read.issues)
    everything = orbscan.checkpointables_metadata(step)
    assert everything.metadata["state"] is None
    assert any("has lost its _METADATA" in issue.reason for issue in everything.issues)
    (entry,) = orbscan.scan(step)
    assert entry.metadata is not None
    assert entry.metadata.issues == read.issues


def test_a_checkpoint_of_nothing_is_not_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for document in ("{}", '{"item_handlers": {}}', '{"item_handlers": null}'):
        checkpoint = tmp_path / "ckpt"
        checkpoint.mkdir(exist_ok=True)
        (checkpoint / "_CHECKPOINT_METADATA").write_text(document)
        (checkpoint / "commit_success.txt").touch()
        check_lost(checkpoint, capsys)
        (finding,) = orbscan.verify(checkpoint).findings
        assert "holds nothing beside _CHECKPOINT_METADATA" in finding.reason


def test_a_pytree_called_metrics_is_checked(copy: Copy) -> None:
    checkpoint = copy("o0.12.8-composite/ckpt", "ckpt")
    whole = orbscan.verify(checkpoint, level="data")
    shutil.rmtree(checkpoint / "metrics" / "d")
    report = orbscan.verify(checkpoint)
    assert whole.ok
    assert {f.checkpointable for f in report.findings if f.severity == "error"} == {"metrics"}
    (checkpoint / "metrics" / "_METADATA").unlink()
    report = orbscan.verify(checkpoint)
    assert "tree-unreadable" in {f.code for f in report.findings}
    read = orbscan.checkpointables_metadata(checkpoint)
    assert any("has no _METADATA" in issue.reason for issue in read.issues)


@pytest.mark.parametrize(
    "path",
    [
        "o0.12.8-manager-json/run/0",
        "o0.12.8-manager-arrays/run/0",
        "o0.5.10-manager-arrays/run/0",
        "o0.6.4-manager/run/metadata",
    ],
)
def test_other_kinds_of_checkpointables_are_not_lost_trees(golden: Path, path: str) -> None:
    report = orbscan.verify(golden / path, level="data")
    assert report.ok, report
    (entry,) = orbscan.scan(golden / path)
    assert entry.error is None


def test_du_refuses_what_all_others_refuse(copy: Copy) -> None:
    checkpoint = copy("o0.12.8-v1/ckpt", "ckpt")
    handlers(checkpoint, 5)
    reasons = set()
    for ask in (orbscan.metadata, orbscan.checkpointables_metadata, orbscan.du):
        with pytest.raises(orbscan.FormatError) as refused:
            ask(checkpoint)
        reasons.add(str(refused.value))
    assert len(reasons) == 1
    (entry,) = orbscan.scan(checkpoint)
    assert str(entry.error) in reasons
    assert not orbscan.verify(checkpoint).ok


def test_one_document_tells_json_from_a_lost_pytree(copy: Copy) -> None:
    """A V1 item `state` of JSON, whose handler is not recorded."""
    checkpoint = copy("o0.12.8-v1/ckpt", "ckpt")
    handlers(checkpoint, {})
    shutil.rmtree(checkpoint / "state")
    (checkpoint / "state").mkdir()
    (checkpoint / "state" / "data.json").write_text("{}")
    assert not orbscan.checkpointables_metadata(checkpoint).issues
    assert orbscan.verify(checkpoint).ok


def test_a_scan_chooses_what_a_read_chooses(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    (step / "state").rename(step / "AUTO")
    (step / "params").rename(step / "z")
    handlers(step, {})
    (entry,) = orbscan.scan(step)
    assert entry.metadata is not None
    read = orbscan.metadata(step)
    assert entry.metadata.metadata == read.metadata == orbscan.metadata(step, "z").metadata


@pytest.mark.parametrize("path", ["o0.6.4-flat/ckpt", "o0.12.8-no-ocdbt/ckpt", "o0.4.8-unmerged"])
def test_a_store_without_its_tree_is_recovered(
    copy: Copy, golden: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if path == "o0.4.8-unmerged":
        path = next(str(p.parent.relative_to(golden)) for p in (golden / path).rglob("_METADATA"))
    checkpoint = copy(path, "ckpt")
    whole = flat(orbscan.metadata(checkpoint).metadata)
    (checkpoint / "_METADATA").unlink()
    read = orbscan.metadata(checkpoint, recover=True)
    found = {name: (leaf.shape, leaf.dtype) for name, leaf in read.metadata.items()}
    arrays = {
        name: (leaf.shape, leaf.dtype) for name, leaf in whole.items() if hasattr(leaf, "shape")
    }
    assert found.items() >= arrays.items()
    assert "recovered from the store" in read.issues[0].reason
    assert main(["show", str(checkpoint), "--recover"]) == 0
    shown = capsys.readouterr()
    assert all(name in shown.out for name in arrays)
    assert "the structure and all that is not an array is unknown" in shown.out


def test_the_store_of_an_item_is_recovered_and_nothing_else(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    whole = flat(orbscan.metadata(step, "params").metadata)
    (step / "params" / "_METADATA").unlink()
    found = orbscan.metadata(step, "params", recover=True).metadata
    assert set(found) == set(whole)
    with pytest.raises(orbscan.InvalidLayoutError, match="no store to recover from"):
        orbscan.metadata(step, "config", recover=True)


def flat(tree: Any, name: str = "") -> dict[str, Any]:
    """The leaves by their names in the store."""
    if not isinstance(tree, dict | list | tuple):
        return {name: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    leaves: dict[str, Any] = {}
    for key, child in items:
        leaves |= flat(child, f"{name}.{key}" if name else str(key))
    return leaves


def test_the_tree_of_an_early_release_is_not_lost(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    copy("o0.3.5-flat/ckpt", "0/params")
    copy("o0.5.10-flat/ckpt", "0/weights")
    read = orbscan.metadata(tmp_path / "0")
    assert read.metadata == orbscan.metadata(tmp_path / "0", "weights").metadata
    assert [str(issue) for issue in read.issues] == []
    assert orbscan.verify(tmp_path / "0").ok


def test_a_recovery_does_not_miss_what_is_there(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    (issue,) = orbscan.metadata(step, recover=True).issues
    assert "_METADATA is there and was not looked at" in issue.reason


def test_a_tree_of_zarr_3_that_only_the_msgpack_file_has(copy: Copy) -> None:
    checkpoint = copy("o0.5.10-zarr3/ckpt", "ckpt")
    (checkpoint / "_METADATA").unlink()
    (issue,) = orbscan.metadata(checkpoint).issues
    assert issue.reason.startswith("no _METADATA, as before release 0.4.3: the tree was read from")
