"""A repository cloned without `git lfs pull` has pointers in the place of files: each is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Copy = Callable[[str, str], Path]

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"

MARKERS = {"commit_success.txt", "orbax.checkpoint"}
"""Files that nobody reads: that they are there says all."""

CHECKPOINTS = [
    "o0.12.8-flat/ckpt",
    "o0.12.8-no-ocdbt/ckpt",
    "o0.12.8-zarr3-no-ocdbt/ckpt",
    "o0.12.8-composite/ckpt",
    "o0.12.8-v1-storage/small_files",
    "o0.12.8-v1-checkpointables/all",
    "o0.4.8-aggregate/some",
    "o0.4.8-aggregate/all",
    "o0.3.5-flat/ckpt",
]


def files(checkpoint: Path) -> list[Path]:
    found = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    return [path for path in found if path.name not in MARKERS]


def is_needed(path: Path, role: str) -> bool:
    """Whether a read of all values looks into a file: the databases of processes were merged."""
    return role in {"document", "data", "chunk"} and "ocdbt.process_" not in path.parent.name


@pytest.mark.parametrize("source", CHECKPOINTS)
def test_each_file_that_is_a_pointer_is_named(copy: Copy, source: str) -> None:
    checkpoint = copy(source, "ckpt")
    found = orbscan.du(checkpoint).files
    roles = {Path(checkpoint, file.checkpointable or "", file.path): file.role for file in found}
    for path in files(checkpoint):
        content = path.read_bytes()
        path.write_text(POINTER)
        (dump,) = orbscan.dump(path)
        assert dump.kind == "a git-lfs pointer", path
        report = orbscan.verify(checkpoint)
        if is_needed(path, roles[path]):
            # An absent document may be tolerated, as Orbax does.
            assert roles[path] == "document" or not report.ok, path
            assert "git-lfs pointer" in str(report.findings), path
        try:
            issues = str(orbscan.du(checkpoint).issues)
        except orbscan.OrbscanError as error:
            issues = str(error)
        assert issues.count("git-lfs pointer") == 1, (path, issues)
        path.write_bytes(content)


def test_a_chunk_that_is_a_pointer_is_lost_with_its_leaf(copy: Copy) -> None:
    checkpoint = copy("o0.12.8-no-ocdbt/ckpt", "ckpt")
    chunks = [file for file in orbscan.du(checkpoint).files if file.role == "chunk"]
    (checkpoint / chunks[0].path).write_text(POINTER)
    report = orbscan.verify(checkpoint)
    (lost,) = report.lost_leaves
    (finding,) = (finding for finding in report.findings if finding.severity == "error")
    assert (finding.code, finding.param_name) == ("chunk-lost", lost.param_name)
    assert "git-lfs pointer: the file itself was never fetched" in str(finding)


def test_many_pointers_are_told_once(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = copy("o0.12.8-no-ocdbt/ckpt", "ckpt")
    chunks = [file for file in orbscan.du(checkpoint).files if file.role == "chunk"]
    for chunk in chunks:
        (checkpoint / chunk.path).write_text(POINTER)
    assert main(["du", str(checkpoint)]) == 0
    said = capsys.readouterr().err
    more = len(chunks) - 1
    assert more > 1
    assert said.count("git-lfs pointer") == 1
    assert f"this and {more} more files are git-lfs pointers" in said


@pytest.mark.parametrize("level", ["structure", "index", "data"])
def test_a_safetensors_file_that_is_a_pointer(tmp_path: Path, level: str) -> None:
    file = tmp_path / "model.safetensors"
    file.write_text(POINTER)
    for path in (file, tmp_path):
        with pytest.raises(orbscan.FormatError, match="git-lfs pointer"):
            orbscan.metadata(path)
        report = orbscan.verify(path, level=level)  # type: ignore[arg-type]
        assert "git-lfs pointer" in str(report.findings)
