"""A broken link is told as one, with where it leads, and never as a missing file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import tensorstore as ts

import orbscan
from orbscan.cli import main
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORDS = "is a broken link to "


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    case = "o0.12.8-v1-sharded"
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", tmp_path)
    return tmp_path / case / "chunked"


def replace(path: Path, target: str = "../gone") -> Path:
    """Put a broken link in the place of a file or a directory."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("target", ["gone", "/mnt/gone/7", "loop/../gone"])
def test_a_path_that_is_such_a_link_is_told_as_one(
    tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = replace(tmp_path / "7", target)
    calls: list[Callable[[Path], object]] = [
        orbscan.metadata,
        orbscan.checkpointables_metadata,
        orbscan.verify,
        orbscan.du,
        orbscan.steps,
    ]
    for call in calls:
        with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
            call(path)
        assert caught.value.reason == f"{WORDS}{target}", call
    for command in ("show", "ls", "scan", "verify", "du", "steps", "dump"):
        assert main([command, str(path)]) == 3, command
        assert f"{path}: {WORDS}{target}" in capsys.readouterr().err, command
    assert not orbscan.is_orbax_checkpoint(path)


@pytest.mark.parametrize("file", ["_METADATA", "manifest.ocdbt", "d"])
def test_a_file_of_a_tree_that_is_such_a_link_is_told_in_the_error(
    checkpoint: Path, file: str
) -> None:
    path = checkpoint / "state" / file
    if file == "d":
        (path,) = path.iterdir()
    replace(path)
    with pytest.raises(orbscan.FormatError) as caught:
        orbscan.metadata(checkpoint)
    assert caught.value.file == str(path)
    assert caught.value.reason.startswith(f"{WORDS}../gone")
    (issue,) = orbscan.checkpointables_metadata(checkpoint).issues
    assert f"{WORDS}../gone" in issue.reason
    report = orbscan.verify(checkpoint)
    assert any(f"{WORDS}../gone" in finding.reason for finding in report.findings)
    assert not report.ok


@pytest.mark.parametrize("file", ["_CHECKPOINT_METADATA", "state/_sharding"])
def test_a_document_that_a_tree_can_do_without_is_told_in_an_issue(
    checkpoint: Path, file: str
) -> None:
    replace(checkpoint / file)
    read = orbscan.metadata(checkpoint)
    (issue,) = read.issues
    assert issue.file == str(checkpoint / file)
    assert issue.reason.endswith(f"{WORDS}../gone")


def test_a_checkpointable_that_is_such_a_link_is_told(checkpoint: Path) -> None:
    replace(checkpoint / "state")
    for name in ("AUTO", "state"):
        with pytest.raises(orbscan.InvalidLayoutError, match=f"{WORDS}../gone"):
            orbscan.metadata(checkpoint, name)
    (issue,) = orbscan.checkpointables_metadata(checkpoint).issues
    assert issue.reason.endswith(f"it {WORDS}../gone")
    assert f"{WORDS}../gone" in orbscan.verify(checkpoint).findings[0].reason


def test_the_document_of_an_array_that_is_such_a_link_is_told(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-no-ocdbt.tar.gz", tmp_path)
    item = tmp_path / "o0.12.8-no-ocdbt" / "ckpt"
    replace(item / "params.scale" / ".zarray")
    report = orbscan.verify(item)
    assert any(f"{WORDS}../gone" in finding.reason for finding in report.findings)


def test_a_data_file_that_is_such_a_link_is_told_with_its_chunks(checkpoint: Path) -> None:
    item = checkpoint / "state"
    spec = {"driver": "ocdbt", "base": f"file://{item}/"}
    old = ts.KvStore.open(spec).result()
    entries = {key: bytes(old[key]) for key in old.list().result()}
    shutil.rmtree(item / "ocdbt.process_0")
    shutil.rmtree(item / "d")
    (item / "manifest.ocdbt").unlink()
    apart = {"config": {"max_inline_value_bytes": 1}, "target_data_file_size": 1}
    new = ts.KvStore.open({**spec, **apart}, context=ts.Context()).result()
    with ts.Transaction(atomic=True) as transaction:
        for key, value in entries.items():
            new.with_transaction(transaction)[key] = value
    assert orbscan.verify(checkpoint).ok
    for path in (item / "d").iterdir():
        (found, *_) = orbscan.dump(path)
        if found.kind == "an OCDBT data file" and "/0" in str(found):
            replace(path, "/mnt/gone")
    report = orbscan.verify(checkpoint)
    codes = {finding.code: finding.found for finding in report.findings}
    assert codes["chunk-lost"] == "a broken link to /mnt/gone"
    assert codes["data-file-missing"] == "a broken link to /mnt/gone"


def test_a_tree_that_was_passed_over_is_told_with_its_link(checkpoint: Path) -> None:
    shutil.copytree(checkpoint / "state", checkpoint / "zeta")
    shutil.move(checkpoint / "state", checkpoint / "beta")
    (checkpoint / "alpha").mkdir()
    (checkpoint / "_CHECKPOINT_METADATA").write_text("{}")
    replace(checkpoint / "beta" / "_METADATA")
    read = orbscan.metadata(checkpoint)
    (issue,) = read.issues
    assert issue.reason == (
        f'the checkpointable "beta" has lost its _METADATA, which {WORDS}../gone; '
        "it still holds d; another was chosen"
    )
